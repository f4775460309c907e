/* source/mirror and source/remote against the real git: what comes over, what is refused, and what is mended. */
#include "base/arena.h"
#include "base/error.h"
#include "source/git_run.h"
#include "source/mirror.h"
#include "source/remote.h"
#include "source/source.h"
#include "source/watch.h"
#include "source_fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct ctx {
	char *dir, *folder, *url;
	struct arena *arena;
	struct mirror *mirror;
	struct problems problems;
	struct source_tree tree;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->dir = temp_folder();
	x->folder = g_build_filename(x->dir, "mirrors", NULL);
	x->url = g_strdup_printf("file://%s/r.git", x->dir);
	x->arena = arena_new();
	problems_init(&x->problems, x->arena);
	g_setenv("GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
	g_setenv("GIT_CONFIG_NOSYSTEM", "1", TRUE);
	run_in(x->dir, "git init -q --bare r.git; git clone -q r.git w 2>&1; cd w; git checkout -qb main; echo one >a.yaml; git add .;"
	               "git commit -qm 1; git push -q origin main");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	mirror_free(x->mirror);
	problems_clear(&x->problems);
	arena_free(x->arena);
	g_clear_error(&x->error);
	temp_remove(x->dir);
	g_free(x->folder);
	g_free(x->url);
	g_free(x);
	return 0;
}

static void must_open(struct ctx *x, const char *url)
{
	mirror_free(x->mirror);
	x->mirror = mirror_open(x->folder, url, TRUE, &x->error);
	if (!x->mirror)
		fail_msg("%s", x->error->message);
}

static void must_fetch(struct ctx *x)
{
	if (!mirror_fetch(x->mirror, &x->error))
		fail_msg("%s", x->error->message);
}

static gboolean reads(struct ctx *x, const char *rev)
{
	struct source_where where;
	g_autofree char *text = rev ? g_strdup_printf("%s@%s", mirror_path(x->mirror), rev) : g_strdup(mirror_path(x->mirror));
	g_clear_error(&x->error);
	return source_parse(x->arena, text, FALSE, &where, &x->error) &&
	       source_read(x->arena, &where, NULL, &x->tree, &x->problems, &x->error);
}

/* The commit that REV names in the work tree is what the mirror reads as `rev`. */
static void assert_same(struct ctx *x, const char *rev, const char *of_work_tree)
{
	g_autofree char *out = NULL;
	g_autofree char *dir = g_strdup_printf("--git-dir=%s/w/.git", x->dir);
	const char *argv[] = { dir, "rev-parse", of_work_tree, NULL };
	assert_true(git_run_sync(argv, 10000, -1, &out, NULL));
	if (!reads(x, rev))
		fail_msg("%s", x->error->message);
	assert_string_equal(x->tree.commit, out);
}

static void expect_trouble(struct ctx *x, enum cleave_error code, const char *words)
{
	g_clear_error(&x->error);
	if (mirror_fetch(x->mirror, &x->error))
		fail_msg("it was fetched; \"%s\" was expected", words);
	if (x->error->code != (int)code || !strstr(x->error->message, words))
		fail_msg("%d: %s", x->error->code, x->error->message);
}

static void test_follows(void **state)
{
	struct ctx *x = *state;
	must_open(x, x->url);
	assert_int_equal(mirror_fetched_ms(x->mirror), 0);
	assert_false(reads(x, NULL));
	assert_non_null(strstr(x->error->message, "no commit yet"));
	must_fetch(x);
	assert_true(mirror_fetched_ms(x->mirror) > g_get_real_time() / 1000 - 60000);
	assert_same(x, NULL, "main");
	assert_true(g_str_has_prefix(x->tree.revision, "main@sha1:"));
	run_in(x->dir, "cd w; git commit -q --allow-empty -m 2; git tag -a v1 -m v; git push -q origin main v1; git push -q origin main:other");
	must_fetch(x);
	assert_same(x, "main", "main");
	assert_same(x, "v1", "v1^{commit}");
	assert_same(x, "other", "main");
	/* A forced push, a moved tag, a deleted branch, a folder in the place of a branch. */
	run_in(x->dir, "cd w; git commit -q --amend --allow-empty -m rewritten; git tag -f -a v1 -m w 2>&1; git push -qf origin main v1;"
	               "git push -q origin :other; git push -q origin main:other/deep");
	must_fetch(x);
	assert_same(x, "main", "main");
	assert_same(x, "v1", "main");
	assert_same(x, "other/deep", "main");
	assert_false(reads(x, "other"));
}

