/* Pauses of a plan: what failed is left out with what waits for it, and all else stays. The plan is that of tests/plan/vm-gpu:
 * a card is bound, and a VM that has it is defined and started. */
#include "base/arena.h"
#include "plan_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct plan *build(struct arena *a, const struct plan_pause *pause)
{
	g_auto(GStrv) folders = plan_fixture_cases("plan");
	const char *folder = NULL;
	for (char **one = folders; *one; one++)
		if (g_str_has_suffix(*one, "/vm-gpu"))
			folder = arena_strdup(a, *one);
	assert_non_null(folder);
	struct spec_file have = plan_fixture_file(a, folder, "have.yaml");
	const struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = plan_fixture_specs(a, folder),
		                       .have = plan_fixture_have(a, &have, 1), .pauses = pause, .n_pauses = pause ? 1 : 0 };
	return plan_build(a, &in);
}

static void assert_verdict(const struct plan *p, enum kind_id kind, const char *id, enum readiness readiness, const char *reason, const char *says)
{
	const struct verdict *v = plan_verdict(p, kind, id);
	assert_int_equal(v->readiness, readiness);
	assert_string_equal(v->reason, reason);
	assert_non_null(strstr(v->message, says));
}

static void what_waits_is_left_out_too(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const struct plan_pause pause = { .kind = KIND_GPU, .id = "g", .verb = VERB_BIND_DEVICE, .n_failed = 2, .why = "in use",
		                          .until_ms = 1000, .in_ms = 700 };
	const struct plan *p = build(a, &pause);
	assert_int_equal(p->n_actions, 0);
	assert_int_equal(p->n_paused, 3);
	assert_int_equal(p->wake_ms, 700);
	assert_verdict(p, KIND_GPU, "g", IS_RECONCILING, "BackOff", "bind-device failed 2 times in a row: in use; tried again at 1970-01-01T00:00:01Z");
	assert_verdict(p, KIND_VM, "v", IS_RECONCILING, "WaitsForOther", "waits for bind-device of GPU g");
}

static void the_rest_goes_on(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const struct plan_pause pause = { .kind = KIND_VM, .id = "v", .verb = VERB_START_VM, .n_failed = 5, .why = "no room", .until_ms = 1000, .in_ms = 700 };
	const struct plan *p = build(a, &pause);
	assert_int_equal(p->n_actions, 1);
	assert_int_equal(p->actions[0].verb, VERB_BIND_DEVICE);
	assert_int_equal(p->actions[0].n_waits, 0);
	assert_verdict(p, KIND_VM, "v", IS_STALLED, "BackOff", "start-vm failed 5 times in a row: no room");
}

static void what_oscillates_is_left_alone(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const struct plan_pause pause = { .kind = KIND_VM, .id = "v", .verb = -1, .why = "memory was put back" };
	const struct plan *p = build(a, &pause);
	assert_int_equal(p->n_actions, 1);
	assert_int_equal(p->wake_ms, 0);
	assert_verdict(p, KIND_VM, "v", IS_STALLED, "Oscillating", "memory was put back; a newer revision or `cleave apply`");
}

static void others_are_not_meant(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const struct plan_pause pauses[] = {
		{ .kind = KIND_GPU, .id = "v", .verb = VERB_BIND_DEVICE, .n_failed = 1, .why = "", .until_ms = 1 },
		{ .kind = KIND_HOST, .id = "h1", .verb = VERB_LOAD_MODULES, .n_failed = 1, .why = "", .until_ms = 1 },
	};
	for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
		g_autofree char *said = g_strdup(plan_fixture_dump(a, build(a, &pauses[i])));
		assert_string_equal(said, plan_fixture_dump(a, build(a, NULL)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_left_out_too),
		cmocka_unit_test(the_rest_goes_on),
		cmocka_unit_test(what_oscillates_is_left_alone),
		cmocka_unit_test(others_are_not_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
