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

/* See lua/plain.lua. Neither a job's name nor a key nor frames have blanks. */
static char *encode_record(struct arena *a, const struct plain_task *t)
{
	return g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s %s\n%s", t->left_ms, t->began_ms, t->job, t->key,
			       frames_format(a, &t->frames), t->payload);
}

static gboolean decode_record(struct arena *a, const char *record, const char *task, struct plain_task *ret)
{
	enum { LEFT, BEGAN, JOB, KEY, FRAMES, N_WORDS };
	const char *end = strchr(record, '\n');
	ret->job = ret->key = ret->payload = "";
	if (!end)
		return FALSE;
	g_autofree char *head = g_strndup(record, (gsize)(end - record));
	g_auto(GStrv) words = g_strsplit(head, " ", -1);
	if (g_strv_length(words) != N_WORDS)
		return FALSE;
	ret->left_ms = g_ascii_strtoll(words[LEFT], NULL, 10);
	ret->began_ms = g_ascii_strtoll(words[BEGAN], NULL, 10);
	ret->job = arena_strdup(a, words[JOB]);
	ret->key = arena_strdup(a, words[KEY]);
	ret->payload = arena_strdup(a, end + 1);
	return !frames_parse(a, words[FRAMES], &ret->frames, NULL) && task_decode(a, task, &ret->task, NULL);
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
		t->status = arena_strdup(a, reply_text(reply_at(row, 3)));
		t->is_listed = reply_number(reply_at(row, 4)) != 0;
		t->is_held = reply_number(reply_at(row, 5)) != 0;
		if (!decode_record(a, reply_text(reply_at(row, 1)), reply_text(reply_at(row, 2)), t))
			t->is_held = FALSE; /* of another version, or its frames are not wanted any more: it is dropped */
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
	SCOPED_ARENA(a);
	gint64 ignored;
	for (guint i = 0; i < n; i++) {
		g_ptr_array_add(rows, g_strdup(tasks[i].id));
		g_ptr_array_add(rows, encode_record(a, &tasks[i]));
		g_ptr_array_add(rows, g_strdup(tasks[i].payload));
	}
	return function_call_number(r, error, &ignored, "plain_push", "iisv", by->fence, by->epoch, list, rows);
}

gboolean plain_note(struct redis *r, const struct authority *by, const char *list, const struct plain_task *t, GError **error)
{
	SCOPED_ARENA(a);
	g_autofree char *record = encode_record(a, t);
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