static void test_head_of_the_remote(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "cd w; git checkout -qb prod; git commit -q --allow-empty -m p; git push -q origin prod; git -C ../r.git symbolic-ref HEAD refs/heads/prod");
	must_open(x, x->url);
	must_fetch(x);
	assert_same(x, NULL, "prod");
	run_in(x->dir, "git -C r.git symbolic-ref HEAD refs/heads/main");
	must_fetch(x);
	assert_same(x, NULL, "main");
}

static void count_call(gpointer user)
{
	(*(guint *)user)++;
}

static gboolean set_flag(gpointer user)
{
	*(gboolean *)user = TRUE;
	return G_SOURCE_REMOVE;
}

/* How often the watch calls within `ms`; it ends early with the first call when one is expected. */
static guint calls_within(guint *n_calls, guint ms, gboolean one_is_enough)
{
	gboolean late = FALSE;
	guint id = g_timeout_add(ms, set_flag, &late), before = *n_calls;
	while (!late && !(one_is_enough && *n_calls > before))
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(id);
	return *n_calls - before;
}

/* What is fetched wakes who watches the mirror, also after it was made anew; a fetch that brings nothing does not. */
static void test_watched(void **state)
{
	static const char *const changes[] = {
		"cd w; git commit -q --allow-empty -m 2; git push -q origin main",
		"cd w; git commit -q --amend --allow-empty -m rewritten; git push -qf origin main",
		"cd w; git push -q origin main:a/b; git -C ../r.git update-ref -d refs/heads/main",
		"cd w; git push -q origin :a/b; git push -q origin main:a",
		"git -C r.git pack-refs --all; cd w; git push -q origin main",
	};
	struct ctx *x = *state;
	struct source_where where;
	guint n_calls = 0;
	must_open(x, x->url);
	must_fetch(x);
	assert_true(source_parse(x->arena, mirror_path(x->mirror), FALSE, &where, NULL));
	struct source_watch *w = source_watch_start(&where, 1, count_call, &n_calls, NULL);
	assert_non_null(w);
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		run_in(x->dir, changes[i]);
		must_fetch(x);
		if (!calls_within(&n_calls, 5000, TRUE))
			fail_msg("%s", changes[i]);
		calls_within(&n_calls, 200, FALSE);
		must_fetch(x);
		assert_int_equal(calls_within(&n_calls, 200, FALSE), 0);
	}
	run_in(mirror_path(x->mirror), "git pack-refs --all --prune");
	calls_within(&n_calls, 200, FALSE);
	run_in(mirror_path(x->mirror), ": >packed-refs; find objects -type f -delete; mkdir -p refs/heads; : >refs/heads/main");
	calls_within(&n_calls, 200, FALSE);
	must_fetch(x);
	assert_true(calls_within(&n_calls, 5000, TRUE) > 0);
	calls_within(&n_calls, 200, FALSE);
	run_in(x->dir, changes[0]);
	must_fetch(x);
	assert_true(calls_within(&n_calls, 5000, TRUE) > 0);
	assert_same(x, "main", "main");
	source_watch_stop(w);
}

/* Configuration and hooks of the remote and of the copy run nothing. */
static void test_runs_no_hooks(void **state)
{
	struct ctx *x = *state;
	must_open(x, x->url);
	g_autofree char *script = g_strdup_printf("for r in r.git %s; do mkdir -p $r/hooks; for h in post-update reference-transaction post-merge; do "
	                                          "printf '#!/bin/sh\\ntouch %s/ran\\n' >$r/hooks/$h; chmod +x $r/hooks/$h; done; done",
	                                          mirror_path(x->mirror), x->dir);
	run_in(x->dir, script);
	must_fetch(x);
	g_autofree char *ran = g_build_filename(x->dir, "ran", NULL);
	assert_false(g_file_test(ran, G_FILE_TEST_EXISTS));
}

