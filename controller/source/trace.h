/* What history says of a file's content: the commit that changed it last, and whether one commit holds another. Called by commands. */
#pragma once
#include "source/source.h"

/* 40 hex digits of what REV names in the repository; NULL: as `where` says. From the arena. */
const char *source_resolve(struct arena *arena, const struct source_where *where, const char *rev, GError **error);
/* Whether `commit` is `ancestor` or came after it. FALSE as well where one of them is not there. */
gboolean source_contains(const struct source_where *where, const char *commit, const char *ancestor);

struct source_origin {
	const char *commit, *author, *summary; /* author is "Name <mail>" */
	gint64 time_s;
	const char *signature; /* "OpenPGP" or "SSH", which is not checked here; NULL: none */
	gboolean is_first;     /* the content was not there before it */
	gboolean is_cut;       /* history goes on, and was not looked at further: it was this commit or an older one */
	guint n_commits;       /* looked at */
};

enum { SOURCE_TRACE_MAX = 20000 };

/* Walks from `commit` back to the one that brought the file's content, as `is_same` sees it, to what it is now: of a merge the parent
 * that has it already is followed. `is_same` is asked only where the file's bytes differ; `older` NULL: it was not there. */
gboolean source_trace(struct arena *arena, const struct source_where *where, const char *commit, const char *path,
                      gboolean (*is_same)(void *user, const struct source_file *newer, const struct source_file *older), void *user,
                      struct source_origin *ret, GError **error);
