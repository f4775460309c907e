/* What a program in Blender's place can reach, with real bubblewrap: as this user, and as another where it is root. */
#include "base/error.h"
#include "worker/blender.h"
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* It says hello, and what it could do as its version. */
static const char prober[] =
	"#!/usr/bin/python3\n"
	"import json, os, socket\n"
	"def able(what):\n"
	"    try:\n"
	"        what()\n"
	"        return True\n"
	"    except OSError:\n"
	"        return False\n"
	"say = {}\n"
	"say['connect'] = able(lambda: socket.create_connection(('127.0.0.1', @PORT@), 2))\n"
	"say['secret'] = able(lambda: open('@DIR@/secret/redis.pass').read())\n"
	"say['credentials'] = 'CREDENTIALS_DIRECTORY' in os.environ or 'CLEAVE_REDIS' in os.environ\n"
	"say['write'] = able(lambda: open('@DIR@/frames/new', 'w').write('x'))\n"
	"say['read'] = able(lambda: open('@DIR@/frames/scene').read())\n"
	"say['scratch'] = able(lambda: open(os.environ['TMPDIR'] + '/out/mine', 'w').write('x'))\n"
	"say['etc'] = able(lambda: open('/etc/cleave-test', 'w'))\n"
	"say['others'] = len([p for p in (os.listdir('/proc') if os.path.isdir('/proc') else ()) if p.isdigit()]) > 4\n"
	"say['parent'] = able(lambda: os.kill(@PID@, 0))\n"
	"say['uid'] = os.getuid()\n"
	"os.write(4, (json.dumps({'hello': 1, 'version': json.dumps(say, sort_keys=True), 'devices': []}) + '\\n').encode())\n"
	"os.read(3, 1)\n";

struct site {
	char *folder, *root, *script, *secret;
	int listener;
	guint port;
};

static char *replace(char *text, const char *what, const char *by)
{
	g_auto(GStrv) parts = g_strsplit(text, what, -1);
	g_free(text);
	return g_strjoinv(by, parts);
}

static int listen_on_loopback(guint *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at) | listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void write_file(const char *folder, const char *name, const char *text, int mode)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(g_chmod(path, (mode_t)mode), 0);
}

static int setup(void **state)
{
	struct site *s = g_new0(struct site, 1);
	s->folder = g_dir_make_tmp("cleave-shut-XXXXXX", NULL);
	s->root = g_build_filename(s->folder, "frames", NULL);
	s->secret = g_build_filename(s->folder, "secret", NULL);
	s->listener = listen_on_loopback(&s->port);
	/* A user's own namespace shows the user's own files: what is not shown at all is what protects. */
	assert_int_equal(g_mkdir(s->root, 0777) | g_chmod(s->root, 0777) | g_mkdir(s->secret, 0755), 0);
	write_file(s->root, "scene", "x", 0644);
	write_file(s->secret, "redis.pass", "x", 0644);
	g_autofree char *port = g_strdup_printf("%u", s->port), *pid = g_strdup_printf("%d", (int)getpid());
	g_autofree char *text = replace(replace(replace(g_strdup(prober), "@PORT@", port), "@DIR@", s->folder), "@PID@", pid);
	g_autofree char *programs = g_build_filename(s->folder, "programs", NULL);
	assert_int_equal(g_mkdir(programs, 0755), 0);
	write_file(programs, "blender", text, 0755);
	s->script = g_build_filename(programs, "blender", NULL);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;
	static const char *const files[] = { "frames/scene", "frames/new", "frames", "secret/redis.pass", "secret", "programs/blender", "programs", "" };
	close(s->listener);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(s->folder, files[i], NULL);
		(void)remove(path);
	}
	char *texts[] = { s->folder, s->root, s->script, s->secret };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_free(s);
	return 0;
}

/* What it could do; NULL and a skip where bubblewrap does not work here. */
static char *probe(const struct site *s, enum sandbox_wish wish)
{
	g_autoptr(GError) problem = NULL;
	struct sandbox *sandbox = sandbox_find(wish, &problem);
	if (!sandbox) {
		print_message("%s\n", problem->message);
		skip();
	}
	const char *const readable[] = { s->root, NULL };
	const struct blender_setup setup_of = { .program = s->script, .sandbox = sandbox, .readable = readable };
	g_setenv("CREDENTIALS_DIRECTORY", s->secret, TRUE);
	g_setenv("CLEAVE_REDIS", "redis://secret", TRUE);
	struct blender *b = blender_start(&setup_of, &problem);
	g_unsetenv("CREDENTIALS_DIRECTORY");
	g_unsetenv("CLEAVE_REDIS");
	assert_null(problem);
	char *said = g_strdup(blender_version(b));
	blender_stop(b);
	sandbox_free(sandbox);
	return said;
}

