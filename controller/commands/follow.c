/* cleave follow [JOB…], cleave submit --follow: looks every second at the jobs, their files on the roots and their frames
 * in the queue. No controller is asked, so that it works on any machine that sees both. */
#include "commands/follow.h"
#include "base/arena.h"
#include "commands/first_frame.h"
#include "commands/progress.h"
#include "commands/proposal.h"
#include "source/push.h"
#include "spec/renderjob.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many looks a job may be stalled: while its frames move, while none does (what stalls may be another pass away
 * from being put right), and how many pass between fetches of a branch that is elsewhere. */
enum { LOOK_MS = 1000, EXIT_INTERRUPTED = 130, STALLED_LOOKS = 60, STILL_LOOKS = 10, FETCH_LOOKS = 15 };

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

struct followed {
	char *id;
	char *trouble;   /* as last told */
	guint n_stalled; /* looks, one after the other */
	gboolean is_complete;
};

struct following {
	const struct invocation *in;
	GPtrArray *jobs; /* struct followed; found by the first look */
	GPtrArray *ids;  /* their ids, in the same order */
	struct push *push; /* NULL: the specs are read where they are */
	char *tip;         /* of `push`, as the session has it */
	struct session *session;
	struct progress *progress;
	gboolean shows_first_frame;
	guint n_looks;
};

static void followed_free(gpointer data)
{
	struct followed *j = data;
	g_free(j->id);
	g_free(j->trouble);
	g_free(j);
}

static void add(struct following *f, const char *id)
{
	struct followed *j = g_new0(struct followed, 1);
	j->id = g_strdup(id);
	g_ptr_array_add(f->jobs, j);
	g_ptr_array_add(f->ids, j->id);
}

/* -- which jobs ------------------------------------------------------------------------------------------- */

static void add_to(struct objects *few, struct object *o)
{
	if (o && !objects_get(few, o->kind->id, o->id))
		objects_add(few, o);
}

/* The Farm, the jobs, and those that they wait for: nothing else is looked at. */
static struct objects *only_the_jobs(struct arena *a, const struct objects *all, const struct following *f)
{
	struct objects *few = objects_new(a);
	add_to(few, objects_farm(all));
	for (guint i = 0; i < f->ids->len; i++) {
		struct object *o = objects_get(all, KIND_RENDERJOB, f->ids->pdata[i]);
		const struct renderjob_spec *job = o ? o->spec : NULL;
		add_to(few, o);
		for (guint k = 0; job && k < job->after.n; k++)
			add_to(few, objects_get(all, KIND_RENDERJOB, renderjob_after_id(a, job, LIST_AT(job->after, struct job_after, k))));
	}
	return few;
}

/* Those that were named, or all. -1 = fine, else an exit code after it was said what is wrong. */
static int choose(struct following *f, struct arena *a, const struct wanted *w)
{
	g_autoptr(GError) error = NULL;
	const struct proposal_tip tip = { .arena = a, .wanted = w };
	for (guint i = 0; i < f->in->n_args; i++) {
		const struct object *o = proposal_find(&tip, KIND_RENDERJOB, f->in->args[i], &error);
		if (!o)
			return command_fail(error);
		if (!g_ptr_array_find_with_equal_func(f->ids, o->id, g_str_equal, NULL))
			add(f, o->id);
	}
	if (!f->in->n_args) {
		OBJECTS_EACH (o, w->objects, KIND_RENDERJOB)
			add(f, o->id);
	}
	return -1;
}

/* Of all jobs only those count that are not complete when the watching begins. */
static void leave_out_complete(struct following *f, const struct plan *p)
{
	for (guint i = f->jobs->len; i-- > 0;) {
		const struct verdict *v = plan_verdict(p, KIND_RENDERJOB, f->ids->pdata[i]);
		if (v && v->readiness != IS_READY)
			continue;
		g_ptr_array_remove_index(f->ids, i);
		g_ptr_array_remove_index(f->jobs, i);
	}
}

/* -- one look --------------------------------------------------------------------------------------------- */

static void end_line(void *progress)
{
	progress_break(progress);
}

static void tell_trouble(struct following *f, struct followed *j, const struct verdict *v)
{
	g_autofree char *text = v->readiness == IS_STALLED ? g_strdup_printf("%s: %s", v->reason, v->message ? v->message : "") : NULL;
	if (g_strcmp0(text, j->trouble) == 0)
		return;
	if (text) {
		progress_break(f->progress);
		fprintf(stderr, "cleave: %s: %s\n", j->id, text);
	}
	g_free(j->trouble);
	j->trouble = g_steal_pointer(&text);
}

/* Nothing of it waits or is rendered, and the plan would not change that. */
static gboolean is_still(const struct plan *p, const char *id)
{
	const struct object *have = objects_get(p->have, KIND_RENDERJOB, id);
	const struct renderjob_status *s = have ? have->status : NULL;
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].kind == KIND_RENDERJOB && strcmp(p->actions[i].id, id) == 0)
			return FALSE;
	return s && !s->queued.n && !s->running.n;
}

/* TRUE: it stands still. */
static gboolean judge(struct followed *j, const struct plan *p, const struct verdict *v)
{
	j->is_complete = v->readiness == IS_READY;
	j->n_stalled = v->readiness == IS_STALLED ? j->n_stalled + 1 : 0;
	if (v->is_unseen || (v->readiness == IS_STALLED && v->is_settled))
		return TRUE;
	return j->n_stalled >= (is_still(p, j->id) ? STILL_LOOKS : STALLED_LOOKS);
}

