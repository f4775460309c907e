/* One connection to Redis, for one thread; connects when it is first used, and again when it broke.
 *
 * In: a URL, a password file. Out: replies, or ERROR_AWAY when Redis does not answer (worth a retry),
 * ERROR_REFUSED when a function fenced the caller off, ERROR_INVALID, ERROR_FAILED. Used by the other
 * files of queue/; everybody else only opens, frees and pings. */
#pragma once
#include "queue/address.h"

struct redis;
struct redisReply;

/* Does not connect; fails only on the URL or the password file, which is read again for each connection. `timeout_ms`
 * bounds connecting (with sentinels: each step of it) and each answer. SIGPIPE is ignored from now on, since hiredis 0.14 writes with write(2). */
struct redis *redis_new(const char *url, const char *password_file, guint timeout_ms, GError **error);
void redis_free(struct redis *r);

/* ERROR_AWAY when Redis does not answer now. */
gboolean redis_ping(struct redis *r, GError **error);

/* -- for queue/ ------------------------------------------------------------------------------ */

enum redis_repeat {
	REDIS_ONCE,   /* a lost answer is an error: the command may have been done */
	REDIS_REPEAT, /* doing it twice does what once does: connect again and repeat once */
};

/* The answer, to be freed with freeReplyObject(); never an error reply. */
struct redisReply *redis_call(struct redis *r, enum redis_repeat repeat, guint n_args, const char *const *args,
			      GError **error);

/* `n` commands of `n_args` words each, one after the other in `args`, sent together: one way to Redis and back for all. In ret
 * the answer of each, NULL for an error reply. FALSE: there is no connection, or it broke; ask one by one. Nothing is
 * repeated, so only commands that write nothing belong here. */
gboolean redis_call_many(struct redis *r, guint n, guint n_args, const char *const *args, struct redisReply **ret);

/* TRUE once for each connection, and again after redis_forget_use(). */
gboolean redis_first_use(struct redis *r);
void redis_forget_use(struct redis *r);

/* Blocks until a word arrives in the list, `timeout_ms` passes, or `stop_fd` (-1: none) becomes readable;
 * *ret_woken says which. */
gboolean redis_wait(struct redis *r, const char *list, guint timeout_ms, int stop_fd, gboolean *ret_woken,
		    GError **error);
