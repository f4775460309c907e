/* The commit of each source that was valid and in force last: what a host goes back to at boot, when the newest is broken or
 * its repository away.
 *
 * In: the --state folder, a source's name (session_source_name()). Out: commits. A small file, STATE/last-good.json, always
 * replaced as a whole. Called by reconcile_good.c. */
#pragma once
#include <glib.h>

struct last_good {
	char *commit, *revision; /* 40 hex digits; as source/ writes it. NULL: none is known */
	gint64 time_ms;          /* since 1970: when it came into force */
	char **before;           /* those in force before it, the last one first, some of them twice; never NULL */
};

/* A file that cannot be read knows nothing: *ret is empty. last_good_clear() in any case. */
void last_good_find(const char *dir, const char *source, struct last_good *ret);
/* Whether a source whose name begins so was in force here ever. */
gboolean last_good_knows(const char *dir, const char *prefix);
void last_good_clear(struct last_good *g);
/* From now on that one. */
gboolean last_good_put(const char *dir, const char *source, const char *commit, const char *revision, GError **error);
