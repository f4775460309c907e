/* Windows open when their zone's clocks say so, and at no other instant. */
#include "base/arena.h"
#include "observe/windows.h"
#include "spec/vm_history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct row {
	const char *days, *from, *to, *zone, *now, *opens, *closes;
};

static const struct row rows[] = {
	/* 2026-03-07 is a Saturday. */
	{ "Sat", "22:00", "04:00", "UTC", "2026-03-07T12:00:00Z", "2026-03-07T22:00:00Z", "2026-03-08T04:00:00Z" },
	{ "Sat", "22:00", "04:00", "UTC", "2026-03-08T03:59:59Z", "2026-03-07T22:00:00Z", "2026-03-08T04:00:00Z" },
	{ "Sat", "22:00", "04:00", "UTC", "2026-03-08T04:00:00Z", "2026-03-14T22:00:00Z", "2026-03-15T04:00:00Z" },
	{ NULL, "22:00", "04:00", "UTC", "2026-03-08T04:00:00Z", "2026-03-08T22:00:00Z", "2026-03-09T04:00:00Z" },
	{ "Mon-Fri", "01:00", "02:00", "UTC", "2026-03-06T02:00:00Z", "2026-03-09T01:00:00Z", "2026-03-09T02:00:00Z" },
	{ "Fri-Mon,Wed", "01:00", "02:00", "UTC", "2026-03-09T02:00:00Z", "2026-03-11T01:00:00Z", "2026-03-11T02:00:00Z" },
	{ "Sat", "22:00", "23:00", "Asia/Hong_Kong", "2026-03-07T13:00:00Z", "2026-03-07T14:00:00Z", "2026-03-07T15:00:00Z" },
	{ "Sat", "22:00", "23:00", "America/New_York", "2026-03-07T13:00:00Z", "2026-03-08T03:00:00Z", "2026-03-08T04:00:00Z" },
	/* Berlin leaves out 02:00-03:00 of 2026-03-29. */
	{ "Sun", "02:30", "05:00", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z" },
	{ "Sun", "01:00", "02:30", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z" },
	/* What lies in the gap as a whole is none; the next one is a week later. */
	{ "Sun", "02:10", "02:50", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-04-05T00:10:00Z", "2026-04-05T00:50:00Z" },
	/* And has 02:00-03:00 of 2026-10-25 twice: it begins in the later one, and ends in the earlier one. */
	{ "Sun", "02:30", "05:00", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T04:00:00Z" },
	{ "Sun", "01:00", "02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z" },
	{ "Sat", "22:00", "04:00", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-24T20:00:00Z", "2026-10-25T03:00:00Z" },
	/* Half an hour, on Lord Howe. */
	{ "Sun", "01:45", "04:00", "Australia/Lord_Howe", "2026-04-03T12:00:00Z", "2026-04-04T15:15:00Z", "2026-04-04T17:30:00Z" },
};

static void as_clocks_say(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		SCOPED_ARENA(a);
		const struct farm_window w = { .days = rows[i].days, .from = rows[i].from, .to = rows[i].to, .zone = rows[i].zone };
		g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(w.zone);
		gint64 opens, closes;
		assert_non_null(zone);
		assert_true(window_next(&w, zone, vm_time_ms(rows[i].now), &opens, &closes));
		if (strcmp(vm_time_text(a, opens), rows[i].opens) != 0 || strcmp(vm_time_text(a, closes), rows[i].closes) != 0)
			fail_msg("row %u: %s to %s, not %s to %s", i, vm_time_text(a, opens), vm_time_text(a, closes), rows[i].opens, rows[i].closes);
	}
}

/* -- at any instant ------------------------------------------------------------------------------------------------ */

static int minutes_of(const char *text)
{
	return atoi(text) * 60 + atoi(text + 3);
}

/* What a clock on the wall shows. */
static gboolean wall_clock_is_inside(const struct farm_window *w, GTimeZone *zone, gint64 ms)
{
	static const char *const words[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(ms / 1000), local = g_date_time_to_timezone(utc, zone);
	g_autoptr(GDateTime) before = g_date_time_add_days(local, -1);
	int minute = g_date_time_get_hour(local) * 60 + g_date_time_get_minute(local), from = minutes_of(w->from), to = minutes_of(w->to);
	gboolean today = strstr(w->days, words[g_date_time_get_day_of_week(local) - 1]) != NULL;
	gboolean yesterday = strstr(w->days, words[g_date_time_get_day_of_week(before) - 1]) != NULL;
	if (from < to)
		return today && from <= minute && minute < to;
	return (today && minute >= from) || (yesterday && minute < to);
}

static const char *one_of(GRand *r)
{
	static const char *const days[] = { "Mon,Tue,Wed,Thu,Fri,Sat,Sun", "Sat,Sun", "Sun", "Mon", "Fri,Mon" };
	return days[g_rand_int_range(r, 0, (gint32)G_N_ELEMENTS(days))];
}

static void never_outside(void **state)
{
	static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo" };
	guint32 seed = g_getenv("CLEAVE_SEED") ? (guint32)strtoul(g_getenv("CLEAVE_SEED"), NULL, 10) : g_random_int();
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	guint n_open = 0;
	(void)state;
	print_message("seed: CLEAVE_SEED=%u\n", seed);
	for (guint i = 0; i < 4000; i++) {
		SCOPED_ARENA(a);
		int from = g_rand_int_range(r, 0, 24 * 60), to = (from + g_rand_int_range(r, 1, 24 * 60)) % (24 * 60);
		const struct farm_window w = { .days = one_of(r), .from = arena_printf(a, "%02d:%02d", from / 60, from % 60),
			                       .to = arena_printf(a, "%02d:%02d", to / 60, to % 60), .zone = zones[g_rand_int_range(r, 0, 6)] };
		g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(w.zone);
		/* 2026, and mostly around the days when clocks change */
		gint64 now = (1767225600 + (gint64)g_rand_int_range(r, 0, 365 * 86400)) * 1000, opens, closes;
		if (i % 2)
			now = (1774742400 + (gint64)g_rand_int_range(r, -86400, 2 * 86400)) * 1000; /* 2026-03-29 */
		else if (i % 4)
			now = (1792886400 + (gint64)g_rand_int_range(r, -86400, 2 * 86400)) * 1000; /* 2026-10-25 */
		if (!window_next(&w, zone, now, &opens, &closes))
			continue;
		assert_true(opens < closes && now < closes);
		if (opens > now)
			continue;
		n_open++;
		if (!wall_clock_is_inside(&w, zone, now))
			fail_msg("%s %s-%s %s is taken for open at %s", w.days, w.from, w.to, w.zone, vm_time_text(a, now));
	}
	assert_true(n_open > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_clocks_say), cmocka_unit_test(never_outside) };
	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
