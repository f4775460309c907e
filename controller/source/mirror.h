/* A bare copy of a remote repository, which source_parse() reads like any other.
 *
 * In: a URL, and a folder for copies. Out: a repository whose branches and tags are the remote's, as of the last fetch;
 * forced pushes and deleted branches come over. The git program fetches, with the user's credentials, ssh and proxies.
 * One at a time works on a copy (a lock beside it); what one that was killed left behind is tidied by the next, and a copy
 * that was damaged is made anew, beside the old one until it is whole. Called by reconcile_source.c. */
#pragma once
#include <glib.h>

struct mirror;

/* Makes an empty repository when there is none yet; fetches nothing. `wants_head`: the remote's HEAD matters, as no branch
 * was named. */
struct mirror *mirror_open(const char *folder, const char *url, gboolean wants_head, GError **error);
/* Ends a fetch that is under way; its callback does not run. */
void mirror_free(struct mirror *m);

const char *mirror_path(const struct mirror *m);
/* The URL, without what lets others in. */
const char *mirror_shown(const struct mirror *m);
/* Milliseconds since 1970 of the last fetch that ended well, whoever made it; 0: there was none. */
gint64 mirror_fetched_ms(const struct mirror *m);
gboolean mirror_is_fetching(const struct mirror *m);

/* On the main loop; `ended` runs there, once, with NULL or why not (ERROR_AWAY, ERROR_TIMEOUT, ERROR_FAILED). FALSE: one is
 * under way already. */
gboolean mirror_fetch_start(struct mirror *m, void (*ended)(gpointer user, const GError *error), gpointer user);
/* The same, waiting for it. */
gboolean mirror_fetch(struct mirror *m, GError **error);
/* How long a fetch may take before git is ended (default 10 min); for tests. */
void mirror_set_deadline(struct mirror *m, gint64 ms);
