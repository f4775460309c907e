/* A VM that is to go up or down: started when it may be (its home, its crashes), stopped when its worker is done. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/farm.h"
#include "spec/vm_history.h"
#include <string.h>

/* -- its home ------------------------------------------------------------------------------------------------------ */

gboolean vm_judge_elsewhere(struct vm_target *t)
{
	struct builder *b = t->b;
	if (t->home && strcmp(t->home, b->in->host) != 0) {
		builder_judge(b, t->object, IS_RECONCILING, "OnOtherHost",
		              arena_printf(b->arena, "the host %s has it and has not reported it gone; if that host is dead, `cleave approve %s` lets it start here",
		                           t->home, t->object->id));
		builder_wake(b, 5000);
		return TRUE;
	}
	/* A farm of one host has no other place. */
	if ((t->have && !t->have->history.left_at) || vm_redis(b) != PLANE_AWAY || b->in->want->by_kind[KIND_HOST]->len <= 1)
		return FALSE;
	builder_judge(b, t->object, IS_RECONCILING, "HomeUnknown",
	              !t->have ? "Redis does not answer, and another host may have it"
	                       : arena_printf(b->arena, "Redis does not answer, and another host was let have it at %s; `cleave approve %s` lets it start here",
	                                      t->have->history.left_at, t->object->id));
	return TRUE;
}

/* -- up ------------------------------------------------------------------------------------------------------------ */

static const char *start_reason(const struct vm_target *t)
{
	const struct vm_status *s = t->have;
	if (s->state == DOMAIN_CRASHED)
		return "should run, has crashed";
	return s->reason ? arena_printf(t->b->arena, "should run, is shut off (%s)", s->reason) : "should run, is shut off";
}

#define KEEPS_IT_OFF "`state: stopped` in its spec keeps it off, `reconcile: observe` leaves it alone"

static const char *by_hand_words(const struct vm_target *t)
{
	if (vm_was_stopped_by_hand(t->have))
		return "somebody stopped it; " KEEPS_IT_OFF;
	return vm_has_powered_off(t->have) ? "its guest powered off, or was asked to; " KEEPS_IT_OFF : NULL;
}

static const char *last_end(const struct vm_status *s)
{
	return s->state == DOMAIN_CRASHED ? "crashed" : s->reason ? s->reason : "not told";
}

static void judge_crash_loop(const struct vm_target *t, gint64 n)
{
	struct arena *a = t->b->arena;
	builder_judge_settled(t->b, t->object, "CrashLoop",
	                      arena_printf(a, "it ended %" G_GINT64_FORMAT " times in a row soon after its start, last at %s (%s); a new revision or "
	                                      "`cleave approve %s` starts it again", n, t->have->since, last_end(t->have), t->object->id));
}

static void judge_start(const struct vm_target *t)
{
	const char *by_hand = by_hand_words(t), *reason = t->stored.n ? "Differs" : "NotRunning";
	if (by_hand)
		builder_judge(t->b, t->object, IS_RECONCILING, reason, by_hand);
	else
		builder_judge_acted(t->b, t->object, reason, t->stored.n ? vm_differs_words(t) : arena_printf(t->b->arena, "it %s", start_reason(t)));
}

void vm_plan_start(struct vm_target *t)
{
	struct builder *b = t->b;
	gint64 n = vm_short_runs(t->have, b->in->revision), now = builder_now_ms(b);
	gint64 pause = vm_backoff_ms(t->have, n), at = vm_time_ms(t->have->since) + pause;
	if (n >= VM_SHORT_RUNS_MOST) {
		judge_crash_loop(t, n);
	} else if (pause && now < at) {
		builder_judge(b, t->object, IS_RECONCILING, "BackOff",
		              arena_printf(b->arena, "it ended soon after its start (%s), %" G_GINT64_FORMAT " in a row; started again at %s",
		                           last_end(t->have), n, vm_time_text(b->arena, at)));
		builder_wake(b, at - now);
	} else {
		vm_act(t, VERB_START_VM, start_reason(t))->expect = "shut off";
		judge_start(t);
	}
}

/* -- down ---------------------------------------------------------------------------------------------------------- */

void vm_plan_stop(struct vm_target *t)
{
	struct builder *b = t->b;
	struct vm_going going = { b, t->object->id, t->have, t->want };
	gboolean is_unwanted = t->want->state == VM_STOPPED;
	struct gate gate;
	if (!builder_holds_back(b, t->object) && !builder_may(b, EFFECT_VM_RESTART, &gate)) {
		builder_judge_gated(b, t->object, &gate, arena_printf(b->arena, "stop VM/%s", t->object->id));
		vm_plan_worker(t); /* it is not drained for hours, idle */
		return;
	}
	const char *reason = is_unwanted ? "is stopped, and stays off: its spec says so" : "is stopped, and stays off: its Host is to be drained";
	enum drain_step step = vm_drain_step(&going);
	if (step == DRAIN_BEGIN || step == DRAIN_IDLE) {
		struct action *act = vm_act(t, VERB_DRAIN_VM, is_unwanted ? "is to be stopped: its spec says so" : "is to be stopped: its Host is to be drained");
		act->effect = step == DRAIN_BEGIN ? EFFECT_VM_RESTART : EFFECT_NONE;
		act->expect = "running";
	}
	if (step == DRAIN_BEGIN || step == DRAIN_WAIT) {
		builder_judge(b, t->object, IS_RECONCILING, "Draining", vm_drain_words(&going));
		return;
	}
	struct action *act = vm_act(t, VERB_STOP_VM, reason);
	act->effect = EFFECT_VM_RESTART;
	act->expect = "running";
	builder_judge_acted(b, t->object, "ShouldStop", is_unwanted ? "its spec says state: stopped" : "its Host is to be drained");
}
