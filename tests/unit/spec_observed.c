/* What is seen is not bound to what may be wanted: any observation is written and read again. */
#include "base/arena.h"
#include "spec/diff.h"
#include "spec/emit.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/vm.h"
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
	struct spec_file file = { .path = "have", .bytes = text->str, .size = text->len };
	struct problems problems;
	problems_init(&problems, a);
	struct objects *have = status_load(a, &file, 1, &problems);
	if (problems.list->len)
		fail_msg("%s\n%s", g_array_index(problems.list, struct problem, 0).message, text->str);
	problems_clear(&problems);
	return have;
}

/* A domain of the administrator's own: nothing of it need be as a VM's spec could say it. */
static void strange_domains_are_read_again(void **state)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) text = g_string_new(NULL);
	struct vm_share share = { .path = "relative/../path", .target = "has spaces, and is longer than any mount tag", .readonly = TRUE };
	struct vm_network card = { .bridge = "a-bridge-name-that-is-too-long" };
	struct vm_status status = { .owner = NULL, .state = DOMAIN_PAUSED, .reason = "I/O error\non\tdisk \x01" };
	struct object o = object_of(KIND_VM, "Windows 10 (old)", &status);
	(void)state;
	status.defined = (struct vm_spec){ .n_vcpus = 9999, .memory_bytes = 1 * MiB, .machine = "pc i440fx", .serial_log = "pty",
		                           .boot = { .kernel = "vmlinuz", .cmdline = "a\nb" }, .shares = { &share, 1 },
		                           .networks = { &card, 1 } };
	emit_object(text, &o, EMIT_STATUS);
	const struct object *again = objects_get(read_status(a, text), KIND_VM, o.id);
	assert_non_null(again);
	struct changes c = diff_structs(a, vm_status_fields, &status, again->status, 0);
	if (c.n)
		fail_msg("%s: %s became %s", c.items[0].field, c.items[0].before, c.items[0].after);
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

/* Words that other YAML readers take for something else come back as the text they are. */
static void texts_stay_texts(void **state)
{
	static const char *const texts[] = { "true", "null", "~", "1e5", "0x1F", "12:30:00", "2024-05-06", "-", "- a", "a: b",
		                             "a #b", "#a", " a", "a ", "'", "\"", "\\", "[a", "{a", "*a", "&a", "!a", "%a", "|",
		                             ">", "@a", "`a", "?", "? a", ":", ",", "---", "...", "=", "<<", "é", "\xe2\x80\xa8",
		                             "\xf0\x9f\x98\x80", "a\nb", "a\n\n b\n", "\ta" };
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		struct host_status status = { .cmdline = texts[i] };
		struct object o = object_of(KIND_HOST, "name", &status);
		emit_object(text, &o, EMIT_STATUS);
		const struct host_status *again = objects_get(read_status(a, text), KIND_HOST, "name")->status;
		assert_string_equal(again->cmdline, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strange_domains_are_read_again),
		cmocka_unit_test(bytes_are_shown_as_text),
		cmocka_unit_test(texts_stay_texts),
	};
	return cmocka_run_group_tests_name("what is observed", tests, NULL, NULL);
}
