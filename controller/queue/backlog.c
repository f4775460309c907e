/* See lua/owner.lua and lua/show.lua. */
#include "queue/backlog.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/functions.h"
#include "queue/range.h"
#include <jansson.h>
#include <string.h>

/* -- changing -------------------------------------------------------------------------------- */

static json_t *encode_requires(const char *const *requires)
{
	json_t *list = json_array();
	for (guint i = 0; requires && requires[i]; i++)
		json_array_append_new(list, json_string(requires[i]));
	return list;
}

static char *encode_meta(const struct job_meta *m)
{
	json_t *object = json_object();
	json_object_set_new(object, "rank", json_integer(m->rank));
	json_object_set_new(object, "priority", json_integer(m->priority));
	json_object_set_new(object, "chunk", json_integer(m->chunk));
	json_object_set_new(object, "retries", json_integer(m->n_retries));
	json_object_set_new(object, "paused", json_boolean(m->is_paused));
	json_object_set_new(object, "blender", json_string(m->blender ? m->blender : ""));
	json_object_set_new(object, "requires", encode_requires(m->requires));
	char *json = json_dumps(object, JSON_COMPACT);
	char *copy = g_strdup(json);
	free(json);
	json_decref(object);
	return copy;
}

static gboolean check_parts(const struct backlog_part *parts, guint n_parts, GError **error)
{
	for (guint i = 0; i < n_parts; i++)
		for (guint j = 0; j < i; j++)
			if (frames_overlap(&parts[i].frames, &parts[j].frames))
				return fail(error, ERROR_INVALID, "two parts of a job have a frame in common");
	return TRUE;
}

gboolean backlog_enqueue(struct redis *r, const struct authority *by, const char *job, const struct job_meta *meta,
			 const struct backlog_part *parts, guint n_parts, guint64 *ret_added, GError **error)
{
	g_autofree char *json = encode_meta(meta);
	g_autoptr(GPtrArray) ranges = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) tasks = g_ptr_array_new_with_free_func(g_free);
	gint64 n_added = 0;
	if (!check_parts(parts, n_parts, error))
		return FALSE;
	for (guint i = 0; i < n_parts; i++) {
		range_append(ranges, &parts[i].frames, parts[i].key);
		g_ptr_array_add(tasks, g_strdup(parts[i].key));
		g_ptr_array_add(tasks, task_encode(parts[i].task));
	}
	if (!function_call_number(r, error, &n_added, "enqueue", "iissivv", by->fence, by->epoch, job, json,
				  (gint64)ranges->len, ranges, tasks)) {
		g_prefix_error(error, "queueing frames of %s: ", job);
		return FALSE;
	}
	*ret_added = (guint64)n_added;
	return TRUE;
}

gboolean backlog_update(struct redis *r, const struct authority *by, const char *job, const struct job_meta *meta,
			GError **error)
{
	g_autofree char *json = encode_meta(meta);
	gint64 is_known;
	if (!function_call_number(r, error, &is_known, "update", "iiss", by->fence, by->epoch, job, json)) {
		g_prefix_error(error, "changing %s in the queue: ", job);
		return FALSE;
	}
	return is_known || fail(error, ERROR_NOT_FOUND, "nothing of %s is in the queue", job);
}

gboolean backlog_cancel(struct redis *r, const struct authority *by, const char *job, const struct frame_set *frames,
			GError **error)
{
	g_autoptr(GPtrArray) ranges = g_ptr_array_new_with_free_func(g_free);
	gint64 ignored;
	if (frames)
		range_append(ranges, frames, "");
	if (!function_call_number(r, error, &ignored, "cancel", "iisiv", by->fence, by->epoch, job,
				  (gint64)(frames ? 0 : 1), ranges)) {
		g_prefix_error(error, "cancelling frames of %s: ", job);
		return FALSE;
	}
	return TRUE;
}

/* -- looking --------------------------------------------------------------------------------- */

static const char *const *decode_requires(struct arena *a, const char *json)
{
	json_t *list = json_loads(json, 0, NULL);
	gsize n = json_is_array(list) ? json_array_size(list) : 0;
	const char **labels = ARENA_ARRAY(a, const char *, n + 1);
	for (gsize i = 0; i < n; i++) {
		const char *label = json_string_value(json_array_get(list, i));
		labels[i] = arena_strdup(a, label ? label : "");
	}
	json_decref(list);
	return labels;
}

