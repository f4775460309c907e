/* Edits of a file's text: one value changes, and not a byte else. */
#include "base/arena.h"
#include "spec/edit.h"
#include "spec/renderjob.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct edit_case {
	const char *before, *after; /* of the document, behind HEAD; after NULL: refused */
	const char *keys[4];
	const char *value;
	const struct edit_member *members;
};

static const struct edit_member why[] = { { "reason", "waits for \"Zoë\"" }, { "until", NULL }, { "by", "no" }, { NULL, NULL } };
#define WHY "{reason: \"waits for \\\"Zoë\\\"\", by: \"no\"}"

#define HEAD "apiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: a}\n"

static const struct edit_case cases[] = {
	{ "spec:\n  scene: {file: \"s:a.blend\", sha256: 00} # pinned\n", "spec:\n  scene: {file: \"s:a.blend\", sha256: 1f} # pinned\n",
	  { "scene", "sha256" }, .value = "1f" },
	{ "spec:\n  scene:\n    file: s:a.blend # é\n  frames: 1-4\n", "spec:\n  scene:\n    file: s:a.blend # é\n    sha256: 1f\n  frames: 1-4\n",
	  { "scene", "sha256" }, .value = "1f" },
	{ "spec: {scene: {}, frames: 1}\n", "spec: {scene: {sha256: 1f}, frames: 1}\n", { "scene", "sha256" }, .value = "1f" },
	{ "spec:\n  frames: 1-9 # all\n\n# next\n", "spec:\n  frames: 1-9 # all\n  waive: \"3,5-6\"\n\n# next\n", { "waive" }, .value = "3,5-6" },
	{ "spec:\n  frames: 1-9", "spec:\n  frames: 1-9\n  waive: 3-4", { "waive" }, .value = "3-4" },
	{ "spec:\n  waive:\n  frames: 1-9\n", "spec:\n  waive: 3-4\n  frames: 1-9\n", { "waive" }, .value = "3-4" },
	{ "spec:\n  inputs: traced\n  frames: 1\n", "spec:\n  inputs: {mode: traced, sha256: 1f}\n  frames: 1\n", { "inputs", "sha256" }, .value = "1f" },
	{ "spec:\n  inputs: [\"s:a/*\", s:b]\n", "spec:\n  inputs: {files: [\"s:a/*\", s:b], sha256: 1f}\n", { "inputs", "sha256" }, .value = "1f" },
	{ "spec:\n  frames: 1\n", "spec:\n  frames: 1\n  inputs: {sha256: 1f}\n", { "inputs", "sha256" }, .value = "1f" },
	{ "spec:\n  frames: 1\n  waive: 3 # why\n  order: x\n", "spec:\n  frames: 1\n  order: x\n", { "waive" }, .value = NULL },
	{ "spec: {waive: 3, frames: 1}\n", "spec: {frames: 1}\n", { "waive" }, .value = NULL },
	{ "spec: {frames: 1, waive: 3}\n", "spec: {frames: 1}\n", { "waive" }, .value = NULL },
	{ "spec:\n  frames: 1\n", "spec:\n  frames: 1\n", { "waive" }, .value = NULL },
	{ "spec:\n  inputs:\n    - s:a\n", NULL, { "inputs", "sha256" }, .value = "1f" },
	{ "spec:\n  scene: [a]\n", NULL, { "scene", "sha256" }, .value = "1f" },
	{ "specs: {}\n", NULL, { "waive" }, .value = "1" },
	{ "spec:\n  frames: 1\n  queue: a\n", "spec:\n  frames: 1\n  queue: \"no\"\n", { "queue" }, .value = "no" },
	/* maps, whatever stood there */
	{ "spec:\n  frames: 1 # one\n", "spec:\n  frames: 1 # one\n  suspend: " WHY "\n", { "suspend" }, .members = why },
	{ "spec: {frames: 1}\n", "spec: {suspend: " WHY ", frames: 1}\n", { "suspend" }, .members = why },
	{ "spec: {suspend: {reason: a, until: b}, frames: 1}\n", "spec: {suspend: " WHY ", frames: 1}\n", { "suspend" }, .members = why },
	{ "spec:\n  suspend: old # why\n  frames: 1\n", "spec:\n  suspend: " WHY " # why\n  frames: 1\n", { "suspend" }, .members = why },
	{ "spec:\n  suspend:\n    reason: old\n    by: me # he\n  # all\n  frames: 1\n", "spec:\n  suspend: " WHY " # he\n  # all\n  frames: 1\n",
	  { "suspend" }, .members = why },
	{ "spec:\n  suspend: >\n    old\n    words\n  frames: 1\n", "spec:\n  suspend: " WHY "\n  frames: 1\n", { "suspend" }, .members = why },
	{ "spec:\n  suspend:\n  frames: 1\n", "spec:\n  suspend: " WHY "\n  frames: 1\n", { "suspend" }, .members = why },
	{ "spec:\n  suspend: {reason: a,\n    by: b} # who\n  frames: 1\n", "spec:\n  frames: 1\n", { "suspend" }, .value = NULL },
	{ "spec:\n  suspend:\n    reason: a\n    by: b\n  # all\n  frames: 1\n", "spec:\n  # all\n  frames: 1\n", { "suspend" }, .value = NULL },
	{ "spec:\n  frames: 1\n  suspend:\n    reason: a\n", "spec:\n  frames: 1\n", { "suspend" }, .value = NULL },
	{ "spec:\n  suspend: |\n    a\n    b\n  frames: 1\n", "spec:\n  frames: 1\n", { "suspend" }, .value = NULL },
	{ "spec: {frames: 1, suspend: {reason: a}}\n", "spec: {frames: 1}\n", { "suspend" }, .value = NULL },
};

static void one_value(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		SCOPED_ARENA(a);
		const struct edit_case *c = &cases[i];
		/* A document before it, so that the line matters. */
		const char *text = arena_printf(a, HEAD "spec: {}\n---\n" HEAD "%s", c->before), *problem;
		const struct edit e = { text, strlen(text), 6, renderjob_fields, c->keys, c->value, c->members };
		const char *after = edit_set(a, &e, &problem);
		if (!c->after) {
			assert_null(after);
			assert_non_null(problem);
			continue;
		}
		assert_non_null(after);
		assert_string_equal(after, arena_printf(a, HEAD "spec: {}\n---\n" HEAD "%s", c->after));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_value) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
