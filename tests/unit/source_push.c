/* Commits pushed without a work tree, to real repositories: moved branches, hooks that refuse. */
#include "base/arena.h"
#include "base/error.h"
#include "source/push.h"
#include "source/source.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	char *folder, *bare, *tree;
};

static void run(const char *const *argv)
{
	int status = -1;
	g_autofree char *said = NULL;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
	                         &said, &status, NULL));
	if (status)
		print_error("%s", said);
	assert_int_equal(status, 0);
}
#define GIT(...) run((const char *const[]){ "git", __VA_ARGS__, NULL })

/* A bare repository with one commit, and a work tree whose remote it is. */
static int make_bench(void **state)
{
	struct bench *b = g_new0(struct bench, 1);
	b->folder = g_dir_make_tmp("cleave-test-XXXXXX", NULL);
	b->bare = g_build_filename(b->folder, "specs.git", NULL);
	b->tree = g_build_filename(b->folder, "specs", NULL);
	g_setenv("GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
	static const char *const who[][2] = { { "GIT_AUTHOR_NAME", "Mei" }, { "GIT_AUTHOR_EMAIL", "mei@a.example" },
		                              { "GIT_COMMITTER_NAME", "Mei" }, { "GIT_COMMITTER_EMAIL", "mei@a.example" } };
	for (guint i = 0; i < G_N_ELEMENTS(who); i++)
		g_setenv(who[i][0], who[i][1], TRUE);
	GIT("init", "-q", "--bare", "-b", "trunk", b->bare);
	GIT("clone", "-q", b->bare, b->tree);
	g_autofree char *file = g_build_filename(b->tree, "a.yaml", NULL);
	assert_true(g_file_set_contents(file, "a: 1\n", -1, NULL));
	GIT("-C", b->tree, "checkout", "-q", "-B", "trunk");
	GIT("-C", b->tree, "add", ".");
	GIT("-C", b->tree, "commit", "-q", "-m", "first");
	GIT("-C", b->tree, "push", "-q", "-u", "origin", "trunk");
	*state = b;
	return 0;
}

static int clear_bench(void **state)
{
	struct bench *b = *state;
	run((const char *const[]){ "rm", "-rf", b->folder, NULL });
	g_free(b->folder);
	g_free(b->bare);
	g_free(b->tree);
	g_free(b);
	return 0;
}

static const char *text_at_tip(struct arena *a, struct push *p, const char *path)
{
	struct source_where where;
	struct source_tree tree;
	struct source_file file;
	struct problems problems;
	problems_init(&problems, a);
	assert_true(source_parse(a, push_tip(p), FALSE, &where, NULL));
	assert_true(source_read(a, &where, NULL, &tree, &problems, NULL));
	problems_clear(&problems);
	return source_file_at(a, &where, &tree, path, &file, NULL) ? arena_strndup(a, file.bytes, file.size) : NULL;
}

static void commits_arrive(void **state)
{
	const struct bench *b = *state;
	SCOPED_ARENA(a);
	const char *const ways[] = { b->bare, b->tree, arena_printf(a, "file://%s", b->bare) };
	for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
		const char *path = arena_printf(a, "jobs/deep/%u.yaml", i);
		struct push *p = push_new(ways[i], NULL, NULL);
		assert_non_null(p);
		assert_string_equal(push_branch(p), "trunk");
		assert_true(push_fetch(p, NULL));
		assert_true(push_commit(p, path, "b: 2\n", 5, "jobs: one more\n\nwith $(a body) `and` \"quotes\"\n", NULL) && push_send(p, NULL));
		assert_true(push_fetch(p, NULL));
		assert_string_equal(text_at_tip(a, p, path), "b: 2\n");
		assert_string_equal(text_at_tip(a, p, "a.yaml"), "a: 1\n");
		push_free(p);
	}
}