static void read_meta(struct arena *a, const redisReply *flat, struct backlog *b)
{
	b->meta.blender = "";
	b->meta.requires = decode_requires(a, "[]");
	for (gsize i = 0; i + 1 < reply_count(flat); i += 2) {
		const char *name = reply_text(reply_at(flat, i)), *value = reply_text(reply_at(flat, i + 1));
		gint64 number = g_ascii_strtoll(value, NULL, 10);
		if (strcmp(name, "rank") == 0)
			b->meta.rank = number;
		else if (strcmp(name, "priority") == 0)
			b->meta.priority = number;
		else if (strcmp(name, "chunk") == 0)
			b->meta.chunk = number;
		else if (strcmp(name, "retries") == 0)
			b->meta.n_retries = number;
		else if (strcmp(name, "paused") == 0)
			b->meta.is_paused = number != 0;
		else if (strcmp(name, "blender") == 0)
			b->meta.blender = arena_strdup(a, value);
		else if (strcmp(name, "requires") == 0)
		b->meta.requires = decode_requires(a, value);
		else if (strcmp(name, "epoch") == 0) b->epoch = number;
	}
}

/* Groups the ranges by key; keys keep the order in which they come. */
static void read_queued(struct arena *a, const redisReply *rows, struct backlog *b)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	g_autoptr(GHashTable) by_key =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	for (gsize i = 0; i < reply_count(rows); i++) {
		struct frame_run run;
		const char *key;
		if (!range_parse(reply_text(reply_at(rows, i)), &run, &key))
			continue;
		GArray *runs = g_hash_table_lookup(by_key, key);
		if (!runs) {
			char *copy = arena_strdup(a, key);
			runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
			g_ptr_array_add(keys, copy);
			g_hash_table_insert(by_key, copy, runs);
		}
		g_array_append_val(runs, run);
	}
	b->n_queued = keys->len;
	b->queued = ARENA_ARRAY(a, struct backlog_queued, keys->len);
	for (guint i = 0; i < keys->len; i++) {
		const char *key = g_ptr_array_index(keys, i);
		b->queued[i] = (struct backlog_queued){ key, range_set(a, g_hash_table_lookup(by_key, key)) };
	}
}

static struct backlog_running read_lease(struct arena *a, const redisReply *row)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
	for (gsize i = 4; i < reply_count(row); i++) {
		struct frame_run run;
		if (range_parse(reply_text(reply_at(row, i)), &run, NULL))
			g_array_append_val(runs, run);
	}
	return (struct backlog_running){
		.token = arena_strdup(a, reply_text(reply_at(row, 0))),
		.key = arena_strdup(a, reply_text(reply_at(row, 1))),
		.worker = arena_strdup(a, reply_text(reply_at(row, 2))),
		.left_ms = reply_number(reply_at(row, 3)),
		.frames = range_set(a, runs),
	};
}

static void read_running(struct arena *a, const redisReply *rows, struct backlog *b)
{
	b->n_running = (guint)reply_count(rows);
	b->running = ARENA_ARRAY(a, struct backlog_running, b->n_running);
	for (guint i = 0; i < b->n_running; i++)
		b->running[i] = read_lease(a, reply_at(rows, i));
}

static void read_failed(struct arena *a, const redisReply *rows, struct backlog *b)
{
	b->n_failed = (guint)reply_count(rows);
	b->failed = ARENA_ARRAY(a, struct backlog_failed, b->n_failed);
	for (guint i = 0; i < b->n_failed; i++) {
		const redisReply *row = reply_at(rows, i);
		b->failed[i] = (struct backlog_failed){
			.frame = reply_number(reply_at(row, 0)),
			.key = arena_strdup(a, reply_text(reply_at(row, 1))),
			.reason = arena_strdup(a, reply_text(reply_at(row, 2))),
			.n_tries = reply_number(reply_at(row, 3)),
			.worker = arena_strdup(a, reply_text(reply_at(row, 4))),
		};
	}
}

struct backlog *backlog_show(struct redis *r, struct arena *a, const char *job, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "show", "s", job);
	if (!reply) {
		g_prefix_error(error, "looking at %s in the queue: ", job);
		return NULL;
	}
	struct backlog *b = ARENA_NEW(a, struct backlog);
	b->job = arena_strdup(a, job);
	read_meta(a, reply_at(reply, 0), b);
	read_queued(a, reply_at(reply, 1), b);
	read_running(a, reply_at(reply, 2), b);
	read_failed(a, reply_at(reply, 3), b);
	return b;
}

gboolean backlog_list(struct redis *r, struct arena *a, struct backlog_count **ret, guint *ret_n, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "list", "");
	if (!reply) {
		g_prefix_error(error, "listing the queue: ");
		return FALSE;
	}
	guint n = (guint)reply_count(reply);
	struct backlog_count *counts = ARENA_ARRAY(a, struct backlog_count, n);
	for (guint i = 0; i < n; i++) {
		const redisReply *row = reply_at(reply, i);
		counts[i].job = arena_strdup(a, reply_text(reply_at(row, 0)));
		counts[i].n_queued = (guint64)reply_number(reply_at(row, 1));
		counts[i].n_running = (guint64)reply_number(reply_at(row, 2));
		counts[i].n_failed = (guint64)reply_number(reply_at(row, 3));
	}
	*ret = counts;
	*ret_n = n;
	return TRUE;
}
