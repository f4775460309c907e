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
static struct order order = { .task = &task, .scene = "/s/a.blend", .frame = -7, .folder = "/f" };

static const char *const variables[] = { "CUDA_VISIBLE_DEVICES=1", "HOME=/not/this", NULL };
static char *script_path;
static struct sandbox *open_sandbox;

/* Starts a Blender that runs these shell commands; descriptor 3 gives orders, 4 takes answers. */
static struct blender *start(const char *commands, GError **error)
{
	g_autofree char *text = g_strconcat("#!/bin/sh\n", commands, "\n", NULL);
	/* The mode counts only for a new file. */
	g_unlink(script_path);
	assert_true(g_file_set_contents_full(script_path, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
	const struct blender_setup setup = { .program = script_path, .variables = variables, .sandbox = open_sandbox };
	return blender_start(&setup, error);
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
	assert_string_equal(line, "{\"folder\":\"/f\",\"frame\":-7,\"scene\":\"/s/a.blend\",\"settings\":"
				  "{\"device\":\"CPU\",\"engine\":\"CYCLES\",\"outputs\":[{\"file\":\"0.png\","
				  "\"format\":\"PNG\"}]},\"sha256\":\"00\"}\n");
	struct answer a = answer_decode("{\"done\": 1.5, \"width\": 64, \"height\": -1, \"samples\": 3, \"device\": "
					"\"CPU\", \"muted\": [\"a\", \"b\"]}");
	assert_int_equal(a.type, ANSWER_DONE);
	assert_true(a.seconds == 1.5);
	assert_int_equal(a.width, 64);
	assert_int_equal(a.height, 0);
	assert_string_equal(a.muted, "a, b");
	answer_clear(&a);
	a = answer_decode("{\"done\": 1e300}");
	assert_true(a.seconds == 1e9);
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

/* It has the GPU that its worker has, a home of its own, and nothing that leads to the queue. */
static void environment_of_the_child(void **state)
{
	g_autoptr(GError) problem = NULL;
	(void)state;
	g_setenv("CLEAVE_REDIS", "redis://secret", TRUE);
	g_setenv("CREDENTIALS_DIRECTORY", "/run/credentials", TRUE);
	assert_null(start("echo \"$CUDA_VISIBLE_DEVICES,$CLEAVE_REDIS,$CREDENTIALS_DIRECTORY,${HOME##*/}\"; exit 4", &problem));
	g_unsetenv("CLEAVE_REDIS");
	g_unsetenv("CREDENTIALS_DIRECTORY");
	assert_non_null(strstr(problem->message, "Blender ended with code 4: 1,,,scratch"));
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
	const struct blender_setup nowhere = { .program = "/nowhere/blender", .sandbox = open_sandbox };
	assert_null(blender_start(&nowhere, &problem));
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
		{ "read order <&3; yes", "the time limit of 1.0 s passed" },
		{ "read order <&3; while :; do echo '{\"loaded\":0}' >&4; done", "Blender answered \"{\"loaded\":0}\"" },
		{ "read order <&3; printf '{\"done\":\\0001}\\n' >&4; sleep 9", "Blender answered \"{\"done\":\"" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *reason = ask(cases[i][0]);
		assert_string_equal(reason, cases[i][1]);
	}
}

static const struct task unlimited = { .scene_sha256 = "00", .outputs = &output, .n_outputs = 1 };

static void an_answer_without_end(void **state)
{
	g_autoptr(GError) problem = NULL;
	(void)state;
	order.task = &unlimited;
	g_autofree char *reason = ask("read order <&3; yes | tr -d '\\n' >&4");
	order.task = &task;
	assert_string_equal(reason, "Blender's answer has no end");
	assert_null(start("yes | tr -d '\\n' >&4", &problem));
	assert_non_null(strstr(problem->message, "Blender's answer has no end"));
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

static void suits_a_task(void **state)
{
	static const char *const arguments[] = { "--debug-cycles", NULL };
	(void)state;
	struct task scripts = task, told = task;
	scripts.runs_scripts = 1;
	told.arguments = arguments;
	struct blender *b = start(HELLO "sleep 9", NULL);
	assert_true(blender_suits(b, NULL));
	assert_true(blender_suits(b, &task));
	assert_false(blender_suits(b, &scripts));
	assert_false(blender_suits(b, &told));
	blender_stop(b);
}

/* What one scene's scripts left in it would be there for another's. */
static void scripts_stay_with_their_scene(void **state)
{
	struct blender_setup setup = { .program = script_path, .sandbox = open_sandbox, .runs_scripts = TRUE };
	struct task one = task, other = task;
	struct answer answer;
	(void)state;
	one.runs_scripts = other.runs_scripts = 1;
	other.scene_sha256 = "11";
	blender_stop(start(HELLO "read order <&3; echo '{\"done\":1}' >&4; sleep 9", NULL));
	struct blender *b = blender_start(&setup, NULL);
	assert_true(blender_suits(b, &one) && blender_suits(b, &other));
	order.task = &one;
	assert_int_equal(blender_render(b, &order, NULL, &answer), RENDER_DONE);
	order.task = &task;
	answer_clear(&answer);
	assert_true(blender_suits(b, &one));
	assert_false(blender_suits(b, &other));
	blender_stop(b);
}

/* What the command line says before the script. */
static void scripts_are_asked_for(void **state)
{
	static const char *const arguments[] = { "--debug-cycles", NULL };
	struct blender_setup setup = { .program = script_path, .sandbox = open_sandbox };
	(void)state;
	for (int runs = 0; runs < 2; runs++) {
		g_autoptr(GError) problem = NULL;
		setup.runs_scripts = runs;
		setup.arguments = runs ? arguments : NULL;
		assert_null(start("echo \"$*\"; exit 1", NULL));
		assert_null(blender_start(&setup, &problem));
		assert_true(!!strstr(problem->message, runs ? "--enable-autoexec" : "--disable-autoexec"));
		assert_true(!!strstr(problem->message, "--debug-cycles --python-exit-code") == runs);
	}
}

static void memory_is_watched(void **state)
{
	struct answer answer;
	(void)state;
	struct blender *b = start(HELLO "read order <&3; exec python3 -c 'import time; x = bytearray(200 << 20); time.sleep(20)'", NULL);
	order.memory_bytes = 100 << 20;
	gint64 before = g_get_monotonic_time();
	order.task = &unlimited;
	assert_int_equal(blender_render(b, &order, NULL, &answer), RENDER_FAILED);
	assert_string_equal(answer.reason, "Blender took more than 0.10 GiB of memory");
	assert_true(g_get_monotonic_time() - before < 15000000);
	assert_true(blender_is_worn(b));
	order.memory_bytes = 0;
	order.task = &task;
	answer_clear(&answer);
	blender_stop(b);
}

/* Also when it says that the frame is done: Cycles then wrote a black one. */
static void gpu_memory_is_recognised(void **state)
{
	static const char *const said[][2] = {
		{ "System is out of GPU memory", "1" },
		{ "CUDA error: Out of memory in cuMemAlloc(&device_pointer, size) (intern/cycles/device/cuda/device_impl.cpp:1)", "1" },
		{ "OPTIX_ERROR_DEVICE_OUT_OF_MEMORY in optixAccelBuild", "1" },
		{ "HIP error: out of memory", "1" },
		{ "out of paper", NULL },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(said); i++) {
		struct answer answer;
		g_autofree char *commands =
			g_strdup_printf(HELLO "read order <&3; echo '%s'; echo '{\"done\":1}' >&4; sleep 9", said[i][0]);
		struct blender *b = start(commands, NULL);
		enum render_end end = blender_render(b, &order, NULL, &answer);
		assert_int_equal(end, said[i][1] ? RENDER_FAILED : RENDER_DONE);
		assert_int_equal(answer.is_gpu_full, said[i][1] != NULL);
		if (said[i][1])
			assert_string_equal(answer.reason, said[i][0]);
		answer_clear(&answer);
		blender_stop(b);
	}
}

static void paths_are_remembered(void **state)
{
	struct answer answer;
	(void)state;
	struct blender *b = start(HELLO "read order <&3; echo '{\"loaded\":0}' >&4; echo '{\"done\":1,\"opened\":[\"/a\"],"
					"\"missing\":[\"x\",\"y\"]}' >&4; read order <&3; echo '{\"done\":1}' >&4; sleep 9", NULL);
	assert_int_equal(blender_render(b, &order, NULL, &answer), RENDER_DONE);
	assert_true(answer.was_loaded);
	assert_string_equal(answer.missing, "x, y");
	answer_clear(&answer);
	assert_int_equal(blender_render(b, &order, NULL, &answer), RENDER_DONE);
	assert_false(answer.was_loaded);
	assert_null(answer.missing);
	assert_string_equal(blender_opened(b)[0], "/a");
	answer_clear(&answer);
	blender_stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_and_answers), cmocka_unit_test(says_hello_and_renders),
		cmocka_unit_test(environment_of_the_child),
		cmocka_unit_test(does_not_start),     cmocka_unit_test(fails_while_rendering),
		cmocka_unit_test(interrupted),        cmocka_unit_test(suits_a_task),
		cmocka_unit_test(scripts_are_asked_for), cmocka_unit_test(memory_is_watched),
		cmocka_unit_test(an_answer_without_end), cmocka_unit_test(scripts_stay_with_their_scene),
		cmocka_unit_test(gpu_memory_is_recognised), cmocka_unit_test(paths_are_remembered),
	};
	int fd = g_file_open_tmp("cleave-fake-XXXXXX", &script_path, NULL);
	if (fd < 0 || !g_close(fd, NULL))
		return 1;
	open_sandbox = sandbox_find(SANDBOX_NONE, NULL);
	int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	g_unlink(script_path);
	g_free(script_path);
	sandbox_free(open_sandbox);
	return n_failed;
}
