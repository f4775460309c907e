/* tests/plan/NAME/: the plan of specs/ (all .yaml files) and have.yaml (what `observe -o yaml` writes)
 * for host h1 is exactly plan.txt. CLEAVE_UPDATE=1 writes plan.txt. */
#include "base/arena.h"
#include "plan_fixture.h"
#include "spec/emit.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct spec_file read_file(struct arena *a, const char *folder, const char *name)
{
	struct spec_file file = { .path = arena_strdup(a, name) };
	g_autofree char *path = g_build_filename(folder, name, NULL), *bytes = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_get_contents(path, &bytes, &file.size, &error))
		fail_msg("%s", error->message);
	file.bytes = arena_memdup(a, bytes, file.size + 1);
	return file;
}

static struct objects *read_specs(struct arena *a, const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "specs", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct spec_file));
	assert_non_null(dir);
	for (const char *name; (name = g_dir_read_name(dir));) {
		struct spec_file file = read_file(a, path, name);
		g_array_append_val(files, file);
	}
	return plan_fixture_want(a, (const struct spec_file *)(gpointer)files->data, files->len);
}

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

static void plan_case(void **state)
{
	const char *folder = *state;
	SCOPED_ARENA(a);
	struct spec_file have_file = read_file(a, folder, "have.yaml");
	struct objects *want = read_specs(a, folder), *have = plan_fixture_have(a, &have_file, 1);
	const char *said = plan_fixture_dump(a, plan_fixture_build(a, want, have));
	g_autofree char *golden_path = g_build_filename(folder, "plan.txt", NULL);
	if (g_getenv("CLEAVE_UPDATE"))
		g_file_set_contents(golden_path, said, -1, NULL);
	assert_string_equal(said, read_file(a, folder, "plan.txt").bytes);

	check_devices_only(a, want, have);

	/* The same observation, written and read once more, plans the same. */
	g_autoptr(GString) again = g_string_new(NULL);
	emit_objects(again, have, EMIT_STATUS);
	struct spec_file emitted = { .path = "emitted", .bytes = again->str, .size = again->len };
	assert_string_equal(plan_fixture_dump(a, plan_fixture_build(a, want, plan_fixture_have(a, &emitted, 1))), said);
}

static void add_cases(GArray *tests, GPtrArray *folders, const char *top)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(top, 0, &error);
	if (!dir)
		g_error("%s", error->message);
	for (const char *name; (name = g_dir_read_name(dir));) {
		char *path = g_build_filename(top, name, NULL);
		g_ptr_array_add(folders, path);
		struct CMUnitTest test = { path, plan_case, NULL, NULL, path };
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
	g_autofree char *plan = g_build_filename(top, "plan", NULL);
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	add_cases(tests, folders, plan);
	g_array_sort(tests, by_name);
	return _cmocka_run_group_tests("plan cases", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
