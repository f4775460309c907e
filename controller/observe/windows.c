/* Local times are counted as if they were UTC; an interval of the zone's table makes instants of them. tzdata is read
 * here, so that a plan knows nothing of zones. */
#include "observe/windows.h"
#include "base/arena.h"
#include "observe/observe.h"
#include "spec/host.h"
#include "spec/vm_history.h"
#include <string.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, DAYS_AHEAD = 9 };

static gint64 offset_at(GTimeZone *zone, gint64 utc_s)
{
	return g_time_zone_get_offset(zone, g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, utc_s));
}

/* The instant at which clocks that are set forward leave out `local_s`. */
static gint64 jump_over(GTimeZone *zone, gint64 from_s, gint64 to_s)
{
	gint64 before = offset_at(zone, from_s);
	while (to_s - from_s > 1) {
		gint64 middle = from_s + (to_s - from_s) / 2;
		if (offset_at(zone, middle) == before)
			from_s = middle;
		else
			to_s = middle;
	}
	return to_s;
}

static gint64 instant_of(GTimeZone *zone, gint64 local_s, gboolean is_late)
{
	gint64 offsets[] = { offset_at(zone, local_s - DAY_S), offset_at(zone, local_s + DAY_S) };
	gint64 found[2];
	guint n = 0;
	for (guint i = 0; i < G_N_ELEMENTS(offsets); i++)
		if (offset_at(zone, local_s - offsets[i]) == offsets[i])
			found[n++] = local_s - offsets[i];
	if (n == 2)
		return is_late ? MAX(found[0], found[1]) : MIN(found[0], found[1]);
	return n ? found[0] : jump_over(zone, local_s - MAX(offsets[0], offsets[1]), local_s - MIN(offsets[0], offsets[1]));
}

/* -- days --------------------------------------------------------------------------------------------------------- */

static const char *const day_words[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static int day_number(const char *word)
{
	for (guint i = 0; i < G_N_ELEMENTS(day_words); i++)
		if (strncmp(word, day_words[i], 3) == 0)
			return (int)i;
	return -1;
}

/* "Fri-Mon,Wed"; 0 is Monday. */
static gboolean has_day(const char *days, int day)
{
	for (const char *at = days; at && *at; at = strchr(at, ','), at += at != NULL) {
		int first = day_number(at), last = strlen(at) > 4 && at[3] == '-' ? day_number(at + 4) : first;
		if (first <= last ? first <= day && day <= last : day >= first || day <= last)
			return TRUE;
	}
	return !days;
}

/* 1970 began on a Thursday. */
static int weekday_of(gint64 local_day)
{
	return (int)((local_day % 7 + 7 + 3) % 7);
}

static gint64 seconds_of(const char *time)
{
	return g_ascii_strtoll(time, NULL, 10) * HOUR_S + g_ascii_strtoll(time + 3, NULL, 10) * MINUTE_S;
}

gboolean window_next(const struct farm_window *w, GTimeZone *zone, gint64 now_ms, gint64 *ret_opens_ms, gint64 *ret_closes_ms)
{
	gint64 from = seconds_of(w->from), to = seconds_of(w->to), now_s = now_ms / 1000;
	gint64 today = (now_s + offset_at(zone, now_s)) / DAY_S;
	to += to <= from ? DAY_S : 0;
	for (gint64 day = today - 2; day < today + DAYS_AHEAD; day++) {
		if (!has_day(w->days, weekday_of(day)))
			continue;
		gint64 opens = instant_of(zone, day * DAY_S + from, TRUE), closes = instant_of(zone, day * DAY_S + to, FALSE);
		if (closes <= opens || closes * 1000 <= now_ms)
			continue;
		*ret_opens_ms = opens * 1000;
		*ret_closes_ms = closes * 1000;
		return TRUE;
	}
	return FALSE;
}

/* -- as observed -------------------------------------------------------------------------------------------------- */

static const char *local_words(struct arena *a, GTimeZone *zone, const char *name, gint64 ms)
{
	gint64 local_s = ms / 1000 + offset_at(zone, ms / 1000), of_day = local_s % DAY_S;
	return arena_printf(a, "%s %02d:%02d %s", day_words[weekday_of(local_s / DAY_S)], (int)(of_day / HOUR_S), (int)(of_day % HOUR_S / MINUTE_S), name);
}

static struct farm_window_status look(struct arena *a, const struct farm_window *w, gint64 now_ms)
{
	struct farm_window_status s = { .window = farm_window_text(a, w) };
	g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(w->zone);
	gint64 opens, closes;
	if (!zone) {
		s.trouble = arena_printf(a, "this host knows no zone %s (tzdata)", w->zone);
	} else if (window_next(w, zone, now_ms, &opens, &closes)) {
		s.opens = vm_time_text(a, opens);
		s.closes = vm_time_text(a, closes);
		s.local = local_words(a, zone, w->zone, opens);
	} else {
		s.trouble = "its days and times name none";
	}
	return s;
}

/* By the same clock as all else of the observation. */
void observe_windows(struct arena *a, const struct observe_input *in, const struct objects *have, const struct farm_spec *farm,
                     struct farm_status *ret)
{
	const struct object *host = objects_get(have, KIND_HOST, in->host);
	const struct host_status *s = host ? host->status : NULL;
	gint64 now_ms = s ? vm_time_ms(s->observed_at) : 0;
	struct farm_window_status *all = ARENA_ARRAY(a, struct farm_window_status, farm->policy.windows.n);
	for (guint i = 0; now_ms && i < farm->policy.windows.n; i++)
		all[i] = look(a, LIST_AT(farm->policy.windows, struct farm_window, i), now_ms);
	ret->windows = (struct list){ all, now_ms ? farm->policy.windows.n : 0 };
}
