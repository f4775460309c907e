/* From a revision to the files of its tree.
 *
 * Blobs stay libgit2's own, tied to the arena: their bytes are not copied. The repository is opened
 * anew for each read (0.3 ms), so that no cache speaks of a packfile or a ref that has gone. */
#include "source/git.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/names.h"
#include "base/problem.h"
#include "source/git_trouble.h"
#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_object, git_object_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_reference, git_reference_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_commit, git_commit_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_tree, git_tree_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_tree_entry, git_tree_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_odb, git_odb_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_revwalk, git_revwalk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_branch_iterator, git_branch_iterator_free)

static void own_blob_free(gpointer blob)
{
	git_blob_free(blob);
}

static void own_repository_free(gpointer repository)
{
	git_repository_free(repository);
}

static const char *git_sentence(void)
{
	const git_error *e = git_error_last();
	return e && e->message ? e->message : "no reason given";
}

/* The owner check guards what git would *run* on a repository's word (hooks, fsmonitor, pagers).
 * libgit2 reads objects and refs and runs nothing, and a mirror is often fetched by a user of its own,
 * so it is off; who may write specs is decided by the allowed signers and the file system's rights.
 * worktreeConfig (set by sparse checkout) and partialClone change nothing for reading a tree; a blob
 * that is not there is reported as such. */
static void library_init(void)
{
	static gsize done;
	if (!g_once_init_enter(&done))
		return;
	static const char *extensions[] = { "worktreeconfig", "partialclone", "preciousobjects" };
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, G_N_ELEMENTS(extensions));
	g_once_init_leave(&done, 1);
}

static gboolean fail_open(GError **error, const char *path)
{
	g_autofree char *why = g_strdup(git_sentence());
	return git_trouble_open(path, why, error);
}

/* "specs" for work tree /x and directory /x/specs; NULL for the top or a place outside of the work tree. */
static const char *find_subtree(struct arena *arena, git_repository *repository, const char *directory)
{
	const char *workdir = git_repository_workdir(repository);
	g_autofree char *top = workdir ? realpath(workdir, NULL) : NULL;
	gsize len = top ? strlen(top) : 0;
	if (!len || strncmp(directory, top, len) != 0)
		return NULL;
	const char *rest = directory + len;
	if (g_str_has_suffix(top, "/")) /* a work tree at the root */
		return *rest ? arena_strdup(arena, rest) : NULL;
	gboolean in_git_folder = strcmp(rest, "/.git") == 0 || g_str_has_prefix(rest, "/.git/");
	return *rest == '/' && rest[1] && !in_git_folder ? arena_strdup(arena, rest + 1) : NULL;
}

gboolean source_git_discover(struct arena *arena, const char *directory, struct source_where *ret, GError **error)
{
	library_init();
	g_autoptr(git_repository) repository = NULL;
	int e = git_repository_open_ext(&repository, directory, 0, NULL);
	if (e == GIT_ENOTFOUND)
		return FALSE;
	if (e < 0)
		return fail_open(error, directory);
	ret->kind = SOURCE_COMMIT;
	ret->gitdir = arena_strdup(arena, git_repository_path(repository));
	ret->commondir = arena_strdup(arena, git_repository_commondir(repository));
	ret->subtree = find_subtree(arena, repository, directory);
	return TRUE;
}

/* -- from REV to a commit -------------------------------------------------------------------- */

enum { BRANCHES_SHOWN = 10 };

static GPtrArray *list_branches(git_repository *repository)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(git_branch_iterator) it = NULL;
	if (git_branch_iterator_new(&it, repository, GIT_BRANCH_LOCAL) < 0)
		return names;
	git_reference *ref;
	git_branch_t type;
	while (git_branch_next(&ref, &type, it) == 0) {
		g_ptr_array_add(names, g_strdup(git_reference_shorthand(ref)));
		git_reference_free(ref);
	}
	return names;
}

