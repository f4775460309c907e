/* Which devices of the host a domain holds, from libvirt's XML. */
#include "base/arena.h"
#include "base/error.h"
#include "domain/domain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *devices_of(const char *xml)
{
	SCOPED_ARENA(a);
	struct vm_spec vm;
	struct domain_facts facts = { 0 };
	g_autoptr(GError) error = NULL;
	if (!domain_from_xml(a, xml, &vm, &facts, &error))
		fail_msg("%s", error->message);
	g_autoptr(GString) all = g_string_new(NULL);
	for (guint i = 0; i < facts.host_devices.n; i++)
		g_string_append_printf(all, "%s%s", i ? " " : "", facts.host_devices.items[i]);
	return g_strdup(all->str);
}

static void expect(const char *devices, const char *expected)
{
	g_autofree char *xml = g_strdup_printf("<domain type='kvm'><name>x</name>%s</domain>", devices);
	g_autofree char *found = devices_of(xml);
	assert_string_equal(found, expected);
}

#define PCI(domain, bus, slot, function) \
	"<source><address domain='" domain "' bus='" bus "' slot='" slot "' function='" function "'/></source>"
#define GUEST "<address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/>"
#define HOSTDEV(type, rest) "<hostdev mode='subsystem' type='" type "' managed='no'>" rest GUEST "</hostdev>"

static void test_devices(void **state)
{
	(void)state;
	expect("<devices>"
	       "<disk type='file' device='disk'><source file='/x'/></disk>" /* none of them is a device of the host */
	       HOSTDEV("pci", "<driver name='vfio'/>" PCI("0x0000", "0x65", "0x00", "0x0") "<rom file='/r'/>")
	       HOSTDEV("pci", PCI("0x0000", "0x65", "0x1f", "0x7"))
	       HOSTDEV("usb", "<source><vendor id='0x1'/><address bus='1' device='3'/></source>")
	       "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>"
	       "<source><address uuid='83b8f4f2-509f-382f-3c1e-e6bfe0fa1001'/></source>" GUEST "</hostdev>"
	       "<interface type='hostdev' managed='no'><mac address='52:54:00:00:00:01'/><driver name='vfio'/>"
	       "<source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>" GUEST "</interface>"
	       "<interface type='bridge'><source bridge='br0'/>" GUEST "</interface>"
	       "<disk type='nvme' device='disk'><source type='pci' managed='no' namespace='1'>"
	       "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></disk>"
	       "</devices>",
	       "0000:65:00.0 0000:65:1f.7 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 0000:3b:02.1 0000:01:00.0");
}

static void test_odd(void **state)
{
	(void)state;
	expect("", "");
	expect("<devices/>", "");
	expect("<devices>" HOSTDEV("pci", PCI("0x10000", "0xff", "0x1f", "0x7")) "</devices>", "10000:ff:1f.7");
	expect("<devices>" HOSTDEV("pci", PCI("0", "101", "0", "0")) "</devices>", "0000:65:00.0"); /* written by a person */
	expect("<devices>" HOSTDEV("pci", "<source><address bus='0x65'/></source>") "</devices>", "0000:65:00.0");
	expect("<devices>" HOSTDEV("pci", PCI("0", "0x100", "0", "0")) HOSTDEV("pci", PCI("0", "1", "0x20", "0"))
	       HOSTDEV("pci", PCI("0", "1", "0", "8")) HOSTDEV("pci", PCI("0", "", "0", "0"))
	       HOSTDEV("pci", PCI("0", "x", "0", "0")) HOSTDEV("pci", "") HOSTDEV("mdev", "<source><address/></source>")
	       "<hostdev>" PCI("0", "1", "0", "0") "</hostdev><hostdev type='pci'/>text</devices>", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_devices), cmocka_unit_test(test_odd) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
