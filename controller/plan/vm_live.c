/* Which changes act on a running guest. */
#include "plan/plan_vm.h"

gboolean vm_is_live(const struct vm_target *t, const struct change *c)
{
	(void)t;
	return c->effect <= EFFECT_LIVE;
}
