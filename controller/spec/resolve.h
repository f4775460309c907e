/* References resolved: what libvirt is to be told follows from VM, Farm and Host alone. */
#pragma once
#include "spec/kinds.h"

/* Where a Farm root is mounted in guests: "/run/cleave/roots/NAME". */
#define GUEST_ROOTS "/run/cleave/roots"

struct vm_spec;

/* The VM's spec with what its roots, cards and kernel add to it. `all` holds
 * the Farm, if there is one; dangling references keep what could be resolved. Made when it is asked for: a host
 * asks for its own VMs, which are few of a farm's. */
const struct vm_spec *vm_effective(struct arena *a, const struct objects *all, const struct object *vm);

/* The Host that a card or VM is on, or NULL. */
const struct object *object_host(const struct objects *all, const struct object *o);
/* The name of the host that an object is of: a Host's own, that of a GPU's or VM's `host`. NULL: it is of none, or that is not known. */
const char *object_host_name(const struct object *o);
/* How far cleave goes with an object (enum reconcile_mode, never inherited): the nearest of the object, its
 * Host and the Farm that says it; else enforce. `o` NULL: what only the Farm speaks for. */
int reconcile_mode_of(const struct objects *all, const struct object *o);
