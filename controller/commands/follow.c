/* Looks every second at the one job: its files on the roots and its frames in the queue. No controller is asked, so
 * that it works on any machine that sees both. */
#include "commands/follow.h"
#include "base/arena.h"
#include "base/frameset.h"
#include "commands/progress.h"
#include "commands/proposal.h"
#include "source/push.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 1000, EXIT_INTERRUPTED = 130, QUIET_LOOKS = 60 };

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

struct following {
	const struct invocation *in;
	const char *job;
	struct session *session;
	struct progress *progress;
	char *trouble;        /* as last told */
	gboolean has_shown_path;
};

/* The Farm and the job alone: nothing else is looked at. */
static struct objects *only_the_job(struct arena *a, const struct objects *all, const char *id)
{
	struct objects *few = objects_new(a);
	struct object *const both[] = { objects_farm(all), objects_get(all, KIND_RENDERJOB, id) };
	for (guint i = 0; i < G_N_ELEMENTS(both); i++)
		if (both[i])
			objects_add(few, both[i]);
	return few;
}

/* The first frame that is there, once: something to look at. */
static void show_path(struct following *f, const struct plan *p)
{
	SCOPED_ARENA(a);
	const struct object *have = objects_get(p->have, KIND_RENDERJOB, f->job), *want = objects_get(p->want, KIND_RENDERJOB, f->job);
	const struct renderjob_status *s = have ? have->status : NULL;
	const char *root, *path;
	if (f->has_shown_path || !s || !s->whole.n || !want || f->in->output == OUTPUT_JSON)
		return;
	const struct frame_set *frames = &LIST_AT(s->whole, struct job_frames, 0)->frames;
	struct list outputs = renderjob_outputs(a, want->spec);
	const char *file = LIST_AT(outputs, struct job_output, 0)->file;
	if (!frames->n_runs || !root_path_split(a, file, &root, &path))
		return;
	const struct farm_root *r = farm_root_find(objects_farm(p->want)->spec, root);
	g_autofree char *name = frame_path(path, frames->runs[0].first);
	progress_break(f->progress);
	printf("  first frame: %s%s%s\n", r && r->path ? r->path : root, r && r->path ? "/" : ":", name);
	fflush(stdout);
	f->has_shown_path = TRUE;
}

static void tell_trouble(struct following *f, const struct verdict *v)
{
	g_autofree char *text = v->readiness == IS_STALLED ? g_strdup_printf("%s: %s", v->reason, v->message ? v->message : "") : NULL;
	if (g_strcmp0(text, f->trouble) == 0)
		return;
	progress_break(f->progress);
	if (text)
		fprintf(stderr, "cleave: %s: %s\n", f->job, text);
	g_free(f->trouble);
	f->trouble = g_steal_pointer(&text);
}

/* One look. -1: go on. */
static int look(struct following *f, guint *n_quiet)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct wanted wanted = { 0 };
	int code = -1;
	if (!session_want(f->session, a, &wanted, &error))
		return command_fail(error);
	wanted.objects = only_the_job(a, wanted.objects, f->job);
	struct objects *have = session_observe(f->session, a, wanted.objects, FALSE);
	const struct plan *p = session_plan(f->session, a, &wanted, have, TRUE);
	const struct verdict *v = plan_verdict(p, KIND_RENDERJOB, f->job);
	if (!v) {
		fprintf(stderr, "cleave: there is no RenderJob %s at %s\n", f->job, p->revision);
		code = EXIT_FAILED;
	} else {
		progress_show_job(f->progress, p, f->job);
		show_path(f, p);
		tell_trouble(f, v);
		*n_quiet = v->readiness == IS_STALLED ? *n_quiet + 1 : 0;
		if (v->readiness == IS_READY)
			code = EXIT_FINE;
		else if (v->is_unseen || (v->readiness == IS_STALLED && (v->is_settled || *n_quiet >= QUIET_LOOKS)))
			code = EXIT_FAILED;
	}
	wanted_clear(&wanted);
	return code;
}

static int follow(struct following *f)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before;
	guint n_quiet = 0;
	int code = -1;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, &before);
	while (code < 0) {
		code = look(f, &n_quiet);
		if (code < 0 && !is_interrupted)
			g_usleep(LOOK_MS * 1000);
		if (is_interrupted && code < 0)
			code = EXIT_INTERRUPTED;
	}
	sigaction(SIGINT, &before, NULL);
	if (code == EXIT_INTERRUPTED) {
		progress_break(f->progress);
		fprintf(stderr, "cleave: %s goes on without you\n", f->job);
	}
	return code;
}

int follow_job(const struct invocation *in, const char *job)
{
	g_autoptr(GError) error = NULL;
	struct settings settings = in->settings;
	struct following f = { .in = in, .job = job };
	struct push *tip = proposal_open(in, &error);
	if (!tip || !push_fetch(tip, &error)) {
		push_free(tip);
		return command_fail(error);
	}
	settings.specs = push_tip(tip);
	settings.worktree = FALSE;
	settings.libvirt = "none";
	settings.acts = FALSE;
	f.session = session_new(&settings);
	f.progress = progress_new(in->output == OUTPUT_JSON, isatty(STDOUT_FILENO));
	int code = follow(&f);
	progress_free(f.progress);
	session_free(f.session);
	push_free(tip);
	g_free(f.trouble);
	return code;
}
