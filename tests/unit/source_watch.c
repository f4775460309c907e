/* source_watch against the real git: how soon a change is seen, and that nothing is seen when there is none. */
#include "base/arena.h"
#include "base/error.h"
#include "source/watch.h"
#include "source_fixture.h"
#include <string.h>
#include <sys/resource.h>

struct ctx {
	char *dir;
	struct arena *arena;
	struct source_where where;
	struct source_watch *watch;
	guint calls;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->dir = temp_folder();
	x->arena = arena_new();
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	source_watch_stop(x->watch);
	arena_free(x->arena);
	temp_remove(x->dir);
	g_free(x);
	return 0;
}

static void count_call(gpointer user)
{
	((struct ctx *)user)->calls++;
}

static gboolean set_flag(gpointer user)
{
	*(gboolean *)user = TRUE;
	return G_SOURCE_REMOVE;
}

/* Runs the loop until a call came, at most `ms`. Returns the waiting time or -1. */
static gint64 wait_call(struct ctx *x, guint ms)
{
	gboolean late = FALSE;
	guint before = x->calls, id = g_timeout_add(ms, set_flag, &late);
	gint64 start = g_get_monotonic_time();
	while (!late && x->calls == before)
		g_main_context_iteration(NULL, TRUE);
	if (late)
		return -1;
	g_source_remove(id);
	return g_get_monotonic_time() - start;
}

static void settle(struct ctx *x)
{
	while (wait_call(x, 60) >= 0)
		;
}

static void start(struct ctx *x, const char *what, gboolean worktree)
{
	g_autofree char *path = g_build_filename(x->dir, what, NULL);
	GError *error = NULL;
	if (!source_parse(x->arena, path, worktree, &x->where, &error) ||
	    !(x->watch = source_watch_start(&x->where, 1, count_call, x, &error)))
		fail_msg("%s", error->message);
}

/* The script's last command makes the change; latency counts from its end. */
static void expect_call(struct ctx *x, const char *what, const char *script)
{
	settle(x);
	guint before = x->calls;
	run_in(x->dir, script);
	gint64 us = wait_call(x, 3000);
	if (us < 0)
		fail_msg("%s was not seen", what);
	settle(x);
	print_message("%-34s seen after %5" G_GINT64_FORMAT " us, %u calls\n", what, us, x->calls - before);
}

static void expect_silence(struct ctx *x, const char *script)
{
	settle(x);
	guint before = x->calls;
	run_in(x->dir, script);
	assert_int_equal(wait_call(x, 150), -1);
	assert_int_equal(x->calls, before);
}

static const char SEED[] =
	"git init -q --bare b.git; git clone -q b.git w 2>&1; cd w; git checkout -qb main; echo a >a.yaml;"
	"git add .; git commit -qm 1; git push -q origin main";

static void test_bare(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	start(x, "b.git", FALSE);
	expect_call(x, "push to a loose ref", "cd w; git commit -q --allow-empty -m 2; git push -q origin main");
	expect_call(x, "new branch in a new folder", "cd w; git push -q origin main:refs/heads/deep/er/topic");
	expect_call(x, "second push below it",
		    "cd w; git commit -q --allow-empty -m 3; git push -q origin main:refs/heads/deep/er/topic");
	expect_call(x, "pack-refs", "git -C b.git pack-refs --all --prune");
	expect_call(x, "push after pack-refs", "cd w; git push -q origin main");
	expect_call(x, "folder made again", "cd w; git push -qf origin main~1:refs/heads/deep/er/topic");
	expect_call(x, "branch deleted", "cd w; git push -q origin :refs/heads/deep/er/topic");
	expect_call(x, "packed branch deleted",
		    "cd w; git push -q origin main:gone; git -C ../b.git pack-refs --all; git push -q origin :gone");
	expect_call(x, "HEAD to another branch", "git -C b.git symbolic-ref HEAD refs/heads/next");
	expect_silence(x, "cd b.git; git repack -qad; git config a.b c; echo x >description; touch objects/x");
	assert_null(source_watch_trouble(x->watch));
}

/* The time from git's rename to the callback, without the processes around it. */
static void test_latency(void **state)
{
	struct ctx *x = *state;
	gint64 worst = 0, sum = 0;
	run_in(x->dir, SEED);
	start(x, "b.git", FALSE);
	settle(x);
	g_autofree char *from = g_build_filename(x->dir, "b.git/refs/heads/t.lock", NULL);
	g_autofree char *to = g_build_filename(x->dir, "b.git/refs/heads/t", NULL);
	for (guint i = 0; i < 100; i++) {
		assert_true(g_file_set_contents(from, "x", 1, NULL));
		gint64 before = g_get_monotonic_time();
		assert_int_equal(g_rename(from, to), 0);
		assert_true(wait_call(x, 3000) >= 0);
		gint64 us = g_get_monotonic_time() - before;
		worst = MAX(worst, us);
		sum += us;
	}
	print_message("rename to callback: mean %" G_GINT64_FORMAT " us, worst %" G_GINT64_FORMAT " us\n", sum / 100,
		      worst);
}

