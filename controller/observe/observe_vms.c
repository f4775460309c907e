/* All domains of the connection, ours or not, read into the fields that people write. */
#include "base/arena.h"
#include "host/virt.h"
#include "observe/domain_cache.h"
#include "observe/observe.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/vm.h"

enum { LIST_MS = 30000 };

static enum domain_state state_of(enum virt_state s)
{
	switch (s) {
	case VIRT_RUNNING:
	case VIRT_BLOCKED: return DOMAIN_RUNNING;
	case VIRT_PAUSED: return DOMAIN_PAUSED;
	case VIRT_SHUT_OFF: return DOMAIN_SHUT_OFF;
	case VIRT_CRASHED: return DOMAIN_CRASHED;
	default: return DOMAIN_OTHER;
	}
}

/* A domain that cannot be read is told as one that is not ours: it is never touched. */
static void read_domain(struct arena *a, const struct observe_input *in, const struct virt_domain *d,
                        struct vm_status *ret)
{
	const struct domain_read *r = domain_cache_read(in->domains, a, d);
	*ret = (struct vm_status){ .host = in->host, .uuid = r->uuid, .state = (int)state_of(d->state),
		                   .reason = observe_vm_reason((int)d->state, d->reason) };
	ret->is_transient = d->active && !d->persistent;
	/* What it holds now keeps cards from being changed, whoever made it. */
	ret->host_devices = r->live_facts.host_devices;
	if (!r->is_read)
		return;
	ret->owner = r->facts.owner;
	ret->machine_type = r->facts.machine_type;
	ret->defined = r->defined;
	ret->live = r->live;
	if (ret->owner)
		observe_vm_history(a, in, d->name, ret);
	if (!r->is_live)
		ret->host_devices = r->facts.host_devices;
}

void observe_vms(struct arena *a, const struct observe_input *in, struct objects *have)
{
	g_autoptr(GError) error = NULL;
	SCOPED_ARENA(listing); /* XML in its length is not kept until the pass ends */
	struct virt_domains all = { 0 };
	struct virt_about about = { 0 };
	const struct object *host = objects_get(have, KIND_HOST, in->host);
	struct host_status *status = host->status;
	if (!in->virt) {
		status->libvirt = in->libvirt_trouble ? PLANE_AWAY : PLANE_LEFT_OUT;
		status->libvirt_reason = arena_strdup(a, in->libvirt_trouble);
		return;
	}
	if (!virt_describe(in->virt, a, LIST_MS, &about, &error) || !virt_list(in->virt, listing, LIST_MS, &all, &error)) {
		status->libvirt = PLANE_AWAY;
		status->libvirt_reason = arena_strdup(a, error->message);
		return;
	}
	status->libvirt = PLANE_OK;
	status->libvirt_version = about.libvirt_version;
	status->hypervisor_version = arena_printf(a, "%s %s", about.hypervisor, about.hypervisor_version);
	for (guint i = 0; i < all.n; i++)
		if (all.list[i].inactive_xml || all.list[i].active_xml) /* else it ended while it was listed */
			read_domain(a, in, &all.list[i], observed(a, have, KIND_VM, all.list[i].name)->status);
	domain_cache_forget_gone(in->domains);
}