/* Who commits, and with which key, is what `git commit` would take in the folder where the person stands. */
static void the_clone_says_who(void **state)
{
	const struct bench *b = *state;
	g_autofree char *before = g_get_current_dir(), *key = g_build_filename(b->folder, "key", NULL), *said = NULL;
	static const char *const who[] = { "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL" };
	for (guint i = 0; i < G_N_ELEMENTS(who); i++)
		g_unsetenv(who[i]);
	run((const char *const[]){ "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, NULL });
	const char *const settings[][2] = { { "user.name", "Ada of the clone" }, { "user.email", "ada@a.example" }, { "gpg.format", "ssh" },
		                            { "user.signingKey", key }, { "commit.gpgSign", "true" } };
	for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
		GIT("-C", b->tree, "config", settings[i][0], settings[i][1]);
	assert_int_equal(g_chdir(b->tree), 0);
	struct push *p = push_new(b->bare, NULL, NULL);
	assert_true(p && push_fetch(p, NULL) && push_commit(p, "b.yaml", "b: 1\n", 5, "more", NULL) && push_send(p, NULL));
	push_free(p);
	assert_int_equal(g_chdir(before), 0);
	const char *const show[] = { "git", "-C", b->bare, "cat-file", "commit", "trunk", NULL };
	assert_true(g_spawn_sync(NULL, (char **)show, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &said, NULL, NULL, NULL));
	assert_non_null(strstr(said, "author Ada of the clone <ada@a.example>"));
	assert_non_null(strstr(said, "-----BEGIN SSH SIGNATURE-----"));
}

static void files_go(void **state)
{
	const struct bench *b = *state;
	SCOPED_ARENA(a);
	struct push *p = push_new(b->bare, "trunk", NULL);
	assert_true(push_fetch(p, NULL) && push_commit(p, "b.yaml", "b: 1\n", 5, "more", NULL) && push_send(p, NULL));
	assert_true(push_fetch(p, NULL) && push_commit(p, "a.yaml", NULL, 0, "less", NULL) && push_send(p, NULL));
	assert_true(push_fetch(p, NULL));
	assert_null(text_at_tip(a, p, "a.yaml"));
	assert_string_equal(text_at_tip(a, p, "b.yaml"), "b: 1\n");
	push_free(p);
}

static void moved_branches_are_told(void **state)
{
	const struct bench *b = *state;
	g_autoptr(GError) error = NULL;
	struct push *p = push_new(b->bare, NULL, NULL), *q = push_new(b->bare, NULL, NULL);
	assert_true(push_fetch(p, NULL) && push_fetch(q, NULL));
	assert_true(push_commit(p, "p.yaml", "p: 1\n", 5, "p", NULL) && push_send(p, NULL));
	assert_true(push_commit(q, "q.yaml", "q: 1\n", 5, "q", NULL));
	assert_false(push_send(q, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS));
	assert_true(push_fetch(q, NULL) && push_commit(q, "q.yaml", "q: 1\n", 5, "q", NULL) && push_send(q, NULL));
	push_free(p);
	push_free(q);
}

static void hooks_refuse(void **state)
{
	const struct bench *b = *state;
	g_autoptr(GError) error = NULL;
	g_autofree char *hook = g_build_filename(b->bare, "hooks", "pre-receive", NULL);
	assert_true(g_file_set_contents_full(hook, "#!/bin/sh\necho not on a Friday >&2\nexit 1\n", -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	struct push *p = push_new(b->bare, NULL, NULL);
	assert_true(push_fetch(p, NULL));
	assert_true(push_commit(p, "p.yaml", "p: 1\n", 5, "p", NULL));
	assert_false(push_send(p, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(error->message, "not on a Friday"));
	push_free(p);
}

static void nothing_there(void **state)
{
	const struct bench *b = *state;
	g_autoptr(GError) error = NULL;
	g_autofree char *none = g_build_filename(b->folder, "none.git", NULL);
	assert_null(push_new(none, NULL, &error));
	g_clear_error(&error);
	struct push *p = push_new(b->bare, "other", NULL);
	assert_false(push_fetch(p, &error));
	assert_non_null(strstr(error->message, "other"));
	push_free(p);
}

/* Nobody listens on port 1. */
static void passwords_are_not_told(void **state)
{
	(void)state;
	static const char *const urls[][2] = { { "http://mei:secret@127.0.0.1:1/x.git", "http://127.0.0.1:1/x.git" },
		                               { "http://secret@127.0.0.1:1/x@1.git", "http://127.0.0.1:1/x@1.git" },
		                               { "git@127.0.0.1:x.git", "git@127.0.0.1:x.git" } };
	for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
		g_autoptr(GError) error = NULL;
		struct push *p = push_new(urls[i][0], "main", &error);
		assert_non_null(p);
		assert_string_equal(push_url(p), urls[i][1]);
		assert_true(i == 2 || !push_fetch(p, &error));
		assert_true(i == 2 || (strstr(error->message, "127.0.0.1:1/x") && !strstr(error->message, "secret")));
		push_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commits_arrive, make_bench, clear_bench),
		cmocka_unit_test_setup_teardown(the_clone_says_who, make_bench, clear_bench),
		cmocka_unit_test_setup_teardown(files_go, make_bench, clear_bench),
		cmocka_unit_test_setup_teardown(moved_branches_are_told, make_bench, clear_bench),
		cmocka_unit_test_setup_teardown(hooks_refuse, make_bench, clear_bench),
		cmocka_unit_test_setup_teardown(nothing_there, make_bench, clear_bench),
		cmocka_unit_test(passwords_are_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
