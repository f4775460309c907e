/* What a pass costs for a large job, before it is told: the frames are looked at and planned, without Redis. A job
 * of 1,000,000 frames that all wait: against counting to as many. One of 20,000 that are all there and whole, seen for
 * the first time and read before: against one fstatat() of each file. */
#include "base/arena.h"
#include "bench.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "observe/observe_job.h"
#include "plan/plan.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define JOB_DIR "p+j"
#define SCENE   "5ce0e5ce0e000000000000000000000000000000000000000000000000000000"

enum { N_QUEUED = 1000000, N_WHOLE = 20000, BATCH = 10000 };

static const struct key_digests of = { SCENE, NULL };

struct work {
	struct arena *arena;
	char *path;
	int fd;
	struct objects *want, *have;
	struct manifest_view *view;
	struct renderjob_status *status;
};

static struct objects *load(struct arena *a, const char *text, struct objects *(*loader)(struct arena *, const struct spec_file *, guint, struct problems *))
{
	struct problems problems;
	struct spec_file file = { .path = "f.yaml", .bytes = text, .size = strlen(text) };
	problems_init(&problems, a);
	struct objects *o = loader(a, &file, 1, &problems);
	if (problems.n_errors)
		g_error("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return o;
}

static void work_begin(struct work *w, guint n_frames)
{
	*w = (struct work){ .arena = arena_new(), .path = g_dir_make_tmp("cleave-bench-XXXXXX", NULL), .view = manifest_view_new() };
	g_autofree char *frames = g_build_filename(w->path, "out", NULL);
	if (g_mkdir_with_parents(frames, 0755) || !root_mark(w->path, "frames", NULL))
		g_error("%s cannot be made", w->path);
	w->fd = root_open(w->path, NULL);
	w->want = load(w->arena, arena_printf(w->arena,
	                         "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n"
	                         "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  roots: {frames: {path: %s}}\n  policy: {budgets: {maxRender: 1000000}}\n"
	                         "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {}\n"
	                         "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j}\nspec:\n  project: p\n"
	                         "  scene: {file: \"frames:a.blend\", sha256: %s}\n  frames: 1-%u\n  samples: 16\n"
	                         "  resolution: 64x64\n  output: \"frames:out/f_#.png\"\n",
	                         w->path, SCENE, n_frames), spec_load);
	w->have = load(w->arena, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nstatus:\n  redis: ok\n  jobOwner: h1\n"
	                         "  roots:\n    frames: {mounted: true}\n", status_load);
	const struct object *want = objects_get(w->want, KIND_RENDERJOB, "p/j");
	struct object *o = ARENA_NEW(w->arena, struct object);
	w->status = arena_alloc(w->arena, sizeof *w->status);
	*o = (struct object){ .kind = want->kind, .meta = want->meta, .id = want->id, .status = w->status };
	w->status->scene.found = SCENE;
	objects_add(w->have, o);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void work_end(struct work *w)
{
	close(w->fd);
	nftw(w->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	manifest_view_free(w->view);
	g_free(w->path);
	arena_free(w->arena);
}

static const struct renderjob_spec *job_of(const struct work *w)
{
	return objects_get(w->want, KIND_RENDERJOB, "p/j")->spec;
}

static const char *only_key(const struct work *w)
{
	return frame_key_groups(w->arena, job_of(w), &of).items[0].key;
}

/* Seconds of CPU for looking at the frames and for planning them. */
static void pass(struct work *w, double *ret_observe_s, double *ret_plan_s, struct plan **ret_plan)
{
	const char *templates[] = { "out/f_#.png" };
	struct looking l = { .arena = w->arena, .job = job_of(w), .templates = templates, .n_outputs = 1,
		                   .inspection = { .root_fd = w->fd, .job_dir = JOB_DIR, .view = w->view } };
	struct move_place own = { "frames", l.inspection };
	const struct plan_input in = { .host = "h1", .revision = "r", .epoch = 1, .want = w->want, .have = w->have };
	GError *error = NULL;
	l.places = &own;
	l.n_places = 1;
	double start = bench_cpu_s();
	if (!manifest_view_update(w->view, w->fd, JOB_DIR, &error) || !observe_frames(&l, &of, w->status, &error))
		g_error("%s", error->message);
	*ret_observe_s = bench_cpu_s() - start;
	start = bench_cpu_s();
	*ret_plan = plan_build(w->arena, &in);
	*ret_plan_s = bench_cpu_s() - start;
}

static double count_all(const struct work *w)
{
	double start = bench_cpu_s();
	volatile gint64 sum = 0; /* or the compiler knows it */
	FRAMES_EACH (it, &job_of(w)->frames)
		sum += it.frame;
	return bench_cpu_s() - start;
}

static void bench_queued(void)
{
	struct work w;
	struct plan *plan;
	double observe_s, plan_s;
	work_begin(&w, N_QUEUED);
	pass(&w, &observe_s, &plan_s, &plan);
	if (plan_effect_count(plan, EFFECT_RENDER) != N_QUEUED)
		g_error("not all frames of a new job are rendered: %u actions, %s", plan->n_actions, plan_verdict(plan, KIND_RENDERJOB, "p/j")->message);
	struct job_frames *queued = ARENA_NEW(w.arena, struct job_frames);
	*queued = (struct job_frames){ frames_range(w.arena, 1, N_QUEUED), only_key(&w), NULL };
	w.status->queued = (struct list){ queued, 1 };
	pass(&w, &observe_s, &plan_s, &plan);
	if (plan->n_actions)
		g_error("a job that waits is acted on");
	bench_report("jobs-1000000-queued", (observe_s + plan_s) * 1e3, "ms", count_all(&w) * 1e3, 0);
	work_end(&w);
}

static void add_whole(const struct work *w, guint i, GArray *records)
{
	const char *key = only_key(w);
	g_autofree char *text = g_strdup_printf("frame %u", i), *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	char *file = arena_printf(w->arena, "out/f_%u.png", i);
	g_autofree char *path = g_build_filename(w->path, file, NULL);
	struct stat st;
	if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL) || stat(path, &st) != 0)
		g_error("%s cannot be written", path);
	const char *sha256 = arena_strdup(w->arena, sum);
	struct record frame = { .type = RECORD_FRAME, .frame = i, .key = key, .token = arena_printf(w->arena, "t%u", i / 5), .sha256 = sha256,
		                .file = file, .size = (guint64)st.st_size };
	const struct file_facts facts = facts_of(&st);
	struct record seen = { .type = RECORD_SEEN, .frame = i, .key = key, .sha256 = sha256, .file = file, .size = facts.size,
		               .ino = facts.ino, .mtime_ns = facts.mtime_ns, .ctime_ns = facts.ctime_ns };
	g_array_append_val(records, frame);
	g_array_append_val(records, seen);
}

static double stat_all(const struct work *w)
{
	double start = bench_cpu_s();
	for (guint i = 1; i <= N_WHOLE; i++) {
		char path[64];
		struct stat st;
		g_snprintf(path, sizeof path, "out/f_%u.png", i);
		if (fstatat(w->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
			g_error("%s is not there", path);
	}
	return bench_cpu_s() - start;
}

static void bench_whole(void)
{
	struct work w;
	struct plan *plan;
	double first_s, observe_s, plan_s;
	work_begin(&w, N_WHOLE);
	struct manifest *m = manifest_open(w.fd, JOB_DIR, "w", NULL);
	for (guint i = 1; i <= N_WHOLE; i += BATCH) {
		g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(struct record));
		for (guint k = i; k < i + BATCH; k++)
			add_whole(&w, k, records);
		if (!manifest_append_all(m, (const struct record *)(gpointer)records->data, records->len, NULL))
			g_error("the manifest cannot be written");
	}
	manifest_close(m);
	pass(&w, &first_s, &plan_s, &plan);
	pass(&w, &observe_s, &plan_s, &plan);
	if (plan->n_actions != 1 || plan->actions[0].verb != VERB_COMPLETE_JOB)
		g_error("a whole job is not complete");
	double stat_s = stat_all(&w);
	bench_report("jobs-20000-whole-first", first_s * 1e3, "ms", stat_s * 1e3, 0);
	bench_report("jobs-20000-whole", (observe_s + plan_s) * 1e3, "ms", stat_s * 1e3, 0);
	work_end(&w);
}

int main(void)
{
	bench_queued();
	bench_whole();
	return 0;
}
