/* cleave run: stays, and looks again whenever something may have changed.
 *
 * Whatever wakes it (a ref, the kernel, libvirt, the queue, a timer, a request on the control socket) only says
 * "look again". One pass at a time: what comes during a pass causes exactly one more after it. A plan
 * that comes out the same as the one before is retried with growing pauses. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/command.h"
#include "commands/progress.h"
#include "host/reaper.h"
#include "report/report.h"
#include "source/watch.h"
#include "spec/emit.h"
#include "spec/gpu.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include "state/state.h"
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 1000, RETRY_MOST_MS = 60000, HOLD_JOBS_MS = 20000, REAP_MS = 1000, OFTEN_MS = 5000 };

/* The revision in force: specs that were read and found valid. */
struct in_force {
	struct arena *arena; /* NULL: none yet */
	struct wanted wanted;
	char *refused, *trouble; /* a newer revision that is not valid, and its first problem */
};

struct runner {
	struct invocation *in;
	struct session *session;
	char *source; /* the specs, as a path that others can use */
	struct in_force force;
	struct control *control;
	struct source_watch *watch;
	struct progress *progress;
	GMainLoop *loop;
	gboolean is_busy, look_again, is_ending;
	gboolean has_passed; /* since the timer was set */
	guint n_failed;      /* failed or skipped actions of the last pass */
	gboolean has_leases; /* the last pass saw frames that run */
	gboolean looks_often; /* leases may run out, a driver may let a device go, and nobody says so */
	gint64 wake_ms;    /* the last plan has something due so long after it; 0: nothing */
	gboolean is_stuck; /* the same actions were planned twice: only a new revision or the timer goes on */
	guint pass_source, timer_source;
	gint64 retry_ms;   /* next pause; 0: nothing is being retried */
	char *last_plan;   /* text of the plan before, to see that nothing moves */
	GString *recorded; /* output of a pass that a client asked for; NULL else */
	gboolean record_json;
};

static void schedule(struct runner *r);

static void look(gpointer user)
{
	struct runner *r = user;
	r->look_again = TRUE;
	/* A failing action makes events of its own: its pause is not to be cut short by them. */
	if (!r->is_stuck)
		schedule(r);
}

static void look_at_source(gpointer user)
{
	struct runner *r = user;
	r->is_stuck = FALSE;
	r->retry_ms = 0;
	look(r);
}

/* -- output -------------------------------------------------------------------------------------------- */

static void print(struct runner *r, const GString *text, const GString *json)
{
	const GString *chosen = r->in->output == OUTPUT_JSON ? json : text;
	progress_break(r->progress);
	command_print(chosen);
	if (r->recorded)
		g_string_append(r->recorded, r->record_json ? json->str : text->str);
}

/* Nothing is planned and nothing is wrong, but something is not ready yet. */
static gboolean is_waiting(const struct plan *p)
{
	gboolean waits = FALSE;
	for (guint i = 0; i < p->n_verdicts; i++) {
		if (p->verdicts[i].readiness == IS_STALLED)
			return FALSE;
		waits |= p->verdicts[i].readiness == IS_RECONCILING;
	}
	return waits;
}

static void print_plan(struct runner *r, const struct plan *p)
{
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	report_plan_text(text, p, (struct report_style){ command_has_colour() });
	report_plan_json(json, p);
	/* A plan that stays as it was (a retry, a stall) is said once. */
	gboolean is_new = g_strcmp0(text->str, r->last_plan) != 0;
	/* "Nothing to do" is worth a line only when all is well, not while frames are rendered. */
	gboolean is_worth = p->n_actions || p->n_refusals || !is_waiting(p) || r->in->output == OUTPUT_JSON;
	if ((is_new && is_worth) || r->recorded)
		print(r, text, json);
	r->is_stuck = !is_new && p->n_actions;
	r->retry_ms = r->is_stuck ? CLAMP(r->retry_ms * 2, RETRY_FIRST_MS, RETRY_MOST_MS) : 0;
	g_free(r->last_plan);
	r->last_plan = g_strdup(text->str);
}

static void on_acted(void *user, const struct plan *p, const struct outcome *o)
{
	struct runner *r = user;
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	report_outcome_text(text, p, o, (struct report_style){ command_has_colour() });
	report_outcome_json(json, p, o);
	print(r, text, json);
}

/* -- the revision --------------------------------------------------------------------------------------- */

static void force_clear(struct in_force *f)
{
	if (f->arena) {
		wanted_clear(&f->wanted);
		arena_free(f->arena);
	}
	g_free(f->refused);
	g_free(f->trouble);
	*f = (struct in_force){ 0 };
}

