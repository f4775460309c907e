/* What an action or a changed field costs, dearest last. The words stand in plans, budgets, windows. */
#pragma once
#include "base/names.h"

enum effect {
	EFFECT_NONE,
	EFFECT_LIVE,       /* acts on a running VM, nobody notices */
	EFFECT_RENDER,     /* renders frames; counted */
	EFFECT_CANCEL,     /* takes frames from the queue; counted */
	EFFECT_VM_RESTART,
	EFFECT_GPU_RESET,
	EFFECT_REBOOT,
	EFFECT_REPLACE,    /* identity kept, disk made anew */
	EFFECT_DATA_LOSS,
	N_EFFECTS,
};

extern const struct name_table effect_names;
