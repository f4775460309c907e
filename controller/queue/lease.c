/* See lua/lease.lua. */
#include "queue/lease.h"
#include "base/arena.h"
#include "queue/functions.h"
#include "queue/range.h"
#include <jansson.h>

static json_t *encode_list(const char *const *texts)
{
	json_t *list = json_array();
	for (guint i = 0; texts && texts[i]; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static char *encode_capabilities(const struct capabilities *can)
{
	json_t *object = json_object();
	json_object_set_new(object, "blenders", encode_list(can->blenders));
	json_object_set_new(object, "labels", encode_list(can->labels));
	json_object_set_new(object, "vram", json_integer((json_int_t)can->vram_bytes));
	json_object_set_new(object, "gpus", json_integer(can->n_gpus));
	json_object_set_new(object, "installs", json_boolean(can->installs));
	json_object_set_new(object, "model", json_string(can->model ? can->model : ""));
	if (can->jobs)
		json_object_set_new(object, "jobs", encode_list(can->jobs));
	char *json = json_dumps(object, JSON_COMPACT);
	char *copy = g_strdup(json);
	free(json);
	json_decref(object);
	return copy;
}

/* `before`: the lease before it in the same answer, whose task it may share; NULL: none. */
static struct lease *read_lease(struct arena *a, const redisReply *reply, const struct lease *before)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
	g_autoptr(GError) problem = NULL;
	struct lease *l = ARENA_NEW(a, struct lease);
	l->token = arena_strdup(a, reply_text(reply_at(reply, 0)));
	l->job = arena_strdup(a, reply_text(reply_at(reply, 1)));
	l->key = arena_strdup(a, reply_text(reply_at(reply, 2)));
	if (before && !*reply_text(reply_at(reply, 3))) {
		l->task = before->task;
		l->problem = before->problem;
	} else if (!task_decode(a, reply_text(reply_at(reply, 3)), &l->task, &problem))
		l->problem = arena_strdup(a, problem->message);
	for (gsize i = 4; i < reply_count(reply); i++) {
		struct frame_run run;
		if (range_parse(reply_text(reply_at(reply, i)), &run, NULL))
			g_array_append_val(runs, run);
	}
	l->frames = range_set(a, runs);
	return l;
}

gboolean lease_take(struct redis *r, struct arena *a, const char *worker, const struct capabilities *can, gint64 ttl_ms,
		    struct lease **ret_lease, GError **error)
{
	g_autofree char *json = encode_capabilities(can);
	SCOPED_REPLY reply = function_call(r, error, "lease", "siss", worker, ttl_ms, json, can->vm_uuid);
	if (!reply)
		return FALSE;
	*ret_lease = reply->type == REDIS_REPLY_NIL ? NULL : read_lease(a, reply, NULL);
	return TRUE;
}

gboolean lease_take_several(struct redis *r, struct arena *a, const char *worker, const struct capabilities *can, gint64 ttl_ms,
			    guint n, struct lease **ret_leases, guint *ret_n, GError **error)
{
	g_autofree char *json = encode_capabilities(can);
	SCOPED_REPLY reply = function_call(r, error, "lease_several", "sissi", worker, ttl_ms, json, can->vm_uuid, (gint64)n);
	if (!reply)
		return FALSE;
	*ret_n = MIN(n, (guint)reply_count(reply));
	for (guint i = 0; i < *ret_n; i++)
		ret_leases[i] = read_lease(a, reply_at(reply, i), i ? ret_leases[i - 1] : NULL);
	return TRUE;
}

gboolean lease_wait(struct redis *r, const char *worker, guint timeout_ms, int stop_fd, gboolean *ret_woken,
		    GError **error)
{
	g_autofree char *list = g_strconcat("cleave:wake:", worker, NULL);
	gint64 until_ms;
	if (!function_call_number(r, error, &until_ms, "wait", "si", worker, (gint64)timeout_ms))
		return FALSE;
	gboolean is_due = until_ms < (gint64)timeout_ms;
	if (!redis_wait(r, list, (guint)MIN(until_ms, (gint64)timeout_ms), stop_fd, ret_woken, error))
		return FALSE;
	*ret_woken = *ret_woken || is_due;
	return TRUE;
}

gboolean lease_extend(struct redis *r, const char *token, gint64 ttl_ms, const gint64 *frame, gboolean *ret_held,
		      GError **error)
{
	g_autofree char *text = frame ? g_strdup_printf("%" G_GINT64_FORMAT, *frame) : g_strdup("");
	gint64 answer;
	if (!function_call_number(r, error, &answer, "extend", "sis", token, ttl_ms, text))
		return FALSE;
	*ret_held = answer != 0;
	return TRUE;
}

gboolean lease_progress(struct redis *r, const char *token, gint64 ttl_ms, gint64 frame, double progress,
			gboolean *ret_held, GError **error)
{
	gint64 answer, permille = progress < 0 ? -1 : (gint64)(CLAMP(progress, 0, 1) * 1000);
	if (!function_call_number(r, error, &answer, "extend", "siii", token, ttl_ms, frame, permille))
		return FALSE;
	*ret_held = answer != 0;
	return TRUE;
}

gboolean lease_commit(struct redis *r, const char *token, gint64 frame, double seconds, gboolean *ret_accepted,
		      GError **error)
{
	gint64 answer, took_ms = (gint64)(seconds * 1000);
	if (!function_call_number(r, error, &answer, "commit", "sii", token, frame, took_ms))
		return FALSE;
	*ret_accepted = answer != 0;
	return TRUE;
}

gboolean lease_fail(struct redis *r, const char *token, gint64 frame, const char *reason, enum lease_failure how,
		    enum lease_failed *ret, GError **error)
{
	static const char *const words[] = { [FAILURE_RETRY] = "retry", [FAILURE_FINAL] = "final", [FAILURE_VRAM] = "vram" };
	/* Blender's words may be in any encoding; the failure becomes JSON. */
	g_autofree char *valid = g_utf8_make_valid(reason, -1);
	gint64 answer;
	if (!function_call_number(r, error, &answer, "fail", "siss", token, frame, valid, words[how]))
		return FALSE;
	*ret = answer == 1 ? LEASE_QUEUED_AGAIN : answer == 2 ? LEASE_GIVEN_UP : LEASE_SUPERSEDED;
	return TRUE;
}

gboolean lease_give_back(struct redis *r, const char *token, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "give_back", "s", token);
}

gboolean lease_reap(struct redis *r, guint *ret_n, GError **error)
{
	gint64 n;
	if (!function_call_number(r, error, &n, "reap", ""))
		return FALSE;
	*ret_n = (guint)n;
	return TRUE;
}
