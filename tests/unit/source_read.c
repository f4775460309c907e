/* source_parse, source_read and source_file_at against real repositories and directories. */
#include "base/arena.h"
#include "base/error.h"
#include "source/source.h"
#include "source_fixture.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ctx {
	char *dir;
	struct arena *arena;
	struct problems problems;
	struct source_where where;
	struct source_tree tree;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->dir = temp_folder();
	x->arena = arena_new();
	problems_init(&x->problems, x->arena);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	g_clear_error(&x->error);
	problems_clear(&x->problems);
	arena_free(x->arena);
	temp_remove(x->dir);
	g_free(x);
	return 0;
}

static gboolean parse(struct ctx *x, const char *what, gboolean worktree)
{
	g_autofree char *text = g_build_filename(x->dir, what, NULL);
	g_clear_error(&x->error);
	return source_parse(x->arena, text, worktree, &x->where, &x->error);
}

static gboolean read_tree(struct ctx *x, const char *what, gboolean worktree)
{
	return parse(x, what, worktree) && source_read(x->arena, &x->where, NULL, &x->tree, &x->problems, &x->error);
}

static void must_read(struct ctx *x, const char *what, gboolean worktree)
{
	if (!read_tree(x, what, worktree))
		fail_msg("%s: %s", what, x->error->message);
}

static void must_say(struct ctx *x, const char *what, gboolean worktree, const char *words)
{
	assert_false(read_tree(x, what, worktree));
	if (!strstr(x->error->message, words))
		fail_msg("\"%s\" does not say \"%s\"", x->error->message, words);
	g_clear_error(&x->error);
}

static void assert_paths(const struct ctx *x, const char *expected)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < x->tree.n_files; i++)
		g_string_append_printf(s, "%s%s", i ? " " : "", x->tree.files[i].path);
	assert_string_equal(s->str, expected);
}

static void assert_problem(const struct ctx *x, const char *path, const char *words)
{
	for (guint i = 0; i < x->problems.list->len; i++) {
		const struct problem *p = &g_array_index(x->problems.list, struct problem, i);
		if (strcmp(p->place.path, path) == 0 && strstr(p->message, words))
			return;
	}
	fail_msg("no problem at %s with \"%s\"", path, words);
}

static const char SEED[] = "git init -q r; cd r; mkdir -p a/b .github x-y; echo one >a.yaml; echo two >a/b/two.yml; "
			   "echo hid >.github/h.yaml;"
			   "echo ci >.gitlab-ci.yml; echo n >note.txt; echo s >x-y/s.yaml; echo t >x-y.yaml; git add "
			   ".; git commit -qm 'first line'";

static void test_commit(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	run_in(x->dir, "cd r; echo dirty >>a.yaml; echo new >new.yaml");
	must_read(x, "r", FALSE);
	assert_paths(x, "a.yaml a/b/two.yml x-y.yaml x-y/s.yaml");
	assert_memory_equal(x->tree.files[0].bytes, "one\n", 4);
	assert_int_equal(x->tree.files[0].size, 4);
	assert_int_equal(strlen(x->tree.files[0].blob_id), 40);
	assert_true(g_str_has_prefix(x->tree.revision, "main@sha1:"));
	assert_string_equal(x->tree.revision + 10, x->tree.commit);
	assert_string_equal(x->tree.author, "Ada <ada@example.org>");
	assert_string_equal(x->tree.summary, "first line");
	assert_int_equal(x->tree.epoch, 1);
	/* What a stranger writes there steers no terminal. */
	run_in(x->dir, "cd r; git commit -q --allow-empty -m \"$(printf 'title\\033]0;x\\007 red')\"");
	must_read(x, "r", FALSE);
	assert_string_equal(x->tree.summary, "title ]0;x  red");
	must_read(x, "r", TRUE);
	assert_paths(x, "a.yaml a/b/two.yml new.yaml x-y.yaml x-y/s.yaml");
	assert_string_equal(x->tree.revision, "directory");
	assert_null(x->tree.commit);
}

