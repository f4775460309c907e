/* Domains as they are once they were defined and started. */
#include "plan/assume_made.h"
#include "base/arena.h"
#include "spec/identity.h"
#include "spec/status.h"
#include "spec/vm.h"
#include <string.h>

/* What libvirt keeps of a definition: its host and roots are not in it. */
static struct vm_spec in_domain(const struct vm_spec *resolved)
{
	struct vm_spec d = *resolved;
	d.host = NULL;
	d.state = 0;
	d.roots = (struct strings){ 0 };
	return d;
}

static struct vm_status *status_of(struct assuming *s, const char *id)
{
	struct object *o = objects_get(s->have, KIND_VM, id);
	if (o)
		return o->status;
	struct vm_status *status = ARENA_NEW(s->arena, struct vm_status);
	fields_set_untold(vm_status_fields, status);
	status->host = s->in->host;
	status->owner = s->farm;
	status->uuid = s->farm ? vm_uuid(s->arena, s->farm, id) : NULL;
	status->state = DOMAIN_SHUT_OFF;
	assume_seen(s, KIND_VM, id, status);
	return status;
}

/* One a slot, idle; each sees all cards of its guest. */
static void register_workers(struct assuming *s, const char *id, const struct vm_status *status)
{
	guint n_gpus = status->live.gpus.n, n_slots = (guint)MAX(status->live.worker.slots_per_gpu, 1) * MAX(n_gpus, 1);
	struct strings gpus = { ARENA_ARRAY(s->arena, const char *, n_gpus + 1), 0 };
	while (gpus.n <= n_gpus) /* and that of its screen */
		gpus.items[gpus.n++] = "10de:0000 assumed";
	for (guint i = 0; i < n_slots; i++) {
		struct worker_status *worker = ARENA_NEW(s->arena, struct worker_status);
		*worker = (struct worker_status){ .host = id, .vm = id, .uuid = status->uuid, .state = "idle", .blender = "assumed", .gpus = gpus };
		assume_seen(s, KIND_WORKER, arena_printf(s->arena, "assumed-%s-%u", id, i), worker);
	}
}

static void start(struct assuming *s, const char *id, struct vm_status *status)
{
	status->state = DOMAIN_RUNNING;
	status->since = status->history.started_at = ASSUMED_NOW;
	status->history.started_revision = s->in->revision;
	status->live = status->defined;
	struct strings devices = { ARENA_ARRAY(s->arena, const char *, status->live.devices.n + 1), 0 };
	for (guint i = 0; i < status->live.devices.n; i++)
		devices.items[devices.n++] = LIST_AT(status->live.devices, struct vm_device, i)->name;
	status->host_devices = devices;
	if (status->live.worker.enabled)
		register_workers(s, id, status);
}

void assume_on_vm(struct assuming *s, const struct action *act)
{
	switch (act->verb) {
	case VERB_DEFINE_VM: status_of(s, act->id)->defined = in_domain(act->vm); return;
	case VERB_START_VM: start(s, act->id, status_of(s, act->id)); return;
	case VERB_CREATE_VOLUMES:
	case VERB_GROW_VOLUMES: assume_on_volumes(s, act); return;
	case VERB_UPDATE_VM: status_of(s, act->id)->live = in_domain(act->vm); return;
	case VERB_DRAIN_VM: status_of(s, act->id)->history.draining_since = ASSUMED_NOW; return;
	case VERB_STOP_VM:
		status_of(s, act->id)->state = DOMAIN_SHUT_OFF;
		status_of(s, act->id)->reason = "destroyed";
		return;
	default: return; /* it was never there: nothing goes */
	}
}

void assume_homes(struct assuming *s)
{
	OBJECTS_EACH (o, s->in->to, KIND_VM) {
		const struct object *before = objects_get(s->in->from, KIND_VM, o->id);
		const struct vm_spec *now = o->spec, *then = before ? before->spec : NULL;
		if (!then || g_strcmp0(now->host, s->in->host) != 0 || g_strcmp0(then->host, s->in->host) == 0)
			continue;
		struct vm_status *status = ARENA_NEW(s->arena, struct vm_status);
		fields_set_untold(vm_status_fields, status);
		status->home = then->host;
		assume_seen(s, KIND_VM, o->id, status);
	}
}