static char *format_branches(const GPtrArray *names)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < names->len && i < BRANCHES_SHOWN; i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", (const char *)names->pdata[i]);
	if (names->len > BRANCHES_SHOWN)
		g_string_append_printf(s, " and %u more", names->len - BRANCHES_SHOWN);
	return g_string_free(s, FALSE);
}

static gboolean fail_revision(git_repository *repository, const struct source_where *where, GError **error)
{
	g_autofree char *why = g_strdup(git_sentence());
	if (git_trouble_find(where->path, where->gitdir, where->commondir, where->rev, why, error))
		return FALSE;
	g_autoptr(GPtrArray) names = list_branches(repository);
	g_autofree char *branches = format_branches(names);
	if (names->len == 0 && git_repository_head_unborn(repository) == 1)
		return fail(error, ERROR_NOT_FOUND,
			    "no commit yet in %s; commit (or push) the specs, or read the files as they are with "
			    "--worktree",
			    where->path);
	if (strcmp(where->rev, "HEAD") == 0)
		return fail(error, ERROR_NOT_FOUND,
			    "HEAD of %s names a branch without a commit; branches are: %s; write %s@%s", where->path,
			    branches, where->path, names->len ? (const char *)names->pdata[0] : "BRANCH");
	const char *near = name_suggest(where->rev, (const char *const *)names->pdata, names->len);
	if (near)
		return fail(error, ERROR_NOT_FOUND, "%s has no revision \"%s\"; did you mean \"%s\"? branches are: %s",
			    where->path, where->rev, near, branches);
	return fail(error, ERROR_NOT_FOUND, "%s has no revision \"%s\" (%s); branches are: %s", where->path, where->rev,
		    why, branches);
}

/* The branch or tag that `rev` names, or NULL: "main~2" names none, nor does a detached HEAD. */
static char *name_revision(git_reference *named, const git_oid *commit)
{
	g_autoptr(git_reference) ref = NULL;
	g_autoptr(git_object) target = NULL;
	if (!named || git_reference_resolve(&ref, named) < 0 || strcmp(git_reference_name(ref), "HEAD") == 0)
		return NULL;
	if (git_reference_peel(&target, ref, GIT_OBJECT_COMMIT) < 0 || !git_oid_equal(git_object_id(target), commit))
		return NULL;
	return g_strdup(git_reference_shorthand(ref));
}

static gboolean find_commit(git_repository *repository, const struct source_where *where, git_commit **ret_commit,
			    char **ret_name, GError **error)
{
	g_autoptr(git_object) object = NULL;
	g_autoptr(git_reference) named = NULL;
	if (git_revparse_ext(&object, &named, repository, where->rev) < 0)
		return fail_revision(repository, where, error);
	git_object *commit;
	if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) < 0)
		return fail(error, ERROR_INVALID, "%s: \"%s\" is a %s, not a commit; name a branch, a tag or a commit",
			    where->path, where->rev, git_object_type2string(git_object_type(object)));
	*ret_commit = (git_commit *)commit;
	*ret_name = name_revision(named, git_commit_id(*ret_commit));
	return TRUE;
}

/* -- order ----------------------------------------------------------------------------------- */

static guint64 count_history(git_repository *repository, const git_oid *commit)
{
	g_autoptr(git_revwalk) walk = NULL;
	if (git_revwalk_new(&walk, repository) < 0 || git_revwalk_push(walk, commit) < 0)
		return 0;
	guint64 n = 0;
	git_oid id;
	int e;
	while ((e = git_revwalk_next(&id, walk)) == 0)
		n++;
	return e == GIT_ITEROVER ? n : 0;
}

