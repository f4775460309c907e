/* A repository's commits, as trust asks for them: what was signed, and the way from one commit to another.
 *
 * In: a source_where of kind COMMIT. Out: ids, signatures. Read with libgit2; nothing of the repository's configuration is
 * followed. Called by reconcile_trust*.c. */
#pragma once
#include "source/signature.h"
#include "source/source.h"

enum { HISTORY_STEPS_MAX = 1000 };

/* The commit, or the annotated tag that the where's revision names, if that is of this commit: a tag vouches for it as
 * well. ERROR_REFUSED when it is no object that git writes (a NUL, several signatures). */
gboolean history_signed_commit(struct arena *a, const struct source_where *where, const char *commit, struct signed_object *ret, GError **error);
/* FALSE without an error: the revision names no annotated tag of this commit. */
gboolean history_signed_tag(struct arena *a, const struct source_where *where, const char *commit, struct signed_object *ret, GError **error);

/* The first-parent way to a commit. */
struct history {
	char **commits; /* ascending: the child of `base` first, the tip last; ends with NULL */
	guint n;
	const char *base; /* reached by the last accepted one as well: itself, unless history was rewritten. NULL: they share none */
	gboolean is_behind; /* the accepted one descends from the tip */
};

/* ERROR_NOT_FOUND: `accepted` is not there any more. ERROR_REFUSED: more than HISTORY_STEPS_MAX commits. */
gboolean history_since(struct arena *a, const struct source_where *where, const char *accepted, const char *tip, struct history *ret,
                       GError **error);
