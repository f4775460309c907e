/* Where devices stand in the guest.
 *
 * libvirt gives addresses in its own order, so that a definition with one disk more would move cards and disks behind it:
 * guests find them under other names. What was there before therefore keeps the address that libvirt gave it. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

/* -- what was there before ----------------------------------------------------------------------------------------- */

/* What an element is found by in another definition of the same VM; NULL: nothing. */
static const char *key_of(struct context *c, const xmlNode *e)
{
	struct arena *a = c->arena;
	if (xml_is(e, "disk"))
		return disk_serial_of(c, e);
	if (xml_is(e, "interface"))
		return xml_get(a, xml_child(e, "mac"), "address");
	if (xml_is(e, "filesystem"))
		return xml_get(a, xml_child(e, "target"), "dir");
	if (xml_is(e, "hostdev"))
		return host_device_of(c, e);
	if (xml_is(e, "controller"))
		return arena_printf(a, "%s %" G_GINT64_FORMAT " %s", xml_get(a, e, "type"), xml_int(e, "index"), xml_get(a, e, "model"));
	if (xml_is(e, "video"))
		return xml_get(a, xml_child(e, "model"), "type");
	const char *model = xml_get(a, e, "model");
	return model ? model : "";
}

const xmlNode *addresses_find_before(struct context *c, const xmlNode *e)
{
	const char *key = c->previous ? key_of(c, e) : NULL;
	XML_EACH (before, key ? xml_child(c->previous, "devices") : NULL, (const char *)e->name)
		if (g_strcmp0(key_of(c, before), key) == 0)
			return before;
	return NULL;
}

static gboolean is_pci(const xmlNode *address)
{
	return xml_says(address, "type", "pci");
}

static void keep_address(struct context *c, xmlNode *e)
{
	const xmlNode *before = addresses_find_before(c, e), *address = xml_child(before, "address");
	gboolean is_same_bus = !xml_is(e, "disk") || xml_says(xml_child(before, "target"), "bus", xml_get(c->arena, xml_child(e, "target"), "bus"));
	if (is_pci(address) && is_same_bus && !xml_child(e, "address"))
		xmlAddChild(e, xmlDocCopyNode((xmlNode *)address, e->doc, 1));
}

static gboolean is_pci_hostdev(const xmlNode *e)
{
	return xml_is(e, "hostdev") && xml_says(e, "type", "pci");
}

static xmlNode *find_port(const xmlNode *devices, gint64 index)
{
	XML_EACH (e, devices, "controller")
		if (xml_says(e, "type", "pci") && xml_int(e, "index") == index)
			return e;
	return NULL;
}

/* PCI Express: a machine of another kind has other buses, and no address of one is any good in the other. */
static gboolean has_ports(struct context *c, const xmlNode *root)
{
	const char *machine = xml_get(c->arena, xml_child(xml_child(root, "os"), "type"), "machine");
	return machine && strstr(machine, "q35");
}

void addresses_keep(struct context *c)
{
	xmlNode *devices = xml_have(c->root, "devices");
	if (!c->previous || has_ports(c, c->previous) != has_ports(c, c->root))
		return;
	XML_EACH (e, devices, NULL)
		if (!is_pci_hostdev(e))
			keep_address(c, e);
	XML_EACH (e, xml_child(c->previous, "devices"), "controller")
		if (xml_says(e, "type", "pci"))
			xmlAddChild(devices, xmlDocCopyNode(e, devices->doc, 1));
}

/* -- cards ----------------------------------------------------------------------------------------------------------- */

enum { MOST_PLACES = 256, FIRST_SLOT = 0x10, N_SLOTS = 0x20 };

struct places {
	gboolean has_ports;         /* PCI Express: a card is slot 0 behind a port; else a slot of bus 0 */
	gboolean used[MOST_PLACES]; /* buses, or slots of bus 0 */
};

static guint number_of(struct context *c, const xmlNode *address, const char *attribute)
{
	const char *text = xml_get(c->arena, address, attribute);
	guint64 n = text ? g_ascii_strtoull(text, NULL, 0) : 0;
	return n < MOST_PLACES ? (guint)n : 0;
}

static guint place_of(struct context *c, const struct places *p, const xmlNode *address)
{
	return number_of(c, address, p->has_ports ? "bus" : "slot");
}

static void look_at_places(struct context *c, struct places *p)
{
	p->has_ports = has_ports(c, c->root);
	p->used[0] = TRUE;
	XML_EACH (e, xml_child(c->root, "devices"), NULL) {
		const xmlNode *address = xml_child(e, "address");
		if (is_pci(address) && (p->has_ports || number_of(c, address, "bus") == 0))
			p->used[place_of(c, p, address)] = TRUE;
	}
}

static void add_port(struct context *c, guint index, const char *model)
{
	xmlNode *port = xml_add(xml_child(c->root, "devices"), "controller");
	xml_set(port, "type", "pci");
	xml_set_int(port, "index", index);
	xml_set(port, "model", model);
}

