/* The domain as it is now, read once more before and after each action. What check saw does for run as long as the
 * action has asked libvirt nothing else; and what has the same bytes as before is not read again. */
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/tree.h"
#include "spec/identity.h"
#include "spec/seed.h"
#include <string.h>

/* Of one action, in its arena. */
struct seen {
	guint n_calls;    /* of this thread, when it was seen */
	gint64 when_us;
	const char *xml;  /* that .now.defined was read from */
	struct vm_now now;
};

/* Between check and run there is nothing but the main thread's answers. */
enum { FRESH_MS = 1000 };

static struct seen *seen_of(const struct apply_input *in)
{
	if (in->seen && !*in->seen)
		*in->seen = ARENA_NEW(in->arena, struct seen);
	return in->seen ? *in->seen : ARENA_NEW(in->arena, struct seen);
}

static gboolean is_fresh(const struct seen *s)
{
	return s->n_calls && s->n_calls == virt_count_calls() && g_get_monotonic_time() - s->when_us < FRESH_MS * 1000;
}

static gboolean read_stored(const struct apply_input *in, struct seen *s, const char *xml, struct vm_now *ret, GError **error)
{
	if (g_strcmp0(s->xml, xml) == 0) {
		ret->defined = s->now.defined;
		ret->facts = s->now.facts;
		return TRUE;
	}
	s->xml = NULL;
	if (!domain_from_xml(in->arena, xml, &ret->defined, &ret->facts, error))
		return FALSE;
	s->xml = xml;
	return TRUE;
}

static gboolean read_domain(const struct apply_input *in, struct seen *s, const struct virt_domain *d, struct vm_now *ret,
                            GError **error)
{
	struct domain_facts live_facts;
	const struct object *farm = objects_farm(in->plan->want);
	ret->exists = TRUE;
	ret->xml = d->inactive_xml ? d->inactive_xml : d->active_xml;
	ret->live_xml = d->active_xml;
	ret->is_active = d->active;
	ret->id = (struct virt_id){ d->name, d->uuid };
	if (!read_stored(in, s, ret->xml, ret, error))
		return FALSE;
	if (d->active_xml && !domain_from_xml(in->arena, d->active_xml, &ret->live, &live_facts, error))
		return FALSE;
	ret->is_ours = ret->facts.owner && strcmp(ret->facts.owner, farm->meta.name) == 0;
	return TRUE;
}

/* As it is after the call that this thread made last. */
static gboolean keep(const struct apply_input *in, struct seen *s, const struct virt_domain *d, GError **error)
{
	struct vm_now now = { 0 };
	if (d->name && !read_domain(in, s, d, &now, error))
		return FALSE;
	*s = (struct seen){ virt_count_calls(), g_get_monotonic_time(), now.exists ? s->xml : NULL, now };
	return TRUE;
}

gboolean vm_look(const struct apply_input *in, const struct action *act, struct vm_now *ret, GError **error)
{
	struct virt_domain d;
	struct seen *s = seen_of(in);
	if (!in->virt)
		return fail(error, ERROR_AWAY, "libvirt is not open");
	if (!is_fresh(s) && (!virt_look(in->virt, in->arena, act->id, VM_LOOK_MS, &d, error) || !keep(in, s, &d, error)))
		return FALSE;
	*ret = s->now;
	return TRUE;
}

gboolean vm_define(const struct apply_input *in, const struct virt_id *id, const char *xml, GError **error)
{
	struct virt_domain d;
	GError *wrong = NULL;
	if (!virt_define_and_look(in->virt, in->arena, id, xml, VM_DEFINE_MS, &d, &wrong))
		return vm_fail_with_hint(error, wrong);
	return keep(in, seen_of(in), &d, error);
}

gboolean vm_start(const struct apply_input *in, const struct virt_id *id, GError **error)
{
	struct virt_domain d;
	GError *wrong = NULL;
	if (!virt_start_and_look(in->virt, in->arena, id, VM_START_MS, &d, &wrong))
		return vm_fail_with_hint(error, wrong);
	return keep(in, seen_of(in), &d, error);
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
	gsize size;
	if (!file || act->vm->console.vnc != VNC_LOOPBACK)
		return TRUE;
	char *text = host_read_bytes(in->arena, in->tree, file, &size);
	if (!text || !in->secret_key)
		return fail(error, ERROR_REFUSED, "console.passwordFile: %s cannot be read", file);
	const char *digest = guest_secret_digest(in->arena, in->secret_key, text, size);
	if (g_strcmp0(digest, act->vm->console.password_digest) != 0)
		return fail(error, ERROR_REFUSED, "console.passwordFile: %s changed since it was planned", file);
	g_strchomp(text);
	if (!*text || strlen(text) > VNC_PASSWORD_MAX)
		return fail(error, ERROR_REFUSED, "console.passwordFile: %s: a VNC password has 1 to %d characters", file, VNC_PASSWORD_MAX);
	*ret = text;
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
