/* define-vm: writes what the guest is told, then the definition and reads it back. */
#include "apply/media.h"
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "spec/diff.h"

gboolean define_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, TRUE, &now, error);
}

/* What libvirt made of it has to be what was asked for, field by field. */
static gboolean verify(const struct apply_input *in, const struct action *act, const struct vm_spec *want, GError **error)
{
	struct vm_now now;
	if (!vm_look_at_ours(in, act, FALSE, &now, error))
		return FALSE;
	if (g_strcmp0(now.facts.machine_type, want->machine) == 0)
		now.defined.machine = want->machine;
	struct changes left = diff_structs(in->arena, vm_fields, &now.defined, want, FIELD_IN_DOMAIN);
	if (left.n == 0)
		return TRUE;
	return fail(error, ERROR_FAILED, "libvirt took the definition but made %s of %s: %s", left.items[0].before ? left.items[0].before : "nothing",
	            left.items[0].field, left.items[0].after ? left.items[0].after : "nothing");
}

gboolean define_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	const struct vm_spec *want = act->vm;
	struct domain_identity identity = { objects_farm(in->plan->want)->meta.name, act->id };
	if (!vm_look(in, act, &now, error) || (!now.exists && !vm_take_home(in, act, TRUE, error)))
		return FALSE;
	if (!vm_media_write(in, act, error))
		return FALSE;
	struct virt_id id = { act->id, domain_uuid(in->arena, &identity) };
	const char *xml = domain_to_xml(in->arena, &identity, want, now.exists ? now.facts.machine_type : NULL);
	if (!virt_define(in->virt, &id, xml, VM_DEFINE_MS, error) || !verify(in, act, want, error) || !vm_look(in, act, &now, error))
		return FALSE;
	return vm_media_tidy(in, act, &now, error);
}
