/* Disks in pools. */
#include "plan/plan_vm.h"

void vm_plan_volumes(struct vm_target *t)
{
	(void)t;
}
