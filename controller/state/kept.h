/* What is kept below --state of the passes: values alone, so that report/ can say them. Times are milliseconds since
 * 1970; strings belong to the book that the value is of, until it changes. */
#pragma once
#include <glib.h>

/* How an object stands. */
struct kept_condition {
	char *kind, *name;
	char *type;         /* Ready, Reconciling or Stalled */
	char *reason;       /* one word */
	char *message;      /* as the last pass said it; NULL: none */
	gint64 since_ms;    /* when type or reason changed last */
	char *ready;        /* the revision at which it was Ready last; NULL: never, or it is Ready now */
	guint pass;         /* the last one that spoke of it */
};

/* Something that happened to an object; equal ones within an hour are one with a count. */
struct kept_event {
	guint64 seq; /* grows with each change of any event */
	char *kind, *name;
	gboolean is_warning;
	char *reason, *message, *revision;
	gint64 first_ms, last_ms;
	guint count;
};

/* A revision that came into force. Counts are of the passes until it was applied; `healed` of those after. */
struct kept_revision {
	char *revision, *commit, *author, *summary; /* the last three NULL for a directory */
	gint64 seen_ms;
	gint64 applied_ms;                 /* nothing was left to do; 0: not yet, or another came before */
	gint64 look_ms, plan_ms, apply_ms; /* summed over these passes */
	guint n_done, n_failed, n_skipped, n_healed;
	guint n_refused, n_stalled, n_waiting; /* objects, when it was looked at last */
};
