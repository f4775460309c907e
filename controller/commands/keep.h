/* What a pass found and did is written down below --state: conditions, events, the history of revisions. Called by `run`
 * and `apply` after a pass, as holders of the state folder. */
#pragma once
#include "reconcile.h"
#include "state/conditions.h"
#include "state/events.h"
#include "state/history.h"

struct keep {
	struct conditions *conditions;
	struct events *events;
	struct history *history;
	char *trouble;     /* of the pass before: it is told once */
	char *refused;     /* the revision that was refused last */
	gboolean is_mute;  /* writing failed, and that was said */
};

/* Reads what is there. */
struct keep *keep_open(const char *state);
void keep_free(struct keep *k);

struct keep_pass {
	const struct plan *plan;
	const struct outcomes *outcomes; /* NULL: nothing was carried out */
	const char *trouble;             /* of carrying it out; NULL: none */
	const struct source_tree *tree;
	const char *refused, *refused_why; /* a newer revision that is not valid; NULL: none */
	gint64 look_ms, plan_ms, apply_ms;
	gboolean is_only; /* no pass follows: what was done was all */
};

/* Writes nothing where nothing changed; a failure is logged once, and made up for with the next pass. */
void keep_note(struct keep *k, const struct keep_pass *p);