static void refuse_revision(struct runner *r, const struct wanted *w, const char *trouble)
{
	const char *revision = w->tree.revision ? w->tree.revision : r->in->settings.specs;
	gboolean is_known = g_strcmp0(r->force.refused, revision) == 0 && g_strcmp0(r->force.trouble, trouble) == 0;
	g_free(r->force.refused);
	g_free(r->force.trouble);
	r->force.refused = g_strdup(revision);
	r->force.trouble = g_strdup(trouble);
	if (is_known)
		return;
	g_autoptr(GString) text = g_string_new(NULL);
	report_problems_text(text, &w->problems, wanted_find_text, (void *)w);
	progress_break(r->progress);
	if (!w->tree.revision && !r->force.arena)
		log_notice("source", "waits for a first revision: %s", trouble);
	else
		log_error("source", "%s is refused; %s stays in force: %s", revision,
		          r->force.arena ? r->force.wanted.tree.revision : "nothing", trouble);
	if (w->problems.n_errors)
		fputs(text->str, stderr);
}

/* "vm.yaml:7:3: message" of the first error. */
static char *first_problem(const struct problems *p)
{
	for (guint i = 0; i < p->list->len; i++) {
		const struct problem *one = &g_array_index(p->list, struct problem, i);
		if (one->severity == SEVERITY_ERROR)
			return g_strdup_printf("%s:%u:%u: %s", one->place.path, one->place.line, one->place.column, one->message);
	}
	return NULL;
}

/* Takes the newest revision into force if it is valid. FALSE when there is none in force at all. */
static gboolean read_revision(struct runner *r)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = arena_new();
	struct wanted w;
	gboolean ok = session_want(r->session, a, &w, &error);
	g_autofree char *trouble = error ? g_strdup(error->message) : first_problem(&w.problems);
	if (ok && !trouble) {
		force_clear(&r->force);
		r->force = (struct in_force){ .arena = a, .wanted = w };
		return TRUE;
	}
	refuse_revision(r, &w, trouble);
	wanted_clear(&w);
	arena_free(a);
	return r->force.arena != NULL;
}

static void add_revision_status(struct runner *r, struct arena *a, struct objects *have)
{
	struct object *o = ARENA_NEW(a, struct object);
	struct revision_status *s = ARENA_NEW(a, struct revision_status);
	*s = (struct revision_status){ r->source, r->force.wanted.tree.revision, r->force.wanted.tree.commit,
		                       r->force.refused, r->force.trouble };
	*o = (struct object){ .kind = &kinds[KIND_REVISION], .meta = { .name = "current" }, .id = "current", .status = s };
	objects_add(have, o);
}

static struct objects *look_at_all(struct runner *r, struct arena *a, gboolean checks)
{
	struct objects *have = session_observe(r->session, a, r->force.wanted.objects, checks);
	add_revision_status(r, a, have);
	return have;
}

/* -- a pass ---------------------------------------------------------------------------------------------- */

static gboolean is_over(void *user)
{
	return ((struct runner *)user)->is_ending;
}

static void carry_out(struct runner *r, struct arena *a, const struct plan *p)
{
	g_autoptr(GError) error = NULL;
	struct outcomes outcomes;
	struct pass_events events = { .acted = on_acted, .is_over = is_over, .user = r };
	if (!session_apply(r->session, a, p, &events, &outcomes, &error)) {
		log_error("pass", "%s", error->message);
		return;
	}
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	report_summary_json(json, p, &outcomes);
	print(r, text, json);
	/* Something was done: look at what became of it. */
	r->look_again |= outcomes.n_done > 0;
	r->n_failed = outcomes.n_failed + outcomes.n_skipped;
	if (outcomes.n_failed)
		r->retry_ms = MAX(r->retry_ms, RETRY_FIRST_MS);
}

static gboolean has_running(const struct plan *p)
{
	OBJECTS_EACH (o, p->have, KIND_RENDERJOB)
		if (o->status && ((const struct renderjob_status *)o->status)->running.n)
			return TRUE;
	return FALSE;
}

/* The kernel tells that a driver lets go before it lets go of the device. */
static gboolean has_stuck_device(const struct plan *p)
{
	OBJECTS_EACH (o, p->have, KIND_GPU)
		if (o->status && ((const struct gpu_status *)o->status)->stuck)
			return TRUE;
	return FALSE;
}

static gboolean has_stalled(const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].readiness == IS_STALLED && !p->verdicts[i].is_settled &&
		    p->verdicts[i].object->kind->id != KIND_REVISION)
			return TRUE;
	return FALSE;
}

