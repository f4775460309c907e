/* VMs: all of this host are resolved, then each is defined where it is missing or differs, and comes to run or to be
 * off as it should (vm_restart.c, vm_life.c). Then those that are not wanted here any more (vm_prune.c). */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "plan/plan_volumes.h"
#include "spec/farm.h"
#include "spec/vm_history.h"
#include <string.h>

gboolean vm_is_ours(const struct builder *b, const struct vm_status *s)
{
	const struct object *farm = objects_farm(b->in->want);
	return farm && s->owner && strcmp(s->owner, farm->meta.name) == 0;
}

struct action *vm_act(const struct vm_target *t, enum verb verb, const char *reason)
{
	struct action *act = builder_act(t->b, verb, t->object, KIND_VM, t->object->id, reason);
	act->vm = t->want;
	return act;
}

gboolean vm_should_run(const struct vm_target *t)
{
	if (t->want->state != VM_RUNNING || t->host_state == HOST_DRAINED)
		return FALSE;
	return t->host_state == HOST_ACTIVE || (t->have && vm_status_is_up(t->have));
}

/* -- rules ----------------------------------------------------------------------------------------------------------- */

const char *vm_not_ours(const struct vm_target *t)
{
	if (!t->have || vm_is_ours(t->b, t->have))
		return NULL;
	if (t->have->owner)
		return arena_printf(t->b->arena, "the domain %s belongs to the farm %s", t->object->id, t->have->owner);
	return arena_printf(t->b->arena, "there is a domain %s that cleave did not make; `cleave adopt %s` takes it over, or rename one of them",
	                    t->object->id, t->object->id);
}

const struct plan_rule *vm_refusal(const struct vm_target *t)
{
	for (guint i = 0; i < n_plan_rules; i++)
		if (plan_rules[i].refuses_vm && plan_rules[i].refuses_vm(t))
			return &plan_rules[i];
	return NULL;
}

static gboolean is_refused(struct vm_target *t)
{
	const struct plan_rule *rule = vm_refusal(t);
	if (!rule)
		return FALSE;
	builder_judge(t->b, t->object, IS_STALLED, rule->reason, rule->refuses_vm(t));
	builder_refused(t->b);
	if (rule->is_limit && !builder_holds_back(t->b, t->object))
		builder_waits(t->b, vm_data_loss_item(t));
	return TRUE;
}

/* -- one VM ---------------------------------------------------------------------------------------------------------- */

const char *vm_fields_words(struct arena *a, const struct changes *c)
{
	enum { NAMED = 3 };
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < c->n && i < NAMED; i++)
		g_string_append_printf(s, "%s%s", !i ? "" : i + 1 == c->n ? " and " : ", ", c->items[i].field);
	if (c->n > NAMED)
		g_string_append_printf(s, " and %u more", c->n - NAMED);
	return arena_strdup(a, s->str);
}

const char *vm_differs_words(const struct vm_target *t)
{
	struct arena *a = t->b->arena;
	if (t->have->is_transient)
		return "it runs, but is not defined any more";
	if (t->stored.n)
		return arena_printf(a, "its definition differs in %s", vm_fields_words(a, &t->stored));
	return t->live.n ? arena_printf(a, "as it runs it differs in %s", vm_fields_words(a, &t->live)) : NULL;
}

static void plan_definition(struct vm_target *t)
{
	const char *reason = !t->have ? "is not defined" : t->have->is_transient ? "runs, but is not defined any more" : "differs from its spec";
	struct action *act = vm_act(t, VERB_DEFINE_VM, reason);
	act->changes = t->stored;
	act->expect = t->have ? "a domain of this farm" : "no domain of that name";
}

static void plan_new_vm(struct vm_target *t)
{
	struct vm_spec nothing = vm_in_words_of(t->b->arena, &(struct vm_spec){ 0 }, t->want, NULL);
	if (vm_judge_elsewhere(t))
		return;
	t->stored = diff_structs(t->b->arena, vm_fields, &nothing, t->want, FIELD_IN_DOMAIN);
	/* There was no VM whose values these would replace. */
	for (guint i = 0; i < t->stored.n; i++) {
		t->stored.items[i].before = NULL;
		t->stored.items[i].effect = EFFECT_NONE;
	}
	vm_plan_volumes(t);
	plan_definition(t);
	if (vm_should_run(t))
		vm_act(t, VERB_START_VM, "should run")->expect = "shut off";
	builder_judge_acted(t->b, t->object, "NotDefined", "libvirt has no domain of that name yet");
}

/* What the spec says and what runs, as far as its host lets it. */
static void judge_off(const struct vm_target *t)
{
	struct builder *b = t->b;
	if (t->stored.n)
		builder_judge_acted(b, t->object, "Differs", vm_differs_words(t));
	else if (t->want->state == VM_STOPPED)
		builder_judge(b, t->object, IS_READY, "Stopped", NULL);
	else
		builder_judge_halted(b, t->object, t->host_state == HOST_DRAINED ? "HostDrained" : "HostCordoned",
		                     arena_printf(b->arena, "the Host %s is %s; it starts when that is active again", t->spec->host,
		                                  host_state_word(t->host_state)));
}

