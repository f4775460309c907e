/* DIR/suspended.json: what people halted on this host alone, for when git is away, and whether the host itself is cordoned or
 * drained. Each ends by itself.
 *
 * Written by who holds the lock, whole or not at all; read by everybody who looks. */
#pragma once
#include <glib.h>

struct arena;

enum { LOCAL_DECISIONS_MAX = 1000 };

/* Times are RFC 3339; strings live in the arena they were read into. */
struct local_decision {
	const char *kind, *name; /* of the object; its id */
	const char *state; /* of a Host: "cordoned" or "drained"; NULL: the object is suspended */
	const char *reason, *by, *since, *until;
};

/* All of them, also those whose time has passed. A file that is not there has none; one that cannot be understood is an
 * error: what was halted must not go on for that. */
gboolean local_decisions_read(struct arena *a, const char *dir, struct local_decision **ret, guint *ret_n, GError **error);
/* Adds it, in place of another one of that sort on that object; those that are over go. */
gboolean local_decisions_put(const char *dir, const struct local_decision *one, GError **error);
/* Ends the one on that object, a suspension or a Host's state; ERROR_NOT_FOUND when there is none. */
gboolean local_decisions_end(const char *dir, const char *kind, const char *name, gboolean is_state, GError **error);

/* Its time has passed, by this machine's clock. */
gboolean local_decision_is_over(const struct local_decision *d);

/* For the control socket: one line of JSON, and back. */
char *local_decision_text(const struct local_decision *one);
gboolean local_decision_parse(struct arena *a, const char *text, struct local_decision *ret, GError **error);
