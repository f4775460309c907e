/* One table of fields; encoder and decoder loop over it. */
#include "queue/task.h"
#include "base/arena.h"
#include "base/error.h"
#include <jansson.h>
#include <stddef.h>

enum field_type { FIELD_TEXT, FIELD_NUMBER };

struct field {
	const char *name;
	enum field_type type;
	gsize offset;
	gboolean is_required; /* a text may not be empty, a number not be absent */
};

#define TEXT(name, member, required)                                                                                   \
	{                                                                                                              \
		name, FIELD_TEXT, offsetof(struct task, member), required                                              \
	}
#define NUMBER(name, member, required)                                                                                 \
	{                                                                                                              \
		name, FIELD_NUMBER, offsetof(struct task, member), required                                            \
	}

static const struct field fields[] = {
	TEXT("sceneRoot", scene_root, TRUE),
	TEXT("scenePath", scene_path, TRUE),
	TEXT("sceneSha256", scene_sha256, TRUE),
	TEXT("blender", blender, FALSE),
	TEXT("engine", engine, TRUE),
	TEXT("device", device, TRUE),
	NUMBER("samples", samples, FALSE),
	NUMBER("width", width, FALSE),
	NUMBER("height", height, FALSE),
	TEXT("camera", camera, FALSE),
	TEXT("viewLayer", view_layer, FALSE),
	TEXT("denoise", denoise, FALSE),
	NUMBER("threads", n_threads, FALSE),
	TEXT("outputRoot", output_root, TRUE),
	TEXT("outputTemplate", output_template, TRUE),
	TEXT("format", format, TRUE),
	TEXT("colorMode", color_mode, FALSE),
	TEXT("colorDepth", color_depth, FALSE),
	TEXT("codec", codec, FALSE),
	NUMBER("timeLimitMs", time_limit_ms, FALSE),
};

char *task_encode(const struct task *task)
{
	json_t *object = json_object();
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
		const char *at = (const char *)task + fields[i].offset;
		json_t *value;
		if (fields[i].type == FIELD_TEXT) {
			const char *text = *(const char *const *)(const void *)at;
			value = text && *text ? json_string(text) : NULL;
		} else {
			gint64 number = *(const gint64 *)(const void *)at;
			value = number ? json_integer(number) : NULL;
		}
		if (value)
			json_object_set_new(object, fields[i].name, value);
	}
	char *json = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	char *copy = g_strdup(json);
	free(json);
	json_decref(object);
	return copy;
}

/* Takes the field out of the object, so that what is left is unknown. */
static gboolean decode_field(struct arena *a, json_t *object, const struct field *f, struct task *ret, GError **error)
{
	char *at = (char *)ret + f->offset;
	json_t *value = json_object_get(object, f->name);
	if (!value && f->is_required)
		return fail(error, ERROR_INVALID, "the task has no %s", f->name);
	if (f->type == FIELD_TEXT) {
		if (value && (!json_is_string(value) || (f->is_required && json_string_length(value) == 0)))
			return fail(error, ERROR_INVALID, "the task's %s is not a text", f->name);
		*(const char **)(void *)at = arena_strdup(a, value ? json_string_value(value) : "");
	} else {
		if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
			return fail(error, ERROR_INVALID, "the task's %s is not a whole number from 0", f->name);
		*(gint64 *)(void *)at = value ? json_integer_value(value) : 0;
	}
	json_object_del(object, f->name);
	return TRUE;
}

static gboolean decode_object(struct arena *a, json_t *object, struct task *ret, GError **error)
{
	struct task task = { 0 };
	if (!json_is_object(object))
		return fail(error, ERROR_INVALID, "the task is not a JSON object");
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		if (!decode_field(a, object, &fields[i], &task, error))
			return FALSE;
	void *unknown = json_object_iter(object);
	if (unknown)
		return fail(error, ERROR_INVALID, "the task has %s, which this worker does not know; it is too old",
			    json_object_iter_key(unknown));
	*ret = task;
	return TRUE;
}

gboolean task_decode(struct arena *a, const char *json, struct task *ret, GError **error)
{
	json_error_t problem;
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
	if (!object)
		return fail(error, ERROR_INVALID, "the task is not JSON: %s", problem.text);
	gboolean is_right = decode_object(a, object, ret, error);
	json_decref(object);
	return is_right;
}
