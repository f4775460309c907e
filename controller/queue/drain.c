/* See lua/drain.lua. */
#include "queue/drain.h"
#include "base/arena.h"
#include "queue/functions.h"

gboolean drain_set(struct redis *r, const char *uuid, const char *reason, GError **error)
{
	gint64 since_ms;
	if (function_call_number(r, error, &since_ms, "drain", "ss", uuid, reason))
		return TRUE;
	g_prefix_error(error, "draining %s: ", uuid);
	return FALSE;
}

gboolean drain_clear(struct redis *r, const char *uuid, GError **error)
{
	gint64 was_drained;
	if (function_call_number(r, error, &was_drained, "undrain", "s", uuid))
		return TRUE;
	g_prefix_error(error, "ending the drain of %s: ", uuid);
	return FALSE;
}

gboolean drain_list(struct redis *r, struct arena *a, struct drained **ret, guint *ret_n, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "drained", "");
	if (!reply) {
		g_prefix_error(error, "listing drained VMs: ");
		return FALSE;
	}
	guint n = (guint)reply_count(reply);
	struct drained *all = ARENA_ARRAY(a, struct drained, n);
	for (guint i = 0; i < n; i++) {
		const redisReply *row = reply_at(reply, i);
		all[i].uuid = arena_strdup(a, reply_text(reply_at(row, 0)));
		all[i].since_ms = reply_number(reply_at(row, 1));
		all[i].reason = arena_strdup(a, reply_text(reply_at(row, 2)));
	}
	*ret = all;
	*ret_n = n;
	return TRUE;
}
