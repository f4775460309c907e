/* The table: which fields of the VM which part of the domain holds. What no field says (clock, power events) is written
 * beside. */
#include "base/arena.h"
#include "base/error.h"
#include "domain/part.h"
#include <libxml/parser.h>
#include <string.h>

#define PART(part) part##_write, part##_read

static const struct domain_row {
	const char *fields; /* of vm_fields, with FIELD_IN_DOMAIN */
	void (*write)(struct context *c, const struct vm_spec *vm);
	void (*read)(struct context *c, struct vm_spec *ret);
} rows[] = {
	{ "accelerator", PART(accelerator) },
	{ "vcpus maxVcpus", PART(vcpus) },
	{ "memory maxMemory", PART(memory) },
	{ "hugepages", PART(hugepages) },
	{ "machine", PART(machine) },
	{ "firmware", PART(firmware) },
	{ "cpu", PART(cpu) },
	{ "numa", PART(numa) },
	{ "iothreads iothreadCpus", PART(iothreads) },
	{ "boot", PART(boot) },
	{ "disks", PART(disks) },
	{ "seed settings", PART(discs) },
	{ "shares", PART(shares) },
	{ "networks", PART(networks) },
	{ "devices", PART(devices) },
	{ "console", PART(console) },
	{ "serialLog", PART(serial_log) },
	{ "guestAgent", PART(agent) },
	{ "tpm", PART(tpm) },
	{ "watchdog", PART(watchdog) },
	{ "worker", PART(worker) },
	{ "kept", PART(kept) },
};

const char *domain_row_fields(guint i)
{
	return i < G_N_ELEMENTS(rows) ? rows[i].fields : NULL;
}

/* -- writing ---------------------------------------------------------------------------------------------------------- */

static void write_frame(struct context *c)
{
	xml_put(xml_add(c->root, "name"), c->id->name);
	xml_put(xml_add(c->root, "uuid"), c->id->uuid ? c->id->uuid : domain_uuid(c->arena, c->id));
	mark_set(c, "farm", c->id->farm);
}

static void write_fixed(struct context *c)
{
	static const char *const events[] = { "on_poweroff", "on_crash" };
	for (guint i = 0; i < G_N_ELEMENTS(events); i++)
		xml_put(xml_add(c->root, events[i]), "destroy");
	xmlNode *clock = xml_add(c->root, "clock"), *timer = xml_add(clock, "timer");
	xml_set(clock, "offset", "utc");
	xml_set(timer, "name", "hpet");
	xml_set(timer, "present", "no"); /* costs interrupts, serves no guest of today */
}

/* Without blanks between elements there are half as many nodes. */
enum { PARSE_OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS | XML_PARSE_COMPACT };

static xmlDoc *parse(const char *xml, xmlNode **ret_root)
{
	xmlDoc *doc = xml ? xmlReadMemory(xml, (int)strlen(xml), "domain.xml", NULL, PARSE_OPTIONS)
	                  : NULL;
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	/* libvirt writes no DTD; its entities could make a few bytes many. */
	gboolean is_plain = root && !doc->intSubset;
	*ret_root = is_plain && xml_is(root, "domain") ? root : NULL;
	return doc;
}

static xmlDoc *build(struct context *c, const struct vm_spec *vm)
{
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	c->root = xmlNewNode(NULL, (const xmlChar *)"domain");
	xmlDocSetRootElement(doc, c->root);
	write_frame(c);
	write_fixed(c);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		rows[i].write(c, vm);
	disks_give_targets(c);
	addresses_keep(c);
	addresses_give_cards(c);
	addresses_spare_ports(c);
	return doc;
}

char *domain_to_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *previous)
{
	xmlNode *before;
	xmlDoc *previous_doc = parse(previous, &before);
	struct context c = { .arena = a, .id = id, .previous = before };
	xmlDoc *doc = build(&c, vm);
	xmlChar *text = NULL;
	int size = 0;
	xmlDocDumpFormatMemory(doc, &text, &size, 1);
	char *copy = arena_strndup(a, (const char *)text, (gsize)size);
	xmlFree(text);
	xmlFreeDoc(doc);
	xmlFreeDoc(previous_doc);
	return copy;
}

/* -- reading ---------------------------------------------------------------------------------------------------------- */

static struct strings read_host_devices(struct context *c)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	struct strings found = { ARENA_ARRAY(c->arena, const char *, xml_count(devices, NULL)), 0 };
	XML_EACH (e, devices, NULL) {
		const char *device = host_device_of(c, e);
		if (device)
			found.items[found.n++] = device;
	}
	return found;
}

static void read_facts(struct context *c, struct domain_facts *ret)
{
	ret->name = xml_text(c->arena, xml_child(c->root, "name"));
	ret->uuid = xml_text(c->arena, xml_child(c->root, "uuid"));
	ret->machine_type = xml_get(c->arena, xml_child(xml_child(c->root, "os"), "type"), "machine");
	ret->host_devices = read_host_devices(c);
	ret->owner = mark_get(c, "farm");
}

gboolean domain_from_xml(struct arena *a, const char *xml, struct vm_spec *ret, struct domain_facts *ret_facts, GError **error)
{
	struct context c = { .arena = a };
	struct vm_spec vm = { 0 };
	xmlDoc *doc = parse(xml, &c.root);
	gboolean ok = c.root != NULL;
	c.is_live = xml_int(c.root, "id") > 0;
	for (guint i = 0; ok && i < G_N_ELEMENTS(rows); i++)
		rows[i].read(&c, &vm);
	if (ok) {
		read_facts(&c, ret_facts);
		*ret = vm;
	}
	xmlFreeDoc(doc);
	return ok ? TRUE : fail(error, ERROR_INVALID, "this is not the XML of a libvirt domain");
}
