/* What libgit2 cannot read, made with the real git or by hand: a sentence each, with the way out. */
#include "base/arena.h"
#include "base/error.h"
#include "source/source.h"
#include "source_fixture.h"
#include <string.h>

/* Made in an empty folder with a repository r (two commits, branch main) and a bare clone of its own objects, b. */
static const struct {
	const char *name, *script, *what;
	const char *words, *way_out; /* NULL: it is read */
} rows[] = {
	{ "SHA-256", "git init -q --object-format=sha256 x; git -C x commit -q --allow-empty -m 1", "x", "extensions.objectformat", "--object-format=sha1" },
	{ "reftable", "git -C b config core.repositoryFormatVersion 1; git -C b config extensions.refStorage reftable", "b", "extensions.refstorage", "git refs migrate" },
	{ "an extension", "git -C b config core.repositoryFormatVersion 1; git -C b config extensions.moon x", "b", "extensions.moon", "git clone --mirror" },
	{ "a later version", "git -C b config core.repositoryFormatVersion 9", "b", "version 9", "git clone --mirror" },
	{ "worktreeConfig", "git -C b config core.repositoryFormatVersion 1; git -C b config extensions.worktreeConfig true", "b", NULL, NULL },
	{ "shallow", "git clone -q --bare --depth 1 file://$PWD/r x", "x", NULL, NULL },
	{ "behind the cut", "git clone -q --bare --depth 1 file://$PWD/r x", "x@main~1", "is a shallow clone", "--unshallow" },
	{ "partial", "git -C r config uploadpack.allowFilter true; git clone -q --bare --filter=blob:none file://$PWD/r x", "x", "not in the repository", "--no-filter" },
	{ "alternates gone", "cp -r r s; git clone -q --bare --shared s x; rm -rf s", "x", "borrows objects of", "without --shared" },
	{ "the same, a branch", "cp -r r s; git clone -q --bare --shared s x; rm -rf s", "x@main", "borrows objects of", "without --shared" },
	{ "HEAD damaged", "echo garbage >b/HEAD", "b", "damaged HEAD", "git symbolic-ref" },
	{ "HEAD empty", ": >b/HEAD", "b", "damaged HEAD", "git symbolic-ref" },
	{ "HEAD damaged, a branch", "echo garbage >b/HEAD", "b@main", NULL, NULL },
	{ "a branch empty", "rm -f b/packed-refs; mkdir -p b/refs/heads; : >b/refs/heads/main", "b", "its file is empty", "git push --force" },
	{ "a branch damaged", "rm -f b/packed-refs; mkdir -p b/refs/heads; echo zz >b/refs/heads/main", "b@main", "no commit's id", "git push --force" },
	{ "packed-refs damaged", "rm -rf b/refs/heads/*; echo garbage >b/packed-refs", "b", "damaged file packed-refs", "git clone --mirror" },
	{ "no such commit", "rm -f b/packed-refs; mkdir -p b/refs/heads; printf '1%.0s' $(seq 40) >b/refs/heads/main", "b", "lacks the commit", "git fsck" },
	{ "objects gone", "find b/objects -type f -delete", "b@main", "lacks the commit", "git clone --mirror" },
	{ "the folder of objects gone", "rm -rf b/objects", "b", "has lost its folder objects", "git clone --mirror" },
	{ "the same of a work tree", "rm -rf r/.git/objects", "r", "has lost its folder objects", "git clone --mirror" },
	{ "a work tree's repository gone", "mkdir x; echo \"gitdir: $PWD/nowhere\" >x/.git; mkdir x/sub", "x/sub", "nowhere is gone", "--worktree" },
	{ "configuration damaged", "echo '[core' >b/config", "b", "parse config", "git config --list" },
	{ "a bundle", "git -C r bundle create -q ../x main", "x", "is a git bundle", "git clone --mirror" },
	{ "a bundle's branch", "git -C r bundle create -q ../x main", "x@main", "is a git bundle", "git clone --mirror" },
	{ "a file's revision", "echo a >x.yaml", "x.yaml@main", "is not in a git repository", "leave out" },
	{ "empty", "git init -q --bare x", "x", "no commit yet", "push" },
	{ "no such branch", "true", "b@maim", "did you mean \"main\"", "branches are" },
	{ "a blob damaged", "f=b/objects/$(git -C r rev-parse HEAD:a.yaml | sed 's|^..|&/|'); chmod u+w $f; echo junk >$f", "b", "not in the repository", "git fsck" },
};

static gboolean reads(struct arena *a, const char *path, struct source_tree *ret, GError **error)
{
	struct source_where where;
	struct problems problems;
	problems_init(&problems, a);
	gboolean ok = source_parse(a, path, FALSE, &where, error) && source_read(a, &where, NULL, ret, &problems, error);
	problems_clear(&problems);
	return ok;
}

static void check(guint i)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct source_tree tree;
	char *dir = temp_folder();
	run_in(dir, "git init -q r; cd r; echo a >a.yaml; git add .; git commit -qm 1; git commit -q --allow-empty -m 2; cd ..;"
	            "git clone -q --bare --no-hardlinks r b");
	run_in(dir, rows[i].script);
	g_autofree char *path = g_build_filename(dir, rows[i].what, NULL);
	gboolean ok = reads(a, path, &tree, &error);
	if (ok != (rows[i].words == NULL))
		fail_msg("%s: %s", rows[i].name, ok ? "it was read" : error->message);
	if (ok)
		assert_int_equal(tree.n_files, 1);
	else if (!strstr(error->message, rows[i].words) || !strstr(error->message, rows[i].way_out) || strchr(error->message, '\n'))
		fail_msg("%s: %s", rows[i].name, error->message);
	temp_remove(dir);
}

static void test_rows(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check(i);
}

/* What is no repository and was none is read as it lies there. */
static void test_plain_folders(void **state)
{
	SCOPED_ARENA(a);
	struct source_tree tree;
	char *dir = temp_folder();
	(void)state;
	run_in(dir, "mkdir -p plain/refs plain/objects two; echo b >plain/a.yaml; echo c >two/HEAD; echo d >two/b.yaml");
	static const char *const names[] = { "plain", "two" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		assert_true(reads(a, path, &tree, NULL));
		assert_int_equal(tree.n_files, 1);
	}
	temp_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_plain_folders) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
