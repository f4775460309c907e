/* A request is a line; the answer a line of JSON ({"ok":true} or {"ok":false,"code":…,"error":…}) and
 * then the body, until the end of the stream. */
#include "base/error.h"
#include "state/state.h"
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A client that sends its line slowly, or reads its answer slowly, is dropped; all of it waits on the main loop, which is
 * held up by none of them. */
enum { REQUEST_MAX = 64 << 10, CLIENTS_MAX = 64, LINE_MS = 10000, ANSWER_MS = 30000 };

struct control {
	GSocketService *service;
	GQueue waiting; /* struct control_request * */
	guint n_clients; /* that send, wait or read */
	GCancellable *closing;
	char *path;
	void (*came)(gpointer user);
	gpointer user;
};

struct control_request {
	struct control *control;
	GSocketConnection *connection;
	GCancellable *late;
	guint deadline;     /* 0: the request is with the controller */
	gulong closing;     /* handler */
	char buffer[4096];
	GString *line;      /* so far */
	GString *answer;
};

static void request_free(struct control_request *r)
{
	if (r->deadline)
		g_source_remove(r->deadline);
	g_cancellable_disconnect(r->control->closing, r->closing);
	r->control->n_clients--;
	g_io_stream_close(G_IO_STREAM(r->connection), NULL, NULL);
	g_object_unref(r->connection);
	g_object_unref(r->late);
	g_string_free(r->line, TRUE);
	if (r->answer)
		g_string_free(r->answer, TRUE);
	g_free(r);
}

/* The operation that is under way ends with an error, and its callback frees the request. */
static gboolean on_late(gpointer user)
{
	struct control_request *r = user;
	r->deadline = 0;
	g_cancellable_cancel(r->late);
	return G_SOURCE_REMOVE;
}

static void on_closing(GCancellable *closing, gpointer user)
{
	(void)closing;
	g_cancellable_cancel(user);
}

/* -- an answer --------------------------------------------------------------------------------------- */

static void on_written(GObject *stream, GAsyncResult *result, gpointer user)
{
	/* Failing here means that the client is gone; it asks again if it wants to know. */
	(void)g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, NULL);
	request_free(user);
}

static GString *make_answer(const char *body, const GError *error)
{
	g_autofree char *message = error ? g_utf8_make_valid(error->message, -1) : NULL; /* JSON has no other */
	json_t *head = error ? json_pack("{s:b,s:i,s:s}", "ok", 0, "code", error->code, "error", message)
	                     : json_pack("{s:b}", "ok", 1);
	g_autofree char *line = json_dumps(head, JSON_COMPACT);
	json_decref(head);
	GString *answer = g_string_new(line);
	g_string_append_c(answer, '\n');
	if (!error && body)
		g_string_append(answer, body);
	return answer;
}

void control_answer(struct control_request *r, const char *body, const GError *error)
{
	r->answer = make_answer(body, error);
	r->deadline = g_timeout_add(ANSWER_MS, on_late, r);
	g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(r->connection)), r->answer->str, r->answer->len,
	                                G_PRIORITY_DEFAULT, r->late, on_written, r);
}

/* -- a request --------------------------------------------------------------------------------------- */

static void read_more(struct control_request *r);

static void refuse(struct control_request *r, const char *why)
{
	g_autoptr(GError) error = NULL;
	g_clear_handle_id(&r->deadline, g_source_remove);
	fail(&error, ERROR_USAGE, "%s", why);
	control_answer(r, NULL, error);
}

/* What follows the line is nobody's. */
static void take_line(struct control_request *r, gsize len)
{
	struct control *c = r->control;
	g_string_truncate(r->line, len);
	if (strlen(r->line->str) != len || !g_utf8_validate(r->line->str, -1, NULL)) {
		refuse(r, "a request is a line of UTF-8");
		return;
	}
	g_clear_handle_id(&r->deadline, g_source_remove);
	g_queue_push_tail(&c->waiting, r);
	c->came(c->user);
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer user)
{
	struct control_request *r = user;
	gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);
	if (n <= 0) {
		request_free(r);
		return;
	}
	g_string_append_len(r->line, r->buffer, n);
	const char *end = memchr(r->line->str, '\n', r->line->len);
	if (end)
		take_line(r, (gsize)(end - r->line->str));
	else if (r->line->len >= REQUEST_MAX)
		refuse(r, "a request has 64 KiB at most");
	else
		read_more(r);
}

static void read_more(struct control_request *r)
{
	g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(r->connection)), r->buffer, sizeof r->buffer, G_PRIORITY_DEFAULT,
	                          r->late, on_read, r);
}

/* A socket that was just made has room for this line. */
static void turn_away(GSocketConnection *connection)
{
	g_autoptr(GError) error = NULL;
	fail(&error, ERROR_AWAY, "%d others ask the controller at this moment; ask again", CLIENTS_MAX);
	GString *answer = make_answer(NULL, error);
	(void)g_socket_send_with_blocking(g_socket_connection_get_socket(connection), answer->str, answer->len, FALSE, NULL, NULL);
	g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
	g_string_free(answer, TRUE);
}

