/* Changing one value in the text of a spec file; every other byte stays, comments and layout too. Pure.
 *
 * In: a file's text, the line at which an object's document begins (its place), and a path of keys. Out: the
 * new text, read again and found to say what was asked for. Called by commands that write what a person
 * decided (waive, repin) into a commit. */
#pragma once
#include "spec/field.h"

struct arena;

struct edit_member {
	const char *key, *value; /* a scalar; NULL: it is left out */
};

struct edit {
	const char *bytes; /* NUL-terminated UTF-8 */
	gsize size;
	guint line;                 /* of the document's first key, from 1 */
	const struct field *fields; /* of the map that `keys` begins in, which is `spec` */
	const char *const *keys;    /* below `spec`, NULL-terminated */
	const char *value;          /* a scalar; NULL, without `members`: the key goes */
	const struct edit_member *members; /* a map of scalars instead, replacing all that stands there; ends with one without key */
};

/* The new text in the arena, or NULL with the sentence that says why it has to be written by hand. */
const char *edit_set(struct arena *a, const struct edit *e, const char **ret_problem);
