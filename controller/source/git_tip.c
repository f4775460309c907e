/* Which commit a ref names now, without reading anything of its tree: what is asked between two actions. */
#include "source/git.h"
#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_object, git_object_free)

gboolean source_git_has_moved(const struct source_where *where, const char *commit)
{
	g_autoptr(git_repository) repository = NULL;
	g_autoptr(git_object) named = NULL, tip = NULL;
	char now[GIT_OID_HEXSZ + 1];
	if (git_repository_open_bare(&repository, where->gitdir) < 0 || git_revparse_single(&named, repository, where->rev) < 0 ||
	    git_object_peel(&tip, named, GIT_OBJECT_COMMIT) < 0)
		return FALSE;
	return strcmp(git_oid_tostr(now, sizeof now, git_object_id(tip)), commit) != 0;
}
