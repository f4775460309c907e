/* Counts short runs. */
#include "spec/vm_history.h"
#include "base/arena.h"
#include <string.h>

gint64 vm_time_ms(const char *text)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) t = text ? g_date_time_new_from_iso8601(text, utc) : NULL;
	return t ? g_date_time_to_unix(t) * 1000 + g_date_time_get_microsecond(t) / 1000 : 0;
}

gboolean vm_time_is_over(const char *until, gint64 now_ms)
{
	gint64 until_ms = vm_time_ms(until);
	return until_ms && until_ms <= now_ms;
}

const char *vm_time_text(struct arena *a, gint64 ms)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(ms / 1000);
	g_autofree char *text = t ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ") : NULL;
	return arena_strdup(a, text ? text : "?");
}

/* A guest that powers itself off ends with "shutdown"; `virsh destroy` alone says "destroyed". Of a run that cleave
 * ended, as of one that it does not know, there is no start. */
gboolean vm_was_stopped_by_hand(const struct vm_status *s)
{
	return s->state == DOMAIN_SHUT_OFF && s->history.started_at && g_strcmp0(s->reason, "destroyed") == 0;
}

gboolean vm_has_powered_off(const struct vm_status *s)
{
	return s->state == DOMAIN_SHUT_OFF && s->history.started_at && g_strcmp0(s->reason, "shutdown") == 0;
}

gint64 vm_short_runs(const struct vm_status *s, const char *revision)
{
	const struct vm_history *h = &s->history;
	gint64 start = vm_time_ms(h->started_at), end = vm_time_ms(s->since);
	if (vm_status_is_up(s) || g_strcmp0(h->started_revision, revision) != 0)
		return 0;
	if (!start || !end || vm_was_stopped_by_hand(s))
		return h->n_short_runs;
	return end - start < VM_SHORT_RUN_MS ? h->n_short_runs + 1 : 0;
}

gint64 vm_backoff_ms(const struct vm_status *s, gint64 n_short_runs)
{
	enum { FIRST_MS = 5000, MOST_MS = 300000 };
	/* The first time it may have been `virsh shutdown`, which is no fault of the guest's. */
	if (n_short_runs < 1 || (n_short_runs == 1 && vm_has_powered_off(s)))
		return 0;
	return n_short_runs > 6 ? MOST_MS : MIN((gint64)FIRST_MS << (n_short_runs - 1), MOST_MS);
}
