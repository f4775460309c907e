/* References resolved: what libvirt is to be told follows from VM, Farm and Host alone. */
#pragma once
#include "spec/kinds.h"

/* Where a Farm root is mounted in guests: "/run/cleave/roots/NAME". */
#define GUEST_ROOTS "/run/cleave/roots"

struct farm_spec;

/* Sets o->effective: the spec itself where nothing is added to it. `farm` may be NULL; dangling references
 * keep what could be resolved. */
void resolve_object(struct arena *a, const struct farm_spec *farm, struct object *o);

/* How far cleave goes with an object (enum reconcile_mode, never inherited): the nearest of the object, its
 * Host and the Farm that says it; else enforce. `o` NULL: what only the Farm speaks for. */
int reconcile_mode_of(const struct objects *all, const struct object *o);
