/* A pass of `cleave run`: the revision, a look, the plan, and carrying it out. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/run.h"
#include "commands/service.h"
#include "report/report.h"
#include "spec/gpu.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include <stdio.h>
#include <string.h>

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
	report_plan_text(text, p, command_style());
	report_plan_json(json, p);
	/* A plan that stays as it was (a retry, a stall) is said once. */
	gboolean is_new = g_strcmp0(text->str, r->last_plan) != 0;
	/* "Nothing to do" is worth a line only when all is well, not while frames are rendered. */
	gboolean is_worth = p->n_actions || p->n_refusals || (!is_waiting(p) && !p->n_paused) || r->in->output == OUTPUT_JSON;
	if ((is_new && is_worth) || r->recorded)
		print(r, text, json);
	if (!is_worth)
		return; /* what comes back after a pause is no news */
	g_free(r->last_plan);
	r->last_plan = g_strdup(text->str);
}

/* One entry with fields, where the journal listens: `journalctl CLEAVE_OBJECT=VM/w1`. FALSE: it is to be printed. */
static gboolean log_outcome(const struct runner *r, const struct plan *p, const struct outcome *o, const char *text)
{
	static const char *const words[] = { [OUTCOME_DONE] = "done", [OUTCOME_FAILED] = "failed", [OUTCOME_SKIPPED] = "skipped" };
	const struct action *act = &p->actions[o->action];
	g_autofree char *object = g_strdup_printf("%s/%s", kinds[act->kind].name, act->id), *sentence = g_strstrip(g_strdup(text));
	const struct service_about about = { object, verbs[act->verb].name, words[o->state], p->revision };
	return !r->recorded && r->in->output != OUTPUT_JSON &&
	       service_log(o->state == OUTCOME_FAILED ? LOG_ERROR : LOG_NOTICE, "apply", &about, sentence);
}

static void on_acted(void *user, const struct plan *p, const struct outcome *o)
{
	struct runner *r = user;
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	gboolean is_worth = session_note_outcome(r->session, p, o);
	if (!is_worth && !r->recorded && r->in->output != OUTPUT_JSON)
		return;
	report_outcome_text(text, p, o, command_style());
	report_outcome_json(json, p, o);
	if (!log_outcome(r, p, o, text->str))
		print(r, text, json);
}

/* -- the revision --------------------------------------------------------------------------------------- */

void run_clear_force(struct in_force *f)
{
	if (f->arena) {
		wanted_clear(&f->wanted);
		arena_free(f->arena);
	}
	g_free(f->refused);
	g_free(f->trouble);
	*f = (struct in_force){ 0 };
}

/* One source's newest revision alone: all else goes on. */
static void note_sources(struct runner *r, const char *refused_before, const char *trouble_before)
{
	const struct wanted *w = &r->force.wanted;
	const struct wanted_source *one = wanted_refused(w);
	if (!one)
		return;
	r->force.refused = g_strdup(one->refused);
	r->force.trouble = g_strdup(one->trouble);
	r->force.reason = one->reason;
	if (g_strcmp0(one->refused, refused_before) == 0 && g_strcmp0(one->trouble, trouble_before) == 0)
		return;
	progress_break(r->progress);
	log_error("source", "%s of the source %s is refused; %s stays in force: %s", one->refused, one->name, w->tree.revision, one->trouble);
	if (one->problems.n_errors) {
		g_autoptr(GString) text = g_string_new(NULL);
		report_problems_text(text, &one->problems, wanted_find_text, (void *)w);
		fputs(text->str, stderr);
	}
}

