/* What people decide about a VM by hand: that cleave takes a domain over, lets go of one, starts one again. Nothing
 * of it changes the domain but for cleave's mark. */
#include "apply/own_vm.h"
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "domain/mark.h"
#include "host/virt_guest.h"
#include "host/vm_records.h"
#include "queue/homes.h"
#include <string.h>

enum { MARK_MS = 30000 };

/* Actions look by the name of their object; this is none of the plan's. */
static gboolean look(const struct apply_input *in, const char *vm, struct vm_now *ret, GError **error)
{
	const struct action by_name = { .kind = KIND_VM, .id = vm };
	return vm_look(in, &by_name, ret, error);
}

static const char *farm_name(const struct apply_input *in)
{
	return objects_farm(in->plan->want)->meta.name;
}

/* The mark as it is to be, and read back: `xml` NULL removes it. */
static gboolean set_mark(const struct apply_input *in, const struct vm_now *before, const char *xml, GError **error)
{
	struct vm_now now;
	if (!virt_set_mark(in->virt, &before->id, xml, DOMAIN_MARK_PREFIX, DOMAIN_MARK_URI, MARK_MS, error) ||
	    !look(in, before->id.name, &now, error))
		return FALSE;
	return now.is_ours == (xml != NULL) || fail(error, ERROR_FAILED, "libvirt took the change of its mark, and it is as before");
}

gboolean adopt_vm(const struct apply_input *in, const char *vm, GError **error)
{
	struct vm_now now;
	if (!look(in, vm, &now, error))
		return FALSE;
	if (!now.exists)
		return fail(error, ERROR_NOT_FOUND, "there is no domain %s on this host", vm);
	if (now.is_ours)
		return TRUE;
	if (now.facts.owner)
		return fail(error, ERROR_REFUSED, "the domain %s belongs to the farm %s; its controller has to release it", vm, now.facts.owner);
	return set_mark(in, &now, domain_mark(in->arena, farm_name(in)), error);
}

gboolean release_vm(const struct apply_input *in, const char *vm, GError **error)
{
	struct vm_now now;
	if (!look(in, vm, &now, error))
		return FALSE;
	if (!now.exists)
		return fail(error, ERROR_NOT_FOUND, "there is no domain %s on this host", vm);
	if (!now.is_ours)
		return fail(error, ERROR_REFUSED, "the domain %s is not of this farm", vm);
	if (!set_mark(in, &now, NULL, error) || !vm_records_forget(in->records, vm, error))
		return FALSE;
	return !in->redis || home_leave(in->redis, vm, in->plan->host, error);
}

gboolean approve_vm(const struct apply_input *in, const char *vm, GError **error)
{
	struct vm_now now;
	struct vm_record r;
	if (in->virt && !look(in, vm, &now, error))
		return FALSE;
	if (in->virt && now.exists && vm_records_find(in->records, in->arena, vm, now.id.uuid, &r)) {
		r.n_short_runs = 0;
		r.started_at = r.left_at = r.not_taken = NULL;
		if (!vm_records_save(in->records, vm, &r, error))
			return FALSE;
	}
	return !in->redis || home_leave(in->redis, vm, NULL, error);
}