static void is_shut_in(void **state)
{
	const struct site *s = *state;
	g_autofree char *said = probe(s, SANDBOX_AUTO);
	guint uid = geteuid();
	g_autofree char *as_root = g_strdup("\"uid\": 0, "), *as_us = g_strdup_printf("\"uid\": %u, ", uid);
	assert_true(g_str_has_prefix(said, "{\"connect\": false, \"credentials\": false, \"etc\": false, \"others\": false, "
					   "\"parent\": false, \"read\": true, \"scratch\": true, \"secret\": false, "));
	assert_true(g_str_has_suffix(said, "\"write\": false}"));
	/* A user has no other uid to give. */
	assert_null(strstr(said, as_root));
	assert_true(uid == 0 || strstr(said, as_us) != NULL);
}

/* The other side of the same: without it all of that is possible, so that the test would see it. */
static void is_not_shut_in(void **state)
{
	const struct site *s = *state;
	g_autofree char *said = probe(s, SANDBOX_NONE);
	static const char *const possible[] = { "\"connect\": true", "\"secret\": true", "\"write\": true", "\"others\": true",
		                                "\"parent\": true", "\"scratch\": true", "\"credentials\": false" };
	for (guint i = 0; i < G_N_ELEMENTS(possible); i++)
		assert_non_null(strstr(said, possible[i]));
}

static void signals_are_told(void **state)
{
	g_autoptr(GError) problem = NULL;
	struct sandbox *sandbox = sandbox_find(SANDBOX_AUTO, &problem);
	const struct site *s = *state;
	if (!sandbox) {
		print_message("%s\n", problem->message);
		skip();
	}
	g_autofree char *folder = g_path_get_dirname(s->script);
	g_autofree char *kept = NULL;
	assert_true(g_file_get_contents(s->script, &kept, NULL, NULL));
	write_file(folder, "blender", "#!/bin/sh\nkill -SEGV $$\n", 0755);
	const struct blender_setup setup_of = { .program = s->script, .sandbox = sandbox };
	assert_null(blender_start(&setup_of, &problem));
	assert_non_null(strstr(problem->message, "Blender was ended by signal 11 (Segmentation fault)"));
	write_file(folder, "blender", kept, 0755);
	sandbox_free(sandbox);
}

/* A worker that cannot confine says so, and what to do. */
static void nothing_works(void **state)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *path = g_strdup(g_getenv("PATH"));
	(void)state;
	g_setenv("PATH", "/nowhere", TRUE);
	assert_null(sandbox_find(SANDBOX_AUTO, &problem));
	g_setenv("PATH", path, TRUE);
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(problem->message, "Blender cannot be confined: "));
	assert_non_null(strstr(problem->message, "--sandbox none"));
}

static void environment_is_a_list(void **state)
{
	static const char *const variables[] = { "CUDA_VISIBLE_DEVICES=1", "LANG=xx", NULL };
	(void)state;
	g_setenv("LANG", "C.UTF-8", TRUE);
	g_setenv("AWS_SECRET_ACCESS_KEY", "x", TRUE);
	g_setenv("PYTHONPATH", "/x", TRUE);
	g_setenv("OCIO", "/studio/config.ocio", TRUE);
	g_auto(GStrv) environment = sandbox_environment(variables, "/scratch");
	assert_string_equal(g_environ_getenv(environment, "CUDA_VISIBLE_DEVICES"), "1");
	assert_string_equal(g_environ_getenv(environment, "LANG"), "C.UTF-8");
	assert_string_equal(g_environ_getenv(environment, "HOME"), "/scratch");
	assert_string_equal(g_environ_getenv(environment, "OCIO"), "/studio/config.ocio");
	assert_null(g_environ_getenv(environment, "AWS_SECRET_ACCESS_KEY"));
	assert_null(g_environ_getenv(environment, "PYTHONPATH"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_shut_in, setup, teardown),
		cmocka_unit_test_setup_teardown(is_not_shut_in, setup, teardown),
		cmocka_unit_test_setup_teardown(signals_are_told, setup, teardown),
		cmocka_unit_test(nothing_works),
		cmocka_unit_test(environment_is_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
