/* Which specs of a work tree are not committed: those that a person may think are planned. libgit2 is there already, as
 * the source was found to be a repository. Nothing is written, the index neither. */
#include "source/git.h"
#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_status_list, git_status_list_free)

static const char *path_of(const git_status_entry *e)
{
	const git_diff_delta *d = e->index_to_workdir ? e->index_to_workdir : e->head_to_index;
	return d->new_file.path ? d->new_file.path : d->old_file.path;
}

static gboolean is_spec(const struct source_where *where, const char *path)
{
	gsize len = where->subtree ? strlen(where->subtree) : 0;
	if (len && (strncmp(path, where->subtree, len) != 0 || path[len] != '/'))
		return FALSE;
	path += len ? len + 1 : 0;
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	for (char **part = parts; *part; part++)
		if (source_name_is_hidden(*part))
			return FALSE;
	return source_name_is_yaml(path);
}

guint source_git_n_uncommitted(const struct source_where *where)
{
	g_autoptr(git_repository) repository = NULL;
	g_autoptr(git_status_list) list = NULL;
	git_status_options options = { .version = GIT_STATUS_OPTIONS_VERSION };
	guint n = 0;
	options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
	if (git_repository_open_ext(&repository, where->path, 0, NULL) < 0 ||
	    git_repository_is_bare(repository) || git_status_list_new(&list, repository, &options) < 0)
		return 0;
	for (size_t i = 0; i < git_status_list_entrycount(list); i++)
		n += is_spec(where, path_of(git_status_byindex(list, i))) ? 1 : 0;
	return n;
}
