/* References resolved: what libvirt is to be told follows from VM, Farm and Host alone. */
#pragma once
#include "spec/kinds.h"

/* Where a Farm root is mounted in guests: "/run/cleave/roots/NAME". */
#define GUEST_ROOTS "/run/cleave/roots"

struct farm_spec;

/* Sets o->effective: the spec itself where nothing is added to it. `farm` may be NULL; dangling references
 * keep what could be resolved. */
void resolve_object(struct arena *a, const struct farm_spec *farm, struct object *o);
