/* A walk along first differences: git log's simplification for one file, with a comparison of one's own. */
#include "source/trace.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/problem.h"
#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_object, git_object_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_tree, git_tree_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_tree_entry, git_tree_entry_free)

static const char *git_sentence(void)
{
	const git_error *e = git_error_last();
	return e && e->message ? e->message : "no reason given";
}

/* The library was set up when `where` was found (source_parse). */
static git_repository *open_repository(const struct source_where *where, GError **error)
{
	git_repository *repository = NULL;
	if (where->kind != SOURCE_COMMIT)
		fail(error, ERROR_INVALID, "%s is no repository: there is no history to look at", where->path);
	else if (git_repository_open_bare(&repository, where->gitdir) < 0)
		fail(error, ERROR_FAILED, "%s: %s", where->gitdir, git_sentence());
	return repository;
}

const char *source_resolve(struct arena *arena, const struct source_where *where, const char *rev, GError **error)
{
	g_autoptr(git_repository) repository = open_repository(where, error);
	g_autoptr(git_object) object = NULL, commit = NULL;
	if (!repository)
		return NULL;
	rev = rev && strcmp(rev, "HEAD") != 0 ? rev : where->rev;
	if (git_revparse_single(&object, repository, rev) < 0 || git_object_peel(&commit, object, GIT_OBJECT_COMMIT) < 0) {
		fail(error, ERROR_NOT_FOUND, "%s has no revision \"%s\" (%s)", where->path, rev, git_sentence());
		return NULL;
	}
	return arena_strdup(arena, git_oid_tostr_s(git_object_id(commit)));
}

gboolean source_contains(const struct source_where *where, const char *commit, const char *ancestor)
{
	git_oid newer, older;
	g_autoptr(git_repository) repository = open_repository(where, NULL);
	if (!repository || git_oid_fromstr(&newer, commit) < 0 || git_oid_fromstr(&older, ancestor) < 0)
		return FALSE;
	return git_oid_equal(&newer, &older) || git_graph_descendant_of(repository, &newer, &older) == 1;
}

/* -- the walk ------------------------------------------------------------------------------------------------ */

struct tracer {
	git_repository *repository;
	char *path; /* within the commit */
	gboolean (*is_same)(void *user, const struct source_file *newer, const struct source_file *older);
	void *user;
};

