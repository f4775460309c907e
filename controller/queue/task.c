/* One table of fields; encoder and decoder loop over it. */
#include "queue/task.h"
#include "base/arena.h"
#include "base/error.h"
#include <jansson.h>
#include <stddef.h>

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_TEXTS };

struct field {
	const char *name;
	enum field_type type;
	gsize offset;
	gboolean is_required; /* a text may not be empty, a number not be absent */
};

#define ROW(type_, tag, name, member, required) { name, type_, offsetof(struct tag, member), required }
#define TEXT(name, member, required) ROW(FIELD_TEXT, task, name, member, required)
#define NUMBER(name, member) ROW(FIELD_NUMBER, task, name, member, FALSE)
#define TEXTS(name, member) ROW(FIELD_TEXTS, task, name, member, FALSE)

static const struct field task_fields[] = {
	TEXT("sceneRoot", scene_root, FALSE),
	TEXT("scenePath", scene_path, FALSE),
	TEXT("sceneUrl", scene_url, FALSE),
	TEXT("sceneBlend", scene_blend, FALSE),
	TEXT("sceneSha256", scene_sha256, TRUE),
	TEXT("inputsMode", inputs_mode, FALSE),
	TEXTS("inputs", inputs),
	TEXT("inputsSha256", inputs_sha256, FALSE),
	TEXT("blender", blender, FALSE),
	TEXT("blenderUrl", blender_url, FALSE),
	TEXT("blenderFile", blender_file, FALSE),
	TEXT("blenderSha256", blender_sha256, FALSE),
	TEXT("engine", engine, TRUE),
	TEXT("device", device, TRUE),
	NUMBER("samples", samples),
	NUMBER("width", width),
	NUMBER("height", height),
	TEXT("sceneName", scene_name, FALSE),
	TEXT("camera", camera, FALSE),
	TEXTS("viewLayers", view_layers),
	TEXT("denoise", denoise, FALSE),
	NUMBER("threads", n_threads),
	TEXTS("arguments", arguments),
	NUMBER("scripts", runs_scripts),
	TEXT("outputRoot", output_root, TRUE),
	NUMBER("keepCopies", keeps_copies),
	TEXT("checkBlack", check_black, FALSE),
	TEXT("checkConstant", check_constant, FALSE),
	TEXT("checkNan", check_nan, FALSE),
	TEXT("checkMissingAssets", check_missing_assets, FALSE),
	NUMBER("timeLimitMs", time_limit_ms),
	NUMBER("memoryLimit", memory_limit_bytes),
	{ 0 },
};

#define OUTPUT(name, member, required) ROW(FIELD_TEXT, task_output, name, member, required)
static const struct field output_fields[] = {
	OUTPUT("name", name, FALSE),
	OUTPUT("path", path_template, TRUE),
	OUTPUT("node", node, FALSE),
	OUTPUT("format", format, TRUE),
	OUTPUT("colorMode", color_mode, FALSE),
	OUTPUT("colorDepth", color_depth, FALSE),
	OUTPUT("codec", codec, FALSE),
	{ 0 },
};

enum { OUTPUTS_MAX = 64 };
/* Larger ones are not exact in JSON (RFC 8259, 6), and a time in ms stays one in µs. */
#define NUMBER_MAX ((json_int_t)1 << 53)

/* -- encoding -------------------------------------------------------------------------------- */