/* Exact also after a forced push: |new| = |old| + (in new only) - (in old only). 0 when the history is cut. */
static guint64 find_epoch(git_repository *repository, struct source_where *where, const git_oid *commit)
{
	git_oid known;
	size_t ahead, behind;
	if (git_repository_is_shallow(repository) == 1)
		return 0;
	if (where->known_epoch && git_oid_fromstr(&known, where->known_commit) == 0 &&
	    git_graph_ahead_behind(&ahead, &behind, repository, commit, &known) == 0)
		where->known_epoch = where->known_epoch + ahead - behind;
	else
		where->known_epoch = count_history(repository, commit);
	git_oid_tostr(where->known_commit, sizeof where->known_commit, commit);
	return where->known_epoch;
}

/* -- the tree -------------------------------------------------------------------------------- */

struct walk {
	struct source_collect *collect;
	git_repository *repository;
	git_odb *odb;
};

static gboolean fail_blob(const char *path, GError **error)
{
	return fail(error, ERROR_FAILED,
		    "%s: its content is not in the repository (%s); a partial clone lacks it: `git fetch --refetch "
		    "--no-filter`, a damaged one is shown by `git fsck`",
		    path, git_sentence());
}

static gboolean read_blob(git_repository *repository, struct arena *arena, const git_oid *id, const char *path,
			  struct source_file *ret, GError **error)
{
	git_blob *blob;
	if (git_blob_lookup(&blob, repository, id) < 0)
		return fail_blob(path, error);
	arena_own(arena, blob, own_blob_free);
	char hex[GIT_OID_HEXSZ + 1];
	git_oid_tostr(hex, sizeof hex, id);
	*ret = (struct source_file){ .path = arena_strdup(arena, path),
				     .bytes = git_blob_rawcontent(blob),
				     .size = (gsize)git_blob_rawsize(blob),
				     .blob_id = arena_strdup(arena, hex) };
	return TRUE;
}

static gboolean add_blob(struct walk *w, const git_tree_entry *entry, const char *path, GError **error)
{
	size_t size = 0;
	git_object_t type;
	struct source_file file;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid_tostr(hex, sizeof hex, git_tree_entry_id(entry));
	if (source_collect_knows(w->collect, path, hex, &file))
		return source_collect_add(w->collect, &file, error);
	/* The header first: a huge file is refused without being unpacked. A missing one fails below. */
	if (git_odb_read_header(&size, &type, w->odb, git_tree_entry_id(entry)) == 0 &&
	    !source_collect_admits(w->collect, path, size))
		return TRUE;
	return read_blob(w->repository, w->collect->arena, git_tree_entry_id(entry), path, &file, error) &&
	       source_collect_add(w->collect, &file, error);
}

static gboolean add_tree(struct walk *w, const git_oid *id, const char *parent, guint depth, GError **error);

static gboolean add_entry(struct walk *w, const git_tree_entry *entry, const char *parent, guint depth, GError **error)
{
	const char *name = git_tree_entry_name(entry);
	if (source_name_is_hidden(name))
		return TRUE;
	g_autofree char *path = g_strconcat(parent, *parent ? "/" : "", name, NULL);
	git_filemode_t mode = git_tree_entry_filemode(entry);
	if (mode == GIT_FILEMODE_TREE)
		return add_tree(w, git_tree_entry_id(entry), path, depth + 1, error);
	if (mode == GIT_FILEMODE_COMMIT)
		source_collect_refuse(w->collect, SEVERITY_WARNING, path,
				      "is a repository of its own (submodule), which is not read; name it as a source");
	else if (mode == GIT_FILEMODE_LINK && source_name_is_yaml(name))
		source_collect_refuse(w->collect, SEVERITY_ERROR, path,
				      "is a symbolic link, which is not followed; put the file itself here");
	else if (mode != GIT_FILEMODE_LINK && source_name_is_yaml(name))
		return add_blob(w, entry, path, error);
	return TRUE;
}

