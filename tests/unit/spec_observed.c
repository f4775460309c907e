/* What is seen is not bound to what may be wanted: any observation is written and read again. */
#include "base/arena.h"
#include "spec/emit.h"
#include "spec/host.h"
#include "spec/load.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct object object_of(enum kind_id kind, const char *name, void *status)
{
	struct object o = { .kind = &kinds[kind], .id = name, .status = status };
	o.meta.name = name;
	return o;
}

static struct objects *read_status(struct arena *a, const GString *text)
{
	struct spec_file file = { "have", text->str, text->len };
	struct problems problems;
	problems_init(&problems, a);
	struct objects *have = status_load(a, &file, 1, &problems);
	if (problems.list->len)
		fail_msg("%s\n%s", g_array_index(problems.list, struct problem, 0).message, text->str);
	problems_clear(&problems);
	return have;
}

/* Bytes that are no UTF-8 cannot stand in YAML; they are replaced, not fatal. */
static void bytes_are_shown_as_text(void **state)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) text = g_string_new(NULL);
	struct host_status status = { .kernel = "6.1.0", .cmdline = "quiet name=caf\xe9" };
	struct object o = object_of(KIND_HOST, "name", &status);
	(void)state;
	emit_object(text, &o, EMIT_STATUS);
	const struct host_status *again = objects_get(read_status(a, text), KIND_HOST, "name")->status;
	assert_string_equal(again->cmdline, "quiet name=caf\xef\xbf\xbd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_shown_as_text),
	};
	return cmocka_run_group_tests_name("what is observed", tests, NULL, NULL);
}
