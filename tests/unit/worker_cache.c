/* The cache by digest: whole entries only, shared, bounded. */
#include "base/error.h"
#include "worker/cache.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA(c) #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c
#define A SHA(aaaa)
#define B SHA(bbbb)
#define C SHA(cccc)

struct fixture {
	char *folder;
	struct cache *cache;
	guint n_brought;
	gsize size;
	const char *problem;
	guint n_asked;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	f->folder = g_dir_make_tmp("cleave-cache-XXXXXX", NULL);
	f->cache = cache_new(f->folder, 100000);
	f->size = 1000;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "rm", "-rf", f->folder, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	cache_free(f->cache);
	g_free(f->folder);
	g_free(f);
	return 0;
}

static gboolean bring(const struct cache_place *place, void *user, GError **error)
{
	struct fixture *f = user;
	g_autofree char *path = g_build_filename(place->tree, "scene.blend", NULL), *bytes = g_malloc0(f->size);
	f->n_brought++;
	if (f->problem)
		return (fail)(error, ERROR_AWAY, "%s", f->problem);
	return g_file_set_contents(path, bytes, (gssize)f->size, error);
}

static gboolean is_over(void *user)
{
	return ++((struct fixture *)user)->n_asked > 2;
}

static struct cache_entry *take(struct fixture *f, const char *sha256, GError **error)
{
	const struct cache_order order = { sha256, bring, is_over, f };
	return cache_take(f->cache, &order, error);
}

static gboolean is_there(const struct fixture *f, const char *sha256)
{
	g_autofree char *path = g_build_filename(f->folder, sha256, "tree", "scene.blend", NULL);
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void take_and_release(struct fixture *f, const char *sha256)
{
	struct cache_entry *e = take(f, sha256, NULL);
	assert_non_null(e);
	cache_release(e);
	g_usleep(20000); /* the order of use is by the clock of the file system */
}

static void brought_once(void **state)
{
	struct fixture *f = *state;
	take_and_release(f, A);
	struct cache_entry *e = take(f, A, NULL);
	assert_int_equal(f->n_brought, 1);
	assert_true(g_str_has_prefix(cache_entry_folder(e), f->folder));
	assert_true(is_there(f, A));
	cache_release(e);
	/* nothing is left of the way */
	g_autofree char *partial = g_build_filename(f->folder, "partial", NULL);
	g_autoptr(GDir) dir = g_dir_open(partial, 0, NULL);
	assert_null(g_dir_read_name(dir));
}

static void failure_leaves_no_entry(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GError) problem = NULL;
	f->problem = "nobody answers";
	assert_null(take(f, A, &problem));
	assert_string_equal(problem->message, "nobody answers");
	assert_false(is_there(f, A));
	assert_null(take(f, B, NULL)); /* an error that nobody takes is an end as well */
	f->problem = NULL;
	take_and_release(f, A);
}

static void damaged_is_brought_anew(void **state)
{
	struct fixture *f = *state;
	take_and_release(f, A);
	g_autofree char *path = g_build_filename(f->folder, A, "tree", "scene.blend", NULL);
	assert_true(g_file_set_contents(path, "cut", -1, NULL));
	struct cache_entry *e = take(f, A, NULL);
	g_autofree char *bytes = NULL;
	gsize size;
	assert_int_equal(f->n_brought, 2);
	assert_true(g_file_get_contents(path, &bytes, &size, NULL) && size == f->size);
	cache_release(e);
}

static void oldest_leaves_first(void **state)
{
	struct fixture *f = *state;
	f->size = 40000;
	take_and_release(f, A);
	take_and_release(f, B);
	take_and_release(f, A);
	take_and_release(f, C);
	assert_true(is_there(f, A));
	assert_false(is_there(f, B));
	assert_true(is_there(f, C));
}

static void held_stays(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GError) problem = NULL;
	f->size = 40000;
	struct cache_entry *a = take(f, A, NULL), *b = take(f, B, NULL);
	assert_null(take(f, C, &problem));
	assert_non_null(strstr(problem->message, "has no room for"));
	assert_true(is_there(f, A) && is_there(f, B) && !is_there(f, C));
	cache_release(a);
	take_and_release(f, C);
	assert_false(is_there(f, A));
	cache_release(b);
}

/* Another process brings it: this one waits, and asks whether it shall. */
static void two_processes(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GError) problem = NULL;
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		g_autofree char *partial = g_build_filename(f->folder, "partial", NULL);
		g_autofree char *lock = g_build_filename(partial, A ".lock", NULL);
		g_mkdir_with_parents(partial, 0755);
		const char *argv[] = { "flock", "-F", lock, "sh", "-c", "echo; exec sleep 30 >/dev/null", NULL };
		dup2(ready[1], 1);
		execvp(argv[0], (char **)argv);
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_null(take(f, A, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT));
	assert_int_equal(f->n_brought, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = { TEST(brought_once), TEST(failure_leaves_no_entry), TEST(damaged_is_brought_anew),
					    TEST(oldest_leaves_first), TEST(held_stays), TEST(two_processes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
