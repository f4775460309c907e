/* What became of an action. A value; report/ says it, reconcile.c counts it. */
#pragma once
#include <glib.h>

enum outcome_state { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_SKIPPED };

struct outcome {
	guint action; /* index into the plan's actions */
	enum outcome_state state;
	const char *message; /* FAILED: why; SKIPPED: what it waited for; DONE: what is worth knowing of it, mostly NULL */
	gint64 took_ms;
};

struct outcomes {
	struct outcome *items;
	guint n, n_done, n_failed, n_skipped;
};
