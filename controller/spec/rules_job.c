/* Rules of RenderJobs. */
#include "spec/rule.h"

RULE(job_scene_one)
{
	const struct renderjob_spec *job = o->spec;
	if (!job->scene.file == !job->scene.url && HAS_MAP(o, "scene") && HAS(o, "scene.file") == HAS(o, "scene.url"))
		ERROR(o, "scene", "RenderJob %s: scene: give exactly one of file and url", o->id);
	if (job->scene.url && !HAS(o, "scene.sha256"))
		ERROR(o, "scene.url", "RenderJob %s: scene: what is fetched is checked; give its sha256", o->id);
	if (job->scene.follow && job->scene.sha256)
		ERROR(o, "scene.follow", "RenderJob %s: scene: follow goes with whatever the file is, sha256 with one; leave out one of them", o->id);
}

RULE(job_output_one)
{
	const struct renderjob_spec *job = o->spec;
	if (!job->output == !job->outputs.n && HAS(o, "output") == HAS(o, "outputs"))
		ERROR(o, HAS(o, "output") ? "output" : "", "RenderJob %s: give exactly one of output and outputs", o->id);
}

RULE(job_inputs_one)
{
	const struct job_inputs *in = &((const struct renderjob_spec *)o->spec)->inputs;
	if (in->mode && in->files.n)
		ERROR(o, "inputs", "RenderJob %s: inputs: give files or a mode, not both", o->id);
	if (in->sha256 && !in->files.n && in->mode != INPUTS_TRACED && !HAS(o, "inputs.files"))
		ERROR(o, "inputs.sha256", "RenderJob %s: inputs.sha256: a digest of which files? Give inputs.files, or mode: traced", o->id);
}

static void check_root(struct arena *a, const struct object *o, const struct farm_spec *farm, const char *text, const char *at,
                       struct problems *problems)
{
	const char *root, *path;
	if (root_path_split(a, text, &root, &path) && !farm_root_find(farm, root))
		ERROR(o, at, "RenderJob %s: %s: the Farm has no root %s%s", o->id, at, root,
		      rule_known_names(a, &farm->roots, sizeof(struct farm_root)));
}

RULE(job_roots_known)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	if (!farm)
		return;
	check_root(a, o, farm, job->scene.file, "scene.file", problems);
	check_root(a, o, farm, job->output, "output", problems);
	check_root(a, o, farm, job->preview.movie, "preview.movie", problems);
	for (guint i = 0; i < job->outputs.n; i++)
		check_root(a, o, farm, LIST_AT(job->outputs, struct job_output, i)->file, arena_printf(a, "outputs[%u].file", i), problems);
	for (guint i = 0; i < job->inputs.files.n; i++)
		check_root(a, o, farm, job->inputs.files.items[i], arena_printf(a, "inputs.files[%u]", i), problems);
}

RULE(job_queue_known)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	if (farm && job->queue && farm_queue_rank(farm, job->queue) < 0)
		ERROR(o, "queue", "RenderJob %s: queue: the Farm has no queue %s%s", o->id, job->queue,
		      rule_known_names(a, &farm->queues, sizeof(struct farm_queue)));
}

RULE(job_blender_known)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	if (farm && farm->blenders.n && job->blender && !farm_file_find(&farm->blenders, job->blender))
		ERROR(o, "blender", "RenderJob %s: blender: the Farm has no Blender %s%s", o->id, job->blender,
		      rule_known_names(a, &farm->blenders, sizeof(struct farm_file)));
}

/* -- outputs ---------------------------------------------------------------------------------------------- */

static const char *const suffixes[][3] = {
	[FORMAT_PNG] = { ".png" },
	[FORMAT_OPEN_EXR] = { ".exr" },
	[FORMAT_OPEN_EXR_MULTILAYER] = { ".exr" },
	[FORMAT_JPEG] = { ".jpg", ".jpeg" },
	[FORMAT_TIFF] = { ".tif", ".tiff" },
};

const char *image_format_suffix(const char *name)
{
	int format = name ? name_value(&image_format_names, name) : -1;
	return suffixes[format < 0 ? FORMAT_PNG : format][0];
}

/* "; for .exr say `format: OPEN_EXR`" */
static const char *format_of_suffix(struct arena *a, const char *file)
{
	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
		for (guint k = 0; k < G_N_ELEMENTS(suffixes[i]); k++)
			if (suffixes[i][k] && g_str_has_suffix(file, suffixes[i][k]))
				return arena_printf(a, "; for %s say `format: %s`", suffixes[i][k], name_of(&image_format_names, (int)i));
	return "";
}

static void check_suffix(struct arena *a, const struct object *o, const char *path, const char *file, int format, struct problems *problems)
{
	const char *const *all = suffixes[format];
	if (!file || g_str_has_suffix(file, all[0]) || (all[1] && g_str_has_suffix(file, all[1])))
		return;
	ERROR(o, path, "RenderJob %s: %s: names of files in %s end in %s%s", o->id, path, name_of(&image_format_names, format), all[0],
	      format_of_suffix(a, file));
}

