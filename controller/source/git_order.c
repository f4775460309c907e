/* How two commits of a repository stand to each other. */
#include "base/arena.h"
#include "source/git.h"
#include <git2.h>

enum source_relation source_relation(const struct source_where *where, const char *from, const char *to)
{
	SCOPED_ARENA(a);
	git_oid x, y;
	if (where->kind != SOURCE_COMMIT || git_oid_fromstr(&x, from) < 0 || git_oid_fromstr(&y, to) < 0)
		return RELATION_UNKNOWN;
	if (git_oid_equal(&x, &y))
		return RELATION_SAME;
	git_repository *repository = source_git_open(a, where, NULL);
	int forward = repository ? git_graph_descendant_of(repository, &y, &x) : -1;
	int back = forward == 0 ? git_graph_descendant_of(repository, &x, &y) : -1;
	if (forward == 1)
		return RELATION_NEWER;
	return back == 1 ? RELATION_OLDER : back == 0 ? RELATION_APART : RELATION_UNKNOWN;
}

/* Where the first parents lead to: the same for all who have a copy, however they name it. */
const char *source_root(struct arena *arena, const struct source_where *where, const char *commit)
{
	SCOPED_ARENA(a);
	git_oid id;
	git_commit *at = NULL, *parent;
	git_repository *repository = where->kind == SOURCE_COMMIT ? source_git_open(a, where, NULL) : NULL;
	if (!repository || git_repository_is_shallow(repository) == 1 || git_oid_fromstr(&id, commit) < 0 ||
	    git_commit_lookup(&at, repository, &id) < 0)
		return NULL;
	int e;
	while ((e = git_commit_parent(&parent, at, 0)) == 0) {
		git_commit_free(at);
		at = parent;
	}
	const char *root = e == GIT_ENOTFOUND && git_commit_parentcount(at) == 0 ? arena_strdup(arena, git_oid_tostr_s(git_commit_id(at))) : NULL;
	git_commit_free(at);
	return root;
}