static void test_work_tree(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	run_in(x->dir, "cd w; git worktree add -q ../linked -b side");
	start(x, "w", FALSE);
	expect_call(x, "commit in a work tree", "cd w; git commit -q --allow-empty -m 2");
	expect_call(x, "checkout of another branch", "cd w; git checkout -q -b z");
	expect_silence(x, "cd w; echo b >b.yaml; git add .; git status");
	source_watch_stop(x->watch);
	start(x, "linked", FALSE);
	expect_call(x, "commit in a linked work tree", "cd linked; git commit -q --allow-empty -m 2");
	expect_call(x, "detached there", "cd linked; git checkout -q --detach");
}

static void test_directory(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "mkdir -p d/sub d/.hidden; echo a >d/a.yaml");
	start(x, "d", FALSE);
	expect_call(x, "file written", "echo b >>d/a.yaml");
	expect_call(x, "file renamed into place", "echo c >d/.tmp; mv d/.tmp d/sub/c.yml");
	expect_call(x, "folders made", "mkdir -p d/n1/n2/n3; echo x >d/n1/n2/n3/x.yaml");
	expect_call(x, "file below them", "echo x >>d/n1/n2/n3/x.yaml");
	expect_call(x, "folder renamed", "mv d/n1 d/m1");
	expect_call(x, "file below the renamed one", "echo y >>d/m1/n2/n3/x.yaml");
	expect_call(x, "file deleted", "rm d/a.yaml");
	expect_silence(x, "echo x >d/note.txt; echo x >d/.hidden/x.yaml; cat d/sub/c.yml; rm d/note.txt");
}

static void test_root_replaced(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	start(x, "b.git", FALSE);
	expect_call(x, "repository moved away", "mv b.git old.git");
	g_autofree char *trouble = source_watch_trouble(x->watch);
	assert_non_null(strstr(trouble, "is gone"));
	expect_call(x, "repository back", "cp -r old.git new.git; mv new.git b.git");
	assert_null(source_watch_trouble(x->watch));
	expect_call(x, "push after that", "cd w; git commit -q --allow-empty -m 2; git push -q origin main");
	expect_call(x, "repository deleted and cloned", "rm -rf b.git; git clone -q --mirror w b.git");
	expect_call(x, "push to the clone", "cd w; git commit -q --allow-empty -m 3; git push -q origin main");
}

static void test_one_file(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "mkdir d; echo a >d/a.yaml");
	start(x, "d/a.yaml", FALSE);
	expect_silence(x, "echo b >d/b.yaml; mkdir d/c");
	expect_call(x, "the one file", "echo b >d/t; mv d/t d/a.yaml");
}

/* More folders come and go than the library's tables are kept for; then the queue overflows. */
static void test_storm(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "mkdir d; echo a >d/a.yaml");
	start(x, "d", FALSE);
	run_in(x->dir, "for i in $(seq 600); do mkdir d/x; echo a >d/x/a.yaml; rm -r d/x; done");
	settle(x);
	expect_call(x, "after 600 folders", "mkdir d/x; echo b >d/x/a.yaml");
	guint before = x->calls;
	run_in(x->dir, "for i in $(seq 20000); do :>d/n$i; done; echo c >d/x/a.yaml");
	settle(x);
	assert_true(x->calls > before);
	expect_call(x, "after 20000 files", "echo b >d/x/a.yaml");
}

static long context_switches(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw;
}

static void test_idle_and_single(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	start(x, "b.git", FALSE);
	GError *error = NULL;
	assert_null(source_watch_start(&x->where, 1, count_call, x, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS));
	g_clear_error(&error);
	settle(x);
	long before = context_switches();
	g_usleep(1500000);
	assert_true(context_switches() - before <= 2); /* this sleep, and no wake-up of the watch */
	gint64 t = g_get_monotonic_time();
	source_watch_stop(x->watch);
	print_message("stop took %" G_GINT64_FORMAT " us\n", g_get_monotonic_time() - t);
	x->watch = NULL;
	for (guint i = 0; i < 50; i++) {
		start(x, "b.git", FALSE);
		source_watch_stop(x->watch);
	}
	x->watch = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bare),          TEST(test_latency),  TEST(test_work_tree), TEST(test_directory),
		TEST(test_root_replaced), TEST(test_one_file), TEST(test_storm),     TEST(test_idle_and_single),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
