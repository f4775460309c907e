/* tests/spec/good/NAME/: valid, and reading what emit writes gives the same again.
 * tests/spec/bad/NAME.yaml with NAME.txt: exactly these messages. CLEAVE_UPDATE=1 writes the .txt. */
#include "base/arena.h"
#include "spec/emit.h"
#include "spec/load.h"
#include "spec/rules.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char *read_text(const char *path, gsize *ret_size)
{
	char *text = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_get_contents(path, &text, ret_size, &error))
		fail_msg("%s", error->message);
	return text;
}

/* All problems as the tool prints them. */
static char *messages(const struct problems *p, const char *text, gsize size)
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < p->list->len; i++)
		problem_format(out, &g_array_index(p->list, struct problem, i), text, size);
	return g_string_free(out, FALSE);
}

static GHashTable *fired; /* names of the rules that some bad case breaks */

static void remember_rules(const struct problems *p)
{
	for (guint i = 0; i < p->list->len; i++) {
		const char *rule = g_array_index(p->list, struct problem, i).rule;
		if (rule)
			g_hash_table_add(fired, (gpointer)rule);
	}
}

/* Runs last. */
static void every_rule_has_a_case(void **state)
{
	(void)state;
	for (guint i = 0; i < n_spec_rules; i++)
		if (spec_rules[i].check && !g_hash_table_contains(fired, spec_rules[i].name))
			fail_msg("no file in tests/spec/bad breaks the rule %s", spec_rules[i].name);
}

static void bad_case(void **state)
{
	const char *path = *state;
	SCOPED_ARENA(a);
	gsize size;
	g_autofree char *text = read_text(path, &size), *stem = g_strndup(path, strlen(path) - strlen(".yaml"));
	g_autofree char *golden_path = g_strconcat(stem, ".txt", NULL), *name = g_path_get_basename(path);
	struct spec_file file = { .path = name, .bytes = text, .size = size };
	struct problems problems;
	problems_init(&problems, a);
	spec_load(a, &file, 1, &problems);
	g_autofree char *said = messages(&problems, text, size);
	guint n_errors = problems.n_errors + problems.n_warnings;
	remember_rules(&problems);
	problems_clear(&problems);
	assert_true(n_errors > 0);
	if (g_getenv("CLEAVE_UPDATE"))
		g_file_set_contents(golden_path, said, -1, NULL);
	g_autofree char *golden = read_text(golden_path, NULL);
	assert_string_equal(said, golden);
}

static struct objects *load_text(struct arena *a, const char *name, const char *text, gsize size)
{
	struct spec_file file = { .path = name, .bytes = text, .size = size };
	struct problems problems;
	problems_init(&problems, a);
	struct objects *o = spec_load(a, &file, 1, &problems);
	g_autofree char *said = messages(&problems, text, size);
	if (problems.n_errors)
		fail_msg("%s", said);
	problems_clear(&problems);
	return o;
}

static void good_case(void **state)
{
	SCOPED_ARENA(a);
	gsize size;
	g_autofree char *text = read_text(*state, &size);
	g_autoptr(GString) once = g_string_new(NULL), twice = g_string_new(NULL);
	emit_objects(once, load_text(a, *state, text, size), EMIT_SPEC);
	emit_objects(twice, load_text(a, "emitted", once->str, once->len), EMIT_SPEC);
	assert_true(once->len > 0);
	assert_string_equal(once->str, twice->str);
}

static void add_cases(GArray *tests, GPtrArray *names, const char *folder, CMUnitTestFunction function)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	if (!dir)
		g_error("%s", error->message);
	for (const char *name; (name = g_dir_read_name(dir));) {
		if (!g_str_has_suffix(name, ".yaml"))
			continue;
		char *path = g_build_filename(folder, name, NULL);
		g_ptr_array_add(names, path);
		struct CMUnitTest test = { path, function, NULL, NULL, path };
		g_array_append_val(tests, test);
	}
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct CMUnitTest *)x)->name, ((const struct CMUnitTest *)y)->name);
}

int main(void)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	g_autofree char *good = g_build_filename(top, "spec", "good", NULL), *bad = g_build_filename(top, "spec", "bad", NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	add_cases(tests, names, good, good_case);
	add_cases(tests, names, bad, bad_case);
	g_array_sort(tests, by_name);
	const struct CMUnitTest last = cmocka_unit_test(every_rule_has_a_case);
	g_array_append_val(tests, last);
	fired = g_hash_table_new(g_str_hash, g_str_equal);
	return _cmocka_run_group_tests("spec cases", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
