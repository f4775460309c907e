/* See lua/figures.lua. */
#include "queue/figures.h"
#include "base/arena.h"
#include "queue/functions.h"

gboolean figures_read(struct redis *r, struct arena *a, struct figures *ret, GError **error)
{
	enum { FIRST_WAIT = 2 };
	SCOPED_REPLY reply = function_call(r, error, "figures", "");
	if (!reply) {
		g_prefix_error(error, "asking for the queue's figures: ");
		return FALSE;
	}
	gsize n = MAX(reply_count(reply), FIRST_WAIT) - FIRST_WAIT;
	*ret = (struct figures){ .n_expired = (guint64)reply_number(reply_at(reply, 0)),
				 .n_failed = (guint64)reply_number(reply_at(reply, 1)),
				 .waits = ARENA_ARRAY(a, struct figures_wait, n),
				 .n_waits = (guint)n };
	for (gsize i = 0; i < n; i++) {
		const redisReply *row = reply_at(reply, FIRST_WAIT + i);
		ret->waits[i] = (struct figures_wait){ arena_strdup(a, reply_text(reply_at(row, 0))), reply_number(reply_at(row, 1)) };
	}
	return TRUE;
}
