/* The child that keeps the scene warm, played by shell scripts that misbehave; and its orders. */
#include "base/error.h"
#include "worker/blender.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "echo '{\"hello\":1,\"version\":\"9.8.7\",\"devices\":[\"CPU\",\"OPTIX\"]}' >&4\n"

static struct task_output output = { .path_template = "x.png", .format = "PNG" };
static const struct task task = { .scene_root = "s",
				  .scene_path = "a.blend",
				  .scene_sha256 = "00",
				  .engine = "CYCLES",
				  .device = "CPU",
				  .outputs = &output,
				  .n_outputs = 1,
				  .time_limit_ms = 1000 };
static const struct order order = { &task, "/s/a.blend", -7, "/f/x.png" };

static const char *const variables[] = { "CUDA_VISIBLE_DEVICES=1", "HOME=/not/this", NULL };
static char *script_path;

/* Starts a Blender that runs these shell commands; descriptor 3 gives orders, 4 takes answers. */
static struct blender *start(const char *commands, GError **error)
{
	g_autofree char *text = g_strconcat("#!/bin/sh\n", commands, "\n", NULL);
	/* The mode counts only for a new file. */
	g_unlink(script_path);
	assert_true(g_file_set_contents_full(script_path, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
	return blender_start(script_path, variables, error);
}

/* The answer to one order; its reason is "" when it is done. */
static char *ask(const char *commands)
{
	struct answer answer;
	g_autofree char *with_hello = g_strconcat(HELLO, commands, NULL);
	struct blender *b = start(with_hello, NULL);
	assert_non_null(b);
	enum render_end end = blender_render(b, &order, NULL, &answer);
	char *reason = g_strdup(end == RENDER_DONE ? "" : answer.reason);
	answer_clear(&answer);
	blender_stop(b);
	return reason;
}

static void orders_and_answers(void **state)
{
	(void)state;
	g_autofree char *line = order_encode(&order);
	assert_string_equal(line, "{\"frame\":-7,\"output\":\"/f/x.png\",\"scene\":\"/s/a.blend\",\"settings\":"
				  "{\"device\":\"CPU\",\"engine\":\"CYCLES\",\"format\":\"PNG\"},\"sha256\":\"00\"}\n");
	struct answer a = answer_decode("{\"done\": 1.5, \"width\": 64, \"height\": -1, \"samples\": 3, \"device\": "
					"\"CPU\", \"muted\": [\"a\", \"b\"]}");
	assert_int_equal(a.type, ANSWER_DONE);
	assert_true(a.seconds == 1.5);
	assert_int_equal(a.width, 64);
	assert_int_equal(a.height, 0);
	assert_string_equal(a.muted, "a, b");
	answer_clear(&a);
	static const char *const none[] = { "", "[]", "{}", "{\"done\"", "\xff", "7" };
	for (guint i = 0; i < G_N_ELEMENTS(none); i++) {
		a = answer_decode(none[i]);
		assert_int_equal(a.type, ANSWER_UNKNOWN);
		answer_clear(&a);
	}
}

static void says_hello_and_renders(void **state)
{
	struct answer answer;
	(void)state;
	struct blender *b = start(HELLO "while read order <&3; do echo '{\"loaded\": 0.1}' >&4; "
					"echo '{\"done\": 0.5, \"device\": \"CPU\"}' >&4; done",
				  NULL);
	assert_string_equal(blender_version(b), "9.8.7");
	assert_string_equal(blender_devices(b)[1], "OPTIX");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(blender_render(b, &order, NULL, &answer), RENDER_DONE);
		assert_string_equal(answer.device, "CPU");
		answer_clear(&answer);
	}
	assert_int_equal(blender_n_frames(b), 3);
	blender_stop(b);
}

/* It has the GPU that its worker has, and nothing that leads to the queue. */
static void environment_of_the_child(void **state)
{
	g_autoptr(GError) problem = NULL;
	(void)state;
	g_setenv("CLEAVE_REDIS", "redis://secret", TRUE);
	assert_null(start("echo \"$CUDA_VISIBLE_DEVICES,$CLEAVE_REDIS,$HOME\"; exit 4", &problem));
	g_unsetenv("CLEAVE_REDIS");
	g_autofree char *said = g_strdup_printf("Blender ended with code 4: 1,,%s", g_getenv("HOME") ? g_getenv("HOME") : "/not/this");
	assert_non_null(strstr(problem->message, said));
}

static void does_not_start(void **state)
{
	static const char *const cases[][2] = {
		{ "echo no display >&2; exit 3", "Blender ended with code 3: no display" },
		{ "kill -SEGV $$", "Blender was ended by signal 11 (Segmentation fault): it printed nothing" },
		{ "echo what >&4; sleep 9", "Blender answered \"what\"" },
		{ "echo '{\"done\":1}' >&4; sleep 9", "Blender answered \"{\"done\":1}\"" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) problem = NULL;
		assert_null(start(cases[i][0], &problem));
		assert_non_null(strstr(problem->message, cases[i][1]));
	}
	g_autoptr(GError) problem = NULL;
	assert_null(blender_start("/nowhere/blender", variables, &problem));
	assert_non_null(strstr(problem->message, "No such file"));
}

static void fails_while_rendering(void **state)
{
	static const char *const cases[][2] = {
		{ "read order <&3; echo Fra:1 x; echo out of memory; echo 'Fra:1 y'; exit 11",
		  "Blender ended with code 11: out of memory" },
		{ "exit 0", "Blender ended with code 0: it printed nothing" },
		{ "read order <&3; echo '{\"failed\": \"no camera\"}' >&4; sleep 9", "no camera" },
		{ "read order <&3; echo hm >&4; sleep 9", "Blender answered \"hm\"" },
		{ "read order <&3; sleep 60", "the time limit of 1.0 s passed" },
		/* Reading the scene has the same limit for itself. */
		{ "read order <&3; sleep 0.7; echo '{\"loaded\":0}' >&4; sleep 0.7; echo '{\"done\":1}' >&4; sleep 9",
		  "" },
		/* It prints a lot, which nobody may wait for. */
		{ "read order <&3; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; exit 1",
		  "Blender ended with code 1: last" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *reason = ask(cases[i][0]);
		assert_string_equal(reason, cases[i][1]);
	}
}

static void interrupted(void **state)
{
	struct answer answer;
	const guint64 one = 1;
	(void)state;
	struct blender *b = start(HELLO "read order <&3; sleep 60", NULL);
	const int stop_fds[] = { eventfd(0, EFD_CLOEXEC), -1 };
	assert_int_equal(write(stop_fds[0], &one, sizeof one), sizeof one);
	assert_int_equal(blender_render(b, &order, stop_fds, &answer), RENDER_INTERRUPTED);
	answer_clear(&answer);
	gint64 before = g_get_monotonic_time();
	blender_stop(b);
	assert_true(g_get_monotonic_time() - before < 2000000);
	close(stop_fds[0]);
}

static void knows_nothing_of_redis(void **state)
{
	(void)state;
	g_setenv("CLEAVE_REDIS", "redis://secret", TRUE);
	g_autofree char *reason = ask("read order <&3; echo \"[$CLEAVE_REDIS]\"; exit 1");
	assert_string_equal(reason, "Blender ended with code 1: []");
	g_unsetenv("CLEAVE_REDIS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_and_answers), cmocka_unit_test(says_hello_and_renders),
		cmocka_unit_test(environment_of_the_child),
		cmocka_unit_test(does_not_start),     cmocka_unit_test(fails_while_rendering),
		cmocka_unit_test(interrupted),        cmocka_unit_test(knows_nothing_of_redis),
	};
	int fd = g_file_open_tmp("cleave-fake-XXXXXX", &script_path, NULL);
	if (fd < 0 || !g_close(fd, NULL))
		return 1;
	int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	g_unlink(script_path);
	g_free(script_path);
	return n_failed;
}