static gboolean add_tree(struct walk *w, const git_oid *id, const char *parent, guint depth, GError **error)
{
	enum { DEPTH_MAX = 64 };
	g_autoptr(git_tree) tree = NULL;
	if (depth > DEPTH_MAX)
		return fail(error, ERROR_INVALID, "%s: folders are nested deeper than %d", parent, DEPTH_MAX);
	if (git_tree_lookup(&tree, w->repository, id) < 0)
		return fail(error, ERROR_FAILED, "folder \"%s\" cannot be read from the repository: %s", parent,
			    git_sentence());
	gboolean done = TRUE;
	for (size_t i = 0, n = git_tree_entrycount(tree); done && i < n; i++)
		done = add_entry(w, git_tree_entry_byindex(tree, i), parent, depth, error);
	return done;
}

static gboolean find_root(git_commit *commit, const struct source_where *where, git_oid *ret, GError **error)
{
	g_autoptr(git_tree) top = NULL;
	g_autoptr(git_tree_entry) entry = NULL;
	git_oid_cpy(ret, git_commit_tree_id(commit));
	if (!where->subtree)
		return TRUE;
	if (git_commit_tree(&top, commit) < 0)
		return fail(error, ERROR_FAILED, "%s: the commit's tree cannot be read: %s", where->path,
			    git_sentence());
	if (git_tree_entry_bypath(&entry, top, where->subtree) < 0 || git_tree_entry_type(entry) != GIT_OBJECT_TREE)
		return fail(error, ERROR_NOT_FOUND,
			    "folder \"%s\" is not in commit %.7s of %s; commit it, or read the files as they are with "
			    "--worktree",
			    where->subtree, git_oid_tostr_s(git_commit_id(commit)), where->gitdir);
	git_oid_cpy(ret, git_tree_entry_id(entry));
	return TRUE;
}

static void describe_commit(struct arena *arena, git_commit *commit, const char *name, struct source_tree *ret)
{
	const git_signature *author = git_commit_author(commit);
	g_autofree char *who = author ? g_strdup_printf("%s <%s>", author->name, author->email) : g_strdup("");
	g_autofree char *who_valid = problem_shown(who, -1);
	const char *summary = git_commit_summary(commit);
	g_autofree char *summary_valid = problem_shown(summary ? summary : "", -1);
	ret->commit = arena_strdup(arena, git_oid_tostr_s(git_commit_id(commit)));
	ret->revision = arena_printf(arena, "%s%ssha1:%s", name ? name : "", name ? "@" : "", ret->commit);
	ret->time_s = git_commit_time(commit);
	ret->author = arena_strdup(arena, who_valid);
	ret->summary = arena_strdup(arena, summary_valid);
}

/* Tied to the arena before any of its blobs, so that it is freed after them. Opened as a bare one: what the
 * configuration asks for was checked by source_git_discover(), and each of those checks leaks 20 KB a
 * configuration line in libgit2 1.5 where the repository has extensions. */
git_repository *source_git_open(struct arena *arena, const struct source_where *where, GError **error)
{
	git_repository *repository;
	library_init();
	if (git_repository_open_bare(&repository, where->gitdir) < 0) {
		fail_open(error, where->gitdir);
		return NULL;
	}
	arena_own(arena, repository, own_repository_free);
	return repository;
}

gboolean source_git_read(struct source_collect *c, struct source_where *where, struct source_tree *ret, GError **error)
{
	g_autoptr(git_commit) commit = NULL;
	g_autoptr(git_odb) odb = NULL;
	g_autofree char *name = NULL;
	git_oid root;
	git_repository *repository = source_git_open(c->arena, where, error);
	if (!repository || !find_commit(repository, where, &commit, &name, error) ||
	    !find_root(commit, where, &root, error))
		return FALSE;
	if (git_repository_odb(&odb, repository) < 0)
		return fail(error, ERROR_FAILED, "%s: no object database: %s", where->gitdir, git_sentence());
	struct walk w = { c, repository, odb };
	if (!add_tree(&w, &root, "", 0, error))
		return FALSE;
	describe_commit(c->arena, commit, name, ret);
	ret->epoch = find_epoch(repository, where, git_commit_id(commit));
	return TRUE;
}

