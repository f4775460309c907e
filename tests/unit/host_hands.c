/* Hands and what was taken: writes, drop-ins, programs, deadlines, a helper that outlives its end. */
#include "base/arena.h"
#include "base/error.h"
#include "host/hands.h"
#include "host/helper.h"
#include "host/taken.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stuck_fixture.h"

#include <cmocka.h>

#define CARD "0000:65:00.0"
#define DEVICE "sys/bus/pci/devices/" CARD

struct ctx {
	struct arena *arena;
	char *dir;
	struct host_tree tree;
	struct hands hands;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->dir = g_dir_make_tmp("cleave-hands-XXXXXX", NULL);
	x->tree = host_tree_at(x->arena, arena_printf(x->arena, "%s/root", x->dir), NULL);
	x->hands = (struct hands){ helper_start(NULL), &x->tree, taken_new(arena_printf(x->arena, "%s/state", x->dir)), 2000 };
	g_mkdir_with_parents(host_path(x->arena, &x->tree, "%s/driver", DEVICE), 0755);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	const char *argv[] = { "/bin/rm", "-rf", "--", x->dir, NULL };
	helper_stop(x->hands.helper);
	taken_free(x->hands.taken);
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	g_clear_error(&x->error);
	arena_free(x->arena);
	g_free(x->dir);
	g_free(x);
	return 0;
}

static void assert_error(struct ctx *x, enum cleave_error code, const char *words)
{
	assert_non_null(x->error);
	if (!g_error_matches(x->error, CLEAVE_ERROR, (gint)code) || !strstr(x->error->message, words))
		fail_msg("%d \"%s\" without \"%s\"", x->error->code, x->error->message, words);
	g_clear_error(&x->error);
}

static void put(struct ctx *x, const char *path, const char *text)
{
	assert_true(g_file_set_contents(host_path(x->arena, &x->tree, "%s", path), text, -1, NULL));
}

/* -- attributes ---------------------------------------------------------------------------------------- */

static void test_write(void **state)
{
	struct ctx *x = *state;
	put(x, DEVICE "/driver_override", "(null)\n");
	assert_true(hands_write(&x->hands, CARD, DEVICE "/driver_override", "vfio-pci\n", &x->error));
	assert_string_equal(host_read(x->arena, &x->tree, DEVICE "/driver_override"), "vfio-pci");
	/* No O_TRUNC: attributes know none, and a plain file shows it. No O_CREAT: nothing comes to be. */
	assert_true(hands_write(&x->hands, CARD, DEVICE "/driver_override", "ab", &x->error));
	assert_string_equal(hands_read(&x->hands, x->arena, CARD, DEVICE "/driver_override", &x->error), "abio-pci");
	assert_false(hands_write(&x->hands, CARD, DEVICE "/absent", "1", &x->error));
	assert_error(x, ERROR_NOT_FOUND, "/absent: ");
	assert_false(host_exists(&x->tree, DEVICE "/absent"));
	assert_null(hands_read(&x->hands, x->arena, CARD, DEVICE "/absent", &x->error));
	assert_error(x, ERROR_NOT_FOUND, "reading ");
}

static void test_write_refused_by_the_kernel(void **state)
{
	struct ctx *x = *state;
	struct host_tree real = { "/", "/dev" };
	x->hands.tree = &real;
	assert_false(hands_write(&x->hands, NULL, "dev/full", "1\n", &x->error));
	assert_error(x, ERROR_FAILED, g_strerror(ENOSPC));
	assert_false(hands_write(&x->hands, NULL, "dev/full", "1\n", &x->error));
	assert_error(x, ERROR_FAILED, "writing \"1\" to /dev/full: ");
	assert_false(hands_write(&x->hands, NULL, "proc", "1\n", &x->error));
	assert_error(x, ERROR_FAILED, g_strerror(EISDIR));
}

/* A FIFO that nobody reads blocks in open(2), and gives way to SIGKILL: late, and not stuck. */
static void test_write_that_is_late(void **state)
{
	struct ctx *x = *state;
	assert_int_equal(mkfifo(host_path(x->arena, &x->tree, "%s/driver/unbind", DEVICE), 0600), 0);
	x->hands.device_timeout_ms = 100;
	gint64 before = g_get_monotonic_time();
	assert_false(hands_write(&x->hands, CARD, DEVICE "/driver/unbind", CARD, &x->error));
	assert_true(g_get_monotonic_time() - before < 1000000);
	assert_error(x, ERROR_TIMEOUT, "did not answer in 100 ms");
	assert_null(taken_find_stuck(x->hands.taken, x->arena, CARD));
	x->hands.device_timeout_ms = 20000;
	put(x, DEVICE "/driver_override", "\n");
	assert_true(hands_write(&x->hands, CARD, DEVICE "/driver_override", "a", &x->error));
}