/* -1: go on. */
static int tell(struct following *f, const struct plan *p)
{
	guint n_complete = 0, n_still = 0;
	for (guint i = 0; i < f->jobs->len; i++) {
		struct followed *j = f->jobs->pdata[i];
		const struct verdict *v = plan_verdict(p, KIND_RENDERJOB, j->id);
		if (!v) {
			progress_break(f->progress);
			fprintf(stderr, "cleave: there is no RenderJob %s at %s\n", j->id, p->revision);
			return EXIT_FAILED;
		}
		tell_trouble(f, j, v);
		n_still += judge(j, p, v) ? 1 : 0;
		n_complete += j->is_complete ? 1 : 0;
		if (f->shows_first_frame && first_frame_show(p, j->id, end_line, f->progress))
			f->shows_first_frame = FALSE;
	}
	progress_show_jobs(f->progress, p, (const char *const *)f->ids->pdata, f->ids->len);
	return n_still ? EXIT_FAILED : n_complete == f->jobs->len ? EXIT_FINE : -1;
}

/* What the specs want now. -1 = fine. */
static int want(struct following *f, struct arena *a, struct wanted *ret)
{
	g_autoptr(GError) error = NULL;
	/* Specs that somebody broke meanwhile are the controller's matter: it goes on with those before. */
	if (!session_want(f->session, a, ret, &error))
		return command_fail(error);
	if (ret->problems.n_errors && !f->jobs->len) {
		fputs("cleave: the specs are not valid; see `cleave validate`\n", stderr);
		return EXIT_FAILED;
	}
	return f->n_looks ? -1 : choose(f, a, ret);
}

static int look(struct following *f)
{
	SCOPED_ARENA(a);
	struct wanted wanted = { 0 };
	int code = want(f, a, &wanted);
	gboolean is_broken = f->n_looks && wanted.problems.n_errors;
	if (code < 0 && !is_broken) {
		wanted.objects = only_the_jobs(a, wanted.objects, f);
		struct objects *have = session_observe(f->session, a, wanted.objects, FALSE);
		const struct plan *p = session_plan(f->session, a, &wanted, have, TRUE);
		if (!f->n_looks && !f->in->n_args)
			leave_out_complete(f, p);
		code = tell(f, p);
	}
	wanted_clear(&wanted);
	f->n_looks++;
	return code;
}

/* -- the specs -------------------------------------------------------------------------------------------- */

static void open_session(struct following *f, const char *specs)
{
	struct settings settings = f->in->settings;
	if (specs) {
		settings.specs = specs;
		settings.worktree = FALSE;
	}
	settings.libvirt = "none";
	settings.acts = FALSE;
	session_free(f->session);
	f->session = session_new(&settings);
}

/* The branch, where it is not on this machine; a fetch that fails is tried again later. */
static gboolean fetch(struct following *f, GError **error)
{
	g_autoptr(GError) later = NULL;
	if (!f->push || (f->tip && f->n_looks % FETCH_LOOKS))
		return TRUE;
	if (!push_fetch(f->push, f->tip ? &later : error))
		return f->tip != NULL;
	if (g_strcmp0(f->tip, push_tip(f->push)) == 0)
		return TRUE;
	g_free(f->tip);
	f->tip = g_strdup(push_tip(f->push));
	open_session(f, f->tip);
	return TRUE;
}

/* -- until the end ---------------------------------------------------------------------------------------- */

static int follow_on(struct following *f)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before;
	g_autoptr(GError) error = NULL;
	int code = -1;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, &before);
	while (code < 0) {
		code = fetch(f, &error) ? look(f) : command_fail(error);
		if (code < 0 && !is_interrupted)
			g_usleep(LOOK_MS * 1000);
		if (is_interrupted && code < 0)
			code = EXIT_INTERRUPTED;
	}
	sigaction(SIGINT, &before, NULL);
	if (code == EXIT_INTERRUPTED)
		fputs("\ncleave: the rendering goes on without you\n", stderr);
	return code;
}

static void following_init(struct following *f, const struct invocation *in)
{
	*f = (struct following){ .in = in, .jobs = g_ptr_array_new_with_free_func(followed_free), .ids = g_ptr_array_new(),
		                 .progress = progress_new(in->output == OUTPUT_JSON, isatty(STDOUT_FILENO)) };
}

static void following_clear(struct following *f)
{
	progress_free(f->progress);
	session_free(f->session);
	push_free(f->push);
	g_free(f->tip);
	g_ptr_array_unref(f->ids);
	g_ptr_array_unref(f->jobs);
}

int follow_submitted(const struct invocation *in, const char *job)
{
	g_autoptr(GError) error = NULL;
	char *names[] = { (char *)job, NULL };
	struct invocation of_job = *in;
	struct following f;
	of_job.args = names;
	of_job.n_args = 1;
	following_init(&f, &of_job);
	f.shows_first_frame = in->output != OUTPUT_JSON;
	f.push = proposal_open(in, &error);
	int code = f.push ? follow_on(&f) : command_fail(error);
	following_clear(&f);
	return code;
}

int command_follow(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct following f;
	const char *specs = in->settings.specs;
	following_init(&f, in);
	if (strchr(specs, ':') && !g_file_test(specs, G_FILE_TEST_EXISTS))
		f.push = proposal_open(in, &error); /* a URL */
	else
		open_session(&f, NULL);
	int code = error ? command_fail(error) : follow_on(&f);
	if (code == EXIT_FINE && f.n_looks && !f.jobs->len && in->output != OUTPUT_JSON)
		puts("all jobs are complete");
	following_clear(&f);
	return code;
}
