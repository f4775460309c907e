/* VMs: define what is missing or differs, start what should run, stop what should not. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <string.h>

/* The recorded machine type (pc-q35-7.2) is as good as the alias it came from, and as itself. */
static struct vm_spec comparable(const struct vm_spec *have, const struct vm_spec *want, const struct vm_status *s)
{
	struct vm_spec copy = *have;
	if (s->machine_type && want->machine && strcmp(s->machine_type, want->machine) == 0)
		copy.machine = want->machine;
	return copy;
}

static gboolean is_ours(const struct builder *b, const struct vm_status *s)
{
	const struct object *farm = objects_farm(b->in->want);
	return farm && s->owner && strcmp(s->owner, farm->meta.name) == 0;
}

static void plan_new_vm(struct builder *b, const struct object *o, const struct vm_spec *want)
{
	struct action *act = builder_act(b, VERB_DEFINE_VM, o, KIND_VM, o->id, "is not defined");
	static const struct vm_spec nothing;
	act->changes = diff_structs(b->arena, vm_fields, &nothing, want, FIELD_IN_DOMAIN);
	/* There was no VM whose values these would replace. */
	for (guint i = 0; i < act->changes.n; i++) {
		act->changes.items[i].before = NULL;
		act->changes.items[i].effect = EFFECT_NONE;
	}
	act->expect = "no domain of that name";
	if (want->state == VM_RUNNING) {
		act = builder_act(b, VERB_START_VM, o, KIND_VM, o->id, "should run");
		act->expect = "shut off";
	}
	builder_judge(b, o, IS_RECONCILING, "NotDefined", NULL);
}

static const char *start_reason(struct builder *b, const struct vm_status *s)
{
	if (s->state == DOMAIN_CRASHED)
		return "should run, has crashed";
	return s->reason ? arena_printf(b->arena, "should run, is shut off (%s)", s->reason) : "should run, is shut off";
}

static void plan_start(struct builder *b, const struct object *o, const char *reason)
{
	struct action *act = builder_act(b, VERB_START_VM, o, KIND_VM, o->id, reason);
	act->expect = "shut off";
}

static void plan_stop(struct builder *b, const struct object *o, const char *reason, enum effect effect,
                      struct changes changes)
{
	struct action *act = builder_act(b, VERB_STOP_VM, o, KIND_VM, o->id, reason);
	act->effect = effect;
	act->changes = changes;
	act->expect = "running";
}

/* Why it is paused (a full disk, a person) is not cleave's to guess: it says so and waits. */
static void judge_known_vm(struct builder *b, const struct object *o, const struct vm_spec *want,
                           const struct vm_status *s, gboolean differs)
{
	if (!is_ours(b, s))
		builder_judge(b, o, IS_STALLED, "NotOurs", "a domain of this name is there, and this farm did not make it");
	else if (differs)
		builder_judge(b, o, IS_RECONCILING, "Differs", NULL);
	else if (want->state == VM_RUNNING && s->state == DOMAIN_PAUSED)
		builder_judge(b, o, IS_STALLED, "Paused", arena_printf(b->arena, "it is paused; `virsh resume %s` lets it go on", o->id));
	else if (want->state == VM_RUNNING && !vm_status_is_up(s))
		builder_judge(b, o, IS_RECONCILING, "NotRunning", NULL);
	else if (want->state == VM_STOPPED && vm_status_is_up(s))
		builder_judge(b, o, IS_RECONCILING, "ShouldStop", NULL);
	else
		builder_judge(b, o, IS_READY, want->state == VM_RUNNING ? "Running" : "Stopped", NULL);
}

static void plan_known_vm(struct builder *b, const struct object *o, const struct vm_spec *want,
                          const struct vm_status *s)
{
	struct vm_spec defined = comparable(&s->defined, want, s), live = comparable(&s->live, want, s);
	struct changes stored = diff_structs(b->arena, vm_fields, &defined, want, FIELD_IN_DOMAIN), running = { 0 };
	if (vm_status_is_up(s))
		running = diff_structs(b->arena, vm_fields, &live, want, FIELD_IN_DOMAIN);
	gboolean restart = running.n > 0 && want->state == VM_RUNNING;
	if (restart)
		plan_stop(b, o, "takes these changes at its next start", changes_effect(&running), running);
	else if (vm_status_is_up(s) && want->state == VM_STOPPED)
		plan_stop(b, o, "should be stopped", EFFECT_VM_RESTART, (struct changes){ 0 });
	if (stored.n) {
		struct action *act = builder_act(b, VERB_DEFINE_VM, o, KIND_VM, o->id, "differs from its spec");
		act->changes = stored;
		act->expect = "a domain of this farm";
	}
	if (restart)
		plan_start(b, o, "should run");
	else if (want->state == VM_RUNNING && !vm_status_is_up(s))
		plan_start(b, o, start_reason(b, s));
	judge_known_vm(b, o, want, s, restart || stored.n > 0);
}

/* To drain a host does not act yet; until it does, nothing is started there behind its owner's back. */
static gboolean judge_host_not_active(struct builder *b, const struct object *o, const char *host_name)
{
	const struct object *host = objects_get(b->in->want, KIND_HOST, host_name);
	if (!host || !host->spec || ((const struct host_spec *)host->spec)->state == HOST_ACTIVE)
		return FALSE;
	const char *word = field_scalar_text(b->arena, field_find(host->kind->spec_fields, "state"), host->spec);
	builder_judge_settled(b, o, "HostNotActive",
	                      arena_printf(b->arena, "the Host %s is %s; VMs there are left as they are", host_name, word));
	return TRUE;
}

static void plan_vm(struct builder *b, const struct object *o, const struct host_status *host)
{
	const struct vm_spec *want = o->spec;
	if (strcmp(want->host, b->in->host) != 0) {
		builder_judge(b, o, IS_RECONCILING, "OtherHost", arena_printf(b->arena, "the host %s reports it", want->host));
		return;
	}
	if (builder_judge_later(b, o) || judge_host_not_active(b, o, want->host))
		return;
	if (!host || host->libvirt == PLANE_LEFT_OUT) {
		builder_judge(b, o, IS_RECONCILING, "LibvirtLeftOut", "libvirt was not looked at");
		return;
	}
	if (host->libvirt == PLANE_AWAY) {
		builder_judge(b, o, IS_STALLED, "LibvirtAway", host->libvirt_reason);
		return;
	}
	const struct object *have = objects_get(b->in->have, KIND_VM, o->id);
	want = vm_effective(b->arena, b->in->want, o);
	if (have && have->status)
		plan_known_vm(b, o, want, have->status);
	else
		plan_new_vm(b, o, want);
}

/* Ours, but not wanted here any more: pruning is off, so they are named and left alone. */
static void note_left_alone(struct builder *b, const struct object *have)
{
	const struct object *o = objects_get(b->in->want, KIND_VM, have->id);
	const struct vm_spec *want = o ? o->spec : NULL;
	if (!want)
		builder_note(b, KIND_VM, have->id, "is not in the specs any more; left as it is");
	else if (strcmp(want->host, b->in->host) != 0)
		builder_note(b, KIND_VM, have->id,
		             arena_printf(b->arena, "is wanted on the host %s and is still here; left as it is", want->host));
}

void plan_vms(struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	OBJECTS_EACH (o, b->in->want, KIND_VM)
		plan_vm(b, o, host ? host->status : NULL);
	OBJECTS_EACH (o, b->in->have, KIND_VM)
		if (o->status && is_ours(b, o->status))
			note_left_alone(b, o);
}
