/* Blender's temporary folder: what it holds, that it goes, and that what a killed worker left goes too. */
#include "worker/scratch.h"
#include "worker/cache_tree.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *tmp;
static struct sandbox *open_sandbox;

static char *left_behind(const char *name, gint64 age_s)
{
	g_autofree char *folder = g_build_filename(tmp, name, NULL), *deep = g_build_filename(folder, "scratch", "a", NULL);
	const struct timespec at = { time(NULL) - age_s, 0 }, times[] = { at, at };
	assert_int_equal(g_mkdir_with_parents(deep, 0700), 0);
	g_autofree char *file = g_build_filename(deep, "frame.exr", NULL);
	assert_true(g_file_set_contents(file, "x", 1, NULL));
	assert_int_equal(utimensat(AT_FDCWD, folder, times, 0), 0);
	return g_steal_pointer(&folder);
}

static gboolean is_there(const char *path)
{
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void make(struct scratch *s)
{
	assert_true(scratch_make(s, open_sandbox, NULL));
}

static void goes_whatever_is_in_it(void **state)
{
	struct scratch s;
	(void)state;
	g_autofree char *outside = left_behind("outside", 0);
	make(&s);
	g_autofree char *script = g_build_filename(s.scripts, "warm.py", NULL);
	assert_true(is_there(script));
	g_autofree char *folder = g_strdup(s.folder), *link = g_build_filename(s.own, "link", NULL);
	g_autofree char *deep = g_build_filename(s.output, "n0", "x", NULL), *file = g_build_filename(s.output, "0.png", NULL);
	assert_int_equal(symlink(outside, link) | g_mkdir_with_parents(deep, 0700), 0);
	assert_true(g_file_set_contents(file, "x", 1, NULL));
	scratch_clear_output(&s);
	assert_false(is_there(file));
	scratch_remove(&s);
	assert_false(is_there(folder));
	g_autofree char *kept = g_build_filename(outside, "scratch/a/frame.exr", NULL);
	assert_true(is_there(kept));
	scratch_remove(&s);
}

/* Its output may have become a link to a folder of somebody's. */
static void does_not_follow(void **state)
{
	struct scratch s;
	(void)state;
	g_autofree char *outside = left_behind("elsewhere", 0), *kept = g_build_filename(outside, "scratch/a/frame.exr", NULL);
	g_autofree char *target = g_path_get_dirname(kept);
	make(&s);
	assert_int_equal(rmdir(s.output) | symlink(target, s.output), 0);
	scratch_clear_output(&s);
	assert_true(is_there(kept));
	scratch_remove(&s);
	assert_true(is_there(kept));
}

static void sweeps_what_the_dead_left(void **state)
{
	struct scratch s, other;
	(void)state;
	g_autofree char *dead = left_behind("cleave-warm-dead00", 3600), *young = left_behind("cleave-warm-young0", 5);
	g_autofree char *alive = left_behind("cleave-warm-alive0", 3600), *foreign = left_behind("cleave-else", 3600);
	int lock = open(alive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	make(&s);
	assert_false(is_there(dead));
	assert_true(is_there(young) && is_there(alive) && is_there(foreign));
	/* One of this process' own is old at some time. */
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, s.folder, times, 0), 0);
	make(&other);
	assert_true(is_there(s.scripts));
	scratch_remove(&other);
	scratch_remove(&s);
	close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_whatever_is_in_it),
		cmocka_unit_test(does_not_follow),
		cmocka_unit_test(sweeps_what_the_dead_left),
	};
	/* Not g_dir_make_tmp(), after which GLib looks at TMPDIR no more. */
	const char *above = g_getenv("TMPDIR");
	tmp = g_mkdtemp(g_build_filename(above ? above : "/tmp", "cleave-test-XXXXXX", NULL));
	g_setenv("TMPDIR", tmp, TRUE);
	open_sandbox = sandbox_find(SANDBOX_NONE, NULL);
	int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	cache_tree_remove(AT_FDCWD, tmp);
	g_free(tmp);
	sandbox_free(open_sandbox);
	return n_failed;
}
