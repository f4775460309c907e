/* Which test of `make test` kills the controller around a verb. A new verb falls to tests/e2e/fault_points, which fails
 * as long as it has no set-up for it; the unit tests named here fail when one of theirs is in none of their cases.
 * tests/lab/fault_points kills around those on devices once more, with a real kernel. */
#pragma once
#include "plan/verbs.h"

enum killed_by {
	KILLED_BY_E2E,
	KILLED_BY_APPLY_DEVICES, /* tests/unit/apply_devices.c */
	KILLED_BY_APPLY_HOST,    /* tests/unit/apply_host.c */
	KILLED_BY_STORAGE,       /* tests/e2e/storage */
	KILLED_BY_NOBODY,        /* needs NVIDIA's driver; tests/unit/apply_set_mig.c ends its helper halfway */
};

static inline enum killed_by where_verb_is_killed(int verb)
{
	switch (verb) {
	case VERB_REMOVE_VGPUS:
	case VERB_RELEASE_DEVICE:
	case VERB_SET_VFS:
	case VERB_BIND_DEVICE:
	case VERB_CREATE_VGPUS: return KILLED_BY_APPLY_DEVICES;
	case VERB_WRITE_BOOT_FILES:
	case VERB_UPDATE_BOOT:
	case VERB_LOAD_MODULES:
	case VERB_SET_HUGEPAGES: return KILLED_BY_APPLY_HOST;
	case VERB_DEFINE_POOLS:
	case VERB_FETCH_IMAGES:
	case VERB_CREATE_VOLUMES:
	case VERB_GROW_VOLUMES:
	case VERB_DELETE_VOLUMES: return KILLED_BY_STORAGE;
	case VERB_SET_MIG: return KILLED_BY_NOBODY;
	default: return KILLED_BY_E2E;
	}
}
