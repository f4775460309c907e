#include "plan_limits_fixture.h"
#include "base/arena.h"
#include "spec/farm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct plan *plan_of(struct arena *a, const struct objects *want, const struct objects *have, const struct plan_approval *approval)
{
	struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = want, .have = have, .approvals = approval,
		                 .n_approvals = approval ? 1 : 0 };
	return plan_build(a, &in);
}

static gint64 n_of(const struct plan *p, enum verb verb)
{
	gint64 n = 0;
	for (guint i = 0; i < p->n_actions; i++)
		n += p->actions[i].verb == verb ? 1 : 0;
	return n;
}

static gboolean has_start(const struct plan *p, const char *vm)
{
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].verb == VERB_START_VM && strcmp(p->actions[i].id, vm) == 0)
			return TRUE;
	return FALSE;
}

/* With maxRestart 0 nothing that runs is restarted, and with any number not more than so many that nothing has begun of. */
static void check_budgets(const struct plan *p, const struct farm_budgets *budgets)
{
	assert_true(n_of(p, VERB_UNDEFINE_VM) <= budgets->max_delete);
	assert_true(n_of(p, VERB_DELETE_VOLUMES) <= MIN(budgets->max_delete, budgets->max_data_loss));
	gint64 n_begun = 0, n_restarts = 0;
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		n_begun += act->verb == VERB_DRAIN_VM && act->changes.n > 0 ? 1 : 0;
		n_restarts += act->verb == VERB_STOP_VM && has_start(p, act->id) ? 1 : 0;
	}
	assert_true(n_begun <= budgets->max_restart);
	assert_true(budgets->max_restart || !n_restarts);
}

static void check_approval(struct arena *a, const struct objects *want, const struct objects *have, const struct plan *p)
{
	assert_true(!p->approved && (p->waiting.n > 0) == (p->approval != NULL));
	if (!p->approval)
		return;
	const struct plan_approval one = { .digest = p->approval }, other = { .digest = "0000000000000000" };
	const struct plan *all = plan_of(a, want, have, &one);
	assert_string_equal(all->approved, p->approval);
	assert_string_equal(plan_digest(a, all), p->approval);
	assert_null(plan_of(a, want, have, &other)->approved);
}

static void check_nothing_disruptive(const struct plan *p)
{
	for (guint i = 0; i < p->n_actions; i++) {
		assert_true(p->actions[i].effect < EFFECT_VM_RESTART);
		assert_int_not_equal(p->actions[i].verb, VERB_UNDEFINE_VM);
	}
}

/* Each window is closed: it names the effects, and was not observed to be open. */
static void check_windows(struct arena *a, const struct objects *want, const struct objects *have, struct farm_policy *policy)
{
	static const char *words[] = { "vm-restart", "gpu-reset", "reboot", "replace", "data-loss" };
	struct farm_window window = { .allow = { words, G_N_ELEMENTS(words) }, .from = "03:00", .to = "05:00", .zone = "UTC" };
	policy->windows = (struct list){ &window, 1 };
	check_nothing_disruptive(plan_of(a, want, have, NULL));
	check_approval(a, want, have, plan_of(a, want, have, NULL));
	policy->windows = (struct list){ 0 };
}

static void check_turns(struct arena *a, const struct objects *want, const struct objects *have, struct farm_policy *policy)
{
	struct object *farm = objects_farm(have);
	struct farm_status *seen = farm ? farm->status : NULL;
	static const char *other[] = { "h2" };
	if (!seen)
		return;
	policy->rollout.hosts_at_once = 1;
	seen->rollout.slots = (struct strings){ other, 1 };
	check_nothing_disruptive(plan_of(a, want, have, NULL));
	seen->rollout.slots.n = 0;
	const struct plan *ours = plan_of(a, want, have, NULL);
	for (guint i = 0; i < ours->n_actions; i++)
		assert_int_equal(ours->actions[i].needs_slot, ours->actions[i].effect >= EFFECT_VM_RESTART || ours->actions[i].verb == VERB_UNDEFINE_VM);
	policy->rollout.hosts_at_once = 0;
}

void limits_check(struct arena *a, struct objects *want, const struct objects *have)
{
	const struct object *farm = objects_farm(want);
	struct farm_policy *policy = &((struct farm_spec *)farm->spec)->policy;
	const struct plan *p = plan_of(a, want, have, NULL);
	check_budgets(p, &policy->budgets);
	check_approval(a, want, have, p);
	check_windows(a, want, have, policy);
	check_turns(a, want, have, policy);
}
