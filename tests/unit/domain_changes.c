/* What libvirt's XML says beside the rows: a definition made anew keeps what the guest knows, firmware has variables of its
 * own, and what was done by hand shows. */
#include "base/arena.h"
#include "domain/domain.h"
#include "domain_cases_fixture.h"
#include "spec/diff.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct domain_identity identity = { .farm = "farm", .name = "vm", .media = "/m/vm" };

static struct vm_spec spec_of(struct arena *a, const char *yaml)
{
	return domain_case_spec(a, &(struct domain_case){ "inline", yaml, FALSE });
}

static const char *xml_of(struct arena *a, const char *yaml, const char *previous)
{
	struct vm_spec vm = spec_of(a, yaml);
	return domain_to_xml(a, &identity, &vm, previous);
}

/* `xml` with one text in place of another, which has to be there. */
static const char *edited(struct arena *a, const char *xml, const char *from, const char *to)
{
	g_auto(GStrv) parts = g_strsplit(xml, from, -1);
	if (g_strv_length(parts) < 2)
		fail_msg("no \"%s\" in %s", from, xml);
	g_autofree char *text = g_strjoinv(to, parts);
	return arena_strdup(a, text);
}

static void must_hold(const char *xml, const char *text)
{
	if (!strstr(xml, text))
		fail_msg("no \"%s\" in %s", text, xml);
}

static void must_lack(const char *xml, const char *text)
{
	if (strstr(xml, text))
		fail_msg("\"%s\" in %s", text, xml);
}

/* -- by hand --------------------------------------------------------------------------------------------------- */

/* The one change that a hand edit is, as "FIELD: BEFORE -> AFTER". */
static void expect_change(const char *yaml, const char *from, const char *to, const char *expected)
{
	SCOPED_ARENA(a);
	struct domain_facts facts;
	struct vm_spec want = spec_of(a, yaml), have;
	const char *xml = edited(a, xml_of(a, yaml, NULL), from, to);
	assert_true(domain_from_xml(a, xml, &have, &facts, NULL));
	have = vm_in_words_of(a, &have, &want, facts.machine_type);
	struct changes c = diff_structs(a, vm_fields, &have, &want, FIELD_IN_DOMAIN);
	g_autoptr(GString) said = g_string_new(NULL);
	for (guint i = 0; i < c.n; i++)
		g_string_append_printf(said, "%s%s: %s -> %s", i ? "; " : "", c.items[i].field, c.items[i].before ? c.items[i].before : "none",
		                       c.items[i].after ? c.items[i].after : "none");
	assert_string_equal(said->str, expected);
}

#define DISK "disks: [{name: a, file: /x/a}]\n"
#define CARD "devices: [{name: \"0000:25:00.0\"}, {name: \"0000:25:00.1\"}]\n"

static void test_by_hand(void **state)
{
	(void)state;
	expect_change("memory: 64MiB\n", "65536", "131072", "memory: 128MiB -> 64MiB");
	expect_change("vcpus: 2\n", ">2</vcpu>", ">4</vcpu>", "vcpus: 4 -> 2");
	expect_change("maxVcpus: 4\nvcpus: 4\n", ">4</vcpu>", " current='2'>4</vcpu>", "vcpus: 2 -> 4");
	expect_change(DISK, " cache=\"none\"", "", "disks[\"a\"].cache: writeback -> none");
	expect_change(DISK, " cache=\"none\"", " cache=\"unsafe\"", "disks[\"a\"].cache: unsafe -> none");
	expect_change(DISK, " io=\"native\"", "", "disks[\"a\"].io: threads -> none");
	expect_change(DISK, "/x/a", "/x/b", "disks[\"a\"].file: /x/b -> /x/a");
	expect_change(DISK, "<serial>a</serial>", "",
	              "disks[\"vda\"].name: vda -> none; disks[\"vda\"].file: /x/a -> none; disks[\"vda\"].format: raw -> none; "
	              "disks[\"vda\"].cache: none -> none; disks[\"vda\"].io: native -> none; disks[\"vda\"].bus: virtio -> none; "
	              "disks[\"a\"].name: none -> a; disks[\"a\"].file: none -> /x/a");
	expect_change(CARD, "function=\"0x1\"/>\n      </source>", "function=\"0x2\"/>\n      </source>",
	              "devices[\"0000:25:00.2\"]: 0000:25:00.2 -> none; devices[\"0000:25:00.1\"]: none -> 0000:25:00.1");
	expect_change("networks: [{bridge: br0}]\n", "br0", "br1", "networks[0].bridge: br1 -> br0");
	expect_change("networks: [{bridge: br0, down: true}]\n", "<link state=\"down\"/>", "", "networks[0].down: false -> true");
	expect_change("console: {vnc: loopback}\n", "127.0.0.1", "0.0.0.0", "console.vnc: none -> loopback; console.other: vnc on 0.0.0.0 -> none");
	expect_change("console: {vnc: none}\n", "<on_crash>", "<on_reboot>restart</on_reboot><on_crash>", "");
	expect_change("vcpus: 1\n", "</devices>", "<graphics type='spice'/><video><model type='qxl'/></video></devices>",
	              "console.other: spice, video qxl -> none");
	expect_change("seed: 0123456789abcdef\n", "seed-0123456789abcdef", "seed-1123456789abcdef", "seed: 1123456789abcdef -> 0123456789abcdef");
	expect_change("seed: 0123456789abcdef\n", "<source file=\"/m/vm/seed-0123456789abcdef.iso\"/>", "", "seed: none -> 0123456789abcdef");
	expect_change("vcpus: 1\n", "</devices>", "<hostdev type='usb'><source><vendor id='0x04d9'/><product id='0xad50'/></source></hostdev></devices>",
	              "devices[\"usb:04d9:ad50\"]: usb:04d9:ad50 -> none");
	expect_change("watchdog: reset\n", "</devices>", "<watchdog model='itco' action='reset'/></devices>", "");
	expect_change("watchdog: reset\n", "action=\"reset\"", "action=\"none\"", "watchdog: none -> reset");
	expect_change("cpu: {pinning: [{vcpu: 0, cpus: \"2,3\"}]}\n", "2,3", "2-3", "");
	expect_change("cpu: {pinning: [{vcpu: 0, cpus: \"2,3\"}]}\n", "2,3", "2-4", "cpu.pinning[0].cpus: 2-4 -> 2,3");
	expect_change("iothreads: 2\niothreadCpus: \"1\"\n", "iothread=\"2\" cpuset=\"1\"", "iothread=\"2\" cpuset=\"3\"", "iothreadCpus: 1 and 3 -> 1");
	expect_change("cpu: {hideHypervisor: true}\n", "<feature policy=\"disable\" name=\"hypervisor\"/>", "", "cpu.hideHypervisor: false -> true");
}

