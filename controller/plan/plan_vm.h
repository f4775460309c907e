/* A VM of this host while it is planned: what it is to be, what is there, and what it waits for.
 * Private to plan/.
 *
 * In this order: all VMs of the host are resolved (references, devices, places, digests), then each one's
 * volumes, definition and running state become actions. What one VM is given depends on what others hold, so that
 * all are resolved before any is planned. */
#pragma once
#include "plan/builder.h"
#include "spec/host.h"
#include "spec/vm.h"

struct vm_target {
	struct builder *b;
	const struct object *object;
	const struct vm_spec *spec;      /* as written */
	struct vm_spec *want;            /* resolved: what the domain is to be, field by field */
	const struct vm_status *have;    /* NULL: there is no domain of that name */
	const struct host_status *host;  /* NULL: not observed */
	const char *waits_reason;        /* what it needs and is not there yet: one CamelCase word, */
	const char *waits_for;           /* and a sentence; NULL = nothing. It is not defined or started then */
	gboolean is_stuck;               /* it does not come by itself */
};

#define VM_TARGETS_EACH(t, all, n) for (struct vm_target *t = (all), *t##_end = t + (n); t < t##_end; t++)

/* -- what it is to be: vm_wanted.c calls the others ----------------------------------------------------- */

/* Fills .want and .waits_for of all. */
void vm_targets_resolve(struct vm_target *all, guint n);
/* vm_devices.c: .want->devices from its GPUs, as they are observed or will be. Later vms_wait_for_gpus() (builder.h). */
void vm_targets_give_devices(struct vm_target *all, guint n);
/* vm_place.c: CPUs of the host for vCPUs and emulator, and nodes for the memory, of `numa: auto` and `nodes`. */
void vm_targets_place(struct vm_target *all, guint n);
/* vm_room.c: what is to start and finds no memory waits. */
void vm_targets_find_room(struct vm_target *all, guint n);
/* The Host's spec, or NULL. */
const struct host_spec *vm_target_host_spec(const struct vm_target *t);

/* -- what is done -------------------------------------------------------------------------------------------- */

/* plan_volumes.c: its disks in pools: made, grown. */
void vm_plan_volumes(struct vm_target *t);
/* vm_live.c: whether a change acts on the running guest. */
gboolean vm_is_live(const struct vm_target *t, const struct change *c);
/* The domain's fields as they compare with .want. */
struct vm_spec vm_comparable(const struct vm_target *t, const struct vm_spec *have);
