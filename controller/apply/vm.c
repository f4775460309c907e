/* The domain as it is now, read once more before and after each action. */
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include <string.h>

static gboolean read_domain(const struct apply_input *in, const struct virt_domain *d, struct vm_now *ret, GError **error)
{
	struct domain_facts live_facts;
	const struct object *farm = objects_farm(in->plan->want);
	const char *stored = d->inactive_xml ? d->inactive_xml : d->active_xml;
	ret->exists = TRUE;
	ret->xml = stored;
	ret->is_active = d->active;
	ret->id = (struct virt_id){ d->name, d->uuid };
	if (!domain_from_xml(in->arena, stored, &ret->defined, &ret->facts, error))
		return FALSE;
	if (d->active_xml && !domain_from_xml(in->arena, d->active_xml, &ret->live, &live_facts, error))
		return FALSE;
	ret->is_ours = ret->facts.owner && strcmp(ret->facts.owner, farm->meta.name) == 0;
	return TRUE;
}

gboolean vm_look(const struct apply_input *in, const struct action *act, struct vm_now *ret, GError **error)
{
	struct virt_domain d;
	*ret = (struct vm_now){ 0 };
	if (!in->virt)
		return fail(error, ERROR_AWAY, "libvirt is not open");
	if (!virt_look(in->virt, in->arena, act->id, VM_LOOK_MS, &d, error))
		return FALSE;
	return !d.name || read_domain(in, &d, ret, error);
}

gboolean vm_look_at_ours(const struct apply_input *in, const struct action *act, gboolean may_be_absent,
                         struct vm_now *ret, GError **error)
{
	if (!vm_look(in, act, ret, error))
		return FALSE;
	if (!ret->exists && !may_be_absent)
		return fail(error, ERROR_REFUSED, "the domain %s is gone since it was planned", act->id);
	if (ret->exists && !ret->is_ours)
		return fail(error, ERROR_REFUSED, "the domain %s is not of this farm", act->id);
	return TRUE;
}
