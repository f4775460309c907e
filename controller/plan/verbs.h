/* The verbs: what cleave can do. One row here, one in apply/ (check, run), same index.
 *
 * Actions are data: a verb, a target and what to do it with. */
#pragma once
#include "base/names.h"

/* In the total order of a plan: storage, teardown, devices, guests, work; within a phase by this order, then by name.
 * Disks come first: a VM that needs another one runs on while that is made, and is not stopped when it cannot be. For
 * the same reason the definition of a VM that is restarted comes before its stop. */
enum verb {
	VERB_DEFINE_POOLS,
	VERB_FETCH_IMAGES,
	VERB_CREATE_VOLUMES,
	VERB_GROW_VOLUMES,
	VERB_CANCEL_FRAMES,
	VERB_DRAIN_VM,
	VERB_STOP_VM,
	VERB_UNDEFINE_VM,
	VERB_DELETE_VOLUMES,
	VERB_REMOVE_VGPUS,
	VERB_RELEASE_DEVICE,
	VERB_WRITE_BOOT_FILES,
	VERB_UPDATE_BOOT,
	VERB_LOAD_MODULES,
	VERB_SET_HUGEPAGES,
	VERB_SET_VFS,
	VERB_SET_MIG,
	VERB_BIND_DEVICE,
	VERB_CREATE_VGPUS,
	VERB_DEFINE_VM,
	VERB_UPDATE_VM,
	VERB_START_VM,
	VERB_UNDRAIN_VM,
	VERB_PIN_SCENE,
	VERB_PIN_INPUTS,
	VERB_RECORD_DAMAGE,
	VERB_DELIVER_FRAMES,
	VERB_PUT_BACK_FRAMES,
	VERB_COPY_FRAMES,
	VERB_UPDATE_JOB,
	VERB_ENQUEUE_FRAMES,
	VERB_COMPLETE_JOB,
	VERB_TAKE_PLAIN_RESULTS,
	VERB_FEED_PLAIN_WORKERS,
	VERB_COLLECT_STAGING,
	VERB_TRIM_LOGS,
	VERB_COMPACT_MANIFEST,
	VERB_CLEAR_STORE,
	N_VERBS,
};

enum phase { PHASE_STORAGE, PHASE_TEARDOWN, PHASE_DEVICES, PHASE_GUESTS, PHASE_WORK };

struct verb_row {
	const char *name;
	char sign; /* one character in front of a plan's line */
	enum phase phase;
	gboolean disruptive; /* a person at work may notice */
	gboolean has_undo;   /* when it fails halfway, what it did is taken back */
	const char *doc;
};

extern const struct verb_row verbs[N_VERBS];
