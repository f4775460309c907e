/* A connection of its own for each question: they are rare. */
#include "queue/sentinel.h"
#include "base/error.h"
#include "queue/functions.h"
#include <fcntl.h>
#include <string.h>

static redisReply *ask(redisContext *c, int n, const char *const *args)
{
	return c->err ? NULL : redisCommandArgv(c, n, (const char **)args, NULL);
}

/* What is wrong with an answer that is none. */
static const char *trouble_of(const redisContext *c, const redisReply *reply)
{
	if (!reply)
		return c ? c->errstr : "out of memory";
	return reply->type == REDIS_REPLY_ERROR ? reply->str : "it knows no such service";
}

static gboolean greet(const struct redis_address *a, redisContext *c, GError **error)
{
	const char *auth[] = { "AUTH", a->sentinel_user, a->password };
	if (!a->sentinel_user || !a->password)
		return TRUE;
	SCOPED_REPLY reply = ask(c, G_N_ELEMENTS(auth), auth);
	if (reply && reply->type != REDIS_REPLY_ERROR)
		return TRUE;
	return fail(error, ERROR_AWAY, "%s", trouble_of(c, reply));
}

static gboolean ask_one(struct redis_address *a, const struct redis_host *at, guint timeout_ms, GError **error)
{
	const char *args[] = { "SENTINEL", "get-master-addr-by-name", a->service };
	struct timeval timeout = { .tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000 };
	redisContext *c = redisConnectWithTimeout(at->host, at->port, timeout);
	if (!c || c->err) {
		fail(error, ERROR_AWAY, "%s:%d: %s", at->host, at->port, trouble_of(c, NULL));
		if (c)
			redisFree(c);
		return FALSE;
	}
	(void)fcntl(c->fd, F_SETFD, FD_CLOEXEC);
	redisSetTimeout(c, timeout);
	gboolean is_known = greet(a, c, error);
	if (is_known) {
		SCOPED_REPLY reply = ask(c, G_N_ELEMENTS(args), args);
		gint64 port = reply_number(reply_at(reply, 1));
		is_known = reply_count(reply) == 2 && port > 0 && port <= G_MAXUINT16;
		if (is_known) {
			g_free(a->host);
			a->host = g_strdup(reply_text(reply_at(reply, 0)));
			a->port = (int)port;
		} else {
			fail(error, ERROR_AWAY, "%s:%d: %s", at->host, at->port, trouble_of(c, reply));
		}
	}
	redisFree(c);
	return is_known;
}

gboolean sentinel_find(struct redis_address *a, guint timeout_ms, GError **error)
{
	g_autoptr(GString) troubles = g_string_new(NULL);
	for (guint i = 0; i < a->sentinels->len; i++) {
		g_autoptr(GError) problem = NULL;
		if (ask_one(a, g_ptr_array_index(a->sentinels, i), timeout_ms, &problem))
			return TRUE;
		g_string_append_printf(troubles, "%s%s", i ? "; " : "", problem->message);
	}
	return fail(error, ERROR_AWAY, "no sentinel tells where Redis service %s is: %s", a->service, troubles->str);
}

gboolean sentinel_check_role(const struct redis_address *a, redisContext *context, GError **error)
{
	const char *args[] = { "ROLE" };
	if (!a->service)
		return TRUE;
	SCOPED_REPLY reply = ask(context, 1, args);
	if (reply_count(reply) && strcmp(reply_text(reply_at(reply, 0)), "master") == 0)
		return TRUE;
	return fail(error, ERROR_AWAY, "Redis at %s:%d is not the primary of service %s (now): %s", a->host, a->port,
		    a->service, reply_count(reply) ? reply_text(reply_at(reply, 0)) : trouble_of(context, reply));
}
