/* libvirt's XML of a domain: what is read is written, and read again the same. */
#include "base/arena.h"
#include "base/error.h"
#include "domain/domain.h"
#include "fuzz.h"
#include "spec/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *xml = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	struct vm_spec vm = { 0 }, again = { 0 };
	struct domain_facts facts = { 0 };
	if (!domain_from_xml(a, xml, &vm, &facts, &error)) {
		g_assert_nonnull(error);
		return 0;
	}
	const struct domain_identity id = { .farm = "farm", .name = "name", .media = "/m" };
	const char *written = domain_to_xml(a, &id, &vm, xml);
	g_assert(domain_from_xml(a, written, &again, &facts, NULL));
	g_assert_cmpstr(facts.owner, ==, "farm");
	g_assert_cmpstr(facts.name, ==, "name");
	diff_structs(a, vm_fields, &vm, &again, FIELD_IN_DOMAIN);
	return 0;
}
