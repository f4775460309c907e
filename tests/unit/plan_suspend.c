/* Suspended objects: when the plan is made anew, what the verdict tells programs, and who inherits from whom. */
#include "base/arena.h"
#include "plan/plan.h"
#include "plan_fixture.h"
#include "spec/suspend.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define HEAD(kind, name) "---\napiVersion: cleave/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define FARM HEAD("Farm", "f") "spec: {redis: {url: \"redis://h\"}, roots: {frames: {path: /f}}"
#define HOST HEAD("Host", "h1") "spec: {libvirt: none"
#define VM HEAD("VM", "v") "spec: {host: h1, memory: 1GiB, boot: {kernel: /k}"
#define FOR(until) ", suspend: {reason: a look, until: \"" until "\", by: Ada, since: \"2024-05-06T07:00:00Z\"}"
#define NOW "2024-05-06T07:08:09Z"

static const struct plan *build(struct arena *a, const char *specs, const char *suspended)
{
	const char *have = arena_printf(a, "%sstatus: {redis: ok, jobOwner: h1, roots: {frames: {mounted: true}}}\n%sstatus:\n  observedAt: \"" NOW "\"\n"
	                                   "  libvirt: ok\n  suspended: [%s]\n", HEAD("Farm", "f"), HEAD("Host", "h1"), suspended);
	const struct spec_file want = { .path = "w.yaml", .bytes = specs, .size = strlen(specs) }, there = { .path = "h.yaml", .bytes = have, .size = strlen(have) };
	return plan_fixture_build(a, plan_fixture_want(a, &want, 1), plan_fixture_have(a, &there, 1));
}

static void wakes_at_the_end(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const struct plan *p = build(a, FARM "}\n" HOST "}\n" VM FOR("2024-05-06T07:09:09Z") "}\n", "");
	assert_int_equal(p->n_actions, 0);
	assert_true(p->n_held > 0);
	assert_int_equal(p->wake_ms, 60000);
	p = build(a, FARM "}\n" HOST "}\n" VM FOR(NOW) "}\n", "");
	assert_true(p->n_actions > 0);
	assert_int_equal(p->n_held, 0);
	assert_int_equal(p->n_notes, 1);
	/* The first of several ends. */
	p = build(a, FARM "}\n" HOST FOR("2024-05-06T07:08:39Z") "}\n" VM FOR("2024-05-06T07:09:09Z") "}\n", "");
	assert_int_equal(p->wake_ms, 30000);
	/* A day that no calendar has: no end, rather than none of it. */
	p = build(a, FARM "}\n" HOST "}\n" VM FOR("2024-02-31T00:00:00Z") "}\n", "");
	assert_int_equal(p->n_actions, 0);
}

static void told_to_programs(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const struct plan *p = build(a, FARM "}\n" HOST FOR("2024-05-06T08:00:00Z") "}\n" VM "}\n", "");
	const struct verdict *v = plan_verdict(p, KIND_VM, "v");
	assert_non_null(v->suspension);
	assert_string_equal(v->suspension->how->since, "2024-05-06T07:00:00Z");
	assert_string_equal(v->suspension->speaker->id, "h1");
	assert_false(v->suspension->is_here);
	assert_true(v->is_settled);
	assert_null(plan_verdict(p, KIND_FARM, "f")->suspension);
}

static void here_and_there(void **state)
{
	static const struct {
		const char *specs, *here, *reason, *speaker;
	} cases[] = {
		{ FARM "}\n" HOST "}\n" VM "}\n", "{kind: VM, name: v, how: {reason: x, until: \"2024-05-06T08:00:00Z\"}}", "SuspendedHere", "v" },
		{ FARM "}\n" HOST "}\n" VM "}\n", "{kind: Host, name: h1, how: {reason: x, until: \"2024-05-06T08:00:00Z\"}}", "SuspendedHere", "h1" },
		{ FARM "}\n" HOST "}\n" VM "}\n", "{kind: Farm, name: f, how: {reason: x}}", "SuspendedHere", "f" },
		{ FARM ", suspend: x}\n" HOST "}\n" VM "}\n", "{kind: VM, name: v, how: {reason: x, until: \"" NOW "\"}}", "Suspended", "f" },
		{ FARM ", suspend: x}\n" HOST "}\n" VM ", suspend: y}\n", "", "Suspended", "v" },
		{ FARM "}\n" HOST "}\n" VM "}\n", "{kind: VM, name: other, how: {reason: x}}", "NotDefined", NULL },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		SCOPED_ARENA(a);
		const struct plan *p = build(a, cases[i].specs, cases[i].here);
		const struct verdict *v = plan_verdict(p, KIND_VM, "v");
		assert_string_equal(v->reason, cases[i].reason);
		assert_string_equal(v->suspension ? v->suspension->speaker->id : "-", cases[i].speaker ? cases[i].speaker : "-");
		assert_true((p->n_actions == 0) == (cases[i].speaker != NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(wakes_at_the_end), cmocka_unit_test(told_to_programs), cmocka_unit_test(here_and_there) };
	return cmocka_run_group_tests_name("suspended", tests, NULL, NULL);
}
