/* The control socket: what is asked is answered, and no client holds up the loop or the others, whatever it sends and
 * however slowly it reads. */
#include "base/error.h"
#include "state/state.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

struct site {
	char *dir;
	struct control *control;
	const char *body; /* what is answered */
	guint n_came;
};

/* As run does: answered from the loop. */
static void on_came(gpointer user)
{
	struct site *s = user;
	struct control_request *r;
	s->n_came++;
	while ((r = control_take(s->control))) {
		g_autoptr(GError) error = NULL;
		if (strcmp(control_command(r), "wrong") == 0)
			g_set_error(&error, CLEAVE_ERROR, ERROR_REFUSED, "no: \xff");
		control_answer(r, s->body ? s->body : control_command(r), error);
	}
}

static int setup(void **state)
{
	struct site *s = g_new0(struct site, 1);
	s->dir = g_dir_make_tmp("cleave-control.XXXXXX", NULL);
	s->control = control_open(s->dir, on_came, s, NULL);
	*state = s;
	return s->control ? 0 : -1;
}

static int teardown(void **state)
{
	struct site *s = *state;
	control_close(s->control);
	int left = g_rmdir(s->dir); /* the socket is gone */
	g_free(s->dir);
	g_free(s);
	return left;
}

static int connect_to(const struct site *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_snprintf(to.sun_path, sizeof to.sun_path, "%s/control.sock", s->dir);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	return fd;
}

static gboolean set_flag(gpointer user)
{
	*(gboolean *)user = TRUE;
	return G_SOURCE_REMOVE;
}

static void serve(guint ms)
{
	gboolean is_over = FALSE;
	g_timeout_add(ms, set_flag, &is_over);
	while (!is_over)
		g_main_context_iteration(NULL, TRUE);
}

/* All that the client gets until the end of the stream, at most `ms`; NULL: it stays open. */
static char *receive(int fd, guint ms)
{
	GString *got = g_string_new(NULL);
	char buffer[65536];
	gint64 until = g_get_monotonic_time() + ms * 1000;
	while (g_get_monotonic_time() < until) {
		ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (n == 0)
			return g_string_free(got, FALSE);
		if (n > 0)
			g_string_append_len(got, buffer, n);
		serve(1);
	}
	g_string_free(got, TRUE);
	return NULL;
}

static void put(int fd, const char *text, gsize size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			text += n;
			size -= (gsize)n;
		}
		serve(1);
	}
}

static void assert_answer(const struct site *s, const char *request, const char *answer)
{
	int fd = connect_to(s);
	put(fd, request, strlen(request));
	g_autofree char *got = receive(fd, 5000);
	assert_string_equal(got, answer);
	close(fd);
}

static void it_answers(void **state)
{
	struct site *s = *state;
	struct stat st;
	g_autofree char *path = g_build_filename(s->dir, "control.sock", NULL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_answer(s, "observe\n", "{\"ok\":true}\nobserve");
	assert_answer(s, "observe\nand more\n", "{\"ok\":true}\nobserve");
	assert_answer(s, "wrong\n", "{\"ok\":false,\"code\":4,\"error\":\"no: \357\277\275\"}\n");
}

static void a_line_in_pieces(void **state)
{
	struct site *s = *state;
	int fd = connect_to(s);
	put(fd, "obs", 3);
	serve(50);
	assert_int_equal(s->n_came, 0);
	put(fd, "erve\n", 5);
	g_autofree char *got = receive(fd, 5000);
	assert_string_equal(got, "{\"ok\":true}\nobserve");
	close(fd);
}

static void a_line_has_bounds(void **state)
{
	struct site *s = *state;
	g_autofree char *most = g_strnfill(65000, 'x'), *more = g_strnfill(70000, 'x');
	most[64999] = '\n';
	int fd = connect_to(s);
	put(fd, most, 65000);
	g_autofree char *fine = receive(fd, 5000);
	assert_true(g_str_has_prefix(fine, "{\"ok\":true}\nxxx"));
	close(fd);
	s->n_came = 0;
	fd = connect_to(s);
	put(fd, more, 66000);
	g_autofree char *refused = receive(fd, 5000);
	/* The rest of it, which nobody reads, may cut the connection before the answer is read. */
	assert_true(!refused || !*refused || strstr(refused, "64 KiB at most"));
	close(fd);
	assert_int_equal(s->n_came, 0);
}

static void no_text(void **state)
{
	struct site *s = *state;
	static const char *const bytes[] = { "a\0b\n", "\xff\xfe\n" };
	static const gsize sizes[] = { 4, 3 };
	for (guint i = 0; i < G_N_ELEMENTS(bytes); i++) {
		int fd = connect_to(s);
		put(fd, bytes[i], sizes[i]);
		g_autofree char *got = receive(fd, 5000);
		assert_non_null(strstr(got, "a line of UTF-8"));
		close(fd);
	}
	assert_int_equal(s->n_came, 0);
}

static void who_says_nothing_is_dropped(void **state)
{
	struct site *s = *state;
	gint64 from = g_get_monotonic_time();
	int silent = connect_to(s), slow = connect_to(s);
	put(slow, "obs", 3);
	serve(5000);
	put(slow, "e", 1); /* which does not put its end off */
	g_autofree char *got = receive(silent, 15000), *of_slow = receive(slow, 2000);
	gint64 took_ms = (g_get_monotonic_time() - from) / 1000;
	assert_string_equal(got, "");
	assert_string_equal(of_slow, "");
	assert_in_range(took_ms, 9500, 12000);
	close(silent);
	close(slow);
}

static void a_slow_reader_holds_up_nobody(void **state)
{
	struct site *s = *state;
	g_autofree char *large = g_strnfill(8 << 20, 'y');
	s->body = large;
	int fd = connect_to(s);
	put(fd, "observe\n", 8);
	serve(50);
	s->body = NULL;
	gint64 from = g_get_monotonic_time();
	assert_answer(s, "quick\n", "{\"ok\":true}\nquick");
	assert_in_range((g_get_monotonic_time() - from) / 1000, 0, 1000);
	g_autofree char *got = receive(fd, 20000);
	assert_int_equal(strlen(got), (8 << 20) + strlen("{\"ok\":true}\n"));
	close(fd);
}

static void only_so_many_at_once(void **state)
{
	struct site *s = *state;
	int fds[64];
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = connect_to(s);
		serve(1);
	}
	serve(50);
	int more = connect_to(s);
	g_autofree char *got = receive(more, 5000);
	assert_non_null(strstr(got, "ask again"));
	close(more);
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
	serve(50);
	assert_answer(s, "observe\n", "{\"ok\":true}\nobserve");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_has_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(no_text, setup, teardown),
		cmocka_unit_test_setup_teardown(who_says_nothing_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_reader_holds_up_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(only_so_many_at_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