/* The main repository's newest is not valid: the other sources move on beside the one in force. */
static void move_sources(struct runner *r)
{
	struct arena *a = arena_new();
	struct wanted w = { 0 };
	const char *commit = r->force.arena ? r->force.wanted.tree.commit : NULL;
	gboolean ok = commit && r->force.wanted.n_sources && session_want_at(r->session, a, commit, &w, NULL) && !w.problems.n_errors;
	if (ok)
		wanted_name(&w, r->force.wanted.tree.revision);
	if (ok && strcmp(w.tree.revision, r->force.wanted.tree.revision) != 0) {
		session_begin_revision(r->session);
		session_forget_troubles(r->session);
		w.tip = r->force.wanted.tip ? arena_strdup(a, r->force.wanted.tip) : NULL;
		w.held = r->force.wanted.held ? arena_strdup(a, r->force.wanted.held) : NULL;
		wanted_clear(&r->force.wanted);
		arena_free(r->force.arena);
		r->force.arena = a;
		r->force.wanted = w;
		session_keep_good(r->session, &w);
		return;
	}
	wanted_clear(&w);
	arena_free(a);
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

/* What could not even be read: a branch that was deleted, or a repository that is broken or gone. */
static const char *reason_of(const GError *error)
{
	if (g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED))
		return "NotTrusted";
	return g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND) ? "RevisionGone" : "SourceUnreadable";
}

/* A folder's revision is always called the same. At the start what was paused goes on to be, if it is the commit that it was
 * paused at. */
static void note_newer(struct runner *r, const struct wanted *w, gboolean has_moved)
{
	const struct wanted *before = r->force.arena ? &r->force.wanted : NULL;
	gboolean is_newer = before && (w->tree.commit ? strcmp(before->tree.revision, w->tree.revision) != 0 : has_moved);
	if (before ? is_newer : session_is_newer(r->session, w))
		session_forget_troubles(r->session);
	if (is_newer || !before)
		session_begin_revision(r->session);
}

gboolean run_read_revision(struct runner *r)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = arena_new();
	struct wanted w;
	gboolean has_moved = r->has_source_moved;
	r->has_source_moved = FALSE;
	gboolean ok = session_want(r->session, a, &w, &error);
	g_free(r->seen_commit);
	r->seen_commit = g_strdup(w.tip);
	if (error)
		run_source_explain(r, &error);
	g_autofree char *trouble = error ? g_strdup(error->message) : first_problem(&w.problems);
	if (ok && !trouble) {
		gboolean is_first = !r->force.arena;
		note_newer(r, &w, has_moved);
		g_autofree char *refused = g_steal_pointer(&r->force.refused), *before = g_steal_pointer(&r->force.trouble);
		run_clear_force(&r->force);
		r->force = (struct in_force){ .arena = a, .wanted = w };
		note_sources(r, refused, before);
		session_keep_good(r->session, &w);
		run_source_accepted(r, is_first);
		return TRUE;
	}
	if (!r->force.arena)
		run_take_good(r);
	r->force.reason = error ? reason_of(error) : NULL;
	refuse_revision(r, &w, trouble);
	wanted_clear(&w);
	arena_free(a);
	move_sources(r);
	return r->force.arena != NULL;
}

static void add_revision_status(struct runner *r, struct arena *a, struct objects *have)
{
	struct object *o = ARENA_NEW(a, struct object);
	struct revision_status *s = ARENA_NEW(a, struct revision_status);
	gint64 since_ms;
	*s = (struct revision_status){ r->source, r->force.wanted.tree.revision, r->force.wanted.tree.commit,
		                       r->force.refused, r->force.trouble, r->force.reason, NULL, NULL };
	const char *away;
	if (run_source_is_away(r, &away, &since_ms)) {
		s->away = arena_strdup(a, away); /* a fetch may end while the pass goes on */
		g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(since_ms / 1000);
		g_autofree char *text = g_date_time_format(since, "%Y-%m-%dT%H:%M:%SZ");
		s->away_since = arena_strdup(a, text);
	}
	*o = (struct object){ .kind = &kinds[KIND_REVISION], .meta = { .name = "current" }, .id = "current", .status = s };
	objects_add(have, o);
}

