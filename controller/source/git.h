/* Reads a commit's tree with libgit2 (git.c), and its work tree's state (git_status.c). Called by source.c; libgit2 is included by
 * git*.c alone. */
#pragma once
#include "source/collect.h"

/* Fills gitdir, commondir, path and subtree when `directory` lies in a repository. FALSE without an
 * error when there is none; with one when there is a repository that libgit2 cannot read. */
gboolean source_git_discover(struct arena *arena, const char *directory, struct source_where *ret, GError **error);
gboolean source_git_read(struct source_collect *c, struct source_where *where, struct source_tree *ret, GError **error);
gboolean source_git_has_file(struct source_lookup *l, const char *path, GError **error);
gboolean source_git_file(struct arena *arena, const struct source_where *where, const char *commit, const char *path,
			 struct source_file *ret, GError **error);
/* The repository of a where, tied to the arena; for git*.c. */
struct git_repository *source_git_open(struct arena *arena, const struct source_where *where, GError **error);
/* As source_has_moved(), of a commit (git_tip.c). */
gboolean source_git_has_moved(const struct source_where *where, const char *commit);
guint source_git_n_uncommitted(const struct source_where *where);