/* -- what stays ------------------------------------------------------------------------------------------------ */

static void test_firmware_variables(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const char *uefi = xml_of(a, "firmware: uefi\n", NULL), *secure = xml_of(a, "firmware: uefi-secure\n", uefi);
	must_hold(uefi, "<nvram>/m/vm/nvram-uefi.fd</nvram>");
	must_hold(secure, "<nvram>/m/vm/nvram-uefi-secure.fd</nvram>"); /* others' variables mean nothing to it */
	must_lack(xml_of(a, "firmware: bios\n", uefi), "nvram");
	/* A domain that was taken over keeps its own, as long as its firmware stays. */
	const char *other = edited(a, uefi, "/m/vm/nvram-uefi.fd", "/var/lib/libvirt/qemu/nvram/vm_VARS.fd");
	must_hold(xml_of(a, "firmware: uefi\nvcpus: 3\n", other), "<nvram>/var/lib/libvirt/qemu/nvram/vm_VARS.fd</nvram>");
	must_hold(xml_of(a, "firmware: uefi-secure\n", other), "<nvram>/m/vm/nvram-uefi-secure.fd</nvram>");
	const char *by_hand = edited(a, edited(a, other, " firmware=\"efi\"", ""), "<nvram>", "<loader type='pflash'>/x.fd</loader><nvram>");
	must_hold(xml_of(a, "firmware: uefi\n", by_hand), "<nvram>/var/lib/libvirt/qemu/nvram/vm_VARS.fd</nvram>");
}

static void test_machine_goes_on(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const char *old = edited(a, xml_of(a, "vcpus: 1\n", NULL), "machine=\"q35\"", "machine='pc-q35-6.2'");
	must_hold(xml_of(a, "vcpus: 2\n", old), "machine=\"pc-q35-6.2\"");
	must_hold(xml_of(a, "machine: pc\n", old), "machine=\"pc\"");
	must_hold(xml_of(a, "machine: pc-q35-7.2\n", old), "machine=\"pc-q35-7.2\"");
}

static void test_own_uuid(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct vm_spec vm = spec_of(a, "vcpus: 1\n");
	struct domain_identity own = identity;
	own.uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f";
	must_hold(domain_to_xml(a, &own, &vm, NULL), "<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>");
}

static void test_targets_stay(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const char *first = xml_of(a, "disks: [{name: a, file: /x/a}, {name: b, file: /x/b}]\n", NULL);
	const char *then = xml_of(a, "disks: [{name: c, file: /x/c}, {name: b, file: /x/b}]\n", first);
	must_hold(first, "<target bus=\"virtio\" dev=\"vdb\"/>\n      <serial>b</serial>");
	must_hold(then, "<target bus=\"virtio\" dev=\"vdb\"/>\n      <serial>b</serial>");
	must_hold(then, "<target bus=\"virtio\" dev=\"vda\"/>\n      <serial>c</serial>");
}

/* -- cards ------------------------------------------------------------------------------------------------------ */

static void test_cards(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	static const char first[] = "<address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" slot=\"0x00\" function=\"0x0\" multifunction=\"on\"/>";
	static const char second[] = "<address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" slot=\"0x00\" function=\"0x1\"/>";
	const char *one = xml_of(a, CARD, NULL);
	must_hold(one, first);
	must_hold(one, second);
	must_hold(one, "<controller type=\"pci\" index=\"1\" model=\"pcie-root-port\"/>");
	must_hold(one, "managed=\"no\"");
	/* Another card in front leaves the first where it is. */
	const char *two = xml_of(a, "devices: [{name: \"0000:01:00.0\"}, {name: \"0000:25:00.0\"}, {name: \"0000:25:00.1\"}]\n", one);
	must_hold(two, first);
	must_hold(two, second);
	must_hold(two, "<address type=\"pci\" domain=\"0x0000\" bus=\"0x02\" slot=\"0x00\" function=\"0x0\"/>");
	must_hold(xml_of(a, "devices: [{name: \"0000:25:00.4\"}]\n", NULL), "bus=\"0x01\" slot=\"0x00\" function=\"0x0\"/>");
	must_hold(xml_of(a, "machine: pc\n" CARD, NULL), "bus=\"0x00\" slot=\"0x10\" function=\"0x0\" multifunction=\"on\"/>");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_by_hand),       cmocka_unit_test(test_firmware_variables),
		                            cmocka_unit_test(test_machine_goes_on), cmocka_unit_test(test_own_uuid),
		                            cmocka_unit_test(test_targets_stay),  cmocka_unit_test(test_cards) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
