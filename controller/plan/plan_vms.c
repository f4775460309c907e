/* VMs: define what is missing or differs, start what should run, stop what should not. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/farm.h"
#include <string.h>

static gboolean is_ours(const struct builder *b, const struct vm_status *s)
{
	const struct object *farm = objects_farm(b->in->want);
	return farm && s->owner && strcmp(s->owner, farm->meta.name) == 0;
}

/* An action on the VM, with what it is to be. */
static struct action *act_on(const struct vm_target *t, enum verb verb, const char *reason)
{
	struct action *act = builder_act(t->b, verb, t->object, KIND_VM, t->object->id, reason);
	act->vm = t->want;
	return act;
}

static void plan_start(const struct vm_target *t, const char *reason)
{
	act_on(t, VERB_START_VM, reason)->expect = "shut off";
}

static void plan_new_vm(struct vm_target *t)
{
	struct action *act = act_on(t, VERB_DEFINE_VM, "is not defined");
	struct vm_spec nothing = vm_in_words_of(t->b->arena, &(struct vm_spec){ 0 }, t->want, NULL);
	act->changes = diff_structs(t->b->arena, vm_fields, &nothing, t->want, FIELD_IN_DOMAIN);
	/* There was no VM whose values these would replace. */
	for (guint i = 0; i < act->changes.n; i++) {
		act->changes.items[i].before = NULL;
		act->changes.items[i].effect = EFFECT_NONE;
	}
	act->expect = "no domain of that name";
	if (t->want->state == VM_RUNNING)
		plan_start(t, "should run");
	builder_judge(t->b, t->object, IS_RECONCILING, "NotDefined", NULL);
}

static const char *start_reason(struct builder *b, const struct vm_status *s)
{
	if (s->state == DOMAIN_CRASHED)
		return "should run, has crashed";
	return s->reason ? arena_printf(b->arena, "should run, is shut off (%s)", s->reason) : "should run, is shut off";
}

static void plan_stop(const struct vm_target *t, const char *reason, enum effect effect, struct changes changes)
{
	struct action *act = act_on(t, VERB_STOP_VM, reason);
	act->effect = effect;
	act->changes = changes;
	act->expect = "running";
}

/* Why it is paused (a full disk, a person) is not cleave's to guess: it says so and waits. */
static void judge_known_vm(const struct vm_target *t, gboolean differs)
{
	struct builder *b = t->b;
	const struct object *o = t->object;
	gboolean is_up = vm_status_is_up(t->have), should_run = t->want->state == VM_RUNNING;
	if (!is_ours(b, t->have))
		builder_judge(b, o, IS_STALLED, "NotOurs", "a domain of this name is there, and this farm did not make it");
	else if (differs)
		builder_judge(b, o, IS_RECONCILING, "Differs", NULL);
	else if (should_run && t->have->state == DOMAIN_PAUSED)
		builder_judge(b, o, IS_STALLED, "Paused", arena_printf(b->arena, "it is paused; `virsh resume %s` lets it go on", o->id));
	else if (should_run && !is_up)
		builder_judge(b, o, IS_RECONCILING, "NotRunning", NULL);
	else if (!should_run && is_up)
		builder_judge(b, o, IS_RECONCILING, "ShouldStop", NULL);
	else
		builder_judge(b, o, IS_READY, should_run ? "Running" : "Stopped", NULL);
}

static void plan_known_vm(struct vm_target *t)
{
	const struct vm_status *s = t->have;
	struct vm_spec defined = vm_comparable(t, &s->defined), live = vm_comparable(t, &s->live);
	struct changes stored = diff_structs(t->b->arena, vm_fields, &defined, t->want, FIELD_IN_DOMAIN), running = { 0 };
	if (vm_status_is_up(s))
		running = diff_structs(t->b->arena, vm_fields, &live, t->want, FIELD_IN_DOMAIN);
	gboolean restart = running.n > 0 && t->want->state == VM_RUNNING;
	if (restart)
		plan_stop(t, "takes these changes at its next start", changes_effect(&running), running);
	else if (vm_status_is_up(s) && t->want->state == VM_STOPPED)
		plan_stop(t, "should be stopped", EFFECT_VM_RESTART, (struct changes){ 0 });
	if (stored.n) {
		struct action *act = act_on(t, VERB_DEFINE_VM, "differs from its spec");
		act->changes = stored;
		act->expect = "a domain of this farm";
	}
	if (restart)
		plan_start(t, "should run");
	else if (t->want->state == VM_RUNNING && !vm_status_is_up(s))
		plan_start(t, start_reason(t->b, s));
	judge_known_vm(t, restart || stored.n > 0);
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

/* FALSE, and judged, when nothing is planned for it here. */
static gboolean is_planned(struct builder *b, const struct object *o, const struct host_status *host)
{
	const struct vm_spec *want = o->spec;
	if (strcmp(want->host, b->in->host) != 0) {
		builder_judge(b, o, IS_RECONCILING, "OtherHost", arena_printf(b->arena, "the host %s reports it", want->host));
		return FALSE;
	}
	if (builder_judge_later(b, o) || judge_host_not_active(b, o, want->host))
		return FALSE;
	if (!host || host->libvirt == PLANE_LEFT_OUT) {
		builder_judge(b, o, IS_RECONCILING, "LibvirtLeftOut", "libvirt was not looked at");
		return FALSE;
	}
	if (host->libvirt == PLANE_AWAY)
		builder_judge(b, o, IS_STALLED, "LibvirtAway", host->libvirt_reason);
	return host->libvirt == PLANE_OK;
}

static void plan_vm(struct vm_target *t)
{
	if (t->waits_for) {
		builder_judge(t->b, t->object, IS_RECONCILING, t->waits_reason, t->waits_for);
		return;
	}
	vm_plan_volumes(t);
	if (t->have)
		plan_known_vm(t);
	else
		plan_new_vm(t);
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
	const struct host_status *status = host ? host->status : NULL;
	g_autoptr(GArray) targets = g_array_new(FALSE, TRUE, sizeof(struct vm_target));
	OBJECTS_EACH (o, b->in->want, KIND_VM) {
		const struct object *have = objects_get(b->in->have, KIND_VM, o->id);
		struct vm_target t = { .b = b, .object = o, .spec = o->spec, .have = have ? have->status : NULL, .host = status };
		if (is_planned(b, o, status))
			g_array_append_val(targets, t);
	}
	vm_targets_resolve((struct vm_target *)(gpointer)targets->data, targets->len);
	VM_TARGETS_EACH (t, (struct vm_target *)(gpointer)targets->data, targets->len)
		plan_vm(t);
	OBJECTS_EACH (o, b->in->have, KIND_VM)
		if (o->status && is_ours(b, o->status))
			note_left_alone(b, o);
}
