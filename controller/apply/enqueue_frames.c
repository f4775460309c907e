/* enqueue-frames: hands frames with their task to the queue. Frames that wait or run already under the
 * same key stay as they are, so doing it twice does what once does. */
#include "apply/job.h"
#include "base/arena.h"

static struct task task_of(struct arena *a, const struct renderjob_spec *values, const char *scene_sha256)
{
	struct task t = { .scene_sha256 = scene_sha256,
		          .blender = values->blender ? values->blender : "",
		          .engine = name_of(&engine_names, values->engine),
		          .device = name_of(&device_names, values->device),
		          .format = name_of(&image_format_names, values->format),
		          .samples = values->samples,
		          .width = values->resolution.width,
		          .height = values->resolution.height,
		          .time_limit_ms = values->time_limit_ms,
		          .camera = "",
		          .view_layer = "",
		          .denoise = "",
		          .color_mode = "",
		          .color_depth = "",
		          .codec = "" };
	root_path_split(a, values->scene.file, &t.scene_root, &t.scene_path);
	root_path_split(a, values->output, &t.output_root, &t.output_template);
	return t;
}

/* The digest the plan keyed these frames with: declared, pinned, or found and pinned just before. */
static const char *scene_digest(const struct apply_input *in, const struct action *act)
{
	const struct renderjob_spec *job = act->want->spec;
	const struct object *have = objects_get(in->plan->have, KIND_RENDERJOB, act->id);
	const struct renderjob_status *s = have->status;
	return renderjob_scene_sha256(job, s);
}

gboolean enqueue_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	struct task task = task_of(in->arena, act->values, scene_digest(in, act));
	struct backlog_part part = { act->key, act->frames, &task };
	struct job_meta meta = job_meta_of(in->arena, act->want->spec, farm);
	struct authority by = job_authority(in);
	guint64 added;
	return backlog_enqueue(in->redis, &by, act->id, &meta, &part, 1, &added, error);
}
