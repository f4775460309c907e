/* The RenderJob's document: what was said, and sensible names for what was not. */
#include "base/arena.h"
#include "commands/submit.h"
#include "spec/farm.h"
#include "spec/fmt.h"
#include "spec/yaml_write.h"
#include <string.h>

/* Options that are keys of the spec as they stand. */
static const struct {
	enum submit_option option;
	const char *key;
} plain_keys[] = {
	{ SUBMIT_BLENDER, "blender" },   { SUBMIT_FRAMES, "frames" }, { SUBMIT_CHUNK, "chunk" },
	{ SUBMIT_ENGINE, "engine" },     { SUBMIT_DEVICE, "device" }, { SUBMIT_SAMPLES, "samples" },
	{ SUBMIT_RESOLUTION, "resolution" }, { SUBMIT_QUEUE, "queue" }, { SUBMIT_PRIORITY, "priority" },
};

/* Letters that a name may not have become '_'. */
static const char *name_from(struct arena *a, const char *text)
{
	char *name = arena_strdup(a, text);
	for (char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
			*c = '_';
	return g_ascii_isalnum(*name) ? name : arena_printf(a, "x%s", name);
}

/* nimbus/SH0040/lgt_v012.blend is job lgt_v012 of nimbus. */
static const char *job_name(struct arena *a, const struct submit_scene *scene)
{
	g_autofree char *base = g_path_get_basename(scene->path ? scene->path : scene->url);
	char *dot = strrchr(base, '.');
	if (dot && dot != base)
		*dot = '\0';
	return name_from(a, base);
}

static const char *project_name(struct arena *a, const struct submit_scene *scene)
{
	const char *slash = scene->path ? strchr(scene->path, '/') : NULL;
	return slash ? name_from(a, arena_strndup(a, scene->path, (gsize)(slash - scene->path))) : NULL;
}

/* A root called frames or renders, or the only one beside the scene's, or the only one. */
static const char *output_root(const struct farm_spec *farm, const struct submit_scene *scene)
{
	static const char *const usual[] = { "frames", "renders", "output" };
	const char *other = NULL;
	guint n = 0;
	for (guint i = 0; i < G_N_ELEMENTS(usual); i++)
		if (farm_root_find(farm, usual[i]))
			return usual[i];
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *root = LIST_AT(farm->roots, struct farm_root, i);
		if (scene->root && strcmp(root->name, scene->root) == 0)
			continue;
		other = root->name;
		n++;
	}
	return n == 1 ? other : n == 0 && scene->root ? scene->root : NULL;
}

static void write_scene(struct yaml_writer *w, const struct submit_scene *scene)
{
	yaml_write_open(w, "scene", FALSE);
	if (scene->url) {
		yaml_write_scalar(w, "url", scene->url, YAML_STYLE_TEXT);
	} else {
		g_autofree char *file = g_strdup_printf("%s:%s", scene->root, scene->path);
		yaml_write_scalar(w, "file", file, YAML_STYLE_TEXT);
	}
	yaml_write_scalar(w, "sha256", scene->sha256, YAML_STYLE_TEXT);
	yaml_write_close(w, FALSE);
}

static void write_labels(struct yaml_writer *w, const char *labels)
{
	g_auto(GStrv) all = g_strsplit(labels, ",", -1);
	yaml_write_open(w, "labels", FALSE);
	for (guint i = 0; all[i]; i++) {
		char *value = strchr(all[i], '=');
		if (value)
			*value++ = '\0';
		yaml_write_scalar(w, all[i], value ? value : "", YAML_STYLE_TEXT);
	}
	yaml_write_close(w, FALSE);
}

static void write_spec(struct yaml_writer *w, const struct invocation *in, const struct submit_scene *scene, const char *project,
                       const char *output)
{
	yaml_write_open(w, "spec", FALSE);
	yaml_write_scalar(w, "project", project, YAML_STYLE_TEXT);
	write_scene(w, scene);
	for (guint i = 0; i < G_N_ELEMENTS(plain_keys); i++)
		if (in->own[plain_keys[i].option])
			yaml_write_scalar(w, plain_keys[i].key, in->own[plain_keys[i].option], YAML_STYLE_PLAIN);
	yaml_write_scalar(w, "output", output, YAML_STYLE_TEXT);
	yaml_write_close(w, FALSE);
}

static void write_document(GString *out, const struct invocation *in, const struct submit_scene *scene, const char *name,
                           const char *project, const char *output)
{
	struct yaml_writer w;
	yaml_write_begin(&w, out, FALSE);
	yaml_write_open(&w, NULL, FALSE);
	yaml_write_scalar(&w, "apiVersion", API_VERSION, YAML_STYLE_PLAIN);
	yaml_write_scalar(&w, "kind", "RenderJob", YAML_STYLE_PLAIN);
	yaml_write_open(&w, "metadata", FALSE);
	yaml_write_scalar(&w, "name", name, YAML_STYLE_TEXT);
	if (in->own[SUBMIT_LABEL])
		write_labels(&w, in->own[SUBMIT_LABEL]);
	yaml_write_close(&w, FALSE);
	write_spec(&w, in, scene, project, output);
	yaml_write_close(&w, FALSE);
	yaml_write_end(&w);
}

gboolean submit_write_job(struct arena *a, const struct invocation *in, const struct farm_spec *farm,
                          const struct submit_scene *scene, const char **ret_id, const char **ret_text, GError **error)
{
	const char *name = in->own[SUBMIT_JOB] ? in->own[SUBMIT_JOB] : job_name(a, scene);
	const char *project = in->own[SUBMIT_PROJECT] ? in->own[SUBMIT_PROJECT] : project_name(a, scene);
	const char *root = output_root(farm, scene), *output = in->own[SUBMIT_OUTPUT];
	if (!project)
		return fail(error, ERROR_USAGE, "which project is it of? Say --project NAME");
	if (!output && !root)
		return fail(error, ERROR_USAGE, "where shall the frames go? Say --output-file ROOT:folder/name.####.png");
	if (!output)
		output = arena_printf(a, "%s:%s/%s/%s.####.png", root, project, name, name);
	g_autoptr(GString) raw = g_string_new(NULL), text = g_string_new(NULL);
	struct problems problems;
	problems_init(&problems, a);
	write_document(raw, in, scene, name, project, output);
	/* In the form that `cleave fmt` leaves alone; what it cannot read the check of the whole tree will name. */
	if (!fmt_yaml(a, "job", raw->str, raw->len, text, &problems))
		g_string_append(text, raw->str);
	problems_clear(&problems);
	*ret_id = arena_printf(a, "%s/%s", project, name);
	*ret_text = arena_strdup(a, text->str);
	return TRUE;
}
