/* A VM that runs and is to go on: changes that act at once are made, those that need a restart wait for its worker
 * (`update`) and for their turn (policy.budgets.maxRestart). */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/farm.h"

/* -- the budget --------------------------------------------------------------------------------------------------- */

/* One that nothing is done about counts for nothing: others would wait for it for ever. */
static gboolean counts(const struct vm_target *t)
{
	return t->have && !t->waits_for && vm_should_run(t) && vm_is_ours(t->b, t->have) && !builder_holds_back(t->b, t->object);
}

/* It does no work. A worker that Redis does not tell of may be at work, and so may one that is to have more slots or cards. */
static gboolean is_down(const struct vm_target *t)
{
	gboolean had_worker = t->want->worker.enabled && t->have && t->have->live.settings;
	if (!counts(t))
		return FALSE;
	return !vm_status_is_up(t->have) || t->have->history.draining_since ||
	       (had_worker && vm_redis(t->b) == PLANE_OK && !vm_worker(t->b, t->object->id, t->have));
}

/* It was restarted, and does not do all of its work yet. */
static gboolean is_coming(const struct vm_target *t)
{
	return counts(t) && vm_redis(t->b) == PLANE_OK && vm_worker_lacks(t);
}

static gboolean wants_restart(const struct vm_target *t)
{
	return t->pending.n && !t->is_not_taken && !t->waits_for && t->host_state == HOST_ACTIVE && t->want->state == VM_RUNNING && t->want->update != UPDATE_NEVER &&
	       !builder_holds_back(t->b, t->object) && !vm_refusal(t);
}

static const char *restart_item(const struct vm_target *t)
{
	return arena_printf(t->b->arena, "restart VM/%s %s", t->object->id, changes_digest(t->b->arena, &t->pending));
}

void vm_targets_grant_restarts(struct vm_target *all, guint n)
{
	gint64 most = n ? builder_budget(all->b, BUDGET_RESTART) : 0, n_down = 0;
	guint n_wanted = 0;
	gboolean is_beyond = FALSE;
	VM_TARGETS_EACH (t, all, n)
		n_down += is_down(t) || (is_coming(t) && !wants_restart(t));
	VM_TARGETS_EACH (t, all, n) {
		/* One that is down already costs nothing more: what it waits for may be the very change. */
		enum effect effect = MAX(changes_effect(&t->pending), EFFECT_VM_RESTART);
		t->is_gated = wants_restart(t) && !builder_may(t->b, effect, &t->gate);
		t->may_restart = !t->is_gated && (n_down < most || (is_down(t) && most > 0));
		n_down += t->may_restart && wants_restart(t) && !is_down(t);
		n_wanted += wants_restart(t) ? 1 : 0;
		is_beyond |= !t->may_restart && !t->is_gated && wants_restart(t);
	}
	VM_TARGETS_EACH (t, all, n) {
		t->n_restarts = n_wanted;
		if (is_beyond && wants_restart(t))
			builder_waits(t->b, restart_item(t));
	}
}

/* -- a restart ----------------------------------------------------------------------------------------------------- */

static struct action *act_drain(struct vm_target *t, const char *reason)
{
	struct action *act = vm_act(t, VERB_DRAIN_VM, reason);
	act->expect = "running";
	return act;
}

static void act_restart(struct vm_target *t)
{
	struct action *act = vm_act(t, VERB_STOP_VM, "restarts for these changes");
	act->effect = changes_effect(&t->pending);
	act->changes = t->pending;
	act->expect = "running";
	vm_act(t, VERB_START_VM, "should run")->expect = "shut off";
	builder_judge_acted(t->b, t->object, "Differs", arena_printf(t->b->arena, "it restarts for %s", vm_fields_words(t->b->arena, &t->pending)));
}

/* The changes stand where they begin to act: at the drain when that is all this plan can do for them. */
static void begin_drain(struct vm_target *t, const struct vm_going *going)
{
	struct action *act = act_drain(t, "restarts for these changes when its worker is idle");
	act->effect = changes_effect(&t->pending);
	act->changes = t->pending;
	builder_judge(t->b, t->object, IS_RECONCILING, "Draining", vm_drain_words(going));
}