static void test_subtree_and_revisions(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	run_in(x->dir, "cd r; git tag v1; echo more >a/c.yaml; git add .; git commit -qm two; git branch other HEAD~1;"
		       "mkdir loose; echo u >loose/u.yaml; git clone -q --bare . ../b@c; git checkout -q --detach");
	must_read(x, "r/a", FALSE);
	assert_paths(x, "b/two.yml c.yaml");
	assert_true(g_str_has_prefix(x->tree.revision, "sha1:"));
	must_say(x, "r/loose", FALSE, "is not in commit");
	must_read(x, "r/loose", TRUE);
	assert_paths(x, "u.yaml");
	must_read(x, "r/a@v1", FALSE);
	assert_paths(x, "b/two.yml");
	assert_true(g_str_has_prefix(x->tree.revision, "v1@sha1:"));
	must_read(x, "r/a@main~1", FALSE);
	assert_true(g_str_has_prefix(x->tree.revision, "sha1:"));
	must_read(x, "b@c@other", FALSE);
	assert_true(g_str_has_prefix(x->tree.revision, "other@sha1:"));
	must_read(x, "b@c", FALSE);
	assert_true(g_str_has_prefix(x->tree.revision, "main@sha1:"));
	must_say(x, "r@mian", FALSE, "main, other");
	must_say(x, "r@", FALSE, "a revision must follow the @");
	must_say(x, "r@v1:a.yaml", FALSE, "not a commit");
	must_say(x, "r@main", TRUE, "--worktree reads files");
}

static void test_epoch(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir,
	       "git init -q r; cd r; for i in 1 2 3 4 5; do git commit -q --allow-empty -m $i; done; git branch b "
	       "HEAD~2;"
	       "git checkout -q b; git commit -q --allow-empty -m x; git checkout -q main; git merge -q b -m m 2>&1");
	must_read(x, "r", FALSE);
	assert_int_equal(x->tree.epoch, 7);
	run_in(x->dir, "cd r; git commit -q --allow-empty -m 6; git commit -q --allow-empty -m 7");
	assert_true(source_read(x->arena, &x->where, NULL, &x->tree, &x->problems, NULL));
	assert_int_equal(x->tree.epoch, 9);
	run_in(x->dir, "cd r; git reset -q --hard b; git commit -q --allow-empty -m forced");
	assert_true(source_read(x->arena, &x->where, NULL, &x->tree, &x->problems, NULL));
	assert_int_equal(x->tree.epoch, 5);
	run_in(x->dir, "git clone -q --depth 1 file://$PWD/r shallow 2>&1");
	must_read(x, "shallow", FALSE);
	assert_int_equal(x->tree.epoch, 0);
}

struct known {
	const char *path, *blob_id;
	guint n_asked;
};

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	struct known *k = user;
	k->n_asked++;
	*ret_size = 4;
	return strcmp(path, k->path) == 0 && strcmp(blob_id, k->blob_id) == 0;
}

static void test_known_files_are_not_read(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	must_read(x, "r", FALSE);
	struct known known = { x->tree.files[0].path, x->tree.files[0].blob_id, 0 };
	struct source_known k = { is_known, &known };
	assert_true(source_read(x->arena, &x->where, &k, &x->tree, &x->problems, NULL));
	assert_paths(x, "a.yaml a/b/two.yml x-y.yaml x-y/s.yaml");
	assert_int_equal(known.n_asked, 4);
	assert_null(x->tree.files[0].bytes);
	assert_int_equal(x->tree.files[0].size, 4);
	assert_string_equal(x->tree.files[0].blob_id, known.blob_id);
	assert_memory_equal(x->tree.files[1].bytes, "two\n", 4);
	struct source_file file;
	assert_true(source_file_at(x->arena, &x->where, &x->tree, "a.yaml", &file, NULL));
	assert_memory_equal(file.bytes, "one\n", 4);
	run_in(x->dir, "cd r; echo other >a.yaml; git commit -qam other");
	assert_true(source_read(x->arena, &x->where, &k, &x->tree, &x->problems, NULL));
	assert_memory_equal(x->tree.files[0].bytes, "other\n", 6);
	must_read(x, "r", TRUE);
	assert_memory_equal(x->tree.files[0].bytes, "other\n", 6);
}