static void plan_known_vm(struct vm_target *t)
{
	gboolean is_up = vm_status_is_up(t->have);
	if (!is_up && vm_should_run(t) && vm_judge_elsewhere(t))
		return;
	vm_plan_volumes(t);
	if (t->stored.n || t->have->is_transient)
		plan_definition(t);
	if (is_up && vm_should_run(t))
		vm_plan_running(t);
	else if (is_up)
		vm_plan_stop(t);
	else if (vm_should_run(t))
		vm_plan_start(t);
	else
		judge_off(t);
}

/* What its restart was to bring is not to be had any more: a drain that was for that ends. */
static void leave_alone(struct vm_target *t)
{
	if (t->have && vm_is_ours(t->b, t->have) && vm_status_is_up(t->have) && vm_should_run(t))
		vm_plan_worker(t);
}

static void plan_vm(struct vm_target *t)
{
	if (is_refused(t)) {
		leave_alone(t);
		return;
	}
	/* One that runs is left alone while it lacks something; what is to be off needs nothing. */
	if (t->waits_for && (vm_should_run(t) || !t->have)) {
		builder_judge(t->b, t->object, t->is_stuck ? IS_STALLED : IS_RECONCILING, t->waits_reason, t->waits_for);
		leave_alone(t);
		return;
	}
	if (t->have)
		plan_known_vm(t);
	else
		plan_new_vm(t);
	vm_judge_volumes(t);
}

/* -- all of them ------------------------------------------------------------------------------------------------------- */

/* FALSE, and judged, when nothing is planned for it here. */
static gboolean is_planned(struct builder *b, const struct object *o, const struct host_status *host)
{
	const struct vm_spec *want = o->spec;
	if (strcmp(want->host, b->in->host) != 0) {
		builder_judge_elsewhere(b, o, want->host, arena_printf(b->arena, "the host %s reports it", want->host));
		return FALSE;
	}
	if (builder_judge_later(b, o))
		return FALSE;
	if (!host || host->libvirt == PLANE_LEFT_OUT) {
		builder_judge(b, o, IS_RECONCILING, "LibvirtLeftOut", "libvirt was not looked at");
		return FALSE;
	}
	if (host->libvirt == PLANE_AWAY)
		builder_judge_unseen(b, o, "LibvirtAway", host->libvirt_reason);
	return host->libvirt == PLANE_OK;
}

/* A VM without a host was not seen here: only its home is known. */
static struct vm_target target_of(struct builder *b, const struct object *o, const struct host_status *status)
{
	const struct object *have = objects_get(b->in->have, KIND_VM, o->id);
	const struct object *host = objects_get(b->in->want, KIND_HOST, b->in->host);
	const struct vm_status *s = have ? have->status : NULL;
	return (struct vm_target){ .b = b, .object = o, .spec = o->spec, .have = s && s->host ? s : NULL, .host = status,
		                   .home = s ? s->home : NULL,
		                   .host_state = host && host->spec ? host_standing(host->spec, status, builder_now_ms(b)).state : HOST_ACTIVE };
}

/* A guest has all of maxMemory until its driver for the balloon is loaded. One that has none is told of then. */
static gboolean is_before_balloon(const struct vm_target *t, const struct vm_spec *live)
{
	enum { BOOT_MS = 180000 };
	gint64 since = vm_time_ms(t->have->since), now = builder_now_ms(t->b);
	return live->max_memory_bytes && live->max_memory_bytes == t->want->max_memory_bytes &&
	       live->memory_bytes == live->max_memory_bytes && since && now - since < BOOT_MS;
}

static void compare(struct vm_target *t)
{
	if (!t->have || !vm_is_ours(t->b, t->have))
		return;
	struct vm_spec defined = vm_comparable(t, &t->have->defined), live = vm_comparable(t, &t->have->live);
	t->stored = diff_structs(t->b->arena, vm_fields, &defined, t->want, FIELD_IN_DOMAIN);
	vm_price_disks(&t->stored);
	if (!vm_status_is_up(t->have))
		return;
	if (is_before_balloon(t, &live))
		live.memory_bytes = t->want->memory_bytes;
	struct changes running = diff_structs(t->b->arena, vm_fields, &live, t->want, FIELD_IN_DOMAIN);
	vm_price_disks(&running);
	vm_split_changes(t, &running, &t->live, &t->pending);
	t->is_not_taken = t->have->history.not_taken && g_strcmp0(changes_digest(t->b->arena, &running), t->have->history.not_taken) == 0;
}

void plan_vms(struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *status = host ? host->status : NULL;
	b->vms = ARENA_ARRAY(b->arena, struct vm_target, b->in->want->by_kind[KIND_VM]->len + 1);
	OBJECTS_EACH (o, b->in->want, KIND_VM) {
		struct vm_target t = target_of(b, o, status);
		if (is_planned(b, o, status))
			b->vms[b->n_vms++] = t;
	}
	vm_targets_resolve(b->vms, b->n_vms);
	VM_TARGETS_EACH (t, b->vms, b->n_vms)
		compare(t);
	vm_targets_grant_restarts(b->vms, b->n_vms);
	VM_TARGETS_EACH (t, b->vms, b->n_vms)
		plan_vm(t);
	vm_plan_orphans(b);
	vm_plan_left_volumes(b);
}
