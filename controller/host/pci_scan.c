/* Identity, class, names, driver, group and node come from libpci; what libpci does not know comes from
 * the function's folder in sysfs (kernel: Documentation/ABI/testing/sysfs-bus-pci).
 *
 * VFs answer ffff to reads of their configuration and a sleeping card ff to all, so libpci is left in its
 * default mode, where it takes ids from sysfs files and not from the registers. */
#include "host/pci_scan.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/tree.h"
#include <pci/pci.h>
#include <stdio.h>
#include <string.h>

enum {
	FILLED = PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_CLASS_EXT | PCI_FILL_SUBSYS | PCI_FILL_NUMA_NODE |
		 PCI_FILL_IOMMU_GROUP | PCI_FILL_DRIVER | PCI_FILL_PHYS_SLOT | PCI_FILL_LABEL,
	NAME_SIZE = 256,
};

static G_NORETURN void on_error(char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_error(char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *sentence = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *whole = g_strconcat("libpci: ", sentence, NULL);
	helper_die(whole);
}

static void on_message(char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_message(char *format, ...)
{
	(void)format;
}

static void set_string(json_t *o, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	g_autofree char *valid = g_utf8_make_valid(value, -1);
	json_object_set_new(o, key, json_string(valid));
}

/* Numbers below 0 mean "not told". */
static void set_number(json_t *o, const char *key, gint64 value)
{
	if (value >= 0)
		json_object_set_new(o, key, json_integer(value));
}

static void set_names(json_t *o, struct pci_access *access, struct pci_dev *d)
{
	char name[NAME_SIZE];
	const int quiet = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB; /* the file of ids alone; libudev leaks */
	set_string(o, "vendor_name",
		   pci_lookup_name(access, name, sizeof name, PCI_LOOKUP_VENDOR | quiet, d->vendor_id));
	set_string(o, "device_name",
		   pci_lookup_name(access, name, sizeof name, PCI_LOOKUP_DEVICE | quiet, d->vendor_id, d->device_id));
}

static void set_registers(json_t *o, struct pci_dev *d)
{
	int known = pci_fill_info(d, FILLED);
	set_number(o, "vendor", d->vendor_id);
	set_number(o, "device", d->device_id);
	set_number(o, "class", d->device_class);
	if (known & PCI_FILL_CLASS_EXT) {
		set_number(o, "prog_if", d->prog_if);
		set_number(o, "revision", d->rev_id);
	}
	/* A bridge has none; 0000 and ffff (asleep) are no ids. */
	if ((known & PCI_FILL_SUBSYS) && d->subsys_vendor_id && d->subsys_vendor_id != 0xffff) {
		set_number(o, "subsystem_vendor", d->subsys_vendor_id);
		set_number(o, "subsystem_device", d->subsys_id);
	}
	set_number(o, "numa_node", d->numa_node);
	const char *group = pci_get_string_property(d, PCI_FILL_IOMMU_GROUP);
	if (group)
		set_number(o, "iommu_group", g_ascii_strtoll(group, NULL, 10));
	set_string(o, "driver", pci_get_string_property(d, PCI_FILL_DRIVER));
	set_string(o, "slot_name", d->phy_slot);
	set_string(o, "label", d->label);
}

static gboolean is_address(const char *text)
{
	unsigned int domain, bus, slot, function;
	char rest;
	return sscanf(text, "%x:%2x:%2x.%1x%c", &domain, &bus, &slot, &function, &rest) == 4;
}

/* The bridge above: the folder that holds the function's own. */
static void set_parent(json_t *o, const char *folder)
{
	g_autofree char *target = g_file_read_link(folder, NULL);
	if (!target)
		return;
	g_autofree char *above = g_path_get_dirname(target);
	g_autofree char *name = g_path_get_basename(above);
	if (is_address(name))
		set_string(o, "parent", name);
}

static void set_files(json_t *o, const struct host_tree *t, const char *address)
{
	SCOPED_ARENA(scratch);
	const char *folder = arena_printf(scratch, "sys/bus/pci/devices/%s", address);
	static const char *const numbers[] = { "boot_vga", "sriov_totalvfs", "sriov_numvfs" };
	static const char *const texts[] = { "driver_override", "reset_method", "power_state", "local_cpulist" };
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		set_number(o, numbers[i], host_read_number(t, -1, "%s/%s", folder, numbers[i]));
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *text = host_read(scratch, t, "%s/%s", folder, texts[i]);
		if (text && strcmp(text, "(null)") != 0) /* no override */
			set_string(o, texts[i], text);
	}
	set_string(o, "physfn", host_read_link(scratch, t, "%s/physfn", folder));
	if (host_exists(t, "%s/mdev_supported_types", folder))
		json_object_set_new(o, "has_mdev_types", json_true());
	set_parent(o, host_path(scratch, t, "%s", folder));
}

static json_t *describe(struct pci_access *access, struct pci_dev *d, const struct host_tree *t)
{
	char address[32];
	json_t *o = json_object();
	g_snprintf(address, sizeof address, "%04x:%02x:%02x.%d", (unsigned int)d->domain, d->bus, d->dev, d->func);
	set_string(o, "address", address);
	set_registers(o, d);
	set_names(o, access, d);
	set_files(o, t, address);
	return o;
}

json_t *pci_scan(const char *sysfs, GError **error)
{
	SCOPED_ARENA(scratch);
	struct host_tree t = host_tree_at(scratch, NULL, sysfs);
	if (!host_exists(&t, "sys/bus/pci/devices")) {
		fail(error, ERROR_NOT_FOUND, "%s/bus/pci/devices is not there: no PCI bus, or not a sysfs", sysfs);
		return NULL;
	}
	struct pci_access *access = pci_alloc();
	access->error = on_error;
	access->warning = on_message;
	access->debug = on_message;
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_set_param(access, (char *)"sysfs.path", host_path(scratch, &t, "sys/bus/pci"));
	pci_init(access);
	pci_scan_bus(access);
	json_t *all = json_array();
	for (struct pci_dev *d = access->devices; d; d = d->next)
		json_array_append_new(all, describe(access, d, &t));
	pci_cleanup(access);
	return all;
}