static gboolean on_connection(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer user)
{
	struct control *c = user;
	(void)service;
	(void)source;
	if (c->n_clients >= CLIENTS_MAX) {
		turn_away(connection);
		return TRUE;
	}
	struct control_request *r = g_new0(struct control_request, 1);
	c->n_clients++;
	*r = (struct control_request){ .control = c, .connection = g_object_ref(connection), .late = g_cancellable_new(), .line = g_string_new(NULL) };
	r->closing = g_cancellable_connect(c->closing, G_CALLBACK(on_closing), r->late, NULL);
	r->deadline = g_timeout_add(LINE_MS, on_late, r);
	read_more(r);
	return TRUE;
}

/* -- the socket -------------------------------------------------------------------------------------- */

struct control *control_open(const char *dir, void (*came)(gpointer user), gpointer user, GError **error)
{
	struct control *c = g_new0(struct control, 1);
	c->path = g_build_filename(dir, "control.sock", NULL);
	c->came = came;
	c->user = user;
	g_queue_init(&c->waiting);
	c->closing = g_cancellable_new();
	c->service = g_socket_service_new();
	/* The lock is ours, so a socket that is there is a dead controller's. */
	g_unlink(c->path);
	mode_t before = umask(0177);
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(c->path);
	gboolean ok = strlen(c->path) < 108
	                      ? g_socket_listener_add_address(G_SOCKET_LISTENER(c->service), address, G_SOCKET_TYPE_STREAM,
	                                                      G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, error)
	                      : fail(error, ERROR_INVALID, "the path is longer than a socket's may be (107 bytes)");
	umask(before);
	if (!ok) {
		g_prefix_error(error, "opening the control socket %s: ", c->path);
		control_close(c);
		return NULL;
	}
	g_signal_connect(c->service, "incoming", G_CALLBACK(on_connection), c);
	g_socket_service_start(c->service);
	return c;
}

void control_close(struct control *c)
{
	struct control_request *r;
	if (!c)
		return;
	g_socket_service_stop(c->service);
	g_socket_listener_close(G_SOCKET_LISTENER(c->service));
	while ((r = g_queue_pop_head(&c->waiting)))
		request_free(r);
	g_cancellable_cancel(c->closing);
	while (c->n_clients) /* their callbacks come at once */
		g_main_context_iteration(NULL, TRUE);
	g_object_unref(c->service);
	g_object_unref(c->closing);
	g_unlink(c->path);
	g_free(c->path);
	g_free(c);
}

struct control_request *control_take(struct control *c)
{
	return g_queue_pop_head(&c->waiting);
}

const char *control_command(const struct control_request *r)
{
	return r->line->str;
}

/* A client says one line, and then nothing: what comes now is the end. */
gboolean control_is_open(const struct control_request *r)
{
	GSocket *socket = g_socket_connection_get_socket(r->connection);
	return g_socket_condition_check(socket, G_IO_IN | G_IO_HUP | G_IO_ERR) == 0;
}

gboolean control_take_in_part(char *body)
{
	char *end = body + strlen(body);
	gboolean in_part = end > body && end[-1] == CONTROL_IN_PART;
	if (in_part)
		end[-1] = '\0';
	return in_part;
}

/* -- client -------------------------------------------------------------------------------------- */

static gboolean read_answer(GInputStream *in, GString *ret, GError **error)
{
	char buffer[16384];
	gssize n;
	while ((n = g_input_stream_read(in, buffer, sizeof buffer, NULL, error)) > 0)
		g_string_append_len(ret, buffer, n);
	return n == 0;
}

/* Splits head and body; the server's error becomes ours. */
static char *open_answer(const GString *answer, GError **error)
{
	const char *end = strchr(answer->str, '\n');
	json_t *head = end ? json_loadb(answer->str, (gsize)(end - answer->str), 0, NULL) : NULL;
	char *body = NULL;
	if (json_is_true(json_object_get(head, "ok")))
		body = g_strdup(end + 1);
	else if (head)
		g_set_error(error, CLEAVE_ERROR, (gint)json_integer_value(json_object_get(head, "code")), "%s",
		            json_string_value(json_object_get(head, "error")));
	else
		fail(error, ERROR_AWAY, "the controller ended before it answered");
	json_decref(head);
	return body;
}

/* The seconds of GSocket are rounded up: a shorter wait would end too early, and 0 means for ever. */
char *control_ask_within(const char *dir, const char *command, gint64 timeout_ms, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "control.sock", NULL);
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GSocketConnection) connection =
	        g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
	if (!connection) {
		fail(error, ERROR_AWAY, "the controller that holds %s does not answer on its control socket", dir);
		return NULL;
	}
	g_socket_set_timeout(g_socket_connection_get_socket(connection), (guint)((timeout_ms + 999) / 1000));
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
	g_autofree char *line = g_strdup_printf("%s\n", command);
	g_autoptr(GString) answer = g_string_new(NULL);
	if (!g_output_stream_write_all(out, line, strlen(line), NULL, NULL, error) ||
	    !read_answer(g_io_stream_get_input_stream(G_IO_STREAM(connection)), answer, error)) {
		if (error && g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
			g_clear_error(error);
			fail(error, ERROR_TIMEOUT, "the controller has not answered within %" G_GINT64_FORMAT " ms", timeout_ms);
			return NULL;
		}
		g_prefix_error(error, "asking the controller: ");
		return NULL;
	}
	return open_answer(answer, error);
}

char *control_ask(const char *dir, const char *command, GError **error)
{
	return control_ask_within(dir, command, 0, error);
}