static void test_what_is_no_spec(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	run_in(x->dir, "cd r; ln -s a.yaml link.yaml; ln -s a folder; printf 'version "
		       "https://git-lfs.github.com/spec/v1\\noid' "
		       ">lfs.yaml; truncate -s 65M huge.yml; git add .; git -c protocol.file.allow=always submodule "
		       "--quiet add ./ sub 2>/dev/null; git commit -qm odd; mkfifo pipe.yaml");
	for (guint worktree = 0; worktree < 2; worktree++) {
		guint before = x->problems.n_errors;
		must_read(x, "r", worktree == 1);
		assert_paths(x, "a.yaml a/b/two.yml x-y.yaml x-y/s.yaml");
		assert_problem(x, "link.yaml", "symbolic link");
		assert_problem(x, "lfs.yaml", "LFS pointer");
		assert_problem(x, "huge.yml", "at most 64 MiB");
		assert_problem(x, "sub", "repository of its own");
		assert_int_equal(x->problems.n_errors - before, 3 + worktree);
	}
	assert_problem(x, "pipe.yaml", "not a regular file");
}

static void test_no_commit_yet(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q r; git init -q --bare b; git clone -q b w 2>&1; cd w; git checkout -qb prod;"
		       "git commit -q --allow-empty -m 1; git push -q origin prod");
	must_say(x, "r", FALSE, "no commit yet in");
	must_say(x, "b", FALSE, "branches are: prod; write");
	must_say(x, "nothere", FALSE, "No such file");
	assert_false(source_parse(x->arena, "git@example.org:farm.git", FALSE, &x->where, &x->error));
	assert_non_null(strstr(x->error->message, "git clone --mirror git@example.org:farm.git"));
	g_clear_error(&x->error);
	run_in(x->dir, "mkdir plain; echo a >plain/a.yaml");
	must_say(x, "plain@main", FALSE, "is not in a git repository");
	must_read(x, "plain", FALSE);
	assert_paths(x, "a.yaml");
	must_read(x, "plain/a.yaml", FALSE);
	assert_paths(x, "a.yaml");
}

static void test_unusual_repositories(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	run_in(x->dir,
	       "git init -q --object-format=sha256 s256; git -C s256 commit -q --allow-empty -m 1;"
	       "git clone -q r sparse; git -C sparse sparse-checkout set a; git -C r worktree add -q ../linked -b wt;"
	       "git -C r config uploadpack.allowFilter true; git clone -q --bare --filter=blob:none file://$PWD/r "
	       "partial;"
	       "git init -q odd; git -C odd config core.repositoryFormatVersion 1; git -C odd config extensions.moon "
	       "x");
	must_say(x, "s256", FALSE, "--object-format=sha1");
	must_say(x, "odd", FALSE, "git clone --mirror");
	must_say(x, "partial", FALSE, "--no-filter");
	must_read(x, "sparse", FALSE);
	assert_paths(x, "a.yaml a/b/two.yml x-y.yaml x-y/s.yaml");
	must_read(x, "linked", FALSE);
	assert_true(g_str_has_prefix(x->tree.revision, "wt@sha1:"));
	assert_string_not_equal(x->where.gitdir, x->where.commondir);
}

static void test_other_owner(void **state)
{
	struct ctx *x = *state;
	if (geteuid() != 0) {
		print_message("skipped: only root can give a repository away\n");
		skip();
	}
	run_in(x->dir, SEED);
	run_in(x->dir, "chown -R 65534:65534 r");
	must_read(x, "r", FALSE);
	assert_int_equal(x->tree.n_files, 4);
}

