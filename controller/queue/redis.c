/* Connecting, authenticating, calling; hiredis's errors in cleave's words. */
#include "queue/redis.h"
#include "base/error.h"
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

/* -- addresses ------------------------------------------------------------------------------- */

static gboolean parse_db(const char *text, int *ret, GError **error)
{
	guint64 db;
	if (!text || !*text) {
		*ret = 0;
		return TRUE;
	}
	if (!g_ascii_string_to_unsigned(text, 10, 0, 1 << 20, &db, NULL))
		return fail(error, ERROR_INVALID, "the database in a Redis URL is a number, as redis://host:6379/0");
	*ret = (int)db;
	return TRUE;
}

static gboolean read_password(const char *path, char **ret, GError **error)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, error)) {
		g_prefix_error(error, "Redis password: ");
		return FALSE;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text)
		return TRUE; /* a place for a password, and none in it */
	g_free(*ret);
	*ret = g_steal_pointer(&text);
	return TRUE;
}

static gboolean parse_tcp(GUri *uri, struct redis_address *a, GError **error)
{
	const char *path = g_uri_get_path(uri);
	if (!g_uri_get_host(uri) || !*g_uri_get_host(uri))
		return fail(error, ERROR_INVALID, "the Redis URL names no host; write redis://host:6379/0");
	a->host = g_strdup(g_uri_get_host(uri));
	a->port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : 6379;
	return parse_db(*path == '/' ? path + 1 : path, &a->db, error);
}

static gboolean parse_socket(GUri *uri, struct redis_address *a, GError **error)
{
	const char *query = g_uri_get_query(uri);
	const char *host = g_uri_get_host(uri);
	if (*g_uri_get_path(uri) != '/' || (host && *host))
		return fail(error, ERROR_INVALID,
			    "the Redis URL names no socket; write redis+unix:///run/redis/redis.sock");
	a->socket_path = g_strdup(g_uri_get_path(uri));
	if (query && !g_str_has_prefix(query, "db="))
		return fail(error, ERROR_INVALID,
			    "after ? a Redis socket URL has only db=, as redis+unix:///path?db=1");
	return parse_db(query ? query + 3 : NULL, &a->db, error);
}

gboolean redis_address_parse(const char *url, const char *password_file, struct redis_address *ret, GError **error)
{
	struct redis_address a = { 0 };
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	gboolean is_right = FALSE;
	if (strcmp(scheme, "redis") == 0)
		is_right = parse_tcp(uri, &a, error);
	else if (strcmp(scheme, "redis+unix") == 0)
		is_right = parse_socket(uri, &a, error);
	else if (strcmp(scheme, "rediss") == 0)
		fail(error, ERROR_INVALID,
		     "rediss:// needs TLS, which hiredis 0.14 does not have; put stunnel in front and "
		     "use redis+unix:// or redis://127.0.0.1");
	else
		fail(error, ERROR_INVALID, "a Redis URL is redis://host:6379/0 or redis+unix:///path");
	if (is_right) {
		const char *user = g_uri_get_user(uri);
		a.user = user && *user ? g_strdup(user) : NULL;
		a.password = g_strdup(g_uri_get_password(uri));
		is_right = !password_file || read_password(password_file, &a.password, error);
	}
	if (!is_right) {
		redis_address_clear(&a);
		return FALSE;
	}
	*ret = a;
	return TRUE;
}

void redis_address_clear(struct redis_address *a)
{
	g_free(a->host);
	g_free(a->socket_path);
	g_free(a->user);
	g_free(a->password);
	*a = (struct redis_address){ 0 };
}

/* -- errors ---------------------------------------------------------------------------------- */

