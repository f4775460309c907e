/* Plans beyond budgets and how they are approved, on cases of tests/plan. */
#include "base/arena.h"
#include "plan_fixture.h"
#include "spec/controller.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct world {
	struct arena *arena;
	struct objects *want, *have;
};

static struct world world_of(struct arena *a, const char *name)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	const char *folder = arena_printf(a, "%s/plan/%s", top, name);
	struct spec_file have = plan_fixture_file(a, folder, "have.yaml");
	struct world w = { a, plan_fixture_specs(a, folder), plan_fixture_have(a, &have, 1) };
	assert_non_null(w.want);
	return w;
}

static struct plan *plan_with(const struct world *w, const char *revision, const struct plan_approval *approval)
{
	struct plan_input in = { .host = "h1", .revision = revision, .epoch = 7, .want = w->want, .have = w->have,
		                 .approvals = approval, .n_approvals = approval ? 1 : 0 };
	return plan_build(w->arena, &in);
}

static guint n_of(const struct plan *p, enum verb verb)
{
	guint n = 0;
	for (guint i = 0; i < p->n_actions; i++)
		n += p->actions[i].verb == verb ? 1 : 0;
	return n;
}

static void an_approved_plan_has_no_limits(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world w = world_of(a, "vm-pruned-too-many");
	struct plan *p = plan_with(&w, "test", NULL);
	assert_int_equal(n_of(p, VERB_UNDEFINE_VM), 0);
	assert_non_null(p->approval);
	assert_null(p->approved);
	assert_int_equal(p->waiting.n, 2);
	assert_string_equal(p->waiting.items[0], "delete VM/a");
	struct plan_approval approval = { .digest = p->approval };
	struct plan *approved = plan_with(&w, "test", &approval);
	assert_int_equal(n_of(approved, VERB_UNDEFINE_VM), 2);
	assert_null(approved->approval);
	assert_string_equal(approved->approved, p->approval);
	/* What was approved is what is done. */
	assert_string_equal(plan_digest(a, approved), p->approval);
}

static void another_plan_is_not_approved(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world w = world_of(a, "vm-pruned-too-many");
	struct plan_approval approval = { .digest = plan_with(&w, "test", NULL)->approval };
	assert_null(plan_with(&w, "other", &approval)->approved);
	struct world more = world_of(a, "vm-restart-budget");
	assert_null(plan_with(&more, "test", &approval)->approved);
	approval = (struct plan_approval){ .digest = "0123456789abcdef" };
	assert_null(plan_with(&w, "test", &approval)->approved);
}

/* VMs take their time to drain: the plan is another one with each that is gone. */
static void what_is_left_of_it_goes_on(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world w = world_of(a, "vm-pruned-too-many");
	const char *began[] = { "delete VM/a", "delete VM/b", "delete VM/c" }, *others[] = { "delete VM/a", "delete VM/x" };
	struct plan_approval approval = { "0123456789abcdef", TRUE, { began, 3 } };
	assert_int_equal(n_of(plan_with(&w, "test", &approval), VERB_UNDEFINE_VM), 2);
	approval.has_begun = FALSE;
	assert_int_equal(n_of(plan_with(&w, "test", &approval), VERB_UNDEFINE_VM), 0);
	approval = (struct plan_approval){ "0123456789abcdef", TRUE, { others, 2 } };
	assert_int_equal(n_of(plan_with(&w, "test", &approval), VERB_UNDEFINE_VM), 0);
}

/* What was begun speaks of the disks that were seen then. */
static void data_are_not_lost_by_another_approval(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world seen = world_of(a, "volume-image-changed"), other = world_of(a, "volume-format-changed");
	const struct plan *p = plan_with(&seen, "test", NULL);
	const struct plan_approval begun = { "0123456789abcdef", TRUE, p->waiting };
	assert_int_equal(n_of(plan_with(&seen, "test", &begun), VERB_CREATE_VOLUMES), 1);
	assert_int_equal(n_of(plan_with(&other, "test", &begun), VERB_CREATE_VOLUMES), 0);
}

static void restarts_and_data_are_approved_alike(void **state)
{
	(void)state;
	static const struct { const char *name; enum verb verb; guint n_before, n_after; } rows[] = {
		{ "vm-restart-budget-none", VERB_STOP_VM, 0, 1 },
		{ "volume-image-changed", VERB_CREATE_VOLUMES, 0, 1 },
		{ "volume-left-budget", VERB_DELETE_VOLUMES, 0, 1 },
	};
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		SCOPED_ARENA(a);
		struct world w = world_of(a, rows[i].name);
		struct plan *p = plan_with(&w, "test", NULL);
		assert_non_null(p->approval);
		assert_int_equal(n_of(p, rows[i].verb), rows[i].n_before);
		struct plan_approval approval = { .digest = p->approval };
		assert_int_equal(n_of(plan_with(&w, "test", &approval), rows[i].verb), rows[i].n_after);
	}
}

/* The host's own ceilings are never exceeded by what git says, and a person on the host may. */
static void ceilings_are_below_budgets(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world w = world_of(a, "vm-pruned");
	const struct controller_spec none = { .ceilings = { 0, 0, 0, 0 } }, all = { .ceilings = { 9, 9, 9, 9 } };
	struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = w.want, .have = w.have, .local = &all };
	assert_int_equal(n_of(plan_build(a, &in), VERB_UNDEFINE_VM), 1);
	in.local = &none;
	const struct plan *p = plan_build(a, &in);
	assert_int_equal(n_of(p, VERB_UNDEFINE_VM), 0);
	assert_non_null(p->approval);
	struct plan_approval approval = { .digest = p->approval };
	in.approvals = &approval;
	in.n_approvals = 1;
	assert_int_equal(n_of(plan_build(a, &in), VERB_UNDEFINE_VM), 1);
}

static void nothing_waits_within_budgets(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct world w = world_of(a, "vm-pruned");
	const struct plan *p = plan_with(&w, "test", NULL);
	assert_null(p->approval);
	assert_int_equal(p->waiting.n, 0);
	assert_int_equal(n_of(p, VERB_UNDEFINE_VM), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_approved_plan_has_no_limits),      cmocka_unit_test(another_plan_is_not_approved),
		cmocka_unit_test(what_is_left_of_it_goes_on),          cmocka_unit_test(restarts_and_data_are_approved_alike),
		cmocka_unit_test(data_are_not_lost_by_another_approval),
		cmocka_unit_test(nothing_waits_within_budgets),        cmocka_unit_test(ceilings_are_below_budgets),
	};
	return cmocka_run_group_tests_name("limits of a plan", tests, NULL, NULL);
}
