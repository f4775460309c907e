/* Places and authority for the verbs on jobs. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/root.h"
#include "spec/limits.h"
#include <string.h>

gboolean job_place_find(const struct apply_input *in, const struct action *act, struct job_place *ret, GError **error)
{
	const char *root = NULL;
	const struct object *farm = objects_farm(in->plan->want);
	*ret = (struct job_place){ .job = act->want->spec, .farm = farm->spec, .root_fd = -1 };
	ret->outputs = renderjob_outputs(in->arena, ret->job);
	ret->templates = ARENA_ARRAY(in->arena, const char *, ret->outputs.n);
	for (guint i = 0; i < ret->outputs.n; i++)
		root_path_split(in->arena, LIST_AT(ret->outputs, struct job_output, i)->file, &root, &ret->templates[i]);
	ret->root = farm_root_find(ret->farm, root);
	const char *path = farm_root_where(ret->root);
	ret->job_dir = root_job_dir(act->id);
	ret->root_fd = shelf_root(in->shelf, path, error);
	ret->remote = shelf_remote(in->shelf, path);
	ret->view = shelf_view(in->shelf, path, ret->job_dir);
	if (ret->remote)
		remote_begin(ret->remote); /* what is done now is decided by what is there now */
	return ret->root_fd >= 0;
}

void job_place_clear(struct job_place *p)
{
	g_clear_pointer(&p->job_dir, g_free);
}

char *job_place_visible(const struct job_place *p, guint output, gint64 frame)
{
	return frame_path(p->templates[output], frame);
}

struct manifest *job_place_manifest(const struct apply_input *in, const struct job_place *p, GError **error)
{
	g_autofree char *writer = g_strdup_printf("controller-%s", in->plan->host);
	struct manifest *m = manifest_open_remote(p->remote, p->root_fd, p->job_dir, writer, error);
	if (m)
		manifest_follow(m, p->view);
	return m;
}

gboolean upkeep_place_find(const struct apply_input *in, const struct action *act, struct upkeep_place *ret, GError **error)
{
	const struct object *farm = objects_farm(in->plan->want);
	*ret = (struct upkeep_place){ .root = farm_root_find(farm->spec, act->upkeep->root), .job_dir = root_job_dir(act->id) };
	/* The next look finds what is left, and what has come meanwhile. */
	shelf_upkeep_again(in->shelf);
	const char *where = farm_root_where(ret->root);
	ret->root_fd = shelf_root(in->shelf, where, error);
	ret->remote = shelf_remote(in->shelf, where);
	ret->view = ret->root_fd >= 0 ? shelf_view_now(in->shelf, where, ret->job_dir, error) : NULL;
	return ret->view != NULL;
}

void upkeep_place_clear(struct upkeep_place *p)
{
	g_clear_pointer(&p->job_dir, g_free);
}

struct inspection job_place_look(const struct apply_input *in, const struct job_place *p)
{
	return (struct inspection){ .root_fd = p->root_fd,
		                    .job_dir = p->job_dir,
		                    .view = p->view,
		                    .cache = shelf_digests(in->shelf),
		                    .remote = p->remote };
}

struct authority job_authority(const struct apply_input *in)
{
	return (struct authority){ in->fence, (gint64)in->plan->epoch };
}

/* As seed.c tells them to a worker. */
static const char *const *worker_labels(struct arena *a, const struct list *labels)
{
	const char **all = ARENA_ARRAY(a, const char *, labels->n + 1);
	for (guint i = 0; i < labels->n; i++) {
		const struct label *l = LIST_AT(*labels, struct label, i);
		all[i] = arena_printf(a, "%s:%s", l->key, l->value);
	}
	return all;
}

/* Labels root:NAME of the roots that a worker has to have mounted, each once; room for `n_more` labels and the end. */
static guint list_roots(struct arena *a, const struct renderjob_spec *job, guint n_more, const char ***ret)
{
	const struct strings paths = renderjob_paths(a, job);
	const char *root, *path, **labels = ARENA_ARRAY(a, const char *, paths.n + n_more + 1);
	guint n = 0;
	for (guint i = 0; i < paths.n; i++) {
		if (!root_path_split(a, paths.items[i], &root, &path))
			continue;
		const char *label = arena_printf(a, "root:%s", root);
		if (!g_strv_contains(labels, label))
			labels[n++] = label;
	}
	*ret = labels;
	return n;
}

struct job_meta job_meta_of(struct arena *a, const struct object *o, const struct farm_spec *farm)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_file *blender = job->blender ? farm_file_find(&farm->blenders, job->blender) : NULL;
	struct scope_limit *wanted;
	guint n_limits = limits_of(a, farm, o, &wanted);
	struct job_limit *limits = ARENA_ARRAY(a, struct job_limit, n_limits);
	for (guint i = 0; i < n_limits; i++)
		limits[i] = (struct job_limit){ wanted[i].scope, wanted[i].n_frames };
	const char **requires;
	guint n = list_roots(a, job, 1, &requires);
	requires[n] = arena_printf(a, "device:%s", name_of(&device_names, job->device));
	return (struct job_meta){ .rank = farm_queue_rank(farm, job->queue),
		                  .priority = job->priority,
		                  .chunk = job->chunk.n_frames,
		                  .chunk_seconds = job->chunk.seconds,
		                  .order = MAX(job->order - ORDER_FORWARD, BACKLOG_FORWARD),
		                  .n_retries = job->retries,
		                  .blender = job->blender ? job->blender : "",
		                  .is_installable = blender && !blender->is_installed,
		                  .requires = requires,
		                  .labels = worker_labels(a, &job->requires.labels),
		                  .vram_bytes = job->requires.vram_bytes,
		                  .n_gpus = job->requires.n_gpus,
		                  .limits = limits,
		                  .n_limits = n_limits };
}
