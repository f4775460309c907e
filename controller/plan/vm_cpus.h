/* The CPUs of a host while VMs are placed on them: what each carries, and which is the best for one vCPU more.
 * Private to plan/. */
#pragma once
#include "base/cpus.h"
#include "plan/plan_vm.h"

/* What a vCPU weighs on a CPU: those of VMs that are off only tell who had it last, and a VM weighs most on
 * itself while it is placed. */
enum { LOAD_OFF = 1, LOAD_RUNS = 1000, LOAD_OWN = 1000000 };

struct host_cpu {
	guint number, node, core;
	gboolean is_reserved; /* the Host keeps it back */
	guint load;
	const struct vm_target *vm; /* that has it, the last one */
};

/* In the order in which they are given: by node, core, thread. */
struct host_cpus {
	struct arena *arena;
	struct host_cpu *items;
	guint n;
	struct cpus nodes;
};

/* Of the host of the target, as observed. */
struct host_cpus *host_cpus_of(const struct vm_target *any);
struct host_cpu *host_cpu_find(const struct host_cpus *c, guint number);
/* Lays `weight` on all CPUs that a list of struct vm_pin names. */
void host_cpus_load(const struct host_cpus *c, const struct list *pinning, guint weight);
/* CPUs of a node that VMs may have; of these, those that no running VM has. */
guint host_cpus_usable(const struct host_cpus *c, guint node);
guint host_cpus_free(const struct host_cpus *c, guint node);
/* The one with the least load; of those without any the rest of a core of the VM's own first, then one of a core that
 * nobody has, then what another VM leaves of one. NULL when the reserve leaves none. */
struct host_cpu *host_cpu_best(const struct host_cpus *c, const struct vm_target *vm, guint node);
