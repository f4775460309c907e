/* What each VM of this host is to be: the spec with its references resolved, and what follows from the host's
 * devices and CPUs. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/resolve.h"

void vm_targets_resolve(struct vm_target *all, guint n)
{
	VM_TARGETS_EACH (t, all, n) {
		t->want = arena_memdup(t->b->arena, vm_effective(t->b->arena, t->b->in->want, t->object), sizeof *t->want);
		vm_resolve_disks(t);
	}
	VM_TARGETS_EACH (t, all, n)
		vm_target_give_media(t);
	vm_targets_give_devices(all, n);
	vm_targets_place(all, n);
}

struct vm_spec vm_comparable(const struct vm_target *t, const struct vm_spec *have)
{
	return vm_in_words_of(t->b->arena, have, t->want, t->have->machine_type);
}
