/* See lua/plain.lua. */
#include "queue/plain.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/functions.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char error_word[] = "error:";

static char *encode(json_t *object)
{
	char *json = json_dumps(object, JSON_COMPACT);
	char *copy = g_strdup(json);
	free(json);
	json_decref(object);
	return copy;
}

/* In the order that people know; plain workers are old programs, of which some look for text. */
char *plain_payload(const struct plain_task *t, const char *blend, const char *src, const char *output)
{
	GString *frames = g_string_new(NULL);
	json_t *object = json_object();
	FRAMES_EACH (it, &t->frames)
		g_string_append_printf(frames, "%s%" G_GINT64_FORMAT, frames->len ? "," : "", it.frame);
	json_object_set_new(object, "id", json_string(t->id));
	json_object_set_new(object, "blend", json_string(blend));
	json_object_set_new(object, "frames", json_string(frames->str));
	json_object_set_new(object, "samples", json_integer(t->task.samples));
	json_object_set_new(object, "device", json_string(t->task.device));
	json_object_set_new(object, "src", json_string(src));
	json_object_set_new(object, "output", json_string(output));
	json_object_set_new(object, "extra", json_array());
	g_string_free(frames, TRUE);
	return encode(object);
}

char *plain_worker(const char *list)
{
	char *name = g_strconcat("plain.", list, NULL);
	return g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '-');
}

/* -- records --------------------------------------------------------------------------------- */

static char *encode_record(const struct plain_task *t)
{
	g_autofree char *task = task_encode(&t->task);
	SCOPED_ARENA(a);
	json_t *object = json_object();
	json_object_set_new(object, "job", json_string(t->job));
	json_object_set_new(object, "key", json_string(t->key));
	json_object_set_new(object, "frames", json_string(frames_format(a, &t->frames)));
	json_object_set_new(object, "task", json_string(task));
	json_object_set_new(object, "payload", json_string(t->payload));
	json_object_set_new(object, "left", json_integer(t->left_ms));
	json_object_set_new(object, "began", json_integer(t->began_ms));
	return encode(object);
}

static const char *get_text(struct arena *a, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return arena_strdup(a, text ? text : "");
}

static gint64 get_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static gboolean decode_record(struct arena *a, const char *json, struct plain_task *ret, GError **error)
{
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	ret->job = get_text(a, object, "job");
	ret->key = get_text(a, object, "key");
	ret->payload = get_text(a, object, "payload");
	ret->left_ms = get_number(object, "left");
	ret->began_ms = get_number(object, "began");
	gboolean is_right = !frames_parse(a, get_text(a, object, "frames"), &ret->frames, NULL) &&
			    task_decode(a, get_text(a, object, "task"), &ret->task, error);
	json_decref(object);
	return is_right;
}

static gint by_push(gconstpointer x, gconstpointer y)
{
	const struct plain_task *a = x, *b = y;
	if (a->pushed_ms != b->pushed_ms)
		return a->pushed_ms < b->pushed_ms ? -1 : 1;
	return strcmp(a->id, b->id);
}

gboolean plain_show(struct redis *r, struct arena *a, const char *list, struct plain_window *ret, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "plain_show", "s", list);
	if (!reply) {
		g_prefix_error(error, "plain workers of %s: ", list);
		return FALSE;
	}
	guint n = (guint)reply_count(reply) - 1;
	struct plain_window w = { ARENA_ARRAY(a, struct plain_task, n), 0, reply_number(reply_at(reply, 0)) };
	for (guint i = 0; i < n; i++) {
		const redisReply *row = reply_at(reply, i + 1);
		struct plain_task *t = &w.tasks[w.n++];
		t->id = arena_strdup(a, reply_text(reply_at(row, 0)));
		t->pushed_ms = g_ascii_strtoll(t->id, NULL, 10) / 1000; /* a token begins with the microsecond of its making */
		t->status = arena_strdup(a, reply_text(reply_at(row, 2)));
		t->is_listed = reply_number(reply_at(row, 3)) != 0;
		t->is_held = reply_number(reply_at(row, 4)) != 0;
		if (!decode_record(a, reply_text(reply_at(row, 1)), t, NULL))
			t->is_held = FALSE; /* of another version: it is dropped, and its lease runs out */
	}
	if (w.n)
		qsort(w.tasks, w.n, sizeof *w.tasks, by_push);
	*ret = w;
	return TRUE;
}

