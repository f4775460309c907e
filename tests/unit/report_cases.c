/* tests/report/NAME/: specs/ and have.yaml, as those of tests/plan/, or have/HOST.yaml of several hosts; and what each
 * format says of it: expected.txt, .json, .md, .github, .xml. CLEAVE_UPDATE=1 writes them.
 *
 * And what has to hold of any plan's Markdown: its size, its shape, what it counts. */
#include "base/arena.h"
#include "plan_fixture.h"
#include "report/merge.h"
#include "report/report.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void write_text(GString *out, const struct report_plans *all)
{
	for (guint i = 0; i < all->n; i++)
		report_plan_text(out, all->items[i], (struct report_style){ 0 });
}

static void write_json(GString *out, const struct report_plans *all)
{
	for (guint i = 0; i < all->n; i++)
		report_plan_json(out, all->items[i]);
}

static const struct {
	const char *name;
	void (*write)(GString *out, const struct report_plans *all);
} formats[] = {
	{ "expected.txt", write_text },
	{ "expected.json", write_json },
	{ "expected.md", report_plans_markdown },
	{ "expected.github", report_plans_github },
	{ "expected.xml", report_plans_junit },
};

/* Each detail that is opened is closed, at the begin of a line of its own; nothing else is HTML but what is known. */
static void check_shape(const char *markdown)
{
	static const char *const known[] = { "<!-- cleave-plan -->", "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>" };
	gint depth = 0;
	for (const char *c = markdown; (c = strchr(c, '<')); c++) {
		gboolean is_known = FALSE;
		for (guint i = 0; i < G_N_ELEMENTS(known); i++)
			is_known |= g_str_has_prefix(c, known[i]);
		if (!is_known)
			fail_msg("not of the report: %.40s", c);
		depth += g_str_has_prefix(c, "<details>") ? 1 : g_str_has_prefix(c, "</details>") ? -1 : 0;
		assert_true(depth == 0 || depth == 1);
	}
	assert_int_equal(depth, 0);
	assert_true(g_utf8_validate(markdown, -1, NULL));
	assert_true(strlen(markdown) < REPORT_MARKDOWN_MAX);
}

static void report_case(void **state)
{
	const char *folder = *state;
	SCOPED_ARENA(a);
	struct spec_file have_file = plan_fixture_file(a, folder, "have.yaml");
	struct objects *want = plan_fixture_specs(a, folder), *have = plan_fixture_have(a, &have_file, 1);
	const struct plan *plan = plan_fixture_build(a, want, have);
	for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
		g_autoptr(GString) said = g_string_new(NULL);
		formats[i].write(said, &(struct report_plans){ &plan, 1, NULL });
		g_autofree char *path = g_build_filename(folder, formats[i].name, NULL);
		if (g_getenv("CLEAVE_UPDATE"))
			g_file_set_contents(path, said->str, -1, NULL);
		assert_string_equal(said->str, plan_fixture_file(a, folder, formats[i].name).bytes);
		if (formats[i].write == report_plans_markdown)
			check_shape(said->str);
	}
}

/* -- plans of any size ------------------------------------------------------------------------------------------- */

static struct plan *large_plan(struct arena *a, guint n_actions, guint n_refused, guint value_len)
{
	struct plan *p = ARENA_NEW(a, struct plan);
	char *value = arena_alloc(a, value_len + 1);
	memset(value, '<', value_len);
	*p = (struct plan){ .host = "h1", .revision = "test", .want = objects_new(a), .have = objects_new(a), .n_actions = n_actions,
		            .n_verdicts = n_refused, .actions = ARENA_ARRAY(a, struct action, n_actions + 1),
		            .verdicts = ARENA_ARRAY(a, struct verdict, n_refused + 1) };
	for (guint i = 0; i < n_actions; i++) {
		struct change *c = ARENA_NEW(a, struct change);
		*c = (struct change){ "memory", value, "2GiB", EFFECT_VM_RESTART };
		p->actions[i] = (struct action){ .verb = VERB_STOP_VM, .kind = KIND_VM, .id = arena_printf(a, "v%u", i), .reason = "differs",
			                         .effect = EFFECT_VM_RESTART, .changes = { c, 1 } };
	}
	for (guint i = 0; i < n_refused; i++) {
		struct object *o = ARENA_NEW(a, struct object);
		*o = (struct object){ .kind = &kinds[KIND_VM], .id = arena_printf(a, "r%u", i) };
		p->verdicts[i] = (struct verdict){ .object = o, .readiness = IS_STALLED, .reason = "NotOurs", .message = value, .is_refused = TRUE };
	}
	return p;
}

static guint64 count(const char *text, const char *what)
{
	guint64 n = 0;
	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* The number before the words, without its commas. */
static guint64 number_before(const char *text, const char *words)
{
	const char *end = strstr(text, words), *begin = end;
	while (begin && begin > text && (g_ascii_isdigit(begin[-1]) || begin[-1] == ','))
		begin--;
	g_autofree char *digits = begin ? g_strndup(begin, (gsize)(end - begin)) : g_strdup("0");
	g_auto(GStrv) parts = g_strsplit(digits, ",", -1);
	g_autofree char *joined = g_strjoinv("", parts);
	return g_ascii_strtoull(joined, NULL, 10);
}

static void any_size(void **state)
{
	static const guint sizes[][3] = { { 0, 0, 0 }, { 1, 0, 10 }, { 120, 30, 50 }, { 10000, 0, 5 }, { 10000, 10000, 5 }, { 10000, 10000, 400 },
		                          { 40, 5000, 70000 }, { 5, 0, 70000 } };
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		SCOPED_ARENA(a);
		g_autoptr(GString) out = g_string_new(NULL);
		const struct plan *p = large_plan(a, sizes[i][0], sizes[i][1], sizes[i][2]);
		report_plans_markdown(out, &(struct report_plans){ &p, 1, "before" });
		check_shape(out->str);
		assert_int_equal(count(out->str, "<details>") + number_before(out->str, " more action"), sizes[i][0]);
		assert_int_equal(count(out->str, "❌") + number_before(out->str, " more\n"), sizes[i][1]);
	}
}

/* A thousand hosts' titles alone would be more than a page. */
static void many_hosts(void **state)
{
	SCOPED_ARENA(a);
	const struct plan *plans[2000];
	g_autoptr(GString) out = g_string_new(NULL);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(plans); i++)
		plans[i] = large_plan(a, 5, 1, 20);
	report_plans_markdown(out, &(struct report_plans){ plans, G_N_ELEMENTS(plans), NULL });
	check_shape(out->str);
	assert_non_null(strstr(out->str, "10,000 actions on 2,000 hosts, 10,000 VMs restarted, 0 frames to render, **2000 refused**"));
	assert_int_equal(count(out->str, "<details>") + number_before(out->str, " more action"), 10000);
}

int main(void)
{
	g_auto(GStrv) folders = plan_fixture_cases("report");
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	for (char **folder = folders; *folder; folder++) {
		struct CMUnitTest test = { *folder, report_case, NULL, NULL, *folder };
		g_array_append_val(tests, test);
	}
	const struct CMUnitTest others[] = { cmocka_unit_test(any_size), cmocka_unit_test(many_hosts) };
	g_array_append_vals(tests, others, G_N_ELEMENTS(others));
	return _cmocka_run_group_tests("report cases", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
