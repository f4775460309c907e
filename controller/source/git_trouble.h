/* What libgit2 cannot read, in one sentence with the way out: its own words mislead in most of these cases.
 *
 * In: a repository and libgit2's words. Out: an error. Called by git.c and source.c when something did not work. */
#pragma once
#include <glib.h>

/* Opening `path` failed. Returns FALSE. */
gboolean git_trouble_open(const char *path, const char *words, GError **error);
/* `rev` of the repository named `path` leads to no commit. FALSE without an error: nothing is wrong with the repository; it
 * is the revision then. TRUE: *error says what is wrong. */
gboolean git_trouble_find(const char *path, const char *gitdir, const char *commondir, const char *rev, const char *words, GError **error);
/* A folder that libgit2 takes for none of git's, or a file. TRUE: it was meant to be a repository, and *error says why it is none. */
gboolean git_trouble_place(const char *path, GError **error);
