/* A hiredis context without its blocking side: the main loop says when the descriptor is ready. */
#include "queue/notice.h"
#include "base/error.h"
#include "queue/functions.h"
#include "queue/sentinel.h"
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

enum { FIRST_DELAY_MS = 250, LONGEST_DELAY_MS = 30000, SENTINEL_MS = 3000 };

struct notice {
	char *url, *password_file;
	struct redis_address address;  /* read again for each attempt */
	GCancellable *asking;          /* a thread asks the sentinels; NULL: none does */
	void (*look)(gpointer data);
	gpointer data;
	gboolean (*hear)(gpointer data, const char *word);
	gpointer hear_data;
	redisContext *context; /* NULL while waiting for the next attempt */
	GSource *source;       /* watches the descriptor, or waits; owned */
	guint delay_ms;        /* before the next attempt */
	gboolean is_subscribed;
};

static void start(struct notice *n);

static void set_source(struct notice *n, GSource *source, GSourceFunc callback)
{
	if (n->source) {
		g_source_destroy(n->source);
		g_source_unref(n->source);
	}
	n->source = source;
	if (!source)
		return;
	g_source_set_callback(source, callback, n, NULL);
	g_source_attach(source, g_main_context_get_thread_default());
}

static gboolean start_again(gpointer data)
{
	start(data);
	return G_SOURCE_REMOVE;
}

static void wait_and_start(struct notice *n)
{
	g_clear_pointer(&n->context, redisFree);
	n->is_subscribed = FALSE;
	set_source(n, g_timeout_source_new(n->delay_ms), start_again);
	n->delay_ms = MIN(n->delay_ms * 2, (guint)LONGEST_DELAY_MS);
}

/* -- hearing --------------------------------------------------------------------------------- */

enum heard { HEARD_NOTHING, HEARD_NOTICE, HEARD_OTHER, HEARD_END };

/* Reads one reply that has arrived, if any. */
static enum heard hear(struct notice *n)
{
	redisReply *reply = NULL;
	if (redisGetReplyFromReader(n->context, (void **)&reply) != REDIS_OK)
		return HEARD_END;
	if (!reply)
		return HEARD_NOTHING;
	gboolean is_error = reply->type == REDIS_REPLY_ERROR;
	if (reply_count(reply) == 3 && strcmp(reply_text(reply_at(reply, 0)), "subscribe") == 0) {
		n->is_subscribed = TRUE;
		n->delay_ms = FIRST_DELAY_MS;
	}
	/* ["message", channel, word] */
	gboolean is_taken = n->hear && reply_count(reply) == 3 && strcmp(reply_text(reply_at(reply, 0)), "message") == 0 &&
	                    n->hear(n->hear_data, reply_text(reply_at(reply, 2)));
	freeReplyObject(reply);
	return is_error ? HEARD_END : is_taken ? HEARD_OTHER : HEARD_NOTICE;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
	struct notice *n = data;
	gboolean must_look = FALSE;
	enum heard heard = HEARD_END;
	(void)fd;
	(void)condition;
	if (redisBufferRead(n->context) == REDIS_OK)
		while ((heard = hear(n)) == HEARD_NOTICE || heard == HEARD_OTHER)
			must_look |= heard == HEARD_NOTICE && n->is_subscribed;
	gboolean goes_on = heard != HEARD_END;
	if (!goes_on)
		wait_and_start(n);
	/* Last: it may free the subscription. */
	if (must_look)
		n->look(n->data);
	return goes_on ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* -- connecting ------------------------------------------------------------------------------ */

static void append_greeting(struct notice *n)
{
	const struct redis_address *a = &n->address;
	if (a->password && a->user)
		redisAppendCommand(n->context, "AUTH %s %s", a->user, a->password);
	else if (a->password)
		redisAppendCommand(n->context, "AUTH %s", a->password);
	redisAppendCommand(n->context, "SUBSCRIBE cleave:notice");
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data)
{
	struct notice *n = data;
	int problem = 0, done = 0;
	socklen_t size = sizeof problem;
	(void)condition;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 || problem != 0 ||
	    redisBufferWrite(n->context, &done) != REDIS_OK) {
		wait_and_start(n);
		return G_SOURCE_REMOVE;
	}
	if (!done)
		return G_SOURCE_CONTINUE;
	set_source(n, g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR), G_SOURCE_FUNC(on_readable));
	return G_SOURCE_REMOVE;
}