RULE(job_output_named_by_format)
{
	const struct renderjob_spec *job = o->spec;
	check_suffix(a, o, "output", job->output, job->format, problems);
	for (guint i = 0; i < job->outputs.n; i++) {
		const struct job_output *out = LIST_AT(job->outputs, struct job_output, i);
		check_suffix(a, o, arena_printf(a, "outputs[%u].file", i), out->file, out->format, problems);
	}
}

static const struct { const char *depths; guint mask; } depths_of[] = {
	[FORMAT_PNG] = { "8bit and 16bit", 1 << DEPTH_8BIT | 1 << DEPTH_16BIT },
	[FORMAT_OPEN_EXR] = { "half and float", 1 << DEPTH_HALF | 1 << DEPTH_FLOAT },
	[FORMAT_OPEN_EXR_MULTILAYER] = { "half and float", 1 << DEPTH_HALF | 1 << DEPTH_FLOAT },
	[FORMAT_JPEG] = { "8bit", 1 << DEPTH_8BIT },
	[FORMAT_TIFF] = { "8bit and 16bit", 1 << DEPTH_8BIT | 1 << DEPTH_16BIT },
};

/* `prefix`: "" or "outputs[2]." */
static void check_format(struct arena *a, const struct object *o, const char *prefix, int format, int depth, int codec,
                         struct problems *problems)
{
	const char *word = name_of(&image_format_names, format);
	const char *depth_at = arena_printf(a, "%sdepth", prefix), *codec_at = arena_printf(a, "%scodec", prefix);
	if (depth && !(depths_of[format].mask & 1u << depth))
		ERROR(o, depth_at, "RenderJob %s: %s: %s has %s", o->id, depth_at, word, depths_of[format].depths);
	if (codec && format != FORMAT_OPEN_EXR && format != FORMAT_OPEN_EXR_MULTILAYER)
		ERROR(o, codec_at, "RenderJob %s: %s: a codec is for OPEN_EXR and OPEN_EXR_MULTILAYER, and the format is %s", o->id, codec_at, word);
}

RULE(job_depth_fits)
{
	const struct renderjob_spec *job = o->spec;
	check_format(a, o, "", job->format, job->depth, job->codec, problems);
	for (guint i = 0; i < job->outputs.n; i++) {
		const struct job_output *out = LIST_AT(job->outputs, struct job_output, i);
		check_format(a, o, arena_printf(a, "outputs[%u].", i), out->format, out->depth, out->codec, problems);
	}
}

RULE(job_preview_has_movie)
{
	const struct renderjob_spec *job = o->spec;
	if (job->preview.fps && !job->preview.movie && !HAS(o, "preview.movie"))
		ERROR(o, "preview.fps", "RenderJob %s: preview.fps: frames a second of which movie? Give preview.movie", o->id);
}

RULE(job_scene_blend)
{
	const struct renderjob_spec *job = o->spec;
	if (job->scene.file && !g_str_has_suffix(job->scene.file, ".blend"))
		ERROR(o, "scene.file", "RenderJob %s: scene.file: a scene is a .blend; an archive is given by its url", o->id);
}

/* -- arguments -------------------------------------------------------------------------------------------- */

/* Blender's arguments that only say more or less about a render. None that runs code, opens a file, or says
 * what is rendered and where to: those are keys of their own.
 * https://docs.blender.org/manual/en/latest/advanced/command_line/arguments.html */
static const struct { const char *name; gboolean has_value; } allowed_arguments[] = {
	{ "--cycles-print-stats", FALSE }, { "--debug-cycles", FALSE },        { "--debug-depsgraph", FALSE },
	{ "--debug-memory", FALSE },       { "--debug-exit-on-error", FALSE }, { "-noaudio", FALSE },
	{ "--verbose", TRUE },             { "--log", TRUE },                  { "--log-level", TRUE },
	{ "--log-show-basename", FALSE },  { "--log-show-timestamp", FALSE },  { "--log-show-backtrace", FALSE },
};

static const char *allowed_list(struct arena *a)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(allowed_arguments); i++)
		g_string_append_printf(s, "%s%s%s", i ? ", " : "", allowed_arguments[i].name, allowed_arguments[i].has_value ? " VALUE" : "");
	return arena_strdup(a, s->str);
}

static int find_argument(const char *text)
{
	for (guint i = 0; i < G_N_ELEMENTS(allowed_arguments); i++)
		if (strcmp(allowed_arguments[i].name, text) == 0)
			return (int)i;
	return -1;
}

/* A number, or names of logs as cycles.*; a value that begins as an argument would be read as one. */
static gboolean is_argument_value(const char *text)
{
	return text && g_ascii_isalnum(*text) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,*") == strlen(text);
}

