/* Calls of the function library, which is loaded when Redis lacks it or has an older one.
 *
 * In: a function's name and arguments. Out: hiredis replies; internal to queue/. */
#pragma once
#include "queue/redis.h"
#include <hiredis/hiredis.h>

static inline void reply_clear(redisReply **reply)
{
	if (*reply)
		freeReplyObject(*reply);
}
#define SCOPED_REPLY __attribute__((cleanup(reply_clear))) redisReply *

/* Calls cleave_<name>. `types` has a letter per argument: s text (NULL is ""), i gint64, v a GPtrArray of
 * texts. A Redis that lost the library (FLUSHALL keeps it, a fresh server has none) gets it again first. */
redisReply *function_call(struct redis *r, GError **error, const char *name, const char *types, ...);
/* Same, for functions that answer with a number. */
gboolean function_call_number(struct redis *r, GError **error, gint64 *ret, const char *name, const char *types, ...);

/* Calls cleave_<name>, which writes nothing, with each of the words, all of them in one go; as redis_call_many(). */
gboolean function_call_many(struct redis *r, const char *name, const char *const *words, guint n, redisReply **ret);

/* Loads the library again where Redis has an older `version`: two programs of different versions that found none may
 * both have loaded theirs, the older one last. ERROR_REFUSED where it has one that serves this program no more. */
gboolean functions_keep_up(struct redis *r, gint64 version, GError **error);

/* The commands that the functions call, each once, in lower case: char *, g_ptr_array_unref(). */
GPtrArray *functions_commands(void);

/* Readers that bear a reply of another shape: "" and 0. */
const char *reply_text(const redisReply *reply);
gint64 reply_number(const redisReply *reply);
/* The element, or NULL when there is none. */
const redisReply *reply_at(const redisReply *reply, gsize i);
/* The number of elements; 0 when it is no array. */
gsize reply_count(const redisReply *reply);
