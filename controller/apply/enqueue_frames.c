/* enqueue-frames: hands frames with their task to the queue. Frames that wait or run already under the
 * same key stay as they are, so doing it twice does what once does. */
#include "apply/job.h"
#include "base/arena.h"

static const char *word(const struct name_table *names, int value)
{
	return value ? name_of(names, value) : "";
}

static const char *text(const char *said)
{
	return said ? said : "";
}

static const char *const *texts(struct arena *a, const struct strings *s)
{
	const char **all = s->n ? ARENA_ARRAY(a, const char *, s->n + 1) : NULL;
	for (guint i = 0; i < s->n; i++)
		all[i] = s->items[i];
	return all;
}

/* Bits a channel, as Blender writes them. */
static const char *const depth_words[] = {
	[DEPTH_UNSAID] = "", [DEPTH_8BIT] = "8", [DEPTH_16BIT] = "16", [DEPTH_HALF] = "16", [DEPTH_FLOAT] = "32",
};

static void add_outputs(struct arena *a, const struct renderjob_spec *values, struct task *t)
{
	struct list all = renderjob_outputs(a, values);
	t->outputs = ARENA_ARRAY(a, struct task_output, all.n);
	t->n_outputs = all.n;
	for (guint i = 0; i < all.n; i++) {
		const struct job_output *from = LIST_AT(all, struct job_output, i);
		struct task_output *to = &t->outputs[i];
		*to = (struct task_output){ .name = text(from->name),
			                    .node = text(from->node),
			                    .format = name_of(&image_format_names, from->format),
			                    .color_mode = "",
			                    .color_depth = depth_words[from->depth],
			                    .codec = word(&codec_names, from->codec) };
		root_path_split(a, from->file, &t->output_root, &to->path_template);
	}
}

static void add_scene(struct arena *a, const struct job_scene *scene, struct task *t)
{
	t->scene_root = t->scene_path = "";
	if (scene->file)
		root_path_split(a, scene->file, &t->scene_root, &t->scene_path);
	t->scene_url = text(scene->url);
	t->scene_blend = text(scene->blend);
	t->scene_name = text(scene->name);
	t->camera = text(scene->camera);
	t->view_layers = texts(a, &scene->view_layers);
}

static void add_blender(const struct renderjob_spec *values, const struct farm_spec *farm, struct task *t)
{
	const struct farm_file *file = values->blender ? farm_file_find(&farm->blenders, values->blender) : NULL;
	t->blender = text(values->blender);
	if (!file || file->is_installed)
		return;
	t->blender_url = text(file->url);
	t->blender_file = text(file->file);
	t->blender_sha256 = text(file->sha256);
}

static struct task task_of(struct arena *a, const struct renderjob_spec *values, const struct farm_spec *farm,
                           const struct key_digests *of)
{
	const struct job_checks *checks = &values->checks;
	struct task t = { .scene_sha256 = of->scene,
		          .inputs_mode = values->inputs.files.n ? "files" : word(&inputs_names, values->inputs.mode),
		          .inputs = texts(a, &values->inputs.files),
		          /* Of traced files it is no digest that a worker could compare. */
		          .inputs_sha256 = text(values->inputs.files.n ? of->inputs : NULL),
		          .engine = name_of(&engine_names, values->engine),
		          .device = name_of(&device_names, values->device),
		          .samples = values->samples,
		          .width = values->resolution.width,
		          .height = values->resolution.height,
		          .denoise = word(&denoise_names, values->denoise),
		          .n_threads = values->n_threads,
		          .arguments = texts(a, &values->arguments),
		          .runs_scripts = values->scripts,
		          .check_black = word(&check_names, checks->black),
		          .check_constant = word(&check_names, checks->constant),
		          .check_nan = word(&check_names, checks->nan),
		          .check_missing_assets = word(&check_names, checks->missing_assets),
		          .time_limit_ms = values->time_limit_ms,
		          .memory_limit_bytes = (gint64)values->memory_limit_bytes };
	add_scene(a, &values->scene, &t);
	add_blender(values, farm, &t);
	add_outputs(a, values, &t);
	t.keeps_copies = farm_root_find(farm, t.output_root)->store.copies;
	return t;
}

/* What the plan keyed these frames with: declared, pinned, or found and pinned just before. */
static struct key_digests digests_of(const struct apply_input *in, const struct action *act)
{
	const struct object *have = objects_get(in->plan->have, KIND_RENDERJOB, act->id);
	return frame_key_digests(act->want->spec, have->status);
}

/* What the key stands for is written beside the frames, once, so that a later plan can say what is different. */
static gboolean record_key(const struct apply_input *in, const struct action *act, const struct key_digests *of, GError **error)
{
	struct job_place p;
	const char *name = arena_printf(in->arena, PIN_KEY "%s", act->key);
	gboolean ok = job_place_find(in, act, &p, error), is_new = ok && !manifest_pin(p.view, name);
	struct manifest *m = is_new ? job_place_manifest(in, &p, error) : NULL;
	if (is_new) {
		const char *text = frame_key_text(in->arena, act->values, of);
		g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
		struct record pin = { .type = RECORD_PIN, .file = name, .sha256 = sum, .values = text };
		ok = m && manifest_append(m, &pin, error);
	}
	if (m)
		manifest_close(m);
	job_place_clear(&p);
	return ok;
}

gboolean enqueue_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	const struct key_digests of = digests_of(in, act);
	struct task task = task_of(in->arena, act->values, farm, &of);
	struct backlog_part part = { act->key, act->frames, &task };
	struct job_meta meta = job_meta_of(in->arena, act->want, farm);
	struct authority by = job_authority(in);
	guint64 added;
	if (!record_key(in, act, &of, error))
		return FALSE;
	return backlog_enqueue(in->redis, &by, act->id, &meta, &part, 1, &added, error);
}
