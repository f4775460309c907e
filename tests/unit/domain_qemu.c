/* The same cases against libvirt's QEMU driver, embedded: what it makes of the XML reads back as the same fields, defined
 * and running, and a definition made anew moves no device. */
#include "base/arena.h"
#include "base/error.h"
#include "domain/domain.h"
#include "domain_cases_fixture.h"
#include "host/reaper.h"
#include "host/virt.h"
#include "spec/diff.h"
#include <glib/gstdio.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 60000 };

static struct virt *virt;
static char *root;

static int open_virt(void **state)
{
	g_autoptr(GError) error = NULL;
	(void)state;
	if (access("/usr/bin/qemu-system-x86_64", X_OK) != 0 || (geteuid() == 0 && !getpwnam("libvirt-qemu")))
		return 0;
	root = g_dir_make_tmp("cleave-domain-XXXXXX", NULL);
	g_autofree char *uri = g_strdup_printf("qemu:///embed?root=%s", root);
	virt = virt_open(uri, NULL, TIMEOUT_MS, &error);
	if (!virt)
		fail_msg("%s", error->message);
	return 0;
}

static int close_virt(void **state)
{
	(void)state;
	if (!virt)
		return 0;
	virt_close(virt, 1000);
	const char *argv[] = { "/bin/rm", "-rf", "--", root, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	g_free(root);
	return 0;
}

static void need_virt(void)
{
	if (virt)
		return;
	print_message("skipped: no qemu-system-x86_64, or no user libvirt-qemu (made by libvirt-daemon-system)\n");
	skip();
}

static const char *case_name(struct arena *a, const struct domain_case *c)
{
	return arena_printf(a, "t-%s", c->name);
}

static struct domain_identity identity_of(struct arena *a, const struct domain_case *c)
{
	return (struct domain_identity){ .farm = "farm", .name = case_name(a, c), .media = root, .vnc_password = "geheim" };
}

static const struct virt_domain *look(struct arena *a, const char *name)
{
	struct virt_domains all;
	g_autoptr(GError) error = NULL;
	if (!virt_list(virt, a, TIMEOUT_MS, &all, &error))
		fail_msg("%s", error->message);
	for (guint i = 0; i < all.n; i++)
		if (strcmp(all.list[i].name, name) == 0)
			return &all.list[i];
	fail_msg("%s is not there", name);
	return NULL;
}

static gboolean is_same(struct arena *a, const char *name, const char *xml, gboolean is_live, const struct vm_spec *want)
{
	struct domain_facts facts;
	struct vm_spec have;
	assert_true(domain_from_xml(a, xml, &have, &facts, NULL));
	if (is_live && have.max_memory_bytes) /* there is no guest that would give memory back */
		have.memory_bytes = want->memory_bytes;
	have = vm_in_words_of(a, &have, want, facts.machine_type);
	struct changes c = diff_structs(a, vm_fields, &have, want, FIELD_IN_DOMAIN);
	for (guint i = 0; i < c.n; i++)
		print_message("# %s: %s: %s instead of %s\n", name, c.items[i].field, c.items[i].before, c.items[i].after);
	if (c.n)
		g_printerr("%s\n", xml);
	return c.n == 0;
}

/* NULL: libvirt refuses it, and says why. */
static const char *define(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *previous)
{
	g_autoptr(GError) error = NULL;
	struct virt_id which = { id->name, domain_uuid(a, id) };
	const char *xml = domain_to_xml(a, id, vm, previous);
	if (virt_define(virt, &which, xml, TIMEOUT_MS, &error))
		return look(a, id->name)->inactive_xml;
	print_message("# %s: %s\n", id->name, error->message);
	return NULL;
}

/* What this machine cannot have, whatever the XML says. */
static gboolean is_beyond_host(const struct vm_spec *vm)
{
	gboolean no_kvm = vm->accelerator == VM_KVM && access("/dev/kvm", R_OK | W_OK) != 0;
	gboolean no_firmware = vm->firmware >= FIRMWARE_UEFI && access("/usr/share/qemu/firmware", R_OK) != 0;
	gboolean no_tpm = vm->tpm && access("/usr/bin/swtpm", X_OK) != 0;
	gboolean no_virtiofs = vm->shares.n && LIST_AT(vm->shares, struct vm_share, 0)->driver == DRIVER_VIRTIOFS &&
	                       access("/usr/lib/qemu/virtiofsd", X_OK) != 0 && access("/usr/libexec/virtiofsd", X_OK) != 0;
	return no_kvm || no_firmware || no_tpm || no_virtiofs;
}

static int compare_lines(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The same lines; libvirt lists controllers in the order in which it came to need them. */
static gboolean has_same_lines(const char *x, const char *y)
{
	g_auto(GStrv) a = g_strsplit(x, "\n", -1), b = g_strsplit(y, "\n", -1);
	guint n = g_strv_length(a);
	gboolean same = n == g_strv_length(b);
	qsort(a, n, sizeof *a, compare_lines);
	qsort(b, g_strv_length(b), sizeof *b, compare_lines);
	for (guint i = 0; same && i < n; i++)
		same = strcmp(a[i], b[i]) == 0;
	return same;
}

/* Defined, read, and made anew from what libvirt had made of it: nothing moves. */
static gboolean check_defined(const struct domain_case *c)
{
	SCOPED_ARENA(a);
	struct domain_identity id = identity_of(a, c);
	struct vm_spec want = domain_case_spec(a, c);
	const char *first = define(a, &id, &want, NULL), *again = first ? define(a, &id, &want, first) : NULL;
	gboolean is_good = again && is_same(a, c->name, first, FALSE, &want);
	if (is_good && !has_same_lines(first, again)) {
		g_printerr("# %s moves:\n%s\n%s\n", c->name, first, again);
		is_good = FALSE;
	}
	return is_good;
}

static void test_defined(void **state)
{
	(void)state;
	guint n_bad = 0;
	need_virt();
	for (guint i = 0; i < n_domain_cases; i++) {
		SCOPED_ARENA(a);
		struct vm_spec vm = domain_case_spec(a, &domain_cases[i]);
		if (is_beyond_host(&vm))
			print_message("# %s: not on this host\n", domain_cases[i].name);
		else if (!check_defined(&domain_cases[i]))
			n_bad++;
	}
	assert_int_equal(n_bad, 0);
}

/* The guest's address of the device that the marker stands in. */
static char *guest_address(const char *xml, const char *marker)
{
	const char *at = strstr(xml, marker), *begin = at ? strstr(at, "<address type='pci'") : NULL, *end = begin ? strstr(begin, "/>") : NULL;
	if (!end)
		fail_msg("no address after %s in %s", marker, xml);
	return g_strndup(begin, (gsize)(end - begin));
}

/* More devices, before and after those that are there. */
static void test_nothing_moves(void **state)
{
	(void)state;
	static const char *const markers[] = { "<serial>a</serial>", "<mac address='52:54:00:00:00:01'/>", "<target dir='usr'/>",
		                               "bus='0x25' slot='0x00' function='0x0'/>", "bus='0x25' slot='0x00' function='0x1'/>",
		                               "fa1001'/>", "<memballoon model='virtio'>" };
	static const struct domain_case few = { "moves", "memory: 64MiB\nmaxMemory: 128MiB\ndisks: [{name: a, file: /x/a}]\n"
	                                        "networks: [{user: true, mac: \"52:54:00:00:00:01\"}]\nshares: [{path: /usr, target: usr}]\n"
	                                        "devices: [{name: \"0000:25:00.0\"}, {name: \"0000:25:00.1\"}, {name: 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001}]\n", FALSE };
	static const struct domain_case more = { "moves", "memory: 64MiB\nmaxMemory: 128MiB\ndisks: [{name: b, file: /x/b}, {name: a, file: /x/a}, "
	                                         "{name: s, file: /x/s, bus: scsi}]\nguestAgent: true\nwatchdog: reset\n"
	                                         "networks: [{user: true, mac: \"52:54:00:00:00:02\"}, {user: true, mac: \"52:54:00:00:00:01\"}]\n"
	                                         "shares: [{path: /tmp, target: tmp}, {path: /usr, target: usr}]\n"
	                                         "devices: [{name: \"0000:01:00.0\"}, {name: 83b8f4f2-509f-382f-3c1e-e6bfe0fa1002}, "
	                                         "{name: \"0000:25:00.0\"}, {name: \"0000:25:00.1\"}, {name: 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001}]\n", FALSE };
	SCOPED_ARENA(a);
	need_virt();
	struct domain_identity id = identity_of(a, &few);
	struct vm_spec one = domain_case_spec(a, &few), two = domain_case_spec(a, &more);
	const char *first = define(a, &id, &one, NULL), *then = first ? define(a, &id, &two, first) : NULL, *back = then ? define(a, &id, &one, then) : NULL;
	assert_non_null(back);
	for (guint i = 0; i < G_N_ELEMENTS(markers); i++) {
		g_autofree char *before = guest_address(first, markers[i]), *after = guest_address(then, markers[i]), *last = guest_address(back, markers[i]);
		assert_string_equal(before, after);
		assert_string_equal(before, last);
	}
}

/* -- running ------------------------------------------------------------------------------------------------- */

static gboolean check_running(const struct domain_case *c)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct domain_identity id = identity_of(a, c);
	struct virt_id which = { id.name, domain_uuid(a, &id) };
	struct vm_spec want = domain_case_spec(a, c);
	if (!virt_start(virt, &which, TIMEOUT_MS, &error)) {
		print_message("# %s: %s\n", c->name, error->message);
		return FALSE;
	}
	const struct virt_domain *d = look(a, id.name);
	gboolean is_good = d->active_xml && is_same(a, c->name, d->active_xml, TRUE, &want) && is_same(a, c->name, d->inactive_xml, FALSE, &want);
	if (!virt_stop(virt, &which, 0, TIMEOUT_MS, &error))
		fail_msg("%s", error->message);
	return is_good;
}

static void test_running(void **state)
{
	(void)state;
	guint n_bad = 0;
	need_virt();
	for (guint i = 0; i < n_domain_cases; i++) {
		SCOPED_ARENA(a);
		struct vm_spec vm = domain_case_spec(a, &domain_cases[i]);
		if (domain_cases[i].starts && !is_beyond_host(&vm) && !check_running(&domain_cases[i]))
			n_bad++;
	}
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	int status;
	if (!reaper_split(&status))
		return status;
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_defined), cmocka_unit_test(test_nothing_moves),
		                            cmocka_unit_test(test_running) };
	return cmocka_run_group_tests(tests, open_virt, close_virt);
}