static void test_file_at(void **state)
{
	struct ctx *x = *state;
	struct source_file file;
	run_in(x->dir, SEED);
	run_in(x->dir, "cd r; ln -s note.txt l; ln -s / root; git add .; git commit -qm l");
	for (guint worktree = 0; worktree < 2; worktree++) {
		must_read(x, "r", worktree == 1);
		assert_true(source_file_at(x->arena, &x->where, &x->tree, "note.txt", &file, NULL));
		assert_int_equal(file.size, 2);
		assert_memory_equal(file.bytes, "n\n", 2);
		const char *bad[] = { "../r/note.txt", "/etc/passwd", "a//b", "", "l", "root/etc/passwd", "a", "none" };
		for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
			assert_false(source_file_at(x->arena, &x->where, &x->tree, bad[i], &file, NULL));
	}
	must_read(x, "r", FALSE);
	run_in(x->dir, "cd r; git rm -q note.txt; git commit -qm gone");
	assert_true(source_file_at(x->arena, &x->where, &x->tree, "note.txt", &file, NULL)); /* of its own commit */
}

static void test_lookup(void **state)
{
	struct ctx *x = *state;
	const char *bad[] = { "../r/note.txt", "/etc/passwd", "a//b", "", "l", "root/etc/passwd", "a", "none", "lfs" };
	run_in(x->dir, SEED);
	run_in(x->dir, "cd r; ln -s note.txt l; ln -s / root; echo 'version https://git-lfs.github.com/spec/v1' >lfs;"
		       ": >empty; head -c 3000000 /dev/zero >rom; git add .; git commit -qm l");
	for (guint worktree = 0; worktree < 2; worktree++) {
		struct source_lookup l;
		must_read(x, "r", worktree == 1);
		source_lookup_init(&l, &x->where, &x->tree);
		assert_null(source_lookup_file(&l, "note.txt"));
		assert_null(source_lookup_file(&l, "empty"));
		assert_null(source_lookup_file(&l, "rom"));
		for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
			assert_non_null(source_lookup_file(&l, bad[i]));
		assert_string_equal(source_lookup_file(&l, "lfs"),
				    "\"lfs\" is a git LFS pointer, not the file; keep it out of LFS (`git lfs untrack`)");
		/* Within a pass the answer stays. */
		run_in(x->dir, "cd r; rm -f note.txt");
		assert_null(source_lookup_file(&l, "note.txt"));
		source_lookup_clear(&l);
		run_in(x->dir, "cd r; echo n >note.txt");
	}
}

static void test_many(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q r; cd r; for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do echo $d-$f "
		       ">d$d/$f.yaml;"
		       "done; done; git add .; git commit -qm many; git gc -q");
	gint64 before = g_get_monotonic_time();
	must_read(x, "r", FALSE);
	gint64 git_us = g_get_monotonic_time() - before;
	assert_int_equal(x->tree.n_files, 10000);
	before = g_get_monotonic_time();
	must_read(x, "r", TRUE);
	print_message("10000 files: commit %.1f ms, directory %.1f ms\n", (double)git_us / 1e3,
		      (double)(g_get_monotonic_time() - before) / 1e3);
	assert_int_equal(x->tree.n_files, 10000);
	for (guint i = 1; i < x->tree.n_files; i++)
		assert_true(strcmp(x->tree.files[i - 1].path, x->tree.files[i].path) < 0);
}

/* Names as git and file systems allow them. */
static void test_hostile_names(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q r; cd r; mkdir -p d/e; echo a >$'two\\nlines.yaml'; echo a >'\"$(id)\".yaml'; echo a >-rf.yaml;"
		       "echo a >$'not-utf8-\\xff.yaml'; echo a >d/e/a.yaml; ln -s .. d/up; ln -s . d/self; ln -s /etc d/etc;"
		       "git add .; git commit -qm names");
	for (guint worktree = 0; worktree < 2; worktree++) {
		guint before = x->problems.n_errors;
		must_read(x, "r", worktree == 1);
		assert_paths(x, "\"$(id)\".yaml -rf.yaml d/e/a.yaml two\nlines.yaml");
		assert_problem(x, "not-utf8-\xef\xbf\xbd.yaml", "not valid UTF-8");
		assert_int_equal(x->problems.n_errors - before, 1);
	}
}

