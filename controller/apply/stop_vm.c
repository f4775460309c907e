/* stop-vm: asks the guest to power off, destroys it when its time is over, and sees it gone. */
#include "apply/vm.h"
#include "base/error.h"

/* Until drain and shutdown times are fields of the VM. */
enum { GRACEFUL_MS = 10000 };

gboolean stop_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, FALSE, &now, error);
}

gboolean stop_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look(in, act, &now, error))
		return FALSE;
	if (!virt_stop(in->virt, &now.id, GRACEFUL_MS, VM_STOP_MS, error) || !vm_look(in, act, &now, error))
		return FALSE;
	return now.is_active ? fail(error, ERROR_FAILED, "it still runs") : TRUE;
}
