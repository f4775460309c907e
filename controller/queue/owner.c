/* See lua/owner.lua. */
#include "queue/owner.h"
#include "base/arena.h"
#include "queue/functions.h"
#include <string.h>

enum { GONE_MAX = 16 };

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

gboolean owner_pass(struct redis *r, gint64 fence, gint64 epoch, const char *revision, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "pass", "iis", fence, epoch, revision);
}

static redisReply *get(struct redis *r, const char *key, GError **error)
{
	return redis_call(r, REDIS_REPEAT, 2, (const char *const[]){ "GET", key }, error);
}

gboolean owner_epoch_read(struct redis *r, struct arena *a, struct owner_epoch *ret, GError **error)
{
	SCOPED_REPLY number = get(r, "cleave:epoch", error);
	SCOPED_REPLY of = number ? get(r, "cleave:epoch-of", error) : NULL;
	SCOPED_REPLY gone = of ? get(r, "cleave:epoch-gone", error) : NULL;
	if (!gone)
		return FALSE;
	char *revision;
	guint64 its = g_ascii_strtoull(reply_text(of), &revision, 10);
	ret->number = g_ascii_strtoull(reply_text(number), NULL, 10);
	ret->revision = its == ret->number && *revision == ' ' ? arena_strdup(a, revision + 1) : NULL;
	ret->gone = arena_strdup(a, reply_text(gone));
	return TRUE;
}

gboolean owner_epoch_is_gone(const struct owner_epoch *e, const char *commit)
{
	g_auto(GStrv) all = g_strsplit(e->gone, " ", -1);
	return g_strv_contains((const char *const *)all, commit);
}

void owner_epoch_leave(struct redis *r, const struct owner_epoch *e, const char *gone, const char *commit)
{
	g_auto(GStrv) all = g_strsplit(e->gone, " ", -1);
	g_autoptr(GString) text = g_string_new(gone);
	for (guint i = 0, n = 1; all[i] && n < GONE_MAX; i++)
		if (*all[i] && strcmp(all[i], gone) != 0 && strcmp(all[i], commit) != 0) {
			g_string_append_printf(text, " %s", all[i]);
			n++;
		}
	if (strcmp(text->str, e->gone) == 0)
		return;
	redisReply *reply = redis_call(r, REDIS_REPEAT, 3, (const char *const[]){ "SET", "cleave:epoch-gone", text->str }, NULL);
	if (reply)
		freeReplyObject(reply);
}

gboolean owner_release(struct redis *r, const char *holder, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "disown", "s", holder);
}
