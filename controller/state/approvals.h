/* Plans that a person approved, kept in the --state folder: who, when, and for which revision of which host.
 *
 * In: the folder, which only one process writes at a time (state.h). Out: DIR/approvals.json, replaced whole. */
#pragma once
#include <glib.h>

struct approval {
	char *digest, *host, *revision, *by, *at; /* `at`: RFC 3339 */
	gboolean has_begun; /* something of it was done */
	char **items;       /* what it lets go on, as it was when it began */
};

/* struct approval *, oldest first; g_ptr_array_unref(). None when there is no file; with *error set, and none, when it
 * cannot be read. */
GPtrArray *approvals_read(const char *dir, GError **error);
/* Replaces one of the same digest. */
gboolean approvals_add(const char *dir, const struct approval *one, GError **error);
/* From now on what is left of it counts as approved. */
gboolean approvals_begin(const char *dir, const char *digest, const char *const *items, guint n_items, GError **error);
/* Forgets those of the host that are of another revision; with `ends_begun` also those that have begun. */
gboolean approvals_forget(const char *dir, const char *host, const char *revision, gboolean ends_begun, GError **error);
