/* What is asked of guests and written into domains, against test:///default, which has no agents. */
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 20000 };
static const struct virt_id web = { "web-1", "0d6b8a1c-5f0e-4c4f-9b1a-0123456789ab" };
static const char xml[] = "<domain type='qemu'><name>web-1</name><uuid>0d6b8a1c-5f0e-4c4f-9b1a-0123456789ab</uuid>"
			  "<memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os></domain>";

static struct virt *open_test(void)
{
	struct virt *v = virt_open("test:///default", NULL, TIMEOUT_MS, NULL);
	assert_non_null(v);
	assert_true(virt_define(v, &web, xml, TIMEOUT_MS, NULL));
	assert_true(virt_start(v, &web, TIMEOUT_MS, NULL));
	return v;
}

static void test_no_agent(void **state)
{
	SCOPED_ARENA(a);
	GError *error = NULL;
	struct virt *v = open_test();
	(void)state;
	assert_false(virt_guest_write(v, &web, "/run/cleave/drain", "why", 2000, &error));
	assert_non_null(strstr(error->message, "web-1"));
	g_clear_error(&error);
	const struct virt_id nobody = { "nobody", "0d6b8a1c-5f0e-4c4f-9b1a-000000000000" };
	struct virt_guest guest;
	assert_false(virt_guest_info(v, a, &nobody, 2000, &guest, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND));
	g_clear_error(&error);
	virt_close(v, TIMEOUT_MS);
}

static const char *stored_xml(struct virt *v, struct arena *a, const char **ret_active)
{
	struct virt_domain d;
	assert_true(virt_look(v, a, "web-1", TIMEOUT_MS, &d, NULL));
	*ret_active = d.active_xml;
	return d.inactive_xml;
}

static void test_mark(void **state)
{
	SCOPED_ARENA(a);
	struct virt *v = open_test();
	const char *active;
	(void)state;
	assert_true(virt_set_mark(v, &web, "<vm farm=\"f\"/>", "cleave", "urn:cleave:domain:1", TIMEOUT_MS, NULL));
	const char *marked = stored_xml(v, a, &active);
	assert_non_null(strstr(marked, "farm=\"f\""));
	assert_non_null(strstr(marked, "urn:cleave:domain:1"));
	assert_non_null(strstr(active, "farm=\"f\""));
	assert_true(virt_set_mark(v, &web, NULL, "cleave", "urn:cleave:domain:1", TIMEOUT_MS, NULL));
	assert_null(strstr(stored_xml(v, a, &active), "urn:cleave:domain:1"));
	assert_null(strstr(active, "urn:cleave:domain:1"));
	virt_close(v, TIMEOUT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_agent), cmocka_unit_test(test_mark) };
	return cmocka_run_group_tests_name("host guest", tests, NULL, NULL);
}
