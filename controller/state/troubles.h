/* What went wrong with objects of this host, kept in DIR/troubles.json: what failed, and when it is tried again; and
 * which fields were put back again and again, by whom they are changed if that is known.
 *
 * In: outcomes of actions, by kind, id and verb, as words. Out: pauses, which a plan takes as input. Called by
 * reconcile*.c. Times are ms since 1970. A file that cannot be read is none: the worst that follows is one more try. */
#pragma once
#include <glib.h>

struct troubles;

enum { TROUBLE_FIRST_MS = 1000, TROUBLE_MOST_MS = 60000 };
/* As often within that time: healing stops. */
enum { HEALS_MOST = 5, HEALS_WITHIN_MS = 600000 };
/* What is remembered: the oldest goes first. */
enum { TROUBLES_KEPT = 1000 };

struct trouble {
	char *kind, *id;
	char *verb;      /* that failed; NULL: it oscillates */
	guint n;         /* failures in a row, or heals */
	char *why;       /* the last error; which field, from what to what, when, and who */
	gint64 until_ms; /* when it is tried again; 0: when a newer revision or a person lets it go on */
};

struct troubles *troubles_load(const char *dir);
void troubles_free(struct troubles *t);
/* Writes the file anew if anything changed. */
gboolean troubles_save(struct troubles *t, GError **error);

/* Once more in a row: the pause doubles. Returns how often. */
guint troubles_failed(struct troubles *t, const char *kind, const char *id, const char *verb, const char *why, gint64 now_ms);
/* That verb went well, or is not needed any more. */
void troubles_settled(struct troubles *t, const char *kind, const char *id, const char *verb);
/* A field was put from `before` to `after` (each may be NULL). TRUE when that was once too often: from now on it
 * oscillates. `who`: what is known of who changes it; may be NULL. The same at the same time, as several steps of one pass
 * say it, counts once. */
gboolean troubles_healed(struct troubles *t, const char *kind, const char *id, const char *field, const char *before,
                         const char *after, const char *who, gint64 now_ms);
/* Nothing is held back any more, and heals of what oscillated count anew: a newer revision, or a person said so. */
void troubles_clear(struct troubles *t);
/* The same of one object. TRUE when there was something. */
gboolean troubles_clear_object(struct troubles *t, const char *kind, const char *id);

/* Where the clock was set back, no pause lasts longer than the longest, and heals that are still to come count no more. */
void troubles_set_clock(struct troubles *t, gint64 now_ms);

guint troubles_count(const struct troubles *t);
const struct trouble *troubles_at(const struct troubles *t, guint i);
