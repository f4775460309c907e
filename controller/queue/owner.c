/* See lua/owner.lua. */
#include "queue/owner.h"
#include "base/arena.h"
#include "queue/functions.h"
#include <string.h>

gboolean owner_acquire(struct redis *r, struct arena *a, const char *holder, gint64 ttl_ms, struct owner *ret,
		       GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "own", "si", holder, ttl_ms);
	if (!reply)
		return FALSE;
	ret->holder = arena_strdup(a, reply_text(reply_at(reply, 0)));
	ret->fence = reply_number(reply_at(reply, 1));
	ret->is_mine = strcmp(ret->holder, holder) == 0;
	return TRUE;
}

gboolean owner_show(struct redis *r, struct arena *a, struct owner *ret, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "owner", "");
	if (!reply)
		return FALSE;
	*ret = (struct owner){ arena_strdup(a, reply_text(reply_at(reply, 0))), reply_number(reply_at(reply, 1)), FALSE };
	return TRUE;
}

gboolean owner_pass(struct redis *r, gint64 fence, gint64 epoch, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "pass", "ii", fence, epoch);
}

gboolean owner_release(struct redis *r, const char *holder, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "disown", "s", holder);
}
