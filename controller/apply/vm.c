/* The domain as it is now, read once more before and after each action. */
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "spec/identity.h"
#include <string.h>

static gboolean read_domain(const struct apply_input *in, const struct virt_domain *d, struct vm_now *ret, GError **error)
{
	struct domain_facts live_facts;
	const struct object *farm = objects_farm(in->plan->want);
	const char *stored = d->inactive_xml ? d->inactive_xml : d->active_xml;
	ret->exists = TRUE;
	ret->xml = stored;
	ret->live_xml = d->active_xml;
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

enum { VNC_PASSWORD_MAX = 8 }; /* characters; the protocol's DES key */

/* The password as the spec names its file, read at the last moment; *ret stays NULL where there is none. */
static gboolean read_password(const struct apply_input *in, const struct action *act, const char **ret, GError **error)
{
	const struct object *o = objects_get(in->plan->want, KIND_VM, act->id);
	const char *file = o && o->spec ? ((const struct vm_spec *)o->spec)->console.password_file : NULL;
	g_autofree char *text = NULL;
	if (!file || act->vm->console.vnc != VNC_LOOPBACK)
		return TRUE;
	if (!g_file_get_contents(file, &text, NULL, error)) {
		g_prefix_error(error, "console.passwordFile: ");
		return FALSE;
	}
	g_strchomp(text);
	if (!*text || strlen(text) > VNC_PASSWORD_MAX)
		return fail(error, ERROR_REFUSED, "console.passwordFile: %s: a VNC password has 1 to %d characters", file, VNC_PASSWORD_MAX);
	*ret = arena_strdup(in->arena, text);
	return TRUE;
}

gboolean vm_identify(const struct apply_input *in, const struct action *act, const struct vm_now *now,
                     struct domain_identity *ret, GError **error)
{
	struct domain_identity identity = {
		.farm = objects_farm(in->plan->want)->meta.name, .name = act->id,
		.uuid = now->exists ? now->facts.uuid : NULL, .media = vm_media_folder(in->arena, in->state, act->id)
	};
	if (!read_password(in, act, &identity.vnc_password, error))
		return FALSE;
	*ret = identity;
	return TRUE;
}
