/* Where the vCPUs and the memory of each VM are taken from. */
#include "plan/plan_vm.h"

void vm_targets_place(struct vm_target *all, guint n)
{
	(void)all, (void)n;
}