static void test_away_and_back(void **state)
{
	struct ctx *x = *state;
	must_open(x, x->url);
	must_fetch(x);
	gint64 fetched_ms = mirror_fetched_ms(x->mirror);
	run_in(x->dir, "mv r.git away");
	expect_trouble(x, ERROR_AWAY, "look at the path");
	assert_int_equal(mirror_fetched_ms(x->mirror), fetched_ms);
	assert_same(x, "main", "main");
	run_in(x->dir, "mv away r.git; cd w; git commit -q --allow-empty -m 2; git push -q origin main");
	must_fetch(x);
	assert_same(x, "main", "main");
}

/* Looking a large copy through at each try would keep a processor busy for as long as the remote is away. */
static void test_looked_through_once(void **state)
{
	struct ctx *x = *state;
	g_autofree char *path = g_strdup(g_getenv("PATH")), *with = g_strdup_printf("%s/bin:%s", x->dir, path), *log = g_build_filename(x->dir, "log", NULL);
	g_autofree char *said = NULL;
	x->mirror = mirror_open(x->folder, x->url, FALSE, &x->error);
	must_fetch(x);
	run_in(x->dir, "mv r.git away; mkdir bin; printf '#!/bin/sh\\necho \"$*\" >>%s/log\\nexec %s \"$@\"\\n' \"$PWD\" \"$(type -P git)\" >bin/git; chmod +x bin/git");
	g_setenv("PATH", with, TRUE);
	for (guint i = 0; i < 3; i++)
		expect_trouble(x, ERROR_AWAY, "look at the path");
	g_setenv("PATH", path, TRUE);
	assert_true(g_file_get_contents(log, &said, NULL, NULL));
	g_auto(GStrv) parts = g_strsplit(said, " fsck ", -1);
	assert_int_equal(g_strv_length(parts), 2);
	run_in(x->dir, "mv away r.git");
	must_fetch(x);
}

static void test_sha256_remote(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q --object-format=sha256 s; git -C s commit -q --allow-empty -m 1");
	g_autofree char *url = g_strdup_printf("file://%s/s", x->dir);
	must_open(x, url);
	expect_trouble(x, ERROR_AWAY, "--object-format=sha1");
}

/* What a git that was killed left behind. */
static void test_tidies(void **state)
{
	struct ctx *x = *state;
	must_open(x, x->url);
	must_fetch(x);
	run_in(mirror_path(x->mirror), "touch HEAD.lock packed-refs.lock config.lock refs/heads/main.lock objects/pack/tmp_pack_x; mkdir ../left.new");
	run_in(x->dir, "cd w; git commit -q --allow-empty -m 2; git push -q origin main; git -C ../r.git symbolic-ref HEAD refs/heads/main");
	must_fetch(x);
	assert_same(x, "main", "main");
	run_in(mirror_path(x->mirror), "! test -e refs/heads/main.lock; ! test -e objects/pack/tmp_pack_x");
}

/* Objects lost, an empty ref (as after a power cut), no HEAD: the copy is made anew; the old one stays while it cannot be. */
static void test_mends_damage(void **state)
{
	static const char *const damages[] = { "find objects -type f -delete", ": >refs/heads/main", "rm HEAD", ": >config" };
	struct ctx *x = *state;
	for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
		must_open(x, x->url);
		must_fetch(x);
		run_in(mirror_path(x->mirror), damages[i]);
		must_open(x, x->url);
		must_fetch(x);
		assert_same(x, "main", "main");
	}
	run_in(mirror_path(x->mirror), ": >refs/heads/main; touch marker");
	run_in(x->dir, "mv r.git away");
	expect_trouble(x, ERROR_AWAY, "look at the path");
	run_in(mirror_path(x->mirror), "test -e marker; ! test -e ../*.new");
}

