/* See lua/owner.lua and lua/show.lua. */
#include "queue/backlog.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/functions.h"
#include "queue/range.h"
#include <jansson.h>
#include <stddef.h>
#include <string.h>

static const char *const order_words[] = { "forward", "reverse", "interleave" };

/* Numbers of a job's meta, for both directions. */
static const struct {
	const char *name;
	gsize offset;
} numbers[] = {
	{ "rank", offsetof(struct job_meta, rank) },
	{ "priority", offsetof(struct job_meta, priority) },
	{ "chunk", offsetof(struct job_meta, chunk) },
	{ "chunk_seconds", offsetof(struct job_meta, chunk_seconds) },
	{ "retries", offsetof(struct job_meta, n_retries) },
	{ "vram", offsetof(struct job_meta, vram_bytes) },
	{ "gpus", offsetof(struct job_meta, n_gpus) },
	{ "backoff", offsetof(struct job_meta, backoff_ms) },
};

static gint64 number_of(const struct job_meta *m, guint i)
{
	return *(const gint64 *)(const void *)((const char *)m + numbers[i].offset);
}

/* -- changing -------------------------------------------------------------------------------- */

static json_t *encode_requires(const char *const *requires)
{
	json_t *list = json_array();
	for (guint i = 0; requires && requires[i]; i++)
		json_array_append_new(list, json_string(requires[i]));
	return list;
}

static json_t *encode_limits(const struct job_meta *m)
{
	json_t *list = json_array();
	for (guint i = 0; i < m->n_limits; i++)
		json_array_append_new(list, json_pack("{s:s, s:I}", "scope", m->limits[i].scope, "n",
						      (json_int_t)m->limits[i].n_frames));
	return list;
}

static char *encode_meta(const struct job_meta *m)
{
	json_t *object = json_object();
	json_object_set_new(object, "paused", json_boolean(m->is_paused));
	json_object_set_new(object, "blender", json_string(m->blender ? m->blender : ""));
	json_object_set_new(object, "installable", json_boolean(m->is_installable));
	json_object_set_new(object, "requires", encode_requires(m->requires));
	json_object_set_new(object, "labels", encode_requires(m->labels));
	json_object_set_new(object, "order", json_string(order_words[m->order]));
	json_object_set_new(object, "limits", encode_limits(m));
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		json_object_set_new(object, numbers[i].name, json_integer(number_of(m, i)));
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

/* "project:nimbus=20", a line each. */
static void read_limits(struct arena *a, const char *text, struct job_meta *m)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct job_limit *limits = ARENA_ARRAY(a, struct job_limit, g_strv_length(lines));
	m->n_limits = 0;
	for (guint i = 0; lines[i]; i++) {
		const char *mark = strrchr(lines[i], '=');
		if (mark)
			limits[m->n_limits++] = (struct job_limit){ arena_strndup(a, lines[i], (gsize)(mark - lines[i])),
								    g_ascii_strtoll(mark + 1, NULL, 10) };
	}
	m->limits = limits;
}

static void read_meta_field(struct arena *a, struct backlog *b, const char *name, const char *value)
{
	gint64 number = g_ascii_strtoll(value, NULL, 10);
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			*(gint64 *)(void *)((char *)&b->meta + numbers[i].offset) = number;
	for (guint i = 0; i < G_N_ELEMENTS(order_words); i++)
		if (strcmp(name, "order") == 0 && strcmp(value, order_words[i]) == 0)
			b->meta.order = (int)i;
	if (strcmp(name, "paused") == 0)
		b->meta.is_paused = number != 0;
	else if (strcmp(name, "installable") == 0)
		b->meta.is_installable = number != 0;
	else if (strcmp(name, "blender") == 0)
		b->meta.blender = arena_strdup(a, value);
	else if (strcmp(name, "requires") == 0)
		b->meta.requires = decode_requires(a, value);
	else if (strcmp(name, "labels") == 0)
		b->meta.labels = decode_requires(a, value);
	else if (strcmp(name, "limits") == 0)
		read_limits(a, value, &b->meta);
	else if (strcmp(name, "epoch") == 0)
		b->epoch = number;
}

