/* Every row of hardware into libvirt's XML and back: valid by libvirt's schema, the same fields again, and the same XML
 * when it is made anew. */
#include "base/arena.h"
#include "domain/domain.h"
#include "domain_cases_fixture.h"
#include "spec/diff.h"
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char schema_file[] = "/usr/share/libvirt/schemas/domain.rng";
static const struct domain_identity identity = { .farm = "farm", .name = "vm.1", .media = "/var/lib/cleave/vms/vm.1", .vnc_password = "geheim" };

static void expect_same(struct arena *a, const char *name, const struct vm_spec *have, const struct vm_spec *want, const char *machine)
{
	struct vm_spec said = vm_in_words_of(a, have, want, machine);
	struct changes c = diff_structs(a, vm_fields, &said, want, FIELD_IN_DOMAIN);
	if (c.n)
		fail_msg("%s: %s: %s instead of %s", name, c.items[0].field, c.items[0].before ? c.items[0].before : "nothing",
		         c.items[0].after ? c.items[0].after : "nothing");
}

static struct vm_spec read_back(struct arena *a, const char *xml, struct domain_facts *ret)
{
	struct vm_spec vm;
	g_autoptr(GError) error = NULL;
	if (!domain_from_xml(a, xml, &vm, ret, &error))
		fail_msg("%s", error->message);
	return vm;
}

static void test_both_ways(void **state)
{
	(void)state;
	for (guint i = 0; i < n_domain_cases; i++) {
		SCOPED_ARENA(a);
		struct domain_facts facts;
		struct vm_spec want = domain_case_spec(a, &domain_cases[i]);
		const char *xml = domain_to_xml(a, &identity, &want, NULL);
		struct vm_spec have = read_back(a, xml, &facts);
		expect_same(a, domain_cases[i].name, &have, &want, facts.machine_type);
		assert_string_equal(facts.name, "vm.1");
		assert_string_equal(facts.owner, "farm");
		assert_string_equal(facts.uuid, domain_uuid(a, &identity));
		assert_string_equal(domain_to_xml(a, &identity, &want, xml), xml);
	}
}

/* libxml2 prints what is wrong. */
static void test_schema(void **state)
{
	(void)state;
	if (!g_file_test(schema_file, G_FILE_TEST_EXISTS)) {
		print_message("# %s is not installed\n", schema_file);
		skip();
	}
	xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(schema_file);
	xmlRelaxNG *schema = xmlRelaxNGParse(parser);
	guint n_bad = 0;
	assert_non_null(schema);
	for (guint i = 0; i < n_domain_cases; i++) {
		SCOPED_ARENA(a);
		struct vm_spec want = domain_case_spec(a, &domain_cases[i]);
		const char *xml = domain_to_xml(a, &identity, &want, NULL);
		xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), domain_cases[i].name, NULL, 0);
		xmlRelaxNGValidCtxt *valid = xmlRelaxNGNewValidCtxt(schema);
		if (xmlRelaxNGValidateDoc(valid, doc) != 0) {
			print_message("# %s:\n%s", domain_cases[i].name, xml);
			n_bad++;
		}
		xmlRelaxNGFreeValidCtxt(valid);
		xmlFreeDoc(doc);
	}
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
	assert_int_equal(n_bad, 0);
}

/* -- no row is forgotten ------------------------------------------------------------------------------------- */

/* A part for every row that libvirt is compared by, and no other. */
static void test_parts_and_rows(void **state)
{
	(void)state;
	g_autoptr(GHashTable) parts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; domain_row_fields(i); i++) {
		g_auto(GStrv) names = g_strsplit(domain_row_fields(i), " ", -1);
		for (char **name = names; *name; name++) {
			const struct field *f = field_find(vm_fields, *name);
			if (!f || !(f->flags & FIELD_IN_DOMAIN))
				fail_msg("%s is no row that is read back", *name);
			if (!g_hash_table_add(parts, g_strdup(*name)))
				fail_msg("%s has two parts", *name);
		}
	}
	FIELDS_EACH (f, vm_fields)
		if ((f->flags & FIELD_IN_DOMAIN) && !g_hash_table_contains(parts, f->name))
			fail_msg("%s has no part", f->name);
}

/* Rows of the guest alone: its seed's digest, or its settings', speaks for them. `other` is never wanted. */
static gboolean is_of_guest(const char *path)
{
	static const char *const paths[] = { "disks.pool", "disks.image", "disks.size", "disks.filesystem", "disks.mount", "disks.keep",
		                             "networks.address", "networks.gateway", "networks.dns", "console.passwordFile", "console.other" };
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return TRUE;
	return g_str_has_prefix(path, "worker.") && strcmp(path, "worker.bundle") != 0;
}

static void note_said(struct arena *a, const struct field *table, const void *object, const char *prefix, GHashTable *said)
{
	FIELDS_EACH (f, table) {
		const char *path = *prefix ? arena_printf(a, "%s.%s", prefix, f->name) : f->name;
		const struct list *list = FIELD_AT_CONST(f, object);
		if (field_is_scalar(f) || f->type == FIELD_STRINGS) {
			if (!field_is_absent(f, object))
				g_hash_table_add(said, (gpointer)path);
		} else if (f->type == FIELD_STRUCT) {
			note_said(a, f->fields, FIELD_AT_CONST(f, object), path, said);
		} else {
			for (guint i = 0; i < list->n; i++)
				note_said(a, f->fields, (const char *)list->items + i * f->item_size, path, said);
		}
	}
}

static void demand_said(struct arena *a, const struct field *table, const char *prefix, unsigned mask, GHashTable *said)
{
	FIELDS_EACH (f, table) {
		const char *path = *prefix ? arena_printf(a, "%s.%s", prefix, f->name) : f->name;
		if ((f->flags & mask) != mask || is_of_guest(path))
			continue;
		if (f->fields)
			demand_said(a, f->fields, path, 0, said);
		else if (!g_hash_table_contains(said, path))
			fail_msg("no case says %s", path);
	}
}

static void test_cases_say_all(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	g_autoptr(GHashTable) said = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < n_domain_cases; i++) {
		struct vm_spec vm = domain_case_spec(a, &domain_cases[i]);
		note_said(a, vm_fields, &vm, "", said);
	}
	demand_said(a, vm_fields, "", FIELD_IN_DOMAIN, said);
}

/* libvirt writes no DTD: what has one is no domain. */
static void test_entities(void **state)
{
	SCOPED_ARENA(a);
	struct vm_spec vm;
	struct domain_facts facts;
	g_autoptr(GError) error = NULL;
	(void)state;
	assert_false(domain_from_xml(a, "<!DOCTYPE domain [<!ENTITY x \"y\">]><domain><name>&x;</name></domain>", &vm, &facts, &error));
	assert_true(domain_from_xml(a, "<domain><name>y</name></domain>", &vm, &facts, NULL));
	assert_string_equal(facts.name, "y");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_ways), cmocka_unit_test(test_schema),
		                            cmocka_unit_test(test_parts_and_rows), cmocka_unit_test(test_cases_say_all),
		                            cmocka_unit_test(test_entities) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
