/* A VM of this host while it is planned: what it is to be, what is there, and what it waits for.
 * Private to plan/.
 *
 * In this order: all VMs of the host are resolved (references, devices, places, digests), then each one's
 * volumes, definition and running state become actions. What one VM is given depends on what others hold, so that
 * all are resolved before any is planned. */
#pragma once
#include "plan/builder.h"
#include "spec/host.h"
#include "spec/status.h"
#include "spec/vm.h"

struct vm_target {
	struct builder *b;
	const struct object *object;
	const struct vm_spec *spec;      /* as written */
	const struct vm_spec *told;      /* .spec with its references resolved: what its guest is told */
	struct vm_spec *want;            /* resolved: what the domain is to be, field by field */
	const struct vm_status *have;    /* NULL: there is no domain of that name */
	const struct host_status *host;  /* NULL: not observed */
	const char *home;                /* the host that the farm knows it on; NULL = none, or not known */
	enum host_state host_state;      /* as it counts now */
	struct changes stored;           /* .have's definition differs in these; */
	struct changes live, pending;    /* the running guest, in what acts at once and in what acts at its next start */
	gboolean is_not_taken;           /* its last start did not bring .pending: another one would not */
	gboolean may_restart;            /* the Farm's budget has room for it */
	gboolean is_gated;               /* it may not restart now: */
	struct gate gate;                /* this is why */
	guint n_restarts;                /* how many VMs of the host want one */
	const char *waits_reason;        /* what it needs and is not there yet: one CamelCase word, */
	const char *waits_for;           /* and a sentence; NULL = nothing. It is not defined or started then */
	gboolean is_stuck;               /* it does not come by itself */
};

#define VM_TARGETS_EACH(t, all, n) for (struct vm_target *t = (all), *t##_end = t + (n); t < t##_end; t++)

/* -- what it is to be: vm_wanted.c calls the others ----------------------------------------------------- */

/* Fills .want and .waits_for of all. */
void vm_targets_resolve(struct vm_target *all, guint n);
/* plan_volumes.c: the files of its disks in pools, and .want->kept. */
void vm_resolve_disks(struct vm_target *t);
/* vm_devices.c: .want->devices from its GPUs, as they are observed or will be. Later vms_wait_for_gpus() (builder.h). */
void vm_targets_give_devices(struct vm_target *all, guint n);
/* vm_media.c: .want->seed, settings, worker.bundle and console.password_digest; waits for a file that is not there. */
void vm_target_give_media(struct vm_target *t);
/* vm_place.c: CPUs of the host for vCPUs and emulator, and nodes for the memory, of `numa: auto` and `nodes`. */
void vm_targets_place(struct vm_target *all, guint n);
/* vm_room.c: what is to start and finds no memory waits. */
void vm_targets_find_room(struct vm_target *all, guint n);
/* The Host's spec, or NULL. */
const struct host_spec *vm_target_host_spec(const struct vm_target *t);

/* -- what is done -------------------------------------------------------------------------------------------- */

/* plan_volumes.c: its disks in pools: made, grown. */
void vm_plan_volumes(struct vm_target *t);
/* Changes of the domain's disks, with what they cost the domain. */
void vm_price_disks(struct changes *c);
/* After all else of it was planned and judged. */
void vm_judge_volumes(struct vm_target *t);
/* plan_volumes_left.c: volumes that no VM has any more; deleted where the Farm's policy says so. After all VMs. */
void vm_plan_left_volumes(struct builder *b);
/* vm_live.c: what acts on the running guest, and what does not, each change with its price here: EFFECT_LIVE, or EFFECT_VM_RESTART and dearer. */
void vm_split_changes(const struct vm_target *t, const struct changes *all, struct changes *ret_live, struct changes *ret_restart);
/* The domain's fields as they compare with .want. */
struct vm_spec vm_comparable(const struct vm_target *t, const struct vm_spec *have);
/* plan_vms.c: an action on the VM, with what it is to be. */
struct action *vm_act(const struct vm_target *t, enum verb verb, const char *reason);
gboolean vm_is_ours(const struct builder *b, const struct vm_status *s);
/* Whether it is to run now, by its own spec and by its host's state. */
gboolean vm_should_run(const struct vm_target *t);
/* Its fields, as "memory, vcpus and 2 more". */
const char *vm_fields_words(struct arena *a, const struct changes *c);
/* "its definition differs in memory", or how else; NULL: it does not. */
const char *vm_differs_words(const struct vm_target *t);
/* The rule that forbids all that is planned for it, or NULL. */
const struct plan_rule *vm_refusal(const struct vm_target *t);
/* Rule vm-not-ours. */
const char *vm_not_ours(const struct vm_target *t);
/* Rule vm-path-allowed (plan_paths.c). */
const char *vm_path_not_allowed(const struct vm_target *t);

/* vm_room.c: rules vm-no-memory and vm-no-kvm. What runs as it is to be has shown that it can. */
const char *vm_no_memory(const struct vm_target *t);
const char *vm_no_kvm(const struct vm_target *t);

/* vm_restart.c: the Farm's budget of restarts is given out, in order of names; fills .may_restart. */
void vm_targets_grant_restarts(struct vm_target *all, guint n);
/* What becomes of a VM that runs, and is to go on: changes made, drained, restarted. */
void vm_plan_running(struct vm_target *t);
/* Of one that runs and goes on as it is: its worker takes frames, or none, as the host's state says. */
void vm_plan_worker(struct vm_target *t);
/* vm_life.c: it is off, and is to run. */
void vm_plan_start(struct vm_target *t);
/* It runs, and is not to. */
void vm_plan_stop(struct vm_target *t);
/* Whether another host may have it; judged then. */
gboolean vm_judge_elsewhere(struct vm_target *t);
/* vm_prune.c: domains of this farm that are not wanted here (any more). */
void vm_plan_orphans(struct builder *b);

/* -- its worker, and how it is drained: vm_drain.c ------------------------------------------------------------ */

/* A VM that is to go down. */
struct vm_going {
	struct builder *b;
	const char *id;
	const struct vm_status *have;
	const struct vm_spec *spec; /* NULL: it is in no specs any more */
};

enum drain_step {
	DRAIN_OVER,  /* it may be stopped */
	DRAIN_IDLE,  /* the same, once its worker is told to take no frames */
	DRAIN_BEGIN, /* its worker is told, and finishes what it has */
	DRAIN_WAIT,  /* it was told */
};
enum drain_step vm_drain_step(const struct vm_going *g);
/* "its worker finishes its frames, until 2026-01-02T03:04:05Z at the most (drain: 30m)", and a look in time. */
const char *vm_drain_words(const struct vm_going *g);
/* Its worker as it registered, heard lately; NULL: none, or Redis does not tell. */
const struct worker_status *vm_worker(const struct builder *b, const char *id, const struct vm_status *have);
/* What a render VM lacks until it is Ready, as a sentence; NULL: nothing. */
const char *vm_worker_lacks(const struct vm_target *t);
/* What Redis is to the farm: enum plane_state. */
int vm_redis(const struct builder *b);