/* TRUE when it restarts now. */
static gboolean plan_restart(struct vm_target *t)
{
	struct builder *b = t->b;
	struct vm_going going = { b, t->object->id, t->have, t->want };
	if (t->is_gated) {
		builder_judge_gated(b, t->object, &t->gate, restart_item(t));
		return FALSE;
	}
	if (!t->may_restart) {
		builder_judge(b, t->object, IS_RECONCILING, "WaitsForBudget",
		              arena_printf(b->arena, "the restart for %s is %s%s; %s lets all restart now",
		                           vm_fields_words(b->arena, &t->pending), builder_beyond(b, BUDGET_RESTART, t->n_restarts),
		                           builder_budget(b, BUDGET_RESTART) ? ": it waits until those before it are Ready" : "",
		                           builder_approve_words(b)));
		return FALSE;
	}
	switch (vm_drain_step(&going)) {
	case DRAIN_WAIT: builder_judge(b, t->object, IS_RECONCILING, "Draining", vm_drain_words(&going)); return FALSE;
	case DRAIN_BEGIN: begin_drain(t, &going); return FALSE;
	case DRAIN_IDLE: act_drain(t, "restarts, its worker is idle"); break;
	case DRAIN_OVER: break;
	}
	act_restart(t);
	return TRUE;
}

/* -- as it runs ---------------------------------------------------------------------------------------------------- */

/* What the next start changes, where nothing restarts it. */
static const char *pending_words(const struct vm_target *t)
{
	if (!t->pending.n)
		return NULL;
	return arena_printf(t->b->arena, "the next start changes %s%s", vm_fields_words(t->b->arena, &t->pending),
	                    t->want->update == UPDATE_NEVER ? " (update: never)" : "");
}

static void judge_running(const struct vm_target *t)
{
	struct builder *b = t->b;
	const char *lacks = vm_worker_lacks(t), *pending = pending_words(t);
	if (t->have->state == DOMAIN_PAUSED)
		builder_judge(b, t->object, IS_STALLED, "Paused",
		              arena_printf(b->arena, "it is paused; `virsh resume %s` lets it go on", t->object->id));
	else if (t->pending.n && t->is_not_taken)
		builder_judge_settled(b, t->object, "NotTaken",
		                      arena_printf(b->arena, "the restart for %s did not bring that; see libvirt's log. Another spec or `cleave approve %s` restarts it "
		                                             "again", vm_fields_words(b->arena, &t->pending), t->object->id));
	else if (t->stored.n || t->live.n || t->have->is_transient)
		builder_judge_acted(b, t->object, "Differs", vm_differs_words(t));
	else if (t->host_state == HOST_CORDONED)
		builder_judge(b, t->object, IS_READY, "Cordoned",
		              arena_printf(b->arena, "the Host %s is cordoned: it takes no new frames%s%s", t->spec->host, pending ? "; " : "", pending ? pending : ""));
	else if (lacks) {
		builder_judge(b, t->object, IS_RECONCILING, "WaitsForWorker", lacks);
		builder_wake(b, 5000);
	} else
		builder_judge(b, t->object, IS_READY, pending ? "RestartPending" : "Running", pending);
}

void vm_plan_worker(struct vm_target *t)
{
	gboolean is_cordoned = t->host_state == HOST_CORDONED, is_drained = t->have->history.draining_since != NULL;
	if (is_cordoned && !is_drained && vm_worker(t->b, t->object->id, t->have))
		act_drain(t, "its Host is cordoned");
	else if (!is_cordoned && is_drained)
		vm_act(t, VERB_UNDRAIN_VM, "is not to be stopped any more")->expect = "running";
}

void vm_plan_running(struct vm_target *t)
{
	gboolean is_to_restart = t->pending.n && !t->is_not_taken && t->want->update != UPDATE_NEVER && t->host_state == HOST_ACTIVE;
	/* A start gives it all at once. */
	if (is_to_restart && plan_restart(t))
		return;
	if (t->live.n) {
		struct action *act = vm_act(t, VERB_UPDATE_VM, "these changes act while it runs");
		act->effect = changes_effect(&t->live);
		act->changes = t->live;
		act->expect = "running";
	}
	/* Nothing is to be drained while the restart waits for its turn. */
	if (!is_to_restart || !t->may_restart)
		vm_plan_worker(t);
	if (!is_to_restart)
		judge_running(t);
}
