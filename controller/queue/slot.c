/* See lua/slot.lua. */
#include "queue/slot.h"
#include "base/arena.h"
#include "queue/functions.h"
#include <string.h>

static gboolean answered(gboolean ok, const gint64 *has, gboolean *ret, GError **error)
{
	if (ok)
		*ret = *has != 0;
	else
		g_prefix_error(error, "asking whose turn it is: ");
	return ok;
}

gboolean slot_take(struct redis *r, const char *host, gint64 n, gint64 ttl_ms, gboolean *ret, GError **error)
{
	gint64 has = 0;
	return answered(function_call_number(r, error, &has, "slot_take", "sii", host, n, ttl_ms), &has, ret, error);
}

gboolean slot_keep(struct redis *r, const char *host, gint64 ttl_ms, gboolean *ret, GError **error)
{
	gint64 has = 0;
	return answered(function_call_number(r, error, &has, "slot_keep", "si", host, ttl_ms), &has, ret, error);
}

gboolean slot_leave(struct redis *r, const char *host, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "slot_leave", "s", host);
}

gboolean slot_say(struct redis *r, const char *host, const char *revision, gboolean is_ready, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "slot_say", "sss", host, is_ready ? "1" : "0", revision);
}

static struct slot_host read_host(struct arena *a, const redisReply *name, const redisReply *said)
{
	const char *text = reply_text(said), *space = strchr(text, ' ');
	return (struct slot_host){ arena_strdup(a, reply_text(name)), arena_strdup(a, space ? space + 1 : ""), *text == '1' };
}

gboolean slots_read(struct redis *r, struct arena *a, struct slots *ret, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "slots", "");
	if (!reply) {
		g_prefix_error(error, "asking whose turn it is: ");
		return FALSE;
	}
	const redisReply *holders = reply_at(reply, 0), *hosts = reply_at(reply, 1);
	*ret = (struct slots){ ARENA_ARRAY(a, const char *, reply_count(holders)), (guint)reply_count(holders),
		               ARENA_ARRAY(a, struct slot_host, reply_count(hosts) / 2), (guint)reply_count(hosts) / 2 };
	for (guint i = 0; i < ret->n_holders; i++)
		ret->holders[i] = arena_strdup(a, reply_text(reply_at(holders, i)));
	for (guint i = 0; i < ret->n_hosts; i++)
		ret->hosts[i] = read_host(a, reply_at(hosts, (gsize)i * 2), reply_at(hosts, (gsize)i * 2 + 1));
	return TRUE;
}
