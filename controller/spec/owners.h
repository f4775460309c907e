/* Who may change what: the Controller's `owners`, asked of the difference between two trees.
 *
 * In: the rows, the signer's names, the objects before and after. Out: the first change that no row allows, as a sentence.
 * Pure. What counts is what is written of an object, so that a change of the Farm's defaults is one of the Farm. */
#pragma once
#include "spec/kinds.h"

struct controller_owner;

struct ownership {
	const struct list *owners;  /* struct controller_owner; empty: any signer may change all */
	const char *const *signer;  /* names, ending with NULL */
	const struct objects *before, *after;
	/* Whether the files that it stands in or names are others in the two; `before` or `after` is NULL where it is new or gone. */
	gboolean (*has_other_file)(void *user, const struct object *before, const struct object *after);
	/* Whether a file that it names (cloud-init's) is another. */
	gboolean (*names_other_file)(void *user, const struct object *before, const struct object *after);
	void *user;
};

/* "changes VM v1, and owners[1] (mei@…) allows …"; NULL: all is allowed. */
const char *owners_refuse(struct arena *a, const struct ownership *o);
/* Whether the signer may change everything, so that no tree need be compared. */
gboolean owners_allow_all(const struct list *owners, const char *const *signer);
/* Whether the same is written of both. */
gboolean objects_written_alike(const struct object *x, const struct object *y);