static void test_write_that_is_stuck(void **state)
{
	struct ctx *x = *state;
	put(x, DEVICE "/driver_override", "\n");
	assert_true(hands_write(&x->hands, CARD, DEVICE "/driver_override", "a", &x->error));
	pid_t tracer = stuck_start(helper_pid(x->hands.helper));
	if (!tracer) {
		print_message("skipped: no process may be traced here, so none outlives SIGKILL\n");
		skip();
	}
	assert_int_equal(mkfifo(host_path(x->arena, &x->tree, "%s/driver/unbind", DEVICE), 0600), 0);
	x->hands.device_timeout_ms = 100;
	assert_false(hands_write(&x->hands, CARD, DEVICE "/driver/unbind", CARD, &x->error));
	assert_error(x, ERROR_TIMEOUT, "did not answer in 100 ms");
	x->hands.device_timeout_ms = 20000; /* a new helper has to start on a busy machine */
	/* That device is left alone, by another process as well; others go on. */
	struct taken *other = taken_new(arena_printf(x->arena, "%s/state", x->dir));
	const char *stuck = taken_find_stuck(other, x->arena, CARD);
	assert_non_null(stuck);
	assert_true(g_str_has_prefix(stuck, "driver/unbind, since 20"));
	assert_false(hands_write(&x->hands, CARD, DEVICE "/driver_override", "b", &x->error));
	assert_error(x, ERROR_REFUSED, CARD " is stuck in the kernel: driver/unbind, since 20");
	assert_null(hands_read(&x->hands, x->arena, CARD, DEVICE "/driver_override", &x->error));
	assert_error(x, ERROR_REFUSED, "is stuck");
	assert_true(hands_write(&x->hands, "0000:66:00.0", DEVICE "/driver_override", "c", &x->error));
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	for (guint i = 0; i < 1000 && taken_find_stuck(other, x->arena, CARD); i++)
		g_usleep(20000);
	assert_null(taken_find_stuck(other, x->arena, CARD));
	assert_true(hands_write(&x->hands, CARD, DEVICE "/driver_override", "d", &x->error));
	taken_free(other);
}

/* -- files and programs -------------------------------------------------------------------------------------- */