static void connect_now(struct notice *n)
{
	const struct redis_address *a = &n->address;
	n->context = a->host ? redisConnectNonBlock(a->host, a->port) : redisConnectUnixNonBlock(a->socket_path);
	if (!n->context || n->context->err) {
		wait_and_start(n);
		return;
	}
	(void)fcntl(n->context->fd, F_SETFD, FD_CLOEXEC);
	append_greeting(n);
	set_source(n, g_unix_fd_source_new(n->context->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR), G_SOURCE_FUNC(on_writable));
}

/* -- sentinels ------------------------------------------------------------------------------- */

static void address_free(gpointer data)
{
	redis_address_clear(data);
	g_free(data);
}

/* hiredis asks and waits, so a thread of its own does, with an address of its own. */
static void ask_sentinels(GTask *task, gpointer object, gpointer data, GCancellable *cancellable)
{
	g_autoptr(GError) problem = NULL;
	struct redis_address *a = data;
	(void)object;
	(void)cancellable;
	if (sentinel_find(a, SENTINEL_MS, &problem))
		g_task_return_boolean(task, TRUE);
	else
		g_task_return_error(task, g_steal_pointer(&problem));
}

static void on_told(GObject *object, GAsyncResult *result, gpointer data)
{
	struct notice *n = data;
	GTask *task = G_TASK(result);
	(void)object;
	/* Then the subscription is gone, or asks anew. */
	if (g_cancellable_is_cancelled(g_task_get_cancellable(task)))
		return;
	g_clear_object(&n->asking);
	if (!g_task_propagate_boolean(task, NULL)) {
		wait_and_start(n);
		return;
	}
	struct redis_address *told = g_task_get_task_data(task);
	redis_address_clear(&n->address);
	n->address = *told;
	*told = (struct redis_address){ 0 };
	connect_now(n);
}

static void start(struct notice *n)
{
	struct redis_address *a = g_new0(struct redis_address, 1);
	set_source(n, NULL, NULL);
	if (!redis_address_parse(n->url, n->password_file, a, NULL)) {
		address_free(a);
		wait_and_start(n); /* the password's file, which is being changed */
		return;
	}
	if (!a->service) {
		redis_address_clear(&n->address);
		n->address = *a;
		g_free(a);
		connect_now(n);
		return;
	}
	n->asking = g_cancellable_new();
	g_autoptr(GTask) task = g_task_new(NULL, n->asking, on_told, n);
	g_task_set_task_data(task, a, address_free);
	g_task_run_in_thread(task, ask_sentinels);
}

/* -- outside --------------------------------------------------------------------------------- */

struct notice *notice_new(const char *url, const char *password_file, void (*look)(gpointer data), gpointer data,
			  GError **error)
{
	struct redis_address address;
	if (!redis_address_parse(url, password_file, &address, error))
		return NULL;
	redis_address_clear(&address);
	signal(SIGPIPE, SIG_IGN);
	struct notice *n = g_new0(struct notice, 1);
	n->url = g_strdup(url);
	n->password_file = g_strdup(password_file);
	n->look = look;
	n->data = data;
	n->delay_ms = FIRST_DELAY_MS;
	start(n);
	return n;
}

void notice_on_word(struct notice *n, gboolean (*hear_word)(gpointer data, const char *word), gpointer data)
{
	n->hear = hear_word;
	n->hear_data = data;
}

void notice_free(struct notice *n)
{
	if (!n)
		return;
	if (n->asking)
		g_cancellable_cancel(n->asking);
	g_clear_object(&n->asking);
	set_source(n, NULL, NULL);
	g_clear_pointer(&n->context, redisFree);
	redis_address_clear(&n->address);
	g_free(n->url);
	g_free(n->password_file);
	g_free(n);
}

gboolean notice_is_connected(const struct notice *n)
{
	return n->is_subscribed;
}