/* FALSE: the file is not there. */
static gboolean find_file(const struct tracer *t, git_commit *commit, git_oid *ret)
{
	g_autoptr(git_tree) tree = NULL;
	g_autoptr(git_tree_entry) entry = NULL;
	if (git_commit_tree(&tree, commit) < 0 || git_tree_entry_bypath(&entry, tree, t->path) < 0 ||
	    git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
		return FALSE;
	git_oid_cpy(ret, git_tree_entry_id(entry));
	return TRUE;
}

/* A blob that cannot be read is another one. */
static gboolean are_same(const struct tracer *t, const git_oid *newer, const git_oid *older)
{
	git_blob *blobs[2] = { NULL, NULL };
	gboolean same = FALSE;
	if (older && git_oid_equal(newer, older))
		return TRUE;
	if (git_blob_lookup(&blobs[0], t->repository, newer) == 0 && (!older || git_blob_lookup(&blobs[1], t->repository, older) == 0)) {
		struct source_file files[2] = { { 0 } };
		for (guint i = 0; i < 2 && blobs[i]; i++)
			files[i] = (struct source_file){ .path = t->path, .bytes = git_blob_rawcontent(blobs[i]), .size = (gsize)git_blob_rawsize(blobs[i]) };
		same = t->is_same(t->user, &files[0], older ? &files[1] : NULL);
	}
	git_blob_free(blobs[0]);
	git_blob_free(blobs[1]);
	return same;
}

/* The parent that has the same content already, or NULL. */
static git_commit *same_parent(const struct tracer *t, git_commit *commit, const git_oid *file, gboolean *ret_is_cut)
{
	for (guint i = 0; i < git_commit_parentcount(commit); i++) {
		git_commit *parent;
		git_oid older;
		if (git_commit_parent(&parent, commit, i) < 0) {
			*ret_is_cut = TRUE; /* a shallow clone ends here */
			continue;
		}
		if (find_file(t, parent, &older) && are_same(t, file, &older))
			return parent;
		git_commit_free(parent);
	}
	return NULL;
}

/* Whether no parent knows the content at all, in any form. */
static gboolean is_new_in(const struct tracer *t, git_commit *commit)
{
	for (guint i = 0; i < git_commit_parentcount(commit); i++) {
		git_commit *parent;
		git_oid older;
		if (git_commit_parent(&parent, commit, i) < 0)
			return FALSE;
		gboolean was_there = find_file(t, parent, &older) && !are_same(t, &older, NULL);
		git_commit_free(parent);
		if (was_there)
			return FALSE;
	}
	return TRUE;
}

static const char *signature_of(git_repository *repository, const git_commit *commit)
{
	git_buf signature = { 0 }, data = { 0 };
	git_oid id = *git_commit_id(commit);
	const char *form = NULL;
	if (git_commit_extract_signature(&signature, &data, repository, &id, NULL) == 0)
		form = strstr(signature.ptr, "SSH SIGNATURE") ? "SSH" : "OpenPGP";
	git_buf_dispose(&signature);
	git_buf_dispose(&data);
	return form;
}

static const char *valid(struct arena *arena, const char *text)
{
	g_autofree char *made = problem_shown(text ? text : "", -1);
	return arena_strdup(arena, made);
}

static void describe(struct arena *arena, const struct tracer *t, git_commit *commit, struct source_origin *ret)
{
	const git_signature *author = git_commit_author(commit);
	g_autofree char *who = author ? g_strdup_printf("%s <%s>", author->name, author->email) : NULL;
	ret->commit = arena_strdup(arena, git_oid_tostr_s(git_commit_id(commit)));
	ret->author = valid(arena, who);
	ret->summary = valid(arena, git_commit_summary(commit));
	ret->time_s = git_commit_time(commit);
	ret->signature = signature_of(t->repository, commit);
	ret->is_first = !ret->is_cut && is_new_in(t, commit);
}

static gboolean walk(struct arena *arena, const struct tracer *t, const char *commit_id, struct source_origin *ret, GError **error)
{
	git_oid id, file;
	git_commit *commit;
	if (git_oid_fromstr(&id, commit_id) < 0 || git_commit_lookup(&commit, t->repository, &id) < 0)
		return fail(error, ERROR_NOT_FOUND, "commit %s is not in the repository: %s", commit_id, git_sentence());
	gboolean ok = find_file(t, commit, &file);
	if (!ok)
		fail(error, ERROR_NOT_FOUND, "%s is not in commit %.12s", t->path, commit_id);
	for (git_commit *parent = commit; ok && parent;) {
		if (++ret->n_commits > SOURCE_TRACE_MAX) {
			ret->is_cut = TRUE;
			break;
		}
		parent = same_parent(t, commit, &file, &ret->is_cut);
		if (!parent)
			break;
		ret->is_cut = FALSE;
		find_file(t, parent, &file);
		git_commit_free(commit);
		commit = parent;
	}
	if (ok)
		describe(arena, t, commit, ret);
	git_commit_free(commit);
	return ok;
}

gboolean source_trace(struct arena *arena, const struct source_where *where, const char *commit, const char *path,
                      gboolean (*is_same)(void *user, const struct source_file *newer, const struct source_file *older), void *user,
                      struct source_origin *ret, GError **error)
{
	g_autoptr(git_repository) repository = open_repository(where, error);
	if (!repository)
		return FALSE;
	g_autofree char *full = where->subtree ? g_strconcat(where->subtree, "/", path, NULL) : g_strdup(path);
	const struct tracer t = { repository, full, is_same, user };
	*ret = (struct source_origin){ 0 };
	return walk(arena, &t, commit, ret, error);
}