/* Two processes: the second waits for the first. */
static void test_lock(void **state)
{
	struct ctx *x = *state;
	must_open(x, x->url);
	g_autofree char *stem = g_strndup(mirror_path(x->mirror), strlen(mirror_path(x->mirror)) - strlen("git")), *path = g_strconcat(stem, "lock", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid_t child = fork();
	if (child == 0) {
		g_usleep(400000);
		_exit(0); /* and the lock is free */
	}
	close(fd);
	gint64 begun = g_get_monotonic_time();
	must_fetch(x);
	assert_true(g_get_monotonic_time() - begun > 300000);
}

/* Nobody may have asked yet how it ended. */
#define HAS_ENDED "sleep 0.2; ! grep -q '^State:.[^Z]' /proc/$(cat pid)/status 2>/dev/null"

static void note_end(gpointer user, const GError *error)
{
	char **end = user;
	*end = g_strdup(error ? error->message : "fine");
}

static gboolean count_tick(gpointer user)
{
	(*(guint *)user)++;
	return G_SOURCE_CONTINUE;
}

/* A remote that takes the connection and says nothing: the loop goes on, and the deadline ends all of it. */
static void test_deadline(void **state)
{
	struct ctx *x = *state;
	g_autofree char *said = NULL, *script = g_build_filename(x->dir, "ssh", NULL);
	guint n_ticks = 0;
	run_in(x->dir, "printf '#!/bin/sh\\necho $$ >%s/pid\\nexec sleep 60\\n' $PWD >ssh; chmod +x ssh");
	g_setenv("GIT_SSH", script, TRUE);
	must_open(x, "ssh://nobody@localhost/r.git");
	mirror_set_deadline(x->mirror, 600);
	guint id = g_timeout_add(20, count_tick, &n_ticks);
	assert_true(mirror_fetch_start(x->mirror, note_end, &said));
	assert_false(mirror_fetch_start(x->mirror, note_end, &said));
	while (!said)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(id);
	g_unsetenv("GIT_SSH");
	if (!strstr(said, "did not end within 0.6 s"))
		fail_msg("%s", said);
	assert_true(n_ticks > 10);
	run_in(x->dir, HAS_ENDED);
	assert_false(mirror_is_fetching(x->mirror));
}

/* mirror_free() while git works: it ends, and nothing is called. */
static void test_freed_while_fetching(void **state)
{
	struct ctx *x = *state;
	g_autofree char *said = NULL, *script = g_build_filename(x->dir, "ssh", NULL), *pid = g_build_filename(x->dir, "pid", NULL);
	run_in(x->dir, "printf '#!/bin/sh\\necho $$ >%s/pid\\nexec sleep 60\\n' $PWD >ssh; chmod +x ssh");
	g_setenv("GIT_SSH", script, TRUE);
	must_open(x, "ssh://nobody@localhost/r.git");
	mirror_fetch_start(x->mirror, note_end, &said);
	for (guint i = 0; i < 500 && !g_file_test(pid, G_FILE_TEST_EXISTS); i++) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(10000);
	}
	g_usleep(50000);
	mirror_free(g_steal_pointer(&x->mirror));
	g_unsetenv("GIT_SSH");
	while (g_main_context_iteration(NULL, FALSE))
		;
	assert_null(said);
	run_in(x->dir, HAS_ENDED);
}

/* A remote's endless words are cut, and its escapes do not reach a terminal. */
static void test_bounded_words(void **state)
{
	struct ctx *x = *state;
	g_autofree char *script = g_build_filename(x->dir, "ssh", NULL);
	run_in(x->dir, "printf '#!/bin/sh\\nhead -c 3000000 /dev/zero | tr \"\\\\0\" x >&2; printf \"\\\\033[2Jgone\" >&2; exit 1\\n' >ssh; chmod +x ssh");
	g_setenv("GIT_SSH", script, TRUE);
	must_open(x, "ssh://nobody@localhost/r.git");
	g_clear_error(&x->error);
	assert_false(mirror_fetch(x->mirror, &x->error));
	g_unsetenv("GIT_SSH");
	assert_true(strlen(x->error->message) < 2 * 65536);
	assert_null(strchr(x->error->message, '\033'));
}