/* No git program makes such trees; a push may hold them. Names that begin with a dot are not read, so that `..` and
 * `.git` lead nowhere. */
static void test_trees_that_go_up(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q r; cd r; blob=$(echo a | git hash-object -w --stdin);"
		       "inner=$(printf '100644 blob %s\\ta.yaml\\n' $blob | git mktree);"
		       "top=$(printf '040000 tree %s\\t%s\\n' $inner .. $inner .git $inner good | git mktree);"
		       "git update-ref refs/heads/main $(git commit-tree -m up $top)");
	must_read(x, "r", FALSE);
	assert_paths(x, "good/a.yaml");
	assert_int_equal(x->problems.n_errors, 0);
	struct source_file file;
	assert_false(source_file_at(x->arena, &x->where, &x->tree, "../a.yaml", &file, NULL));
	assert_false(source_file_at(x->arena, &x->where, &x->tree, "good/../../a.yaml", &file, NULL));
}

/* Counted where both sources meet; as a commit it is one blob. */
static void test_too_many(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "git init -q r; cd r; { printf 'blob\\nmark :1\\ndata 2\\na\\n\\ncommit refs/heads/main\\n"
		       "committer A <a@example.org> 0 +0000\\ndata 1\\nm\\n'; seq -f 'M 100644 :1 d%.0f.yaml' 200000 300000 | "
		       "sed 's,...\\.yaml$,/&,'; } | "
		       "git fast-import --quiet");
	must_say(x, "r", FALSE, "more than 100000 YAML files in one tree");
}

/* A folder named by mistake is not walked to its end. */
static void test_other_folders(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, "mkdir -p d/deep; cd d; echo a >a.yaml; cd deep; seq -f %.0f.txt 10000 | xargs touch");
	must_read(x, "d", TRUE);
	assert_paths(x, "a.yaml");
	run_in(x->dir, "touch d/one-more");
	must_say(x, "d", TRUE, "more than 10000 files beside the specs (at ");
	struct source_where root;
	assert_true(source_parse(x->arena, "/", TRUE, &root, NULL));
	assert_false(source_read(x->arena, &root, NULL, &x->tree, &x->problems, &x->error));
	assert_string_equal(x->error->message, "/ is no folder of specs: name the one that they are in");
}

static void test_uncommitted(void **state)
{
	struct ctx *x = *state;
	run_in(x->dir, SEED);
	must_read(x, "r", FALSE);
	assert_int_equal(source_n_uncommitted(&x->where), 0);
	run_in(x->dir, "cd r; echo x >note.txt; echo x >.github/h.yaml; echo x >x-y/s.yaml; echo x >a/new.yaml; rm a.yaml");
	assert_int_equal(source_n_uncommitted(&x->where), 3);
	assert_true(parse(x, "r/a", FALSE));
	assert_int_equal(source_n_uncommitted(&x->where), 1);
	run_in(x->dir, "git clone -q --bare r bare");
	assert_true(parse(x, "bare", FALSE));
	assert_int_equal(source_n_uncommitted(&x->where), 0);
	assert_true(parse(x, "r", TRUE));
	assert_int_equal(source_n_uncommitted(&x->where), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commit),        TEST(test_subtree_and_revisions),
		TEST(test_epoch),         TEST(test_what_is_no_spec),
		TEST(test_known_files_are_not_read),         TEST(test_what_is_no_spec),
		TEST(test_no_commit_yet), TEST(test_unusual_repositories),
		TEST(test_other_owner),   TEST(test_file_at),
		TEST(test_lookup),
		TEST(test_many),          TEST(test_hostile_names),
		TEST(test_trees_that_go_up), TEST(test_too_many), TEST(test_other_folders), TEST(test_uncommitted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
