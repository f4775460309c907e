/* A VM that cleave made, as a person had written it. */
#pragma once
#include "spec/vm.h"

struct arena;

/* What the Farm must have said. */
struct init_farm {
	GArray *roots; /* struct farm_root */
	const char *guest_url;
};

/* Takes away what was added to the spec before it was defined, and tells the Farm's part of it to `farm`. */
void init_unresolve(struct arena *a, struct init_farm *farm, struct vm_spec *vm);
