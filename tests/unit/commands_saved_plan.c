/* A plan in a file is refused when anything that was seen is another thing by now, and that is named. */
#include "base/arena.h"
#include "base/error.h"
#include "commands/saved_plan.h"
#include "plan_fixture.h"
#include "report/report.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The plan of a case whose observation reads `after` where it reads `before`. */
static char *stream_of(struct arena *a, const char *name, const char *before, const char *after)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	const char *folder = arena_printf(a, "%s/plan/%s", top, name);
	struct spec_file have = plan_fixture_file(a, folder, "have.yaml");
	if (before) {
		assert_non_null(strstr(have.bytes, before));
		g_auto(GStrv) parts = g_strsplit(have.bytes, before, 2);
		have.bytes = arena_printf(a, "%s%s%s", parts[0], after, parts[1]);
		have.size = strlen(have.bytes);
	}
	GString *out = g_string_new(NULL);
	report_plan_json(out, plan_fixture_build(a, plan_fixture_specs(a, folder), plan_fixture_have(a, &have, 1)));
	return g_string_free(out, FALSE);
}

static const struct {
	const char *what, *name, *before, *after, *said;
} rows[] = {
	{ "a domain", "vm-differs-running", "    memory: 2GiB", "    memory: 1536MiB", "VM/" },
	{ "a disk", "volume-grow", "size: 500GiB", "size: 501GiB", "VM/" },
	{ "a card", "gpu-bind", "driver: snd_hda_intel", "driver: vfio-pci", "GPU/" },
	{ "huge pages", "host-hugepages-shortfall", "total: 48", "total: 47", "Host/" },
	{ "frames", "frames-cut", "- frames: \"7-8\"", "- frames: \"8-8\"", "RenderJob/" },
	{ "Redis", "frames-cut", "redis: ok", "redis: away", "" },
	{ "the job owner", "frames-cut", "jobOwner: h1", "jobOwner: h2", "" },
};

static void refused_after_each_kind_of_change(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		SCOPED_ARENA(a);
		g_autofree char *before = stream_of(a, rows[i].name, NULL, NULL), *same = stream_of(a, rows[i].name, NULL, NULL);
		g_autofree char *other = stream_of(a, rows[i].name, rows[i].before, rows[i].after);
		const struct saved_plan saved = { .text = before };
		assert_null(saved_plan_differs(&saved, same));
		g_autofree char *said = saved_plan_differs(&saved, other);
		if (!said || !strstr(said, rows[i].said))
			fail_msg("%s: %s", rows[i].what, said ? said : "no difference is seen");
		print_message("%s: %s\n", rows[i].what, said);
	}
}

static void what_workers_do_is_no_matter(void **state)
{
	(void)state;
	const struct saved_plan saved = { .text = (char *)"{\"type\":\"version\"}\n{\"type\":\"drift\",\"kind\":\"Worker\",\"name\":\"w\"}\n{\"type\":\"summary\"}\n" };
	assert_null(saved_plan_differs(&saved, "{\"type\":\"version\"}\n{\"type\":\"summary\"}\n"));
	g_autofree char *said = saved_plan_differs(&saved, "{\"type\":\"version\"}\n{\"type\":\"action\",\"verb\":\"stop-vm\",\"kind\":\"VM\",\"name\":\"a\"}\n{\"type\":\"summary\"}\n");
	assert_string_equal(said, "it had its end there, now it is stop-vm VM/a");
	g_autofree char *cut = saved_plan_differs(&saved, "{\"type\":\"version\"}\n");
	assert_string_equal(cut, "it had its end there, now it is nothing");
}

static void what_is_no_plan_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "no plan\n", "[]\n", "{\"type\":\"version\",\"version\":2}\n{\"type\":\"summary\"}\n",
		"{\"type\":\"version\",\"version\":1,\"host\":\"h1\",\"revision\":\"r\"}\n",
		"{\"type\":\"version\",\"version\":1,\"host\":\"h1\",\"revision\":\"main@sha1:../../x\"}\n{\"type\":\"summary\"}\n",
	};
	g_autofree char *dir = g_dir_make_tmp("cleave-plan.XXXXXX", NULL), *path = g_build_filename(dir, "plan", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		struct saved_plan s;
		assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		assert_false(saved_plan_read(path, &s, &error));
		assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID));
	}
	g_unlink(path);
	g_rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_after_each_kind_of_change),
		cmocka_unit_test(what_workers_do_is_no_matter),
		cmocka_unit_test(what_is_no_plan_is_refused),
	};
	return cmocka_run_group_tests_name("saved plans", tests, NULL, NULL);
}
