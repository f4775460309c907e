/* tests/preflight/NAME/: what preflight finds on host h1, given specs/ (all .yaml files; may be absent) and have.yaml
 * (what `observe -o yaml` writes), is exactly preflight.txt. CLEAVE_UPDATE=1 writes preflight.txt. And the table of
 * checks: each has cases in which it is right, and in which it is not. */
#include "base/arena.h"
#include "plan/plan.h"
#include "plan/preflight.h"
#include "plan_fixture.h"
#include "spec/emit.h"
#include "spec/rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char *dump(struct arena *a, const struct preflight *p)
{
	g_autoptr(GString) s = g_string_new(NULL);
	g_string_append_printf(s, "preflight host=%s fail=%u warn=%u unknown=%u ok=%u\n", p->host, p->n_of[CHECK_FAIL], p->n_of[CHECK_WARN],
	                       p->n_of[CHECK_UNKNOWN], p->n_of[CHECK_OK]);
	for (guint i = 0; i < p->n_findings; i++) {
		const struct finding *f = &p->findings[i];
		g_string_append_printf(s, "%s %s %s/%s: %s\n", name_of(&check_verdict_names, (int)f->verdict), f->check->name, kinds[f->kind].name, f->id, f->why);
		if (f->fix)
			g_string_append_printf(s, "  fix: %s\n", f->fix);
	}
	return arena_strdup(a, s->str);
}

static void preflight_case(void **state)
{
	const char *folder = *state;
	SCOPED_ARENA(a);
	struct spec_file have_file = plan_fixture_file(a, folder, "have.yaml");
	struct objects *specs = plan_fixture_specs(a, folder), *have = plan_fixture_have(a, &have_file, 1);
	const struct objects *want = specs ? specs : objects_new(a);
	const char *said = dump(a, preflight_build(a, "h1", want, have));
	g_autofree char *golden = g_build_filename(folder, "preflight.txt", NULL);
	if (g_getenv("CLEAVE_UPDATE"))
		g_file_set_contents(golden, said, -1, NULL);
	assert_string_equal(said, plan_fixture_file(a, folder, "preflight.txt").bytes);

	/* The same observation, written and read once more, says the same. */
	g_autoptr(GString) again = g_string_new(NULL);
	emit_objects(again, have, EMIT_STATUS);
	struct spec_file emitted = { .path = "emitted", .bytes = again->str, .size = again->len };
	assert_string_equal(dump(a, preflight_build(a, "h1", want, plan_fixture_have(a, &emitted, 1))), said);
}

/* -- the table ------------------------------------------------------------------------------------------------ */

static void rows_are_complete(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	(void)state;
	/* `cleave explain` takes the names of rules, checks and kinds. */
	for (guint i = 0; i < n_spec_rules; i++)
		g_hash_table_add(seen, (gpointer)spec_rules[i].name);
	for (guint i = 0; i < n_plan_rules; i++)
		g_hash_table_add(seen, (gpointer)plan_rules[i].name);
	for (guint i = 0; i < n_preflight_checks; i++) {
		const struct preflight_check *check = &preflight_checks[i];
		assert_non_null(check->ask);
		assert_true(g_str_has_suffix(check->doc, "."));
		assert_null(kind_find(check->name));
		if (!g_hash_table_add(seen, (gpointer)check->name))
			fail_msg("the name %s is there twice", check->name);
	}
}

/* Verdicts that no golden has, with the reason. */
static const struct {
	const char *check;
	unsigned has;
} rare[] = {
	{ "card-stuck", 1 << CHECK_FAIL }, /* a card without a stuck write is not worth a line */
	{ "root", 1 << CHECK_UNKNOWN | 1 << CHECK_OK },
};

static void note_verdicts(const char *path, unsigned *verdicts)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_get_contents(path, &text, NULL, &error))
		fail_msg("%s", error->message);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", 3);
		int verdict = g_strv_length(words) == 3 ? name_value(&check_verdict_names, words[0]) : -1;
		for (guint i = 0; verdict >= 0 && i < n_preflight_checks; i++)
			if (strcmp(words[1], preflight_checks[i].name) == 0)
				verdicts[i] |= 1u << verdict;
	}
}

static void each_check_has_cases(void **state)
{
	g_auto(GStrv) folders = plan_fixture_cases("preflight");
	g_autofree unsigned *verdicts = g_new0(unsigned, n_preflight_checks);
	(void)state;
	for (char **folder = folders; *folder; folder++) {
		g_autofree char *path = g_build_filename(*folder, "preflight.txt", NULL);
		note_verdicts(path, verdicts);
	}
	for (guint i = 0; i < n_preflight_checks; i++) {
		gboolean is_right = verdicts[i] & 1 << CHECK_OK, is_wrong = verdicts[i] & (1 << CHECK_FAIL | 1 << CHECK_WARN);
		for (guint k = 0; k < G_N_ELEMENTS(rare); k++)
			if (strcmp(rare[k].check, preflight_checks[i].name) == 0)
				is_right = is_wrong = (verdicts[i] & rare[k].has) == rare[k].has;
		if (!is_right || !is_wrong)
			fail_msg("%s: no case in tests/preflight has it %s", preflight_checks[i].name, is_right ? "fail or warn" : "right");
	}
}

/* -- all together ------------------------------------------------------------------------------------------------ */

int main(void)
{
	const struct CMUnitTest table[] = { cmocka_unit_test(rows_are_complete), cmocka_unit_test(each_check_has_cases) };
	g_auto(GStrv) folders = plan_fixture_cases("preflight");
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	for (char **folder = folders; *folder; folder++) {
		struct CMUnitTest test = { *folder, preflight_case, NULL, NULL, *folder };
		g_array_append_val(tests, test);
	}
	g_array_append_vals(tests, table, G_N_ELEMENTS(table));
	return _cmocka_run_group_tests("preflight", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
