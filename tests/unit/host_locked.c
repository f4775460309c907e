/* Reading what may not answer. A pipe that nobody writes to stands for a file whose device is locked: opening it
 * blocks. */
#include "base/arena.h"
#include "host/locked.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct ctx {
	struct arena *arena;
	char *dir;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->dir = g_dir_make_tmp("cleave-locked.XXXXXX", NULL);
	*state = x;
	return x->dir ? 0 : -1;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	for (const char *const *name = (const char *const[]){ "a", "b", "locked", NULL }; *name; name++)
		g_unlink(arena_printf(x->arena, "%s/%s", x->dir, *name));
	g_rmdir(x->dir);
	arena_free(x->arena);
	g_free(x->dir);
	g_free(x);
	return 0;
}

static const char *put(struct ctx *x, const char *name, const char *text)
{
	const char *path = arena_printf(x->arena, "%s/%s", x->dir, name);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	return path;
}

static void test_plain_files(void **state)
{
	struct ctx *x = *state;
	gboolean is_busy = FALSE;
	assert_string_equal(locked_read(x->arena, put(x, "a", "vfio-pci\n"), &is_busy), "vfio-pci");
	assert_string_equal(locked_read(x->arena, put(x, "b", ""), &is_busy), "");
	assert_null(locked_read(x->arena, arena_printf(x->arena, "%s/absent", x->dir), &is_busy));
	assert_false(is_busy);
}

static gint64 ms_since(gint64 start_us)
{
	return (g_get_monotonic_time() - start_us) / 1000;
}

/* Reading the pipe ends when it was written to; then the file is asked again. */
static void let_go(struct ctx *x, const char *path)
{
	gboolean is_busy = TRUE;
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	close(fd);
	put(x, "locked", "none\n");
	char *text = NULL;
	for (int i = 0; i < 2000 && is_busy; i++) {
		is_busy = FALSE;
		text = locked_read(x->arena, path, &is_busy);
		if (is_busy)
			g_usleep(10000);
	}
	assert_false(is_busy);
	assert_string_equal(text, "none");
}

static void test_one_that_hangs(void **state)
{
	struct ctx *x = *state;
	const char *path = arena_printf(x->arena, "%s/locked", x->dir), *other = put(x, "a", "1\n");
	assert_int_equal(mkfifo(path, 0600), 0);
	gboolean is_busy = FALSE, is_other_busy = FALSE;
	locked_begin();
	gint64 start_us = g_get_monotonic_time();
	assert_null(locked_read(x->arena, path, &is_busy));
	assert_true(is_busy);
	assert_true(ms_since(start_us) >= 2500);
	assert_string_equal(locked_read(x->arena, other, &is_other_busy), "1");
	assert_false(is_other_busy);
	/* It is known to hang: nobody waits for it again. */
	is_busy = FALSE;
	start_us = g_get_monotonic_time();
	assert_null(locked_read(x->arena, path, &is_busy));
	assert_true(is_busy);
	assert_true(ms_since(start_us) < 400);
	let_go(x, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_hangs, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
