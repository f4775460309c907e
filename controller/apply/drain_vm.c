/* drain-vm: the VM's worker takes no new frames. When it has finished those in hand shows at a later look.
 * undrain-vm: it takes them again. */
#include "apply/vm.h"
#include "base/error.h"

gboolean drain_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, FALSE, &now, error);
}

gboolean drain_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look(in, act, &now, error) && vm_begin_drain(in, act, &now, error);
}

gboolean undrain_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, FALSE, &now, error);
}

gboolean undrain_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look(in, act, &now, error) && vm_end_drain(in, act, &now, error);
}
