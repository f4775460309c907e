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

struct control {
	GSocketService *service;
	GQueue waiting; /* struct control_request * */
	char *path;
	void (*came)(gpointer user);
	gpointer user;
};

struct control_request {
	struct control *control; /* only until it is queued */
	GSocketConnection *connection;
	GDataInputStream *input;
	char *command;
};

static void request_free(struct control_request *r)
{
	g_clear_object(&r->input);
	g_clear_object(&r->connection);
	g_free(r->command);
	g_free(r);
}

static void on_line(GObject *source, GAsyncResult *result, gpointer user)
{
	struct control_request *r = user;
	struct control *c = r->control;
	r->command = g_data_input_stream_read_line_finish_utf8(G_DATA_INPUT_STREAM(source), result, NULL, NULL);
	if (!r->command) {
		request_free(r);
		return;
	}
	g_queue_push_tail(&c->waiting, r);
	c->came(c->user);
}

static gboolean on_connection(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer user)
{
	struct control_request *r = g_new0(struct control_request, 1);
	(void)service;
	(void)source;
	r->control = user;
	r->connection = g_object_ref(connection);
	/* A client that stops reading must not hold the loop. */
	g_socket_set_timeout(g_socket_connection_get_socket(connection), 10);
	r->input = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
	g_data_input_stream_read_line_async(r->input, G_PRIORITY_DEFAULT, NULL, on_line, r);
	return TRUE;
}

struct control *control_open(const char *dir, void (*came)(gpointer user), gpointer user, GError **error)
{
	struct control *c = g_new0(struct control, 1);
	c->path = g_build_filename(dir, "control.sock", NULL);
	c->came = came;
	c->user = user;
	g_queue_init(&c->waiting);
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
	g_object_unref(c->service);
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
	return r->command;
}

/* A client says one line, and then nothing: what comes now is the end. */
gboolean control_is_open(const struct control_request *r)
{
	GSocket *socket = g_socket_connection_get_socket(r->connection);
	return g_socket_condition_check(socket, G_IO_IN | G_IO_HUP | G_IO_ERR) == 0;
}

void control_answer(struct control_request *r, const char *body, const GError *error)
{
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(r->connection));
	g_autofree char *message = error ? g_utf8_make_valid(error->message, -1) : NULL; /* JSON has no other */
	json_t *head = error ? json_pack("{s:b,s:i,s:s}", "ok", 0, "code", error->code, "error", message)
	                     : json_pack("{s:b}", "ok", 1);
	g_autofree char *line = json_dumps(head, JSON_COMPACT);
	json_decref(head);
	/* Failing here means that the client is gone; it asks again if it wants to know. */
	if (g_output_stream_write_all(out, line, strlen(line), NULL, NULL, NULL) &&
	    g_output_stream_write_all(out, "\n", 1, NULL, NULL, NULL) && !error && body)
		g_output_stream_write_all(out, body, strlen(body), NULL, NULL, NULL);
	g_io_stream_close(G_IO_STREAM(r->connection), NULL, NULL);
	request_free(r);
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