static void test_urls(void **state)
{
	static const struct {
		const char *text, *url, *rev, *shown;
	} rows[] = {
		{ "https://h/farm.git", "https://h/farm.git", NULL, "https://h/farm.git" },
		{ "https://h/farm.git@main", "https://h/farm.git", "main", "https://h/farm.git" },
		{ "https://TOKEN@h/farm.git@a/b", "https://TOKEN@h/farm.git", "a/b", "https://h/farm.git" },
		{ "https://u:pw@h:8443/farm.git", "https://u:pw@h:8443/farm.git", NULL, "https://h:8443/farm.git" },
		{ "ssh://git@h:2222/srv/farm.git@v1", "ssh://git@h:2222/srv/farm.git", "v1", "ssh://git@h:2222/srv/farm.git" },
		{ "ssh://git:pw@h/srv/farm.git", "ssh://git:pw@h/srv/farm.git", NULL, "ssh://git@h/srv/farm.git" },
		{ "git@h:farm.git", "git@h:farm.git", NULL, "git@h:farm.git" },
		{ "git@h:farm.git@main", "git@h:farm.git", "main", "git@h:farm.git" },
		{ "h:farm.git", "h:farm.git", NULL, "h:farm.git" },
		{ "file:///no/such/r.git@main", "file:///no/such/r.git", "main", "file:///no/such/r.git" },
		{ "git://h/farm.git", "git://h/farm.git", NULL, "git://h/farm.git" },
	};
	static const char *const here[] = { "/srv/farm.git", "farm", "./a:b", "/srv/a:b@main", ".", "farm@main", ":x" };
	struct remote r;
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!remote_parse(rows[i].text, &r))
			fail_msg("%s is no remote", rows[i].text);
		assert_string_equal(r.url, rows[i].url);
		assert_string_equal(r.shown, rows[i].shown);
		assert_int_equal(g_strcmp0(r.rev, rows[i].rev), 0);
		remote_clear(&r);
	}
	for (guint i = 0; i < G_N_ELEMENTS(here); i++)
		assert_false(remote_parse(here[i], &r));
}

/* A folder with a colon in its name is there, so it is no URL. */
static void test_here_first(void **state)
{
	struct ctx *x = *state;
	struct remote r;
	run_in(x->dir, "mkdir h:x 'k@l:m'");
	g_autofree char *before = g_get_current_dir();
	assert_int_equal(chdir(x->dir), 0);
	gboolean colon = remote_parse("h:x", &r), revision = remote_parse("h:x@main", &r), both = remote_parse("k@l:m", &r);
	assert_int_equal(chdir(before), 0);
	assert_false(colon || revision || both);
}

static void test_refused(void **state)
{
	struct ctx *x = *state;
	static const char *const urls[] = { "ext::sh -c id", "-oProxyCommand=id", "fd::3", "::ext::sh -c id" };
	for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
		g_clear_error(&x->error);
		assert_null(mirror_open(x->folder, urls[i], TRUE, &x->error));
		assert_int_equal(x->error->code, ERROR_INVALID);
	}
	/* An IPv6 address has two colons as well. */
	static const char *const addresses[] = { "http://[::1]:1/r.git", "ssh://git@[2001:db8::1]/r.git", "git@[::1]:r.git" };
	for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
		g_clear_error(&x->error);
		if (!remote_check(addresses[i], &x->error))
			fail_msg("%s", x->error->message);
	}
	/* The host as an option of ssh: git itself says no. */
	must_open(x, "ssh://-oProxyCommand=touch%20ran/r.git");
	expect_trouble(x, ERROR_AWAY, "strange hostname");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follows), TEST(test_head_of_the_remote), TEST(test_watched), TEST(test_runs_no_hooks), TEST(test_away_and_back), TEST(test_looked_through_once), TEST(test_sha256_remote),
		TEST(test_tidies), TEST(test_mends_damage), TEST(test_lock), TEST(test_deadline), TEST(test_freed_while_fetching),
		TEST(test_bounded_words), TEST(test_urls), TEST(test_here_first), TEST(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
