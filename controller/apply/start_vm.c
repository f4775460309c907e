/* start-vm: starts the domain and sees it run. */
#include "apply/vm.h"
#include "base/error.h"

gboolean start_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, FALSE, &now, error);
}

gboolean start_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look(in, act, &now, error))
		return FALSE;
	if (!virt_start(in->virt, &now.id, VM_START_MS, error) || !vm_look(in, act, &now, error))
		return FALSE;
	if (!now.is_active)
		return fail(error, ERROR_FAILED, "it started and ended at once; see its serial log and libvirt's log");
	return TRUE;
}
