/* The one timer of `cleave run`: a row for each thing that becomes due though nothing happens. It wakes at the earliest,
 * and not at all for what is not there. */
#include "base/log.h"
#include "commands/run.h"
#include "commands/service.h"
#include <malloc.h>

enum { HOLD_JOBS_MS = 20000, REAP_MS = 1000, TRIM_MS = 3000 };

static void hold_jobs(struct runner *r)
{
	session_hold_jobs(r->session);
	run_due_in(r, DUE_HOLD_JOBS, HOLD_JOBS_MS);
}

static void beat(struct runner *r)
{
	if (session_beat(r->session))
		run_look(r);
	run_due_in(r, DUE_BEAT, SESSION_BEAT_MS);
}

/* Workers reap when they ask for frames; where all of them died, or are busy, nobody else would. */
static void reap(struct runner *r)
{
	if (!r->is_busy && session_reap_leases(r->session))
		run_look(r);
	run_due_in(r, DUE_REAP, REAP_MS);
}

static void look(struct runner *r)
{
	run_look(r);
}

static void ping(struct runner *r)
{
	service_ping();
	run_due_in(r, DUE_PING, service_watchdog_ms());
}

/* Arenas of a pass leave the heap full of holes; one that follows at once would ask for all of it again. */
static void trim(struct runner *r)
{
	(void)r;
	malloc_trim(0);
}

/* Called on the main loop, also while a call of a pass is waited for: then they only note what is to be done. */
static void (*const rows[N_DUE])(struct runner *r) = {
	[DUE_SWEEP] = look, [DUE_RETRY] = look, [DUE_PLAN] = look, [DUE_PAUSE] = look, [DUE_OFTEN] = look,
	[DUE_HOLD_JOBS] = hold_jobs, [DUE_BEAT] = beat, [DUE_REAP] = reap, [DUE_PING] = ping, [DUE_TRIM] = trim,
};

/* What is done every so often may as well be done a little before: then one waking serves several. */
static gboolean is_now(const struct runner *r, enum due due, gint64 now_us)
{
	enum { EARLY_MS = 5000 };
	gboolean may_be_early = due == DUE_PING || due == DUE_HOLD_JOBS || due == DUE_BEAT;
	return r->due_us[due] && r->due_us[due] <= now_us + (may_be_early ? EARLY_MS * 1000 : 0);
}

static void set_ready(struct runner *r)
{
	gint64 first = -1;
	for (guint i = 0; i < N_DUE; i++)
		if (r->due_us[i] && (first < 0 || r->due_us[i] < first))
			first = r->due_us[i];
	g_source_set_ready_time(r->due_source, first);
}

void run_due_in(struct runner *r, enum due due, gint64 in_ms)
{
	r->due_us[due] = in_ms > 0 ? g_get_monotonic_time() + in_ms * 1000 : 0;
	if (r->due_source)
		set_ready(r);
}

/* Begins what is not under way, and ends it; what is keeps its time. */
void run_due_while(struct runner *r, enum due due, gboolean goes_on, gint64 in_ms)
{
	if (!goes_on || !r->due_us[due])
		run_due_in(r, due, goes_on ? in_ms : 0);
}

static gboolean on_due(GSource *source, GSourceFunc callback, gpointer unused)
{
	struct runner *r = *(struct runner **)(source + 1);
	gint64 now = g_get_monotonic_time();
	(void)callback, (void)unused;
	for (guint i = 0; i < N_DUE; i++) {
		if (!is_now(r, i, now))
			continue;
		r->due_us[i] = 0;
		rows[i](r);
	}
	set_ready(r);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = { .dispatch = on_due };

void run_due_start(struct runner *r)
{
	r->due_source = g_source_new(&functions, sizeof(GSource) + sizeof(struct runner *));
	*(struct runner **)(r->due_source + 1) = r;
	g_source_attach(r->due_source, NULL);
	run_due_in(r, DUE_PING, service_watchdog_ms());
}

void run_due_stop(struct runner *r)
{
	if (!r->due_source)
		return;
	g_source_destroy(r->due_source);
	g_clear_pointer(&r->due_source, g_source_unref);
}

void run_due_after_pass(struct runner *r)
{
	gboolean holds_jobs = session_holds_jobs(r->session);
	enum { OFTEN_MS = 5000 };
	run_due_in(r, DUE_SWEEP, r->in->interval_ms);
	run_due_in(r, DUE_TRIM, TRIM_MS);
	run_due_in(r, DUE_RETRY, r->retry_ms);
	run_due_in(r, DUE_PLAN, r->wake_ms);
	run_due_in(r, DUE_OFTEN, r->looks_often ? OFTEN_MS : 0);
	run_due_while(r, DUE_BEAT, session_beats(r->session), SESSION_BEAT_MS);
	run_due_while(r, DUE_HOLD_JOBS, holds_jobs, HOLD_JOBS_MS);
	run_due_while(r, DUE_REAP, holds_jobs && r->has_leases, REAP_MS);
}
