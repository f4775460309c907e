/* Plain workers: a short window of tasks in the list of each queue that has one. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/frame_key.h"

enum { LOOK_MS = 1000 };

/* What the item in the list has no word for; NULL: the job can be told. */
static const char *untold(struct arena *a, const struct farm_spec *farm, const struct renderjob_spec *job)
{
	const struct job_scene *s = &job->scene;
	const char *root, *path;
	const char *files[] = { job->output, s->file };
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		const struct farm_root *r = files[i] && root_path_split(a, files[i], &root, &path) ? farm_root_find(farm, root) : NULL;
		if (r && !r->path)
			return "a root that is no folder";
	}
	if (s->url ? !g_str_has_prefix(s->url, "http") || !s->blend : s->blend != NULL)
		return "an archive";
	if (s->name || s->camera || s->view_layers.n)
		return "a scene, camera or view layer";
	if (job->outputs.n)
		return "several outputs";
	if (job->denoise || job->n_threads || job->arguments.n || job->scripts)
		return "denoise, threads, arguments or scripts";
	return NULL;
}

/* They render whatever lies there: where that is not what the frames are keyed with they get none, for what they made
 * of it would be thrown away. */
static gboolean has_its_files(const struct renderjob_spec *job, const struct renderjob_status *s)
{
	const struct key_digests of = frame_key_digests(job, s);
	gboolean is_scene = job->scene.url || g_strcmp0(s->scene.found, of.scene) == 0;
	return is_scene && (!job->inputs.files.n || g_strcmp0(s->inputs.found, of.inputs) == 0);
}

/* Jobs of the queue that have frames for plain workers. */
static struct strings jobs_of(struct builder *b, const struct farm_spec *farm, guint rank, const char *list)
{
	struct strings jobs = { ARENA_ARRAY(b->arena, const char *, b->in->want->by_kind[KIND_RENDERJOB]->len + 1), 0 };
	OBJECTS_EACH (o, b->in->want, KIND_RENDERJOB) {
		const struct renderjob_spec *job = o->spec;
		const struct object *have = objects_get(b->in->have, KIND_RENDERJOB, o->id);
		const struct renderjob_status *s = have ? have->status : NULL;
		if (!s || !s->queued.n || !has_its_files(job, s) || builder_suspension(b, o) || farm_queue_rank(farm, job->queue) != (int)rank)
			continue;
		const char *why = untold(b->arena, farm, job);
		if (why)
			builder_note(b, KIND_RENDERJOB, o->id,
			             arena_printf(b->arena, "not given to the plain workers of %s, who cannot be told of %s", list, why));
		else
			jobs.items[jobs.n++] = o->id;
	}
	return jobs;
}

static struct action *act_on_list(struct builder *b, enum verb verb, const struct object *farm, const char *list, gint64 n,
                                  const char *reason)
{
	struct action *act = builder_act(b, verb, farm, KIND_FARM, farm->id, reason);
	act->list = list;
	act->count = (guint64)n;
	return act;
}

static void plan_list(struct builder *b, const struct object *farm, const struct farm_plain_status *s, guint rank)
{
	struct strings jobs = jobs_of(b, farm->spec, rank, s->list);
	/* They tell nobody what they do. */
	if (s->n_waiting + s->n_running + s->n_news)
		builder_wake(b, LOOK_MS);
	if (s->n_news)
		act_on_list(b, VERB_TAKE_PLAIN_RESULTS, farm, s->list, s->n_news,
		            arena_printf(b->arena, "tasks of %s ended, or are to be looked after", s->list));
	if (s->n_room && jobs.n)
		act_on_list(b, VERB_FEED_PLAIN_WORKERS, farm, s->list, s->n_room,
		            arena_printf(b->arena, "%s has room for tasks", s->list))->jobs = jobs;
}

void plan_plain(struct builder *b, const struct object *farm, const struct farm_status *seen)
{
	const struct farm_spec *want = farm->spec;
	for (guint i = 0; i < seen->plain.n; i++) {
		const struct farm_plain_status *s = LIST_AT(seen->plain, struct farm_plain_status, i);
		for (guint rank = 0; rank < want->queues.n; rank++)
			if (g_strcmp0(LIST_AT(want->queues, struct farm_queue, rank)->list, s->list) == 0)
				plan_list(b, farm, s, rank);
	}
}
