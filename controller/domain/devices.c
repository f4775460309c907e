/* Devices of the host: PCI functions and vGPUs. They are managed='no': cleave binds them before the VM starts. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

/* An attribute as libvirt writes it ("0x65") or a person (decimal); FALSE beyond `max`. Absent is 0. */
static gboolean read_number(struct context *c, const xmlNode *n, const char *attribute, guint64 max, guint64 *ret)
{
	char *end = NULL;
	const char *text = xml_get(c->arena, n, attribute);
	*ret = text ? g_ascii_strtoull(text, &end, 0) : 0;
	return !text || (end != text && !*end && *ret <= max);
}

const char *pci_address_of(struct context *c, const xmlNode *n)
{
	guint64 domain, bus, slot, function;
	if (!read_number(c, n, "domain", G_MAXUINT32, &domain) || !read_number(c, n, "bus", 0xff, &bus) ||
	    !read_number(c, n, "slot", 0x1f, &slot) || !read_number(c, n, "function", 7, &function))
		return NULL;
	return arena_printf(c->arena, "%04x:%02x:%02x.%x", (guint)domain, (guint)bus, (guint)slot, (guint)function);
}

/* Elements that hold a device of the host; the address below <source> is the host's, the other one the guest's. */
static const struct {
	const char *element, *type;
	const char *attribute; /* NULL: a PCI address */
} holders[] = {
	{ "hostdev", "pci", NULL },
	{ "hostdev", "mdev", "uuid" },
	{ "interface", "hostdev", NULL }, /* a VF as network card */
	{ "disk", "nvme", NULL },
};

const char *host_device_of(struct context *c, const xmlNode *e)
{
	const xmlNode *address = xml_child(xml_child(e, "source"), "address");
	for (guint i = 0; address && i < G_N_ELEMENTS(holders); i++)
		if (xml_is(e, holders[i].element) && xml_says(e, "type", holders[i].type))
			return holders[i].attribute ? xml_get(c->arena, address, holders[i].attribute) : pci_address_of(c, address);
	return NULL;
}

/* -- the parts ------------------------------------------------------------------------------------------------------ */

/* A PCI address in four numbers; FALSE when it is none. */
static gboolean split_address(const char *name, guint64 ret[static 4])
{
	static const char after[] = { ':', ':', '.', '\0' };
	const char *at = name;
	for (guint i = 0; i < 4; i++) {
		char *end;
		ret[i] = g_ascii_strtoull(at, &end, 16);
		if (end == at || *end != after[i])
			return FALSE;
		at = end + 1;
	}
	return TRUE;
}

static xmlNode *add_device(struct context *c, const char *type, xmlNode **ret_address)
{
	xmlNode *n = xml_add(xml_have(c->root, "devices"), "hostdev");
	xml_set(n, "mode", "subsystem");
	xml_set(n, "type", type);
	xml_set(n, "managed", "no");
	*ret_address = xml_add(xml_add(n, "source"), "address");
	return n;
}

/* Other names than addresses and UUIDs are of devices that cleave does not give (an adopted domain's USB stick). */
static void write_device(struct context *c, const struct vm_device *d)
{
	static const char *const parts[] = { "domain", "bus", "slot", "function" };
	static const int digits[] = { 4, 2, 2, 1 };
	guint64 numbers[4];
	xmlNode *address, *n;
	if (split_address(d->name, numbers)) {
		n = add_device(c, "pci", &address);
		for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
			xml_set(address, parts[i], arena_printf(c->arena, "0x%0*x", digits[i], (guint)numbers[i]));
	} else if (g_uuid_string_is_valid(d->name)) {
		n = add_device(c, "mdev", &address);
		xml_set(n, "model", "vfio-pci");
		xml_set(address, "uuid", d->name);
	} else {
		return;
	}
	if (d->rom)
		xml_set(xml_add(n, "rom"), "file", d->rom);
}

void devices_write(struct context *c, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->devices.n; i++)
		write_device(c, LIST_AT(vm->devices, struct vm_device, i));
}

/* What was added by hand and cleave does not give has a name as well, so that it shows: usb:04d9:ad50. */
static const char *other_name(struct context *c, const xmlNode *e)
{
	const xmlNode *source = xml_child(e, "source"), *address = xml_child(source, "address");
	const char *type = xml_get(c->arena, e, "type"), *vendor = xml_get(c->arena, xml_child(source, "vendor"), "id");
	const char *product = xml_get(c->arena, xml_child(source, "product"), "id");
	if (!type || !*type)
		return "unknown";
	if (vendor && product)
		return arena_printf(c->arena, "%s:%s:%s", type, vendor + 2 * g_str_has_prefix(vendor, "0x"),
		                    product + 2 * g_str_has_prefix(product, "0x"));
	if (strcmp(type, "usb") == 0 && address)
		return arena_printf(c->arena, "usb:%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, xml_int(address, "bus"), xml_int(address, "device"));
	return type;
}

void devices_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	struct vm_device *found = ARENA_ARRAY(c->arena, struct vm_device, xml_count(devices, "hostdev"));
	ret->devices.items = found;
	XML_EACH (e, devices, "hostdev") {
		const char *name = host_device_of(c, e);
		found[ret->devices.n++] = (struct vm_device){ name ? name : other_name(c, e), xml_get(c->arena, xml_child(e, "rom"), "file") };
	}
}
