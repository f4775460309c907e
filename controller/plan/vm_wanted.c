/* What each VM of this host is to be: the spec with its references resolved, and what follows from the host's
 * devices and CPUs. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/resolve.h"

void vm_targets_resolve(struct vm_target *all, guint n)
{
	VM_TARGETS_EACH (t, all, n) {
		t->told = vm_effective(t->b->arena, t->b->in->want, t->object);
		t->want = arena_memdup(t->b->arena, t->told, sizeof *t->want);
		vm_resolve_disks(t);
	}
	VM_TARGETS_EACH (t, all, n)
		vm_target_give_media(t);
	vm_targets_give_devices(all, n);
	vm_targets_place(all, n);
}

/* A guest that was told to give memory back does so when its driver comes to it, and one without a driver never: that it
 * still has more is no difference once its definition says what is wanted. */
static gboolean was_told_of_memory(const struct vm_target *t, const struct vm_spec *live)
{
	return live->max_memory_bytes && live->max_memory_bytes == t->want->max_memory_bytes && live->memory_bytes > t->want->memory_bytes &&
	       t->have->defined.memory_bytes == t->want->memory_bytes;
}

struct vm_spec vm_comparable(const struct vm_target *t, const struct vm_spec *have)
{
	struct vm_spec copy = vm_in_words_of(t->b->arena, have, t->want, t->have->machine_type);
	if (have == &t->have->live && was_told_of_memory(t, have))
		copy.memory_bytes = t->want->memory_bytes;
	return copy;
}
