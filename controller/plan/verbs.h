/* The verbs: what cleave can do. One row here, one in apply/ (check, run), same index.
 *
 * Actions are data: a verb, a target and what to do it with. */
#pragma once
#include "base/names.h"

/* In the total order of a plan: teardown, guests, work; within a phase by this order, then by name. */
enum verb {
	VERB_CANCEL_FRAMES,
	VERB_STOP_VM,
	VERB_DEFINE_VM,
	VERB_START_VM,
	VERB_PIN_SCENE,
	VERB_DELIVER_FRAMES,
	VERB_PUT_BACK_FRAMES,
	VERB_UPDATE_JOB,
	VERB_ENQUEUE_FRAMES,
	VERB_COMPLETE_JOB,
	N_VERBS,
};

enum phase { PHASE_TEARDOWN, PHASE_GUESTS, PHASE_WORK };

struct verb_row {
	const char *name;
	char sign; /* one character in front of a plan's line */
	enum phase phase;
	gboolean disruptive; /* a person at work may notice */
	const char *doc;
};

extern const struct verb_row verbs[N_VERBS];
