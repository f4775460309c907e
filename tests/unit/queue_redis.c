/* Connections: passwords that change, servers that are away or refuse. */
#include "base/error.h"
#include "queue/functions.h"
#include "redis_fixture.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void ask(struct redis_fixture *f, const char *line, const char *wanted)
{
	g_auto(GStrv) w = g_strsplit(line, " ", -1);
	g_autoptr(GError) problem = NULL;
	struct redis *r = redis_new(f->url, NULL, 1000, NULL);
	SCOPED_REPLY reply = redis_call(r, REDIS_ONCE, g_strv_length(w), (const char *const *)w, &problem);
	if (!reply)
		fail_msg("%s: %s", line, problem->message);
	assert_string_equal(reply_text(reply), wanted);
	redis_free(r);
}

/* A program that runs on is given the new password with its next connection, and waits until both sides have it. */
static void password_is_changed(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	g_autoptr(GError) problem = NULL;
	g_autofree char *path = g_build_filename(f->folder, "password", NULL);
	g_autofree char *url = g_strconcat("redis+unix://u@", f->socket_path, NULL);
	ask(f, "ACL SETUSER u on >old +ping", "OK");
	assert_true(g_file_set_contents(path, "old\n", -1, NULL));
	struct redis *r = redis_new(url, path, 1000, NULL);
	assert_true(redis_ping(r, NULL));
	ask(f, "ACL SETUSER u resetpass >new", "OK");
	assert_true(redis_ping(r, NULL)); /* who is in stays in */
	redis_fixture_stop(f);
	assert_false(redis_ping(r, &problem));
	g_clear_error(&problem);
	redis_fixture_start(f);
	ask(f, "ACL SETUSER u on >new +ping", "OK");
	assert_false(redis_ping(r, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	assert_non_null(strstr(problem->message, f->socket_path));
	assert_non_null(strstr(problem->message, "WRONGPASS"));
	g_clear_error(&problem);
	g_unlink(path); /* it is just being written anew */
	assert_false(redis_ping(r, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	g_clear_error(&problem);
	assert_true(g_file_set_contents(path, "new\n", -1, NULL));
	assert_true(redis_ping(r, NULL));
	redis_free(r);
	g_unlink(path);
	ask(f, "ACL SETUSER u off", "OK");
}

static void away_names_the_place(void **state)
{
	static const char *const cases[][2] = {
		{ "redis://127.0.0.1:1/0", "Redis at 127.0.0.1:1 does not answer: Connection refused" },
		{ "redis+unix:///nowhere/r.sock", "Redis at /nowhere/r.sock does not answer: No such file or directory" },
		{ "redis+sentinel://127.0.0.1:1/render", "service render is: 127.0.0.1:1: Connection refused" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) problem = NULL;
		struct redis *r = redis_new(cases[i][0], NULL, 500, NULL);
		assert_false(redis_ping(r, &problem));
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
		if (!strstr(problem->message, cases[i][1]))
			fail_msg("%s", problem->message);
		redis_free(r);
	}
}

/* Who may not load the functions waits for who may. */
static void functions_are_somebody_elses(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	g_autoptr(GError) problem = NULL;
	g_autofree char *url = g_strconcat("redis+unix://w:w@", f->socket_path, NULL);
	gint64 version;
	ask(f, "FUNCTION FLUSH", "OK");
	ask(f, "ACL SETUSER w on >w +fcall +ping", "OK");
	struct redis *worker = redis_new(url, NULL, 1000, NULL), *controller = redis_new(f->url, NULL, 1000, NULL);
	assert_false(function_call_number(worker, &problem, &version, "version", ""));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	assert_non_null(strstr(problem->message, "may not load them"));
	assert_true(function_call_number(controller, NULL, &version, "version", ""));
	assert_true(function_call_number(worker, NULL, &version, "version", ""));
	redis_free(worker);
	redis_free(controller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password_is_changed),
		cmocka_unit_test(away_names_the_place),
		cmocka_unit_test(functions_are_somebody_elses),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
