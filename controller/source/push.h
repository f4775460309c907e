/* A commit made without a work tree, and pushed: how a person's decision (submit, waive, repin) becomes specs.
 *
 * In: a repository (path or URL) and a branch. Out: a bare copy of the branch's tip that source_parse() reads,
 * and a commit on top of it that changes one file. Fetching and pushing are done by the git program, with the
 * user's own configuration, credentials and hooks; nothing is ever forced. Called by commands/. */
#pragma once
#include <glib.h>

struct push;

/* `repository` is a bare repository, a URL, or a work tree, of which the remote of its branch is meant;
 * `branch` NULL: the remote's HEAD. push_fetch() comes next. ERROR_NOT_FOUND, ERROR_INVALID. */
struct push *push_new(const char *repository, const char *branch, GError **error);
/* Removes the copy as well. */
void push_free(struct push *p);

/* Loads the tip of the branch, again when somebody else pushed meanwhile. */
gboolean push_fetch(struct push *p, GError **error);
/* Where that lies, as DIR@COMMIT for source_parse(); valid until the next change. */
const char *push_tip(const struct push *p);
/* "Name <mail>" as git would write it into a commit; NULL: it does not know. g_free(). */
char *push_user(void);
/* For messages. */
const char *push_url(const struct push *p);
const char *push_branch(const struct push *p);

/* One file of the tree becomes these bytes (`bytes` NULL: it goes), in a commit with this message that nobody else sees
 * yet. push_tip() is that commit then, so that it can be checked. */
gboolean push_commit(struct push *p, const char *path, const char *bytes, gsize size, const char *message, GError **error);
/* The same with the tree of another commit, or one folder of it (NULL: all). ERROR_EXISTS: it is that already. */
gboolean push_restore(struct push *p, const char *commit, const char *subtree, const char *message, GError **error);
/* Loads the history as well, and tags. */
gboolean push_deepen(struct push *p, GError **error);
/* The commit that a person means, as 40 hex digits: HEAD and the branch's name are its tip. push_deepen() comes before. g_free(). */
char *push_resolve(const struct push *p, const char *rev, GError **error);
/* Where a commit of it lies, as push_tip() says it; g_free(). */
char *push_at(const struct push *p, const char *commit);
/* Its id, 40 hex digits. */
const char *push_commit_id(const struct push *p);
/* ERROR_EXISTS: the branch has moved, begin again with push_fetch(). ERROR_REFUSED: a hook of the repository said
 * no, in its own words. */
gboolean push_send(struct push *p, GError **error);