static void pass(struct runner *r)
{
	SCOPED_ARENA(a);
	r->n_failed = 0;
	r->has_passed = TRUE;
	if (!read_revision(r)) {
		r->retry_ms = CLAMP(r->retry_ms * 2, RETRY_FIRST_MS, RETRY_MOST_MS);
		return;
	}
	struct objects *have = look_at_all(r, a, FALSE);
	struct plan *p = session_plan(r->session, a, &r->force.wanted, have, r->recorded != NULL);
	gint64 retry_before = r->retry_ms;
	print_plan(r, p);
	if (p->n_actions && !p->n_refusals)
		carry_out(r, a, p);
	/* What is away (Redis, libvirt, a root) tells nobody when it is back. */
	if (has_stalled(p))
		r->retry_ms = MAX(r->retry_ms, CLAMP(retry_before * 2, RETRY_FIRST_MS, RETRY_MOST_MS));
	r->wake_ms = p->wake_ms;
	r->has_leases = has_running(p);
	r->looks_often = r->has_leases || has_stuck_device(p);
	progress_show(r->progress, p);
}

/* -- requests on the control socket ------------------------------------------------------------------------ */

static void answer_observe(struct runner *r, struct control_request *request)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	if (r->force.arena || read_revision(r))
		emit_objects(text, look_at_all(r, a, TRUE), EMIT_STATUS);
	else
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	control_answer(request, text->str, error);
}

/* "reconcile FORMAT REVISION": one pass now, if that is still the revision that the client has shown. */
static void answer_reconcile(struct runner *r, struct control_request *request, const char *format, const char *revision)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	if (!read_revision(r))
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	else if (strcmp(r->force.wanted.tree.revision, revision) != 0)
		fail(&error, ERROR_REFUSED, "the controller works with %s by now, the plan is of %s; look at the new plan",
		     r->force.wanted.tree.revision, revision);
	if (!error) {
		r->recorded = text;
		r->record_json = strcmp(format, "json") == 0;
		pass(r);
		r->recorded = NULL;
		if (r->n_failed)
			g_string_append_c(text, CONTROL_IN_PART);
	}
	control_answer(request, text->str, error);
}

/* "adopt VM", "release VM", "approve VM": done now, between two passes; the next one goes on from there. */
static void answer_decision(struct runner *r, struct control_request *request, enum decision decision, const char *vm)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	if (!r->force.arena && !read_revision(r))
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	else if (session_decide(r->session, a, &r->force.wanted, decision, vm, &error))
		look_at_source(r);
	control_answer(request, "", error);
}

static void answer_requests(struct runner *r)
{
	struct control_request *request;
	while ((request = control_take(r->control))) {
		g_autoptr(GError) error = NULL;
		const char *command = control_command(request);
		g_auto(GStrv) words = g_strsplit(command, " ", 3);
		if (strcmp(command, "observe") == 0) {
			answer_observe(r, request);
		} else if (g_strv_length(words) == 3 && strcmp(words[0], "reconcile") == 0) {
			answer_reconcile(r, request, words[1], words[2]);
		} else if (g_strv_length(words) == 2 && name_value(&decision_names, words[0]) >= 0) {
			answer_decision(r, request, (enum decision)name_value(&decision_names, words[0]), words[1]);
		} else {
			fail(&error, ERROR_USAGE, "this controller does not know that request; are both of one version?");
			control_answer(request, NULL, error);
		}
	}
}

/* -- the loop ----------------------------------------------------------------------------------------------- */

static gboolean on_timer(gpointer user)
{
	struct runner *r = user;
	r->timer_source = 0;
	r->is_stuck = FALSE;
	look(r);
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
		pass(r);
	}
	if (!r->is_ending)
		answer_requests(r);
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

/* Workers reap when they ask for frames; where all of them died, or are busy, nobody else would. */
static gboolean on_reap(gpointer user)
{
	struct runner *r = user;
	if (!r->is_busy && r->has_leases && session_reap_leases(r->session))
		look(r);
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
	look(user);
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
	r->watch = source_watch_start(&where, 1, look_at_source, r, error);
	if (!r->watch)
		return FALSE;
	session_listen(r->session, look, r);
	g_unix_signal_add(SIGTERM, on_signal, r);
	g_unix_signal_add(SIGINT, on_signal, r);
	g_unix_signal_add(SIGHUP, on_hangup, r);
	g_timeout_add(HOLD_JOBS_MS, on_hold_jobs, r);
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
		look(&r);
		g_main_loop_run(r.loop);
		log_notice("run", "ends");
	}
	if (r.watch)
		source_watch_stop(r.watch);
	progress_free(r.progress);
	session_free(r.session);
	/* After the session, which still iterates the main context: a client's line may come in there. */
	control_close(r.control);
	force_clear(&r.force);
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
