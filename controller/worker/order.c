/* Settings that are not given are left out: Blender then takes the scene's. */
#include "worker/order.h"
#include <jansson.h>
#include <string.h>

#define SECONDS_MAX 1e9 /* of a frame; what says so may say anything */

/* -- orders ---------------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(object, key, json_string(value));
}

static void set_number(json_t *object, const char *key, gint64 value)
{
	if (value)
		json_object_set_new(object, key, json_integer(value));
}

static void set_texts(json_t *object, const char *key, const char *const *texts)
{
	if (!texts || !texts[0])
		return;
	json_t *list = json_array();
	for (guint i = 0; texts[i]; i++)
		json_array_append_new(list, json_string(texts[i]));
	json_object_set_new(object, key, list);
}

/* Without its folders; the extension is what people and programs go by. */
char *order_file(const struct task *t, guint i)
{
	const char *path = t->outputs[i].path_template, *dot = strrchr(path, '.');
	return g_strdup_printf("%u%s", i, dot && !strchr(dot, '/') && !strchr(dot, '#') ? dot : "");
}

static json_t *encode_outputs(const struct task *t)
{
	json_t *list = json_array();
	for (guint i = 0; i < t->n_outputs; i++) {
		const struct task_output *out = &t->outputs[i];
		g_autofree char *file = order_file(t, i);
		json_t *object = json_object();
		set_text(object, "file", file);
		set_text(object, "node", out->node);
		set_text(object, "format", out->format);
		set_text(object, "colorMode", out->color_mode);
		set_text(object, "colorDepth", out->color_depth);
		set_text(object, "codec", out->codec);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *encode_settings(const struct task *t)
{
	json_t *settings = json_object();
	set_text(settings, "engine", t->engine);
	set_text(settings, "device", t->device);
	set_number(settings, "samples", t->samples);
	set_number(settings, "width", t->width);
	set_number(settings, "height", t->height);
	set_text(settings, "scene", t->scene_name);
	set_text(settings, "camera", t->camera);
	set_texts(settings, "viewLayers", t->view_layers);
	set_text(settings, "denoise", t->denoise);
	set_number(settings, "threads", t->n_threads);
	set_number(settings, "scripts", t->runs_scripts);
	set_text(settings, "missing", t->check_missing_assets);
	json_object_set_new(settings, "outputs", encode_outputs(t));
	return settings;
}

char *order_encode(const struct order *o)
{
	json_t *object = json_object();
	json_object_set_new(object, "scene", json_string(o->scene));
	json_object_set_new(object, "sha256", json_string(o->task->scene_sha256));
	json_object_set_new(object, "frame", json_integer(o->frame));
	json_object_set_new(object, "folder", json_string(o->folder));
	json_object_set_new(object, "settings", encode_settings(o->task));
	char *json = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	char *line = g_strconcat(json, "\n", NULL);
	free(json);
	json_decref(object);
	return line;
}

/* -- answers --------------------------------------------------------------------------------- */

static char *get_text(const json_t *object, const char *key)
{
	return g_strdup(json_string_value(json_object_get(object, key)));
}

static guint get_count(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));
	return n > 0 && n < G_MAXINT ? (guint)n : 0;
}

static char **get_texts(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, key);
	GStrvBuilder *builder = g_strv_builder_new();
	for (gsize i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			g_strv_builder_add(builder, json_string_value(json_array_get(list, i)));
	char **texts = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return texts;
}

/* "a, b"; NULL for none. */
static char *get_list(const json_t *object, const char *key)
{
	g_auto(GStrv) texts = get_texts(object, key);
	return texts[0] ? g_strjoinv(", ", texts) : NULL;
}

static void decode_done(const json_t *object, struct answer *a)
{
	a->type = ANSWER_DONE;
	a->seconds = CLAMP(json_number_value(json_object_get(object, "done")), 0, SECONDS_MAX);
	a->has_frame = json_is_integer(json_object_get(object, "frame"));
	a->frame = json_integer_value(json_object_get(object, "frame"));
	a->width = get_count(object, "width");
	a->height = get_count(object, "height");
	a->n_samples = get_count(object, "samples");
	a->device = get_text(object, "device");
	a->muted = get_list(object, "muted");
	a->missing = get_list(object, "missing");
	a->opened = json_object_get(object, "opened") ? get_texts(object, "opened") : NULL;
}

struct answer answer_decode(const char *line)
{
	struct answer a = { 0 };
	json_t *object = json_loads(line, 0, NULL);
	if (json_object_get(object, "hello")) {
		a.type = ANSWER_HELLO;
		a.version = get_text(object, "version");
		a.devices = get_texts(object, "devices");
	} else if (json_object_get(object, "loaded")) {
		a.type = ANSWER_LOADED;
		a.seconds = json_number_value(json_object_get(object, "loaded"));
	} else if (json_object_get(object, "failed")) {
		a.type = ANSWER_FAILED;
		a.reason = get_text(object, "failed");
		a.is_final = json_is_true(json_object_get(object, "final"));
	} else if (json_object_get(object, "done")) {
		decode_done(object, &a);
	}
	json_decref(object);
	return a;
}

void answer_clear(struct answer *a)
{
	g_free(a->version);
	g_strfreev(a->devices);
	g_free(a->reason);
	g_free(a->device);
	g_free(a->muted);
	g_free(a->missing);
	g_strfreev(a->opened);
	*a = (struct answer){ 0 };
}
