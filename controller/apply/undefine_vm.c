/* undefine-vm: the definition goes, with its NVRAM, its media and what is known of the VM; its disks stay, and
 * which of them are to be kept is written down. */
#include "apply/media.h"
#include "apply/vm.h"
#include "base/error.h"

gboolean undefine_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look_at_ours(in, act, TRUE, &now, error))
		return FALSE;
	return !now.is_active || fail(error, ERROR_REFUSED, "it runs; it is not taken from under its guest");
}

gboolean undefine_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now before, now, none = { 0 };
	struct action gone = *act;
	gone.vm = NULL;
	if (!vm_look(in, act, &before, error))
		return FALSE;
	if (!before.exists)
		return TRUE;
	/* The definition goes last: what a crash left of a domain that is gone would be nobody's. */
	if (!vm_forget(in, act, &before, error) || !vm_media_tidy(in, &gone, &none, error) ||
	    !virt_undefine(in->virt, &before.id, FALSE, VM_DEFINE_MS, error) || !vm_look(in, act, &now, error))
		return FALSE;
	return !now.exists || fail(error, ERROR_FAILED, "libvirt has it still");
}
