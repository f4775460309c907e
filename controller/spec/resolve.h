/* References resolved: what libvirt is to be told follows from VM, Farm and Host alone. */
#pragma once
#include "spec/kinds.h"

/* Where a Farm root is mounted in guests: "/run/cleave/roots/NAME". */
#define GUEST_ROOTS "/run/cleave/roots"

/* Sets o->effective of every object. Objects with dangling references keep what could be resolved. */
void resolve_all(struct arena *a, struct objects *all);
