/* define-vm: writes what the guest is told, then the definition and reads it back. */
#include "apply/media.h"
#include "apply/vm.h"
#include "base/error.h"
#include "spec/diff.h"
#include <string.h>

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
	struct vm_spec made = vm_in_words_of(in->arena, &now.defined, want, now.facts.machine_type);
	struct changes left = diff_structs(in->arena, vm_fields, &made, want, FIELD_IN_DOMAIN);
	if (left.n == 0)
		return TRUE;
	return fail(error, ERROR_FAILED, "libvirt took the definition but made %s of %s: %s", left.items[0].before ? left.items[0].before : "nothing",
	            left.items[0].field, left.items[0].after ? left.items[0].after : "nothing");
}

gboolean define_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	const struct vm_spec *want = act->vm;
	struct domain_identity identity;
	if (!vm_look(in, act, &now, error) || (!now.exists && !vm_take_home(in, act, TRUE, error)) || !vm_media_write(in, act, error))
		return FALSE;
	if (!vm_identify(in, act, &now, &identity, error))
		return FALSE;
	struct virt_id id = { act->id, identity.uuid ? identity.uuid : domain_uuid(in->arena, &identity) };
	if (!vm_media_make_folder(in, act, error))
		return FALSE;
	const char *xml = domain_to_xml(in->arena, &identity, want, now.xml);
	if (!vm_define(in, &id, xml, error) || !verify(in, act, want, error) || !vm_look(in, act, &now, error))
		return FALSE;
	return vm_media_tidy(in, act, &now, error);
}