/* The first word of an error reply, and what it means to the caller. */
static const struct {
	const char *word;
	enum cleave_error code;
} reply_codes[] = {
	{ "FENCED", ERROR_REFUSED },  { "STALE", ERROR_REFUSED },  { "DRAINED", ERROR_REFUSED }, { "INVALID", ERROR_INVALID },
	{ "LOADING", ERROR_AWAY },    { "BUSY", ERROR_AWAY },     { "READONLY", ERROR_AWAY },
	{ "MASTERDOWN", ERROR_AWAY }, { "TRYAGAIN", ERROR_AWAY }, { "NOREPLICAS", ERROR_AWAY },
	{ "UNKILLABLE", ERROR_AWAY },
};

static gboolean fail_reply(GError **error, const char *message)
{
	/* Redis 7.0 appends " script: NAME, on @user_function:LINE." to what a function said. */
	const char *tail = strstr(message, " script: ");
	g_autofree char *said = tail ? g_strndup(message, (gsize)(tail - message)) : g_strdup(message);
	for (guint i = 0; i < G_N_ELEMENTS(reply_codes); i++) {
		gsize len = strlen(reply_codes[i].word);
		if (strncmp(said, reply_codes[i].word, len) != 0 || said[len] != ' ')
			continue;
		gboolean ours = reply_codes[i].code != ERROR_AWAY;
		return fail(error, reply_codes[i].code, "Redis: %s", ours ? said + len + 1 : said);
	}
	return fail(error, ERROR_FAILED, "Redis: %s", said);
}

static gboolean fail_context(struct redis *r, GError **error)
{
	const struct redis_address *a = &r->address;
	const char *what = r->context ? r->context->errstr : "out of memory";
	if (a->host)
		fail(error, ERROR_AWAY, "Redis at %s:%d does not answer: %s", a->host, a->port, what);
	else
		fail(error, ERROR_AWAY, "Redis at %s does not answer: %s", a->socket_path, what);
	g_clear_pointer(&r->context, redisFree);
	return FALSE;
}

/* -- connecting ------------------------------------------------------------------------------ */

static struct timeval timeval_of(guint ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
}

/* Sends a command and reads its answer; on a broken connection the context is gone afterwards. */
static redisReply *exchange(struct redis *r, guint n, const char *const *args, GError **error)
{
	/* hiredis's prototype lacks a const; it writes to neither. */
	redisReply *reply = redisCommandArgv(r->context, (int)n, (const char **)args, NULL);
	if (!reply) {
		fail_context(r, error);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		fail_reply(error, reply->str);
		freeReplyObject(reply);
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
	const struct redis_address *a = &r->address;
	struct timeval timeout = timeval_of(r->timeout_ms);
	r->is_used = FALSE;
	r->context = a->host ? redisConnectWithTimeout(a->host, a->port, timeout)
			     : redisConnectUnixWithTimeout(a->socket_path, timeout);
	if (!r->context || r->context->err)
		return fail_context(r, error);
	(void)fcntl(r->context->fd, F_SETFD, FD_CLOEXEC);
	redisSetTimeout(r->context, timeout);
	if (a->host)
		redisEnableKeepAlive(r->context);
	if (!greet(r, error)) {
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

/* -- calling --------------------------------------------------------------------------------- */

struct redisReply *redis_call(struct redis *r, enum redis_repeat repeat, guint n_args, const char *const *args,
			      GError **error)
{
	gboolean was_connected = r->context != NULL;
	g_autoptr(GError) problem = NULL;
	if (!was_connected && !redis_connect(r, error))
		return NULL;
	redisReply *reply = exchange(r, n_args, args, &problem);
	/* Only a connection that had worked is worth a second attempt: Redis may have been restarted. */
	if (!reply && !r->context && was_connected && repeat == REDIS_REPEAT) {
		g_clear_error(&problem);
		if (!redis_connect(r, error))
			return NULL;
		reply = exchange(r, n_args, args, &problem);
	}
	if (problem)
		g_propagate_error(error, g_steal_pointer(&problem));
	return reply;
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
		fail_reply(error, reply->str);
	freeReplyObject(reply);
	if (!is_error)
		*ret_woken = is_woken;
	return !is_error;
}
