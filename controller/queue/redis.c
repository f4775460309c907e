/* Connecting, authenticating, calling; hiredis's errors in cleave's words. */
#include "queue/redis.h"
#include "base/error.h"
#include "queue/sentinel.h"
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

struct redis {
	struct redis_address address;
	guint timeout_ms;
	redisContext *context; /* NULL while not connected */
	gboolean is_used;      /* redis_first_use() was asked on this connection */
};

/* -- errors ---------------------------------------------------------------------------------- */

/* The first word of an error reply, and what it means to the caller. */
static const struct {
	const char *word;
	enum cleave_error code;
} reply_codes[] = {
	{ "FENCED", ERROR_REFUSED },  { "STALE", ERROR_REFUSED },  { "DRAINED", ERROR_REFUSED }, { "INVALID", ERROR_INVALID },
	{ "LOADING", ERROR_AWAY },    { "BUSY", ERROR_AWAY },     { "READONLY", ERROR_AWAY },
	{ "MASTERDOWN", ERROR_AWAY }, { "TRYAGAIN", ERROR_AWAY }, { "NOREPLICAS", ERROR_AWAY },
	{ "UNKILLABLE", ERROR_AWAY }, { "UNBLOCKED", ERROR_AWAY },
	/* While a password is changed, one side has the new one first. */
	{ "WRONGPASS", ERROR_AWAY },  { "NOAUTH", ERROR_AWAY },
};

static gboolean fail_reply(struct redis *r, GError **error, const char *message)
{
	/* Redis 7.0 appends " script: NAME, on @user_function:LINE." to what a function said. */
	const char *tail = strstr(message, " script: ");
	g_autofree char *said = tail ? g_strndup(message, (gsize)(tail - message)) : g_strdup(message);
	for (guint i = 0; i < G_N_ELEMENTS(reply_codes); i++) {
		gsize len = strlen(reply_codes[i].word);
		if (strncmp(said, reply_codes[i].word, len) != 0 || said[len] != ' ')
			continue;
		if (reply_codes[i].code != ERROR_AWAY)
			return fail(error, reply_codes[i].code, "Redis: %s", said + len + 1);
		g_autofree char *where = redis_address_text(&r->address);
		return fail(error, ERROR_AWAY, "Redis at %s: %s", where, said);
	}
	return fail(error, ERROR_FAILED, "Redis: %s", said);
}

static gboolean fail_context(struct redis *r, GError **error)
{
	g_autofree char *where = redis_address_text(&r->address);
	fail(error, ERROR_AWAY, "Redis at %s does not answer: %s", where, r->context ? r->context->errstr : "out of memory");
	g_clear_pointer(&r->context, redisFree);
	return FALSE;
}

/* What it says is that it is not the server to talk to (any more): the sentinels know another one. */
static gboolean is_demoted(const struct redis *r, const char *message)
{
	return r->address.service && (g_str_has_prefix(message, "READONLY ") || g_str_has_prefix(message, "UNBLOCKED ") ||
				      g_str_has_prefix(message, "MASTERDOWN "));
}

/* -- connecting ------------------------------------------------------------------------------ */

static struct timeval timeval_of(guint ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
}

/* Sends a command and reads its answer. The context is gone afterwards when the connection broke, or leads to a
 * server that takes no writes any more. */
static redisReply *exchange(struct redis *r, guint n, const char *const *args, GError **error)
{
	/* hiredis's prototype lacks a const; it writes to neither. */
	redisReply *reply = redisCommandArgv(r->context, (int)n, (const char **)args, NULL);
	if (!reply) {
		fail_context(r, error);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		gboolean is_over = is_demoted(r, reply->str);
		fail_reply(r, error, reply->str);
		freeReplyObject(reply);
		if (is_over)
			g_clear_pointer(&r->context, redisFree);
		return NULL;
	}
	return reply;
}

static gboolean greet(struct redis *r, GError **error)
{
	const struct redis_address *a = &r->address;
	g_autofree char *db = g_strdup_printf("%d", a->db);
	const char *auth[] = { "AUTH", a->user ? a->user : a->password, a->password };
	const char *select[] = { "SELECT", db };
	redisReply *reply;
	if (a->password) {
		if (!(reply = exchange(r, a->user ? 3 : 2, auth, error)))
			return FALSE;
		freeReplyObject(reply);
	}
	if (a->db != 0) {
		if (!(reply = exchange(r, 2, select, error)))
			return FALSE;
		freeReplyObject(reply);
	}
	return TRUE;
}

static gboolean redis_connect(struct redis *r, GError **error)
{
	struct redis_address *a = &r->address;
	struct timeval timeout = timeval_of(r->timeout_ms);
	r->is_used = FALSE;
	if (!redis_address_refresh(a, error) || (a->service && !sentinel_find(a, r->timeout_ms, error)))
		return FALSE;
	r->context = a->host ? redisConnectWithTimeout(a->host, a->port, timeout)
			     : redisConnectUnixWithTimeout(a->socket_path, timeout);
	if (!r->context || r->context->err)
		return fail_context(r, error);
	(void)fcntl(r->context->fd, F_SETFD, FD_CLOEXEC);
	redisSetTimeout(r->context, timeout);
	if (a->host)
		redisEnableKeepAlive(r->context);
	if (!greet(r, error) || !sentinel_check_role(a, r->context, error)) {
		g_clear_pointer(&r->context, redisFree);
		return FALSE;
	}
	return TRUE;
}