static void test_put_and_remove(void **state)
{
	struct ctx *x = *state;
	struct stat st;
	const char *path = "etc/modprobe.d/cleave.conf";
	assert_true(hands_remove(&x->hands, path, &x->error));
	assert_true(hands_put(&x->hands, path, "blacklist nouveau\n", &x->error));
	assert_true(hands_put(&x->hands, path, "a\n", &x->error));
	assert_string_equal(host_read(x->arena, &x->tree, "%s", path), "a");
	assert_int_equal(g_stat(host_path(x->arena, &x->tree, "%s", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_null(host_list(x->arena, &x->tree, "etc/modprobe.d")[1]);
	assert_true(hands_remove(&x->hands, path, &x->error));
	assert_false(host_exists(&x->tree, "%s", path));
	put(x, "file", "x");
	assert_false(hands_put(&x->hands, "file/cleave.conf", "a\n", &x->error));
	assert_error(x, ERROR_FAILED, "making the folder ");
	assert_false(hands_put(&x->hands, path, "\xff", &x->error));
	assert_error(x, ERROR_INVALID, "no UTF-8");
}

#define RUN(x, ms, ...) hands_run(&(x)->hands, (const char *const[]){ __VA_ARGS__, NULL }, ms, &(x)->error)

static void test_run(void **state)
{
	struct ctx *x = *state;
	assert_false(RUN(x, 1000, "true"));
	assert_error(x, ERROR_FAILED, "true is not run: the host is the folder ");
	struct host_tree real = { "/", "/sys" };
	x->hands.tree = &real;
	assert_true(RUN(x, 5000, "true"));
	assert_false(RUN(x, 5000, "sh", "-c", "echo $# \"$1\"; echo no >&2; exit 3", "sh", "a b"));
	assert_error(x, ERROR_FAILED, "sh: exit status 3: 1 a b\nno");
	assert_false(RUN(x, 5000, "sh", "-c", "kill -9 $$"));
	assert_error(x, ERROR_FAILED, "ended by signal 9");
	assert_false(RUN(x, 5000, "nothing-of-this-name"));
	assert_error(x, ERROR_NOT_FOUND, "nothing-of-this-name: it cannot be run: ");
	/* Nothing waits for an answer from a person, and much output does not fill a pipe. */
	assert_true(RUN(x, 5000, "sh", "-c", "! read line"));
	assert_false(RUN(x, 5000, "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo the end; exit 1"));
	assert_true(strlen(x->error->message) < 3000);
	assert_error(x, ERROR_FAILED, "the end");
}

static gboolean is_running(const char *name)
{
	const char *argv[] = { "/usr/bin/pgrep", "-f", name, NULL };
	gint status;
	return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) &&
	       status == 0;
}

static void test_run_ends_at_its_deadline(void **state)
{
	struct ctx *x = *state;
	struct host_tree real = { "/", "/sys" };
	const char *sleep = arena_printf(x->arena, "987654.%d", getpid());
	x->hands.tree = &real;
	gint64 before = g_get_monotonic_time();
	assert_false(RUN(x, 200, "sh", "-c", "echo begun; sleep \"$1\" & wait", "sh", sleep));
	assert_true(g_get_monotonic_time() - before < 1500000);
	assert_error(x, ERROR_TIMEOUT, "sh: it was ended after 200 ms: begun");
	for (guint i = 0; i < 1000 && is_running(sleep); i++)
		g_usleep(20000);
	assert_false(is_running(sleep)); /* its children as well */
	/* One that leaves a child behind with its output is not waited for. */
	before = g_get_monotonic_time();
	assert_true(RUN(x, 3000, "sh", "-c", "sleep 2 & exit 0"));
	assert_true(g_get_monotonic_time() - before < 1500000);
}

/* -- what was taken -------------------------------------------------------------------------------------------- */

static void test_taken(void **state)
{
	struct ctx *x = *state;
	struct taken *t = x->hands.taken;
	struct taken_device d = { .n_vfs = 77 };
	taken_free(NULL);
	assert_null(taken_list(t, x->arena)[0]);
	assert_false(taken_find(t, x->arena, CARD, NULL, &d, &x->error));
	assert_null(x->error);
	assert_true(taken_forget(t, CARD, TAKEN_DRIVER | TAKEN_VFS, &x->error));
	assert_true(taken_note(t, &(struct taken_device){ CARD, NULL, TAKEN_DRIVER, "nouveau", NULL, -1, -1 }, &x->error));
	/* What is noted once stays: it is what was there before. */
	assert_true(taken_note(t, &(struct taken_device){ CARD, NULL, TAKEN_DRIVER, "vfio-pci", "vfio-pci", -1, -1 }, &x->error));
	assert_true(taken_note(t, &(struct taken_device){ CARD, NULL, TAKEN_VFS, NULL, NULL, 0, 1 }, &x->error));
	assert_true(taken_note(t, &(struct taken_device){ CARD, NULL, TAKEN_VFS, NULL, NULL, 4, 0 }, &x->error));
	assert_true(taken_note(t, &(struct taken_device){ "0000:66:00.1", NULL, TAKEN_DRIVER, NULL, "none", -1, -1 }, &x->error));
	t = taken_new(arena_printf(x->arena, "%s/state", x->dir));
	assert_true(taken_find(t, x->arena, CARD, NULL, &d, &x->error));
	assert_int_equal(d.what, TAKEN_DRIVER | TAKEN_VFS);
	assert_string_equal(d.driver, "nouveau");
	assert_null(d.driver_override);
	assert_int_equal(d.n_vfs, 0);
	assert_int_equal(d.vf_autoprobe, 1);
	assert_string_equal(taken_list(t, x->arena)[0], CARD);
	assert_string_equal(taken_list(t, x->arena)[1], "0000:66:00.1");
	assert_null(taken_list(t, x->arena)[2]);
	/* A half is forgotten by itself. */
	assert_true(taken_forget(t, CARD, TAKEN_DRIVER, &x->error));
	assert_true(taken_find(t, x->arena, CARD, NULL, &d, &x->error));
	assert_int_equal(d.what, TAKEN_VFS);
	assert_true(taken_forget(t, CARD, TAKEN_VFS, &x->error));
	assert_false(taken_find(t, x->arena, CARD, NULL, &d, &x->error));
	assert_true(taken_find(t, x->arena, "0000:66:00.1", NULL, &d, &x->error));
	assert_null(d.driver);
	assert_string_equal(d.driver_override, "none");
	taken_free(t);
}

/* Whoever stands at the address by now, had a driver of its own. */
static void test_taken_is_of_the_device_not_of_the_address(void **state)
{
	struct ctx *x = *state;
	struct taken *t = x->hands.taken;
	struct taken_device d;
	assert_true(taken_note(t, &(struct taken_device){ CARD, "10de:2231", TAKEN_DRIVER, "nouveau", NULL, -1, -1 }, &x->error));
	assert_true(taken_note(t, &(struct taken_device){ CARD, "10de:2231", TAKEN_VFS, NULL, NULL, 0, 1 }, &x->error));
	assert_true(taken_find(t, x->arena, CARD, "10de:2231", &d, &x->error));
	assert_false(taken_find(t, x->arena, CARD, "1002:73bf", &d, &x->error));
	assert_null(x->error);
	assert_true(taken_note(t, &(struct taken_device){ CARD, "1002:73bf", TAKEN_DRIVER, "amdgpu", NULL, -1, -1 }, &x->error));
	assert_true(taken_find(t, x->arena, CARD, "1002:73bf", &d, &x->error));
	assert_int_equal(d.what, TAKEN_DRIVER);
	assert_string_equal(d.driver, "amdgpu");
	assert_false(taken_find(t, x->arena, CARD, "10de:2231", &d, &x->error));
	assert_true(taken_forget(t, CARD, TAKEN_DRIVER, &x->error));
	assert_null(taken_list(t, x->arena)[0]);
}

static void test_taken_that_is_damaged(void **state)
{
	struct ctx *x = *state;
	struct taken_device d;
	const char *file = arena_printf(x->arena, "%s/state/devices/%s.json", x->dir, CARD);
	assert_true(taken_note(x->hands.taken, &(struct taken_device){ CARD, NULL, TAKEN_DRIVER, "snd", NULL, -1, -1 }, &x->error));
	assert_true(g_file_set_contents(file, "{\"driver\":", -1, NULL));
	assert_false(taken_find(x->hands.taken, x->arena, CARD, NULL, &d, &x->error));
	assert_error(x, ERROR_INVALID, "cannot be read");
	/* Not written over: what stood there is not known. */
	assert_false(taken_note(x->hands.taken, &(struct taken_device){ CARD, NULL, TAKEN_DRIVER, "vfio-pci", NULL, -1, -1 }, &x->error));
	assert_error(x, ERROR_INVALID, "cannot be read");
	assert_false(taken_forget(x->hands.taken, CARD, TAKEN_DRIVER, &x->error));
	assert_error(x, ERROR_INVALID, "cannot be read");
	assert_false(taken_note(x->hands.taken, &(struct taken_device){ "../x", NULL, TAKEN_DRIVER, NULL, NULL, -1, -1 }, &x->error));
	assert_error(x, ERROR_INVALID, "no PCI address");
	assert_false(taken_note(x->hands.taken, &(struct taken_device){ "..", NULL, TAKEN_DRIVER, NULL, NULL, -1, -1 }, &x->error));
	assert_error(x, ERROR_INVALID, "no PCI address");
}

static void test_stuck_counts_while_its_process_lives(void **state)
{
	struct ctx *x = *state;
	struct taken *t = x->hands.taken;
	const char *file = arena_printf(x->arena, "%s/state/devices/%s.stuck", x->dir, CARD);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(taken_note_stuck(t, CARD, "driver/unbind", pid, &x->error));
	assert_non_null(taken_find_stuck(t, x->arena, CARD));
	assert_null(taken_list(t, x->arena)[0]); /* it is not taken by that */
	assert_string_equal(taken_list_stuck(t, x->arena)[0], CARD);
	assert_null(taken_list_stuck(t, x->arena)[1]);
	/* Its number given to another process is another process. */
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(file, &text, NULL, NULL));
	strrchr(text, '"')[-1] ^= 1;
	assert_true(g_file_set_contents(file, text, -1, NULL));
	assert_null(taken_find_stuck(t, x->arena, CARD));
	assert_int_not_equal(g_access(file, F_OK), 0);
	assert_true(taken_note_stuck(t, CARD, "driver/unbind", pid, &x->error));
	kill(pid, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_null(taken_find_stuck(t, x->arena, CARD)); /* a zombie holds nothing */
	assert_null(taken_list_stuck(t, x->arena)[0]);
	waitpid(pid, NULL, 0);
	assert_true(taken_note_stuck(t, CARD, "driver/unbind", pid, &x->error));
	assert_int_not_equal(g_access(file, F_OK), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_refused_by_the_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_that_is_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_that_is_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_and_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_ends_at_its_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_is_of_the_device_not_of_the_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_that_is_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_counts_while_its_process_lives, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
