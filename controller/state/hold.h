/* DIR/hold.json: this host works by an older commit, while the branch's tip is the one it was decided at.
 *
 * `cleave rollback --local` writes it; a newer commit, or `cleave rollback --off`, ends it. */
#pragma once
#include <glib.h>

struct arena;

/* Commits are 40 hex digits; strings live in the arena they were read into. */
struct hold {
	const char *source; /* the repository, and folder in it, as source_parse() found it */
	const char *commit; /* to work by */
	const char *tip;    /* of the branch, when that was decided */
	const char *reason, *by, *since;
};

/* FALSE with an error: the file is there, and cannot be understood. *ret is all zero when there is none. */
gboolean hold_read(struct arena *a, const char *dir, struct hold *ret, GError **error);
/* NULL: it ends. */
gboolean hold_write(const char *dir, const struct hold *h, GError **error);

/* For the control socket: one line of JSON, and back. */
char *hold_text(const struct hold *h);
gboolean hold_parse(struct arena *a, const char *text, struct hold *ret, GError **error);