static void read_meta(struct arena *a, const redisReply *flat, struct backlog *b)
{
	b->meta.blender = "";
	b->meta.requires = b->meta.labels = decode_requires(a, "[]");
	for (gsize i = 0; i + 1 < reply_count(flat); i += 2)
		read_meta_field(a, b, reply_text(reply_at(flat, i)), reply_text(reply_at(flat, i + 1)));
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

/* "hand=17" and the like, after the ranges. */
static void read_lease_fact(struct backlog_running *l, const char *fact)
{
	const char *mark = strchr(fact, '=');
	gint64 number = mark ? g_ascii_strtoll(mark + 1, NULL, 10) : 0;
	if (g_str_has_prefix(fact, "age="))
		l->age_ms = number;
	else if (g_str_has_prefix(fact, "begun="))
		l->hand_ms = number;
	else if (g_str_has_prefix(fact, "progress="))
		l->progress = number < 0 ? -1 : (double)number / 1000;
	else if (g_str_has_prefix(fact, "hand=")) {
		l->is_begun = TRUE;
		l->hand = number;
	}
}

static struct backlog_running read_lease(struct arena *a, const redisReply *row)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
	struct backlog_running l = { .token = arena_strdup(a, reply_text(reply_at(row, 0))),
				     .key = arena_strdup(a, reply_text(reply_at(row, 1))),
				     .worker = arena_strdup(a, reply_text(reply_at(row, 2))),
				     .left_ms = reply_number(reply_at(row, 3)),
				     .progress = -1 };
	for (gsize i = 4; i < reply_count(row); i++) {
		const char *text = reply_text(reply_at(row, i));
		struct frame_run run;
		if (range_parse(text, &run, NULL))
			g_array_append_val(runs, run);
		else
			read_lease_fact(&l, text);
	}
	l.frames = range_set(a, runs);
	return l;
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
			.cause = arena_strdup(a, reply_text(reply_at(row, 5))),
			.workers = arena_strdup(a, reply_text(reply_at(row, 6))),
		};
	}
}

static struct backlog_tried read_tried_frame(struct arena *a, const redisReply *row)
{
	enum { FIRST_TRY = 3 };
	struct backlog_tried t = { .frame = reply_number(reply_at(row, 0)),
				   .due_ms = reply_number(reply_at(row, 1)),
				   .vram_above = (guint64)reply_number(reply_at(row, 2)) };
	t.n_tries = (guint)MAX(reply_count(row), FIRST_TRY) - FIRST_TRY;
	t.tries = ARENA_ARRAY(a, struct backlog_try, t.n_tries);
	for (guint i = 0; i < t.n_tries; i++) {
		const redisReply *try = reply_at(row, FIRST_TRY + i);
		t.tries[i] = (struct backlog_try){ .worker = arena_strdup(a, reply_text(reply_at(try, 0))),
						   .reason = arena_strdup(a, reply_text(reply_at(try, 1))),
						   .age_ms = reply_number(reply_at(try, 2)) };
	}
	return t;
}

static void read_tried(struct arena *a, const redisReply *rows, struct backlog *b)
{
	b->n_tried = (guint)reply_count(rows);
	b->tried = ARENA_ARRAY(a, struct backlog_tried, b->n_tried);
	for (guint i = 0; i < b->n_tried; i++)
		b->tried[i] = read_tried_frame(a, reply_at(rows, i));
}

static struct backlog *read_backlog(struct arena *a, const char *job, const redisReply *reply)
{
	struct backlog *b = ARENA_NEW(a, struct backlog);
	b->job = arena_strdup(a, job);
	read_meta(a, reply_at(reply, 0), b);
	read_queued(a, reply_at(reply, 1), b);
	read_running(a, reply_at(reply, 2), b);
	read_failed(a, reply_at(reply, 3), b);
	read_tried(a, reply_at(reply, 4), b);
	b->frame_ms = reply_number(reply_at(reply, 5));
	return b;
}

struct backlog *backlog_show(struct redis *r, struct arena *a, const char *job, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "show", "s", job);
	if (!reply)
		g_prefix_error(error, "looking at %s in the queue: ", job);
	return reply ? read_backlog(a, job, reply) : NULL;
}

gboolean backlog_show_many(struct redis *r, struct arena *a, const char *const *jobs, guint n, struct backlog **ret)
{
	enum { AT_ONCE = 128 };
	redisReply *replies[AT_ONCE];
	for (guint from = 0; from < n; from += AT_ONCE) {
		guint n_now = MIN(n - from, AT_ONCE);
		if (!function_call_many(r, "show", jobs + from, n_now, replies))
			return FALSE;
		for (guint i = 0; i < n_now; i++) {
			ret[from + i] = replies[i] ? read_backlog(a, jobs[from + i], replies[i]) : NULL;
			reply_clear(&replies[i]);
		}
	}
	return TRUE;
}

gboolean backlog_holds(const struct backlog *b, const char *token)
{
	for (guint i = 0; i < b->n_running; i++)
		if (strcmp(b->running[i].token, token) == 0)
			return TRUE;
	return FALSE;
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
