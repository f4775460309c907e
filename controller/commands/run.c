/* cleave run: stays, and looks again whenever something may have changed.
 *
 * Whatever wakes it (a ref, the kernel, libvirt, the queue, its one timer, a request on the control socket) only says
 * "look again". One pass at a time: what comes during a pass causes exactly one more after it, and a newer revision
 * ends the pass between two actions. What fails waits by itself (state/troubles.h), all else goes on. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/keep.h"
#include "commands/run.h"
#include "commands/service.h"
#include "host/reaper.h"
#include <glib-unix.h>
#include <unistd.h>

static void schedule(struct runner *r);

void run_look(gpointer user)
{
	struct runner *r = user;
	r->look_again = TRUE;
	schedule(r);
}

void run_look_at_source(gpointer user)
{
	struct runner *r = user;
	r->has_source_moved = TRUE;
	r->retry_ms = 0;
	run_look(r);
}

static gboolean on_pass(gpointer user)
{
	struct runner *r = user;
	r->pass_source = 0;
	r->is_busy = TRUE;
	if (r->wants_reload && !r->is_ending)
		run_reload(r);
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
	if (r->has_passed)
		run_due_after_pass(r);
	r->has_passed = FALSE;
	if (r->look_again)
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

static gboolean on_end(gpointer user)
{
	struct runner *r = user;
	service_stopping();
	if (r->is_busy)
		service_status("ends after the action in hand");
	r->is_ending = TRUE;
	schedule(r);
	return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user)
{
	struct runner *r = user;
	r->wants_reload = TRUE;
	run_look(r);
	return G_SOURCE_CONTINUE;
}

gboolean run_watch(struct runner *r, GError **error)
{
	guint n = 0;
	g_autofree struct source_where *wheres = session_wheres(r->session, &n, error);
	r->watch = wheres ? source_watch_start(wheres, n, run_look_at_source, r, error) : NULL;
	return r->watch != NULL;
}

static gboolean start(struct runner *r, GError **error)
{
	r->control = control_open(r->in->settings.state, on_request, r, error);
	if (!r->control || !run_watch(r, error))
		return FALSE;
	run_source_start(r);
	session_listen(r->session, run_look, r);
	g_unix_signal_add(SIGTERM, on_end, r);
	g_unix_signal_add(SIGINT, on_end, r);
	g_unix_signal_add(SIGHUP, on_hangup, r);
	run_due_start(r);
	return TRUE;
}

static void run_clear(struct runner *r)
{
	run_due_stop(r);
	run_asked_end(r);
	run_source_stop(r);
	g_free(r->told);
	if (r->watch)
		source_watch_stop(r->watch);
	progress_free(r->progress);
	session_free(r->session);
	run_kept_close(r);
	/* After the session, which still iterates the main context: a client's line may come in there. */
	control_close(r->control);
	run_clear_force(&r->force);
	g_main_loop_unref(r->loop);
	g_free(r->last_plan);
	g_free(r->seen_commit);
	g_free(r->source);
}

static int run(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	service_begin();
	struct state_lock *lock = state_lock(in->settings.state, &error);
	if (!lock)
		return command_fail(error);
	in->settings.acts = TRUE;
	in->settings.takes_mirrors_as_they_are = TRUE; /* fetched beside the loop */
	struct runner r = { .in = in, .session = session_new(&in->settings) };
	r.source = session_source_name(in->settings.specs);
	r.keep = keep_open(in->settings.state);
	r.progress = progress_new(in->output == OUTPUT_JSON, isatty(STDOUT_FILENO));
	r.loop = g_main_loop_new(NULL, FALSE);
	if (start(&r, &error)) {
		if (in->local.warnings)
			log_warning("run", "the host's own settings:\n%s", in->local.warnings);
		log_notice("run", "host %s watches %s", in->settings.host, r.source);
		service_ready();
		run_look(&r);
		g_main_loop_run(r.loop);
		log_notice("run", "ends");
	}
	run_clear(&r);
	run_metrics_free(r.metrics);
	state_unlock(lock);
	return error ? command_fail(error) : EXIT_FINE;
}

int command_run(struct invocation *in)
{
	int status;
	/* QEMUs of an embedded driver become our children; their parent must reap them (host/reaper.h). */
	return reaper_split(&status) ? run(in) : status;
}
