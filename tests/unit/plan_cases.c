/* tests/plan/NAME/: the plan of specs/ (all .yaml files) and have.yaml (what `observe -o yaml` writes)
 * for host h1 is exactly plan.txt. CLEAVE_UPDATE=1 writes plan.txt. */
#include "base/arena.h"
#include "plan/reasons.h"
#include "plan_fixture.h"
#include "spec/emit.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* With devices only nothing else is planned, nor judged: who looks has not seen it. */
static void check_devices_only(struct arena *a, const struct objects *want, const struct objects *have)
{
	struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = want, .have = have, .devices_only = TRUE };
	const struct plan *p = plan_build(a, &in);
	for (guint i = 0; i < p->n_actions; i++)
		assert_true(p->actions[i].kind == KIND_HOST || p->actions[i].kind == KIND_GPU);
	for (guint i = 0; i < p->n_verdicts; i++) {
		enum kind_id kind = p->verdicts[i].object->kind->id;
		assert_true(kind == KIND_HOST || kind == KIND_GPU || kind == KIND_REVISION);
	}
	OBJECTS_EACH (o, want, KIND_GPU)
		assert_non_null(plan_verdict(p, KIND_GPU, o->id));
}

static gboolean is_explained(const char *reason)
{
	for (guint i = 0; i < n_plan_reasons; i++)
		if (strcmp(plan_reasons[i].word, reason) == 0)
			return TRUE;
	for (guint i = 0; i < n_plan_rules; i++)
		if (g_strcmp0(plan_rules[i].reason, reason) == 0)
			return TRUE;
	return FALSE;
}

static void check_reasons(const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++)
		if (!is_explained(p->verdicts[i].reason))
			fail_msg("the reason %s is no row of plan/reasons.c", p->verdicts[i].reason);
}

static void plan_case(void **state)
{
	const char *folder = *state;
	SCOPED_ARENA(a);
	struct spec_file have_file = plan_fixture_file(a, folder, "have.yaml");
	struct objects *want = plan_fixture_specs(a, folder), *have = plan_fixture_have(a, &have_file, 1);
	assert_non_null(want);
	const struct plan *plan = plan_fixture_build(a, want, have);
	const char *said = plan_fixture_dump(a, plan);
	g_autofree char *golden_path = g_build_filename(folder, "plan.txt", NULL);
	if (g_getenv("CLEAVE_UPDATE"))
		g_file_set_contents(golden_path, said, -1, NULL);
	assert_string_equal(said, plan_fixture_file(a, folder, "plan.txt").bytes);

	check_reasons(plan);
	check_devices_only(a, want, have);

	/* The same observation, written and read once more, plans the same. */
	g_autoptr(GString) again = g_string_new(NULL);
	emit_objects(again, have, EMIT_STATUS);
	struct spec_file emitted = { .path = "emitted", .bytes = again->str, .size = again->len };
	assert_string_equal(plan_fixture_dump(a, plan_fixture_build(a, want, plan_fixture_have(a, &emitted, 1))), said);
}

int main(void)
{
	g_auto(GStrv) folders = plan_fixture_cases("plan");
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	for (char **folder = folders; *folder; folder++) {
		struct CMUnitTest test = { *folder, plan_case, NULL, NULL, *folder };
		g_array_append_val(tests, test);
	}
	return _cmocka_run_group_tests("plan cases", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