static json_t *encode_texts(const char *const *texts)
{
	json_t *list = texts && texts[0] ? json_array() : NULL;
	for (guint i = 0; list && texts[i]; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

/* NULL: the member says nothing. */
static json_t *encode_field(const struct field *f, const void *member)
{
	const char *text;
	gint64 number;
	switch (f->type) {
	case FIELD_TEXT: text = *(const char *const *)member; return text && *text ? json_string(text) : NULL;
	case FIELD_NUMBER: number = *(const gint64 *)member; return number ? json_integer(number) : NULL;
	case FIELD_TEXTS: return encode_texts(*(const char *const *const *)member);
	}
	g_assert_not_reached();
}

static json_t *encode_struct(const struct field *fields, const void *from)
{
	json_t *object = json_object();
	for (const struct field *f = fields; f->name; f++) {
		json_t *value = encode_field(f, (const char *)from + f->offset);
		if (value)
			json_object_set_new(object, f->name, value);
	}
	return object;
}

char *task_encode(const struct task *task)
{
	json_t *object = encode_struct(task_fields, task), *outputs = json_array();
	for (guint i = 0; i < task->n_outputs; i++)
		json_array_append_new(outputs, encode_struct(output_fields, &task->outputs[i]));
	json_object_set_new(object, "outputs", outputs);
	char *json = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	char *copy = g_strdup(json);
	free(json);
	json_decref(object);
	return copy;
}

/* -- decoding -------------------------------------------------------------------------------- */

static gboolean decode_texts(struct arena *a, const json_t *value, const char *name, const char *const **ret, GError **error)
{
	gsize n = json_array_size(value);
	const char **texts = ARENA_ARRAY(a, const char *, n + 1);
	if (value && !json_is_array(value))
		return fail(error, ERROR_INVALID, "the task's %s is not a list", name);
	for (gsize i = 0; i < n; i++) {
		const json_t *item = json_array_get(value, i);
		if (!json_is_string(item))
			return fail(error, ERROR_INVALID, "the task's %s is not a list of texts", name);
		texts[i] = arena_strdup(a, json_string_value(item));
	}
	texts[n] = NULL;
	*ret = n ? texts : NULL;
	return TRUE;
}

static gboolean decode_value(struct arena *a, const json_t *value, const struct field *f, void *member, GError **error)
{
	if (!value && f->is_required)
		return fail(error, ERROR_INVALID, "the task has no %s", f->name);
	switch (f->type) {
	case FIELD_TEXT:
		if (value && (!json_is_string(value) || (f->is_required && json_string_length(value) == 0)))
			return fail(error, ERROR_INVALID, "the task's %s is not a text", f->name);
		*(const char **)member = arena_strdup(a, value ? json_string_value(value) : "");
		return TRUE;
	case FIELD_NUMBER:
		if (value && (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > NUMBER_MAX))
			return fail(error, ERROR_INVALID, "the task's %s is not a whole number from 0", f->name);
		*(gint64 *)member = value ? json_integer_value(value) : 0;
		return TRUE;
	case FIELD_TEXTS: return decode_texts(a, value, f->name, member, error);
	}
	g_assert_not_reached();
}

/* Takes the fields out of the object, so that what is left is unknown. */
static gboolean decode_struct(struct arena *a, json_t *object, const struct field *fields, void *ret, GError **error)
{
	if (!json_is_object(object))
		return fail(error, ERROR_INVALID, "the task is not a JSON object");
	for (const struct field *f = fields; f->name; f++) {
		if (!decode_value(a, json_object_get(object, f->name), f, (char *)ret + f->offset, error))
			return FALSE;
		json_object_del(object, f->name);
	}
	void *unknown = json_object_iter(object);
	return !unknown || fail(error, ERROR_INVALID, "the task has %s, which this worker does not know; it is too old",
				json_object_iter_key(unknown));
}

static gboolean decode_task(struct arena *a, json_t *object, struct task *ret, GError **error)
{
	struct task task = { 0 };
	json_t *outputs = json_incref(json_object_get(object, "outputs"));
	gsize n = json_array_size(outputs);
	gboolean is_right = json_is_object(object) && n > 0 && n <= OUTPUTS_MAX;
	if (!json_is_object(object))
		fail(error, ERROR_INVALID, "the task is not a JSON object");
	else if (!is_right)
		fail(error, ERROR_INVALID, "the task's outputs are not a list of 1 to %d", OUTPUTS_MAX);
	task.outputs = ARENA_ARRAY(a, struct task_output, n);
	task.n_outputs = (guint)n;
	for (gsize i = 0; i < n && is_right; i++)
		is_right = decode_struct(a, json_array_get(outputs, i), output_fields, &task.outputs[i], error);
	json_object_del(object, "outputs");
	is_right = is_right && decode_struct(a, object, task_fields, &task, error);
	json_decref(outputs);
	if (is_right && !*task.scene_path == !*task.scene_url)
		return fail(error, ERROR_INVALID, "the task has not exactly one of scenePath and sceneUrl");
	if (is_right)
		*ret = task;
	return is_right;
}

gboolean task_decode(struct arena *a, const char *json, struct task *ret, GError **error)
{
	json_error_t problem;
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
	if (!object)
		return fail(error, ERROR_INVALID, "the task is not JSON: %s", problem.text);
	gboolean is_right = decode_task(a, object, ret, error);
	json_decref(object);
	return is_right;
}