RULE(job_arguments_allowed)
{
	const struct strings *given = &((const struct renderjob_spec *)o->spec)->arguments;
	for (guint i = 0; i < given->n; i++) {
		int k = find_argument(given->items[i]);
		const char *at = rule_item(a, "arguments", i);
		if (k < 0) {
			ERROR(o, at, "RenderJob %s: %s: `%.80s` is not allowed; threads, frames and output are keys of their own, and allowed are %s", o->id, at,
			      given->items[i], allowed_list(a));
		} else if (allowed_arguments[k].has_value) {
			i++;
			if (!is_argument_value(i < given->n ? given->items[i] : NULL))
				ERROR(o, at, "RenderJob %s: %s: `%s` takes a number or a word as the next item", o->id, at, allowed_arguments[k].name);
		}
	}
}

/* Naming the frames goes frame by frame, counting them does not. */
enum { FRAMES_NAMED_MAX = 10000 };

RULE(job_overrides_inside)
{
	const struct renderjob_spec *job = o->spec;
	for (guint i = 0; i < job->overrides.n && job->frames.n_runs; i++) {
		const struct frame_set *frames = &LIST_AT(job->overrides, struct job_override, i)->frames;
		guint64 n = frames_count(frames), n_outside = n - frames_count_common(frames, &job->frames);
		if (n_outside == 0)
			continue;
		gboolean is_named = n <= FRAMES_NAMED_MAX && frames_count(&job->frames) <= FRAMES_NAMED_MAX;
		struct frame_set outside = is_named ? frames_minus(a, frames, &job->frames) : (struct frame_set){ 0 };
		WARNING(o, rule_item(a, "overrides", i), "RenderJob %s: overrides[%u]: %s are not frames of the job", o->id, i,
		        is_named ? arena_printf(a, "frames %s", frames_format(a, &outside))
		                 : arena_printf(a, "%" G_GUINT64_FORMAT " of its frames", n_outside));
	}
}

RULE(job_chunk_one)
{
	const struct renderjob_spec *job = o->spec;
	if (job->chunk.seconds && HAS(o, "chunk.frames"))
		ERROR(o, "chunk", "RenderJob %s: chunk: frames or seconds, not both", o->id);
}

/* -- order of jobs ---------------------------------------------------------------------------------------- */

/* The job that `after` names: of the same project, or PROJECT/NAME. */
static struct object *job_before(struct arena *a, const struct objects *all, const struct object *o, const struct job_after *after)
{
	const struct renderjob_spec *job = o->spec;
	if (!after->job)
		return NULL;
	return objects_get(all, KIND_RENDERJOB, renderjob_after_id(a, job, after));
}

RULE(job_after_known)
{
	const struct renderjob_spec *job = o->spec;
	for (guint i = 0; i < job->after.n; i++) {
		const struct job_after *after = LIST_AT(job->after, struct job_after, i);
		if (after->job && !job_before(a, all, o, after))
			ERROR(o, rule_item(a, "after", i), "RenderJob %s: after[%u]: there is no RenderJob %s; write NAME of this project, or PROJECT/NAME",
			      o->id, i, after->job);
	}
}

enum visit { NOT_SEEN, ON_THE_WAY, DONE };

struct walk {
	struct arena *arena;
	const struct objects *all;
	struct problems *problems;
	GHashTable *states; /* object → enum visit */
	GPtrArray *way;     /* objects from the first to this one */
};

static void tell_cycle(struct walk *w, const struct object *again)
{
	struct problems *problems = w->problems;
	g_autoptr(GString) text = g_string_new(NULL);
	guint i = 0;
	while (g_ptr_array_index(w->way, i) != again)
		i++;
	for (; i < w->way->len; i++)
		g_string_append_printf(text, "%s after ", ((const struct object *)g_ptr_array_index(w->way, i))->id);
	ERROR(again, "after", "RenderJob %s: after: the jobs wait for each other: %s%s", again->id, text->str, again->id);
}

/* Depth-first; the depth is that of the longest chain, which the stack of a main thread holds. */
enum { CHAIN_MAX = 10000 };

static void visit(struct walk *w, struct object *o)
{
	const struct renderjob_spec *job = o->spec;
	enum visit state = (enum visit)GPOINTER_TO_INT(g_hash_table_lookup(w->states, o));
	if (state == ON_THE_WAY)
		tell_cycle(w, o);
	if (state != NOT_SEEN || w->way->len == CHAIN_MAX)
		return;
	g_hash_table_insert(w->states, o, GINT_TO_POINTER(ON_THE_WAY));
	g_ptr_array_add(w->way, o);
	for (guint i = 0; i < job->after.n; i++) {
		struct object *before = job_before(w->arena, w->all, o, LIST_AT(job->after, struct job_after, i));
		if (before)
			visit(w, before);
	}
	g_ptr_array_set_size(w->way, (gint)w->way->len - 1);
	g_hash_table_insert(w->states, o, GINT_TO_POINTER(DONE));
}

RULE(job_after_cycle)
{
	struct walk w = { a, all, problems, g_hash_table_new(NULL, NULL), g_ptr_array_new() };
	OBJECTS_EACH (job, all, KIND_RENDERJOB)
		visit(&w, job);
	g_hash_table_destroy(w.states);
	g_ptr_array_free(w.way, TRUE);
}
