/* Domains of this farm that are not wanted here any more. One that is wanted on another host is stopped, so that it
 * may start there; one that no specs have goes only where the Farm's policy says so. Disks stay in any case. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/farm.h"
#include <string.h>

struct orphan {
	struct vm_going going;
	const struct object *want; /* on another host; NULL: in no specs */
};

static struct action *act_on(const struct orphan *o, enum verb verb, const char *reason)
{
	struct action *act = builder_act(o->going.b, verb, o->want, KIND_VM, o->going.id, reason);
	act->expect = verb == VERB_UNDEFINE_VM ? "shut off" : "running";
	return act;
}

/* TRUE when it is off, or is when this plan is done. */
static gboolean take_down(const struct orphan *o, const char *reason)
{
	if (!vm_status_is_up(o->going.have))
		return TRUE;
	enum drain_step step = vm_drain_step(&o->going);
	if (step == DRAIN_BEGIN || step == DRAIN_IDLE)
		act_on(o, VERB_DRAIN_VM, reason)->effect = step == DRAIN_BEGIN ? EFFECT_VM_RESTART : EFFECT_NONE;
	if (step == DRAIN_BEGIN || step == DRAIN_WAIT) {
		builder_note(o->going.b, KIND_VM, o->going.id, arena_printf(o->going.b->arena, "%s: %s", reason, vm_drain_words(&o->going)));
		return FALSE;
	}
	act_on(o, VERB_STOP_VM, arena_printf(o->going.b->arena, "is stopped, and stays off: it %s", reason))->effect = EFFECT_VM_RESTART;
	return TRUE;
}

/* A host that the specs do not name is more often misnamed than given up: nothing is taken down there.
 * What prunes may go on when there are not more of them than the budget has: many at once are taken for a mistake. */
static void plan_orphan(const struct orphan *o, gboolean prunes, const char *why_not)
{
	struct builder *b = o->going.b;
	const char *other = o->want ? ((const struct vm_spec *)o->want->spec)->host : NULL;
	const char *reason = other ? arena_printf(b->arena, "is wanted on the host %s", other) : "is not in the specs any more";
	gboolean is_up = vm_status_is_up(o->going.have), is_known = objects_get(b->in->want, KIND_HOST, b->in->host) != NULL;
	gboolean is_down = is_known && (other || prunes) ? take_down(o, reason) : FALSE;
	if (prunes && is_down)
		act_on(o, VERB_UNDEFINE_VM, reason)->effect = EFFECT_NONE;
	else if (!is_known)
		builder_note(b, KIND_VM, o->going.id, arena_printf(b->arena, "%s; left as it is, since this host (%s) is not in the specs", reason, b->in->host));
	else if (!other && !prunes)
		builder_note(b, KIND_VM, o->going.id, arena_printf(b->arena, "%s; left as it is%s", reason, why_not));
	else if (other && !prunes && !is_up)
		builder_note(b, KIND_VM, o->going.id, arena_printf(b->arena, "%s; it is off here, and its definition stays%s", reason, why_not));
}

/* Left as it is: a source that cannot be read may want it. */
static gboolean may_be_wanted(struct builder *b, const char *id)
{
	const char *absent = objects_absent(b->in->want, KIND_VM, id);
	if (absent)
		builder_note(b, KIND_VM, id, arena_printf(b->arena, "left as it is: it may be of the source %s, of which this host has nothing to go by", absent));
	return absent != NULL;
}

static GArray *find_orphans(struct builder *b)
{
	GArray *found = g_array_new(FALSE, FALSE, sizeof(struct orphan));
	OBJECTS_EACH (have, b->in->have, KIND_VM) {
		const struct vm_status *s = have->status;
		const struct object *want = objects_get(b->in->want, KIND_VM, have->id);
		const struct vm_spec *spec = want ? want->spec : NULL;
		struct orphan o = { { b, have->id, s, spec }, want };
		if (s && s->host && vm_is_ours(b, s) && !(spec && strcmp(spec->host, b->in->host) == 0) && (want || !may_be_wanted(b, have->id)))
			g_array_append_val(found, o);
	}
	return found;
}

void vm_plan_orphans(struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	const struct farm_policy *policy = farm ? &((const struct farm_spec *)farm->spec)->policy : NULL;
	g_autoptr(GArray) found = find_orphans(b);
	gboolean is_beyond = policy && policy->prune && found->len > builder_budget(b, BUDGET_DELETE);
	const char *why_not = is_beyond ? arena_printf(b->arena, ": %s; %s deletes them", builder_beyond(b, BUDGET_DELETE, found->len),
	                                               builder_approve_words(b))
	                                : "";
	for (guint i = 0; is_beyond && i < found->len; i++)
		builder_waits(b, arena_printf(b->arena, "delete VM/%s", g_array_index(found, struct orphan, i).going.id));
	for (guint i = 0; i < found->len; i++)
		plan_orphan(&g_array_index(found, struct orphan, i), policy && policy->prune && !is_beyond, why_not);
}
