/* Places and authority for the verbs on jobs. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/root.h"

gboolean job_place_find(const struct apply_input *in, const struct action *act, struct job_place *ret, GError **error)
{
	const char *root = NULL;
	const struct object *farm = objects_farm(in->plan->want);
	*ret = (struct job_place){ .job = act->want->spec, .farm = farm->spec, .root_fd = -1 };
	ret->outputs = renderjob_outputs(in->arena, ret->job);
	ret->templates = ARENA_ARRAY(in->arena, const char *, ret->outputs.n);
	for (guint i = 0; i < ret->outputs.n; i++)
		root_path_split(in->arena, LIST_AT(ret->outputs, struct job_output, i)->file, &root, &ret->templates[i]);
	const char *path = farm_root_find(ret->farm, root)->path;
	ret->job_dir = root_job_dir(act->id);
	ret->root_fd = shelf_root(in->shelf, path, error);
	ret->view = shelf_view(in->shelf, path, ret->job_dir);
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
	struct manifest *m = manifest_open(p->root_fd, p->job_dir, writer, error);
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
	ret->root_fd = shelf_root(in->shelf, ret->root->path, error);
	ret->view = shelf_view(in->shelf, ret->root->path, ret->job_dir);
	return ret->root_fd >= 0 && manifest_view_update(ret->view, ret->root_fd, ret->job_dir, error);
}

void upkeep_place_clear(struct upkeep_place *p)
{
	g_clear_pointer(&p->job_dir, g_free);
}

struct authority job_authority(const struct apply_input *in)
{
	return (struct authority){ in->fence, (gint64)in->plan->epoch };
}

struct job_meta job_meta_of(struct arena *a, const struct renderjob_spec *job, const struct farm_spec *farm)
{
	const char *output_root, *scene_root, *path;
	const char **requires = ARENA_ARRAY(a, const char *, 4);
	root_path_split(a, job->output, &output_root, &path);
	root_path_split(a, job->scene.file, &scene_root, &path);
	requires[0] = arena_printf(a, "root:%s", output_root);
	requires[1] = arena_printf(a, "root:%s", scene_root);
	requires[2] = arena_printf(a, "device:%s", name_of(&device_names, job->device));
	return (struct job_meta){ .rank = farm_queue_rank(farm, job->queue),
		                  .priority = job->priority,
		                  .chunk = job->chunk.n_frames,
		                  .n_retries = job->retries,
		                  .is_paused = job->suspend,
		                  .blender = job->blender ? job->blender : "",
		                  .requires = requires };
}