struct objects *run_look_at_all(struct runner *r, struct arena *a, gboolean checks)
{
	struct objects *have = session_observe(r->session, a, r->force.wanted.objects, checks);
	add_revision_status(r, a, have);
	return have;
}

/* -- a pass ---------------------------------------------------------------------------------------------- */

/* Between two actions. Those on the main thread let nothing in: what waits there (a signal, the watch, a request) is
 * taken note of now. */
static gboolean is_over(void *user)
{
	struct runner *r = user;
	enum { MOST_AT_ONCE = 64 };
	for (guint i = 0; i < MOST_AT_ONCE && g_main_context_iteration(NULL, FALSE); i++)
		;
	if (r->has_source_moved && !r->is_ending && !session_has_moved(r->session, r->seen_commit))
		r->has_source_moved = FALSE; /* another ref, or a file that says the same */
	return r->is_ending || r->has_source_moved;
}

static void carry_out(struct runner *r, struct arena *a, const struct plan *p, struct outcomes *outcomes, struct pass_report *report)
{
	g_autoptr(GError) error = NULL;
	struct pass_events events = { .acted = on_acted, .is_over = is_over, .user = r };
	if (!session_apply(r->session, a, p, &events, outcomes, &error)) {
		log_error("pass", "%s", error->message);
		r->retry_ms = MAX(r->retry_ms, RETRY_FIRST_MS); /* it may be another plan by then */
		report->trouble = arena_strdup(a, error->message);
		return;
	}
	report->outcomes = outcomes;
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	report_summary_json(json, p, outcomes);
	print(r, text, json);
	/* Something was done: look at what became of it. */
	r->look_again |= outcomes->n_done > 0;
	r->n_failed = outcomes->n_failed + outcomes->n_skipped;
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

/* Planes that are away (Redis, libvirt, a root) and what refuses a plan tell nobody when they are back. */
static void set_retry(struct runner *r, const struct plan *p)
{
	gboolean is_due = has_stalled(p) || (p->n_actions && p->n_refusals);
	r->retry_ms = is_due ? CLAMP(r->retry_ms * 2, RETRY_FIRST_MS, RETRY_MOST_MS) : 0;
}

static void tell_status(const struct runner *r, const struct plan *p)
{
	guint n[N_READINESS] = { 0 };
	for (guint i = 0; i < p->n_verdicts; i++)
		n[p->verdicts[i].readiness]++;
	service_status("%s: %u ready, %u reconciling, %u stalled", r->force.wanted.tree.revision, n[IS_READY], n[IS_RECONCILING], n[IS_STALLED]);
}

void run_pass(struct runner *r)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct outcomes outcomes;
	struct pass_report report = { .began_us = g_get_monotonic_time() };
	r->n_failed = 0;
	r->has_passed = TRUE;
	if (!run_read_revision(r)) {
		r->retry_ms = CLAMP(r->retry_ms * 2, RETRY_FIRST_MS, RETRY_MOST_MS);
		return;
	}
	struct objects *have = run_look_at_all(r, a, FALSE);
	report.looked_us = g_get_monotonic_time();
	struct plan *p = session_plan(r->session, a, &r->force.wanted, have, r->recorded != NULL);
	report.plan = p;
	report.planned_us = g_get_monotonic_time();
	if (r->expected && strcmp(plan_digest(a, p), r->expected) != 0) {
		r->is_other = r->look_again = TRUE;
		return;
	}
	print_plan(r, p);
	set_retry(r, p);
	if (p->n_actions && !p->n_refusals)
		carry_out(r, a, p, &outcomes, &report);
	run_due_in(r, DUE_PAUSE, session_end_pass(r->session, p, &error));
	if (error)
		log_warning("pass", "%s", error->message);
	r->wake_ms = p->wake_ms;
	r->has_leases = has_running(p);
	r->looks_often = r->has_leases || has_stuck_device(p);
	progress_show(r->progress, p);
	tell_status(r, p);
	report.ended_us = g_get_monotonic_time();
	run_after_pass(r, &report);
}