/* A port that something else stands for (a bridge to PCI) takes no card. */
static gboolean is_free(struct context *c, const struct places *p, guint place)
{
	const xmlNode *port = p->has_ports ? find_port(xml_child(c->root, "devices"), place) : NULL;
	return !p->used[place] && (!port || xml_says(port, "model", "pcie-root-port"));
}

/* The same as before, else the first that is free; 0: none is. */
static guint take_place(struct context *c, struct places *p, const xmlNode *e)
{
	const xmlNode *before = xml_child(addresses_find_before(c, e), "address");
	guint place = is_pci(before) ? place_of(c, p, before) : 0, end = p->has_ports ? MOST_PLACES : N_SLOTS;
	if (!place || !is_free(c, p, place))
		for (place = p->has_ports ? 1 : FIRST_SLOT; place < end && !is_free(c, p, place); place++)
			;
	if (place == end)
		return 0;
	p->used[place] = TRUE;
	if (p->has_ports && !find_port(xml_child(c->root, "devices"), place))
		add_port(c, place, "pcie-root-port");
	return place;
}

/* The host's "0000:65:00", its functions' slot. */
static gboolean is_of_slot(struct context *c, const xmlNode *e, const char *name, gsize len)
{
	const char *other = is_pci_hostdev(e) ? host_device_of(c, e) : NULL;
	return other && strlen(other) == len + 2 && strncmp(other, name, len) == 0;
}

static void put_function(struct context *c, const struct places *p, xmlNode *e, guint place, guint function, gboolean has_more)
{
	xmlNode *address = xml_add(e, "address");
	xml_set(address, "type", "pci");
	xml_set(address, "domain", "0x0000");
	xml_set(address, "bus", arena_printf(c->arena, "0x%02x", p->has_ports ? place : 0));
	xml_set(address, "slot", arena_printf(c->arena, "0x%02x", p->has_ports ? 0 : place));
	xml_set(address, "function", arena_printf(c->arena, "0x%x", function));
	if (has_more && function == 0)
		xml_set(address, "multifunction", "on");
}

static guint function_of(const char *name)
{
	return (guint)(name[strlen(name) - 1] - '0');
}

/* All functions of the slot that `first` is of. A guest looks for function 0 first, so that functions of a slot without
 * it (virtual functions) stand each for itself. */
static void give_card(struct context *c, struct places *p, xmlNode *first, const char *name)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	gsize len = strlen(name) - 2;
	guint n = 0;
	gboolean has_zero = FALSE;
	XML_EACH (e, devices, "hostdev")
		if (is_of_slot(c, e, name, len)) {
			n++;
			has_zero |= function_of(host_device_of(c, e)) == 0;
		}
	guint place = take_place(c, p, first);
	if (!place)
		return;
	if (!has_zero || n == 1) {
		put_function(c, p, first, place, 0, FALSE);
		return;
	}
	XML_EACH (e, devices, "hostdev")
		if (is_of_slot(c, e, name, len) && !xml_child(e, "address"))
			put_function(c, p, e, place, function_of(host_device_of(c, e)), TRUE);
}

/* Those that were there before come first: a new one takes what they leave. */
void addresses_give_cards(struct context *c)
{
	struct places places = { 0 };
	look_at_places(c, &places);
	for (guint pass = 0; pass < 2; pass++)
		XML_EACH (e, xml_child(c->root, "devices"), "hostdev") {
			const char *name = is_pci_hostdev(e) && !xml_child(e, "address") ? host_device_of(c, e) : NULL;
			if (name && (pass || addresses_find_before(c, e)))
				give_card(c, &places, e, name);
		}
}

/* -- ports for later ------------------------------------------------------------------------------------------------- */

enum { N_SPARE_PORTS = 4 };

/* Whether libvirt will put the device behind a port of its own. */
static gboolean needs_port(const xmlNode *e)
{
	static const char *const others[] = { "interface", "filesystem", "hostdev", "watchdog", "memballoon", "rng" };
	if (xml_child(e, "address"))
		return FALSE;
	if (xml_is(e, "disk"))
		return xml_says(xml_child(e, "target"), "bus", "virtio");
	if (xml_is(e, "controller"))
		return xml_says(e, "type", "scsi") || xml_says(e, "type", "virtio-serial") || xml_says(e, "model", "qemu-xhci");
	if (xml_is(e, "channel")) /* of a controller that is not there yet */
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		if (xml_is(e, others[i]))
			return TRUE;
	return FALSE;
}

void addresses_spare_ports(struct context *c)
{
	struct places places = { 0 };
	const xmlNode *devices = xml_child(c->root, "devices");
	guint wanted = N_SPARE_PORTS;
	look_at_places(c, &places);
	if (!places.has_ports)
		return;
	XML_EACH (e, devices, NULL)
		wanted += needs_port(e) ? 1 : 0;
	if (!find_port(devices, 0))
		add_port(c, 0, "pcie-root");
	for (guint i = 1; i < MOST_PLACES && wanted; i++) {
		if (!is_free(c, &places, i))
			continue;
		if (!find_port(devices, i))
			add_port(c, i, "pcie-root-port");
		wanted--;
	}
}