struct redis *redis_new(const char *url, const char *password_file, guint timeout_ms, GError **error)
{
	struct redis_address address;
	if (!redis_address_parse(url, password_file, &address, error))
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	struct redis *r = g_new0(struct redis, 1);
	r->address = address;
	r->timeout_ms = timeout_ms;
	return r;
}

void redis_free(struct redis *r)
{
	if (!r)
		return;
	g_clear_pointer(&r->context, redisFree);
	redis_address_clear(&r->address);
	g_free(r);
}

gboolean redis_first_use(struct redis *r)
{
	gboolean is_first = !r->context || !r->is_used;
	r->is_used = TRUE;
	return is_first;
}

void redis_forget_use(struct redis *r)
{
	r->is_used = FALSE;
}

/* -- calling --------------------------------------------------------------------------------- */

struct redisReply *redis_call(struct redis *r, enum redis_repeat repeat, guint n_args, const char *const *args,
			      GError **error)
{
	gboolean was_connected = r->context != NULL;
	g_autoptr(GError) problem = NULL;
	if (!was_connected && !redis_connect(r, error))
		return NULL;
	redisReply *reply = exchange(r, n_args, args, &problem);
	/* Only a connection that had worked is worth a second attempt: Redis may have been restarted. A command that a
	 * former primary refused was not done, whatever it is. */
	gboolean may_repeat = repeat == REDIS_REPEAT || (problem && strstr(problem->message, ": READONLY "));
	if (!reply && !r->context && was_connected && may_repeat) {
		g_clear_error(&problem);
		if (!redis_connect(r, error))
			return NULL;
		reply = exchange(r, n_args, args, &problem);
	}
	if (problem)
		g_propagate_error(error, g_steal_pointer(&problem));
	return reply;
}

static void drop_answers(struct redis *r, struct redisReply **replies, guint n)
{
	for (guint i = 0; i < n; i++)
		if (replies[i])
			freeReplyObject(replies[i]);
	g_clear_pointer(&r->context, redisFree);
}

gboolean redis_call_many(struct redis *r, guint n, guint n_args, const char *const *args, struct redisReply **ret)
{
	gboolean ok = r->context != NULL;
	/* hiredis's prototype lacks a const; it writes to neither. */
	for (guint i = 0; ok && i < n; i++)
		ok = redisAppendCommandArgv(r->context, (int)n_args, (const char **)args + (gsize)i * n_args, NULL) == REDIS_OK;
	for (guint i = 0; ok && i < n; i++) {
		ret[i] = NULL;
		if (redisGetReply(r->context, (void **)&ret[i]) != REDIS_OK) {
			drop_answers(r, ret, i);
			return FALSE;
		}
		if (ret[i]->type == REDIS_REPLY_ERROR) {
			freeReplyObject(ret[i]);
			ret[i] = NULL;
		}
	}
	if (!ok)
		g_clear_pointer(&r->context, redisFree);
	return ok;
}

gboolean redis_ping(struct redis *r, GError **error)
{
	redisReply *reply = redis_call(r, REDIS_REPEAT, 1, (const char *const[]){ "PING" }, error);
	if (!reply)
		return FALSE;
	freeReplyObject(reply);
	return TRUE;
}

/* TRUE when the answer to a blocking command is there to be read. A wait that is broken off leaves an
 * answer on its way, so the connection is dropped. */
static gboolean poll_answer(struct redis *r, guint timeout_ms, int stop_fd)
{
	struct pollfd fds[] = { { .fd = r->context->fd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
	int n;
	do
		n = poll(fds, stop_fd < 0 ? 1 : 2, (int)timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n > 0 && fds[0].revents)
		return TRUE;
	g_clear_pointer(&r->context, redisFree);
	return FALSE;
}

gboolean redis_wait(struct redis *r, const char *list, guint timeout_ms, int stop_fd, gboolean *ret_woken,
		    GError **error)
{
	g_autofree char *seconds = g_strdup_printf("%u.%03u", timeout_ms / 1000, timeout_ms % 1000);
	const char *args[] = { "BLPOP", list, seconds };
	int done = 0;
	redisReply *reply = NULL;
	if (!r->context && !redis_connect(r, error))
		return FALSE;
	if (redisAppendCommandArgv(r->context, 3, args, NULL) != REDIS_OK)
		return fail_context(r, error);
	while (!done)
		if (redisBufferWrite(r->context, &done) != REDIS_OK)
			return fail_context(r, error);
	if (!poll_answer(r, timeout_ms + r->timeout_ms, stop_fd)) {
		*ret_woken = FALSE;
		return TRUE;
	}
	if (redisGetReply(r->context, (void **)&reply) != REDIS_OK)
		return fail_context(r, error);
	gboolean is_error = reply->type == REDIS_REPLY_ERROR;
	gboolean is_woken = reply->type == REDIS_REPLY_ARRAY;
	if (is_error)
		fail_reply(r, error, reply->str);
	if (is_error && is_demoted(r, reply->str))
		g_clear_pointer(&r->context, redisFree);
	freeReplyObject(reply);
	if (!is_error)
		*ret_woken = is_woken;
	return !is_error;
}