static void own_tree_free(gpointer tree)
{
	git_tree_free(tree);
}

static void own_odb_free(gpointer odb)
{
	git_odb_free(odb);
}

/* The folder of the commit that was named. Tied to the arena. */
static git_tree *open_root(struct arena *arena, git_repository *repository, const struct source_where *where,
			   const char *commit_id, GError **error)
{
	g_autoptr(git_commit) commit = NULL;
	git_tree *root;
	git_oid id;
	if (git_oid_fromstr(&id, commit_id) < 0 || git_commit_lookup(&commit, repository, &id) < 0) {
		fail(error, ERROR_NOT_FOUND, "commit %s is not in %s", commit_id, where->gitdir);
		return NULL;
	}
	if (!find_root(commit, where, &id, error))
		return NULL;
	if (git_tree_lookup(&root, repository, &id) < 0) {
		fail(error, ERROR_FAILED, "%s: the commit's tree cannot be read: %s", where->path, git_sentence());
		return NULL;
	}
	arena_own(arena, root, own_tree_free);
	return root;
}

static gboolean find_blob(git_tree *root, const char *commit_id, const char *path, git_oid *ret, GError **error)
{
	g_autoptr(git_tree_entry) entry = NULL;
	if (git_tree_entry_bypath(&entry, root, path) < 0)
		return fail(error, ERROR_NOT_FOUND, "\"%s\" is not in commit %.7s", path, commit_id);
	git_filemode_t mode = git_tree_entry_filemode(entry);
	if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
		return fail(error, ERROR_INVALID, "\"%s\" in commit %.7s is not a regular file", path, commit_id);
	git_oid_cpy(ret, git_tree_entry_id(entry));
	return TRUE;
}

static gboolean lookup_open(struct source_lookup *l, GError **error)
{
	git_odb *odb;
	if (l->odb)
		return TRUE;
	if (!l->repository)
		l->repository = source_git_open(l->arena, l->where, error);
	if (l->repository && !l->root)
		l->root = open_root(l->arena, l->repository, l->where, l->tree->commit, error);
	if (!l->root)
		return FALSE;
	if (git_repository_odb(&odb, l->repository) < 0)
		return fail(error, ERROR_FAILED, "%s: no object database: %s", l->where->gitdir, git_sentence());
	arena_own(l->arena, odb, own_odb_free);
	l->odb = odb;
	return TRUE;
}

gboolean source_git_has_file(struct source_lookup *l, const char *path, GError **error)
{
	enum { POINTER_SIZE_MAX = 1024 }; /* git-lfs's docs/spec.md: a pointer has less */
	size_t size;
	git_object_t type;
	git_blob *blob;
	git_oid id;
	if (!lookup_open(l, error) || !find_blob(l->root, l->tree->commit, path, &id, error))
		return FALSE;
	if (git_odb_read_header(&size, &type, l->odb, &id) < 0)
		return fail_blob(path, error);
	if (size < SOURCE_LFS_LEN || size > POINTER_SIZE_MAX)
		return TRUE;
	if (git_blob_lookup(&blob, l->repository, &id) < 0)
		return fail_blob(path, error);
	gboolean is_pointer = source_is_lfs_pointer(git_blob_rawcontent(blob), (gsize)size);
	git_blob_free(blob);
	return !is_pointer || source_fail_lfs(path, error);
}

gboolean source_git_file(struct arena *arena, const struct source_where *where, const char *commit_id, const char *path,
			 struct source_file *ret, GError **error)
{
	git_oid id;
	git_repository *repository = source_git_open(arena, where, error);
	git_tree *root = repository ? open_root(arena, repository, where, commit_id, error) : NULL;
	return root && find_blob(root, commit_id, path, &id, error) && read_blob(repository, arena, &id, path, ret, error);
}