gboolean plain_push(struct redis *r, const struct authority *by, const char *list, const struct plain_task *tasks, guint n,
		    GError **error)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_full(3 * n, g_free);
	gint64 ignored;
	for (guint i = 0; i < n; i++) {
		g_ptr_array_add(rows, g_strdup(tasks[i].id));
		g_ptr_array_add(rows, encode_record(&tasks[i]));
		g_ptr_array_add(rows, g_strdup(tasks[i].payload));
	}
	return function_call_number(r, error, &ignored, "plain_push", "iisv", by->fence, by->epoch, list, rows);
}

gboolean plain_note(struct redis *r, const struct authority *by, const char *list, const struct plain_task *t, GError **error)
{
	g_autofree char *record = encode_record(t);
	gint64 ignored;
	return function_call_number(r, error, &ignored, "plain_note", "iisss", by->fence, by->epoch, list, t->id, record);
}

gboolean plain_drop(struct redis *r, const struct authority *by, const char *list, const struct plain_task *t,
		    gboolean only_unread, gboolean *ret_unread, GError **error)
{
	gint64 answer;
	if (!function_call_number(r, error, &answer, "plain_drop", "iisssi", by->fence, by->epoch, list, t->id, t->payload,
				  (gint64)(only_unread ? 1 : 0)))
		return FALSE;
	*ret_unread = answer != 0;
	return TRUE;
}

/* -- judging --------------------------------------------------------------------------------- */

static gboolean says_running(const struct plain_task *t)
{
	return strcmp(t->status, "running") == 0;
}

/* Does anybody work for this list? */
static gboolean is_used(const struct plain_window *w)
{
	for (guint i = 0; i < w->n; i++)
		if (w->tasks[i].is_held && !w->tasks[i].is_listed)
			return TRUE;
	return FALSE;
}

static enum plain_state judge_running(const struct plain_window *w, const struct plain_task *t)
{
	gint64 limit_ms = t->task.time_limit_ms * (gint64)frames_count(&t->frames);
	if (!t->began_ms)
		return PLAIN_BEGUN;
	return t->task.time_limit_ms && w->now_ms - t->began_ms > limit_ms ? PLAIN_LATE : PLAIN_RUNNING;
}

enum plain_state plain_judge(const struct plain_window *w, guint i)
{
	const struct plain_task *t = &w->tasks[i];
	if (!t->is_held)
		return PLAIN_REVOKED;
	if (strcmp(t->status, "done") == 0)
		return PLAIN_DONE;
	if (g_str_has_prefix(t->status, error_word))
		return PLAIN_FAILED;
	if (says_running(t))
		return judge_running(w, t);
	if (t->is_listed)
		return !is_used(w) && w->now_ms - t->pushed_ms > PLAIN_UNUSED_MS ? PLAIN_UNUSED : PLAIN_WAITING;
	if (!*t->status)
		return PLAIN_LOST;
	if (!t->left_ms)
		return PLAIN_LEFT;
	return w->now_ms - t->left_ms > PLAIN_TAKEN_MS ? PLAIN_LOST : PLAIN_TAKEN;
}

gboolean plain_is_news(enum plain_state state)
{
	return state != PLAIN_WAITING && state != PLAIN_TAKEN && state != PLAIN_RUNNING;
}

gboolean plain_is_running(enum plain_state state)
{
	return state == PLAIN_BEGUN || state == PLAIN_RUNNING;
}

const char *plain_reason(const struct plain_task *t)
{
	const char *reason = t->status + strlen(error_word);
	return *reason ? reason : "the worker gave no reason";
}

guint plain_room(const struct plain_window *w)
{
	guint n_running = 0, n_listed = 0;
	for (guint i = 0; i < w->n; i++) {
		enum plain_state state = plain_judge(w, i);
		n_running += plain_is_running(state) ? 1 : 0;
		n_listed += state == PLAIN_WAITING ? 1 : 0;
		if (state == PLAIN_UNUSED)
			return 0;
	}
	guint wanted = MIN(n_running + PLAIN_SPARE, (guint)PLAIN_WINDOW_MAX - MIN(w->n, (guint)PLAIN_WINDOW_MAX) + n_listed);
	return wanted > n_listed ? wanted - n_listed : 0;
}
