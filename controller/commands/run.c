/* cleave run: stays, and looks again whenever something may have changed.
 *
 * Whatever wakes it (a ref, the kernel, libvirt, the queue, a timer, a request on the control socket) only says
 * "look again". One pass at a time: what comes during a pass causes exactly one more after it. A plan
 * that comes out the same as the one before is retried with growing pauses. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/run.h"
#include "host/reaper.h"
#include <glib-unix.h>
#include <unistd.h>

enum { HOLD_JOBS_MS = 20000, BEAT_MS = 30000, REAP_MS = 1000, OFTEN_MS = 5000 };

static void schedule(struct runner *r);

void run_look(gpointer user)
{
	struct runner *r = user;
	r->look_again = TRUE;
	/* A failing action makes events of its own: its pause is not to be cut short by them. */
	if (!r->is_stuck)
		schedule(r);
}

void run_look_at_source(gpointer user)
{
	struct runner *r = user;
	r->is_stuck = FALSE;
	r->retry_ms = 0;
	run_look(r);
}

static gboolean on_timer(gpointer user)
{
	struct runner *r = user;
	r->timer_source = 0;
	r->is_stuck = FALSE;
	run_look(r);
	return G_SOURCE_REMOVE;
}

static void set_timer(struct runner *r)
{
	r->has_passed = FALSE;
	gint64 ms = r->retry_ms ? MIN(r->retry_ms, r->in->interval_ms) : r->in->interval_ms;
	if (r->looks_often)
		ms = MIN(ms, OFTEN_MS);
	if (r->wake_ms)
		ms = MIN(ms, r->wake_ms);
	if (r->timer_source)
		g_source_remove(r->timer_source);
	r->timer_source = g_timeout_add((guint)ms, on_timer, r);
}

static gboolean on_pass(gpointer user)
{
	struct runner *r = user;
	r->pass_source = 0;
	r->is_busy = TRUE;
	if (r->look_again && !r->is_ending) {
		r->look_again = FALSE;
		run_pass(r);
	}
	if (!r->is_ending)
		run_answer_requests(r);
	r->is_busy = FALSE;
	if (r->is_ending) {
		g_main_loop_quit(r->loop);
		return G_SOURCE_REMOVE;
	}
	/* Requests alone do not put the next look off: who asks every second would stop all reconciling. */
	if (r->has_passed || !r->timer_source)
		set_timer(r);
	if (r->look_again && !r->is_stuck)
		schedule(r);
	return G_SOURCE_REMOVE;
}

static void schedule(struct runner *r)
{
	if (!r->is_busy && !r->pass_source)
		r->pass_source = g_idle_add(on_pass, r);
}

static void on_request(gpointer user)
{
	schedule(user);
}

static gboolean on_hold_jobs(gpointer user)
{
	struct runner *r = user;
	if (!r->is_busy)
		session_hold_jobs(r->session);
	return G_SOURCE_CONTINUE;
}

static gboolean on_beat(gpointer user)
{
	struct runner *r = user;
	if (!r->is_busy && session_beat(r->session))
		run_look(r);
	return G_SOURCE_CONTINUE;
}

/* Workers reap when they ask for frames; where all of them died, or are busy, nobody else would. */
static gboolean on_reap(gpointer user)
{
	struct runner *r = user;
	if (!r->is_busy && r->has_leases && session_reap_leases(r->session))
		run_look(r);
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer user)
{
	struct runner *r = user;
	r->is_ending = TRUE;
	schedule(r);
	return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user)
{
	run_look(user);
	return G_SOURCE_CONTINUE;
}

static gboolean start(struct runner *r, GError **error)
{
	struct source_where where;
	SCOPED_ARENA(a);
	const struct settings *s = &r->in->settings;
	r->control = control_open(s->state, on_request, r, error);
	if (!r->control)
		return FALSE;
	if (!source_parse(a, s->specs, s->worktree, &where, error))
		return FALSE;
	r->watch = source_watch_start(&where, 1, run_look_at_source, r, error);
	if (!r->watch)
		return FALSE;
	session_listen(r->session, run_look, r);
	g_unix_signal_add(SIGTERM, on_signal, r);
	g_unix_signal_add(SIGINT, on_signal, r);
	g_unix_signal_add(SIGHUP, on_hangup, r);
	g_timeout_add(HOLD_JOBS_MS, on_hold_jobs, r);
	g_timeout_add(BEAT_MS, on_beat, r);
	g_timeout_add(REAP_MS, on_reap, r);
	return TRUE;
}

static int run(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct state_lock *lock = state_lock(in->settings.state, &error);
	if (!lock)
		return command_fail(error);
	in->settings.acts = TRUE;
	struct runner r = { .in = in, .session = session_new(&in->settings) };
	r.source = g_canonicalize_filename(in->settings.specs, NULL);
	r.progress = progress_new(in->output == OUTPUT_JSON, isatty(STDOUT_FILENO));
	r.loop = g_main_loop_new(NULL, FALSE);
	if (start(&r, &error)) {
		if (in->local_warnings)
			log_warning("run", "the host's own settings:\n%s", in->local_warnings);
		log_notice("run", "host %s watches %s", in->settings.host, in->settings.specs);
		run_look(&r);
		g_main_loop_run(r.loop);
		log_notice("run", "ends");
	}
	if (r.watch)
		source_watch_stop(r.watch);
	progress_free(r.progress);
	session_free(r.session);
	/* After the session, which still iterates the main context: a client's line may come in there. */
	control_close(r.control);
	run_clear_force(&r.force);
	run_metrics_free(r.metrics);
	g_main_loop_unref(r.loop);
	g_free(r.last_plan);
	g_free(r.source);
	state_unlock(lock);
	return error ? command_fail(error) : EXIT_FINE;
}

int command_run(struct invocation *in)
{
	int status;
	/* QEMUs of an embedded driver become our children; their parent must reap them (host/reaper.h). */
	return reaper_split(&status) ? run(in) : status;
}
