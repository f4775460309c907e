/* One device of a VM, as libvirt takes it alone: to attach it, to change it, to take it away. It is the element that the
 * whole definition has, so that a device that came while the guest ran is the one that the next start gives it. */
#include "base/arena.h"
#include "domain/part.h"
#include "spec/identity.h"
#include <libxml/parser.h>
#include <string.h>

static gboolean is_disk(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *name = LIST_AT(vm->disks, struct vm_disk, index)->name;
	return xml_is(e, "disk") && g_strcmp0(disk_serial_of(c, e), vm_disk_serial(c->arena, name)) == 0;
}

static gboolean is_network(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *mac = LIST_AT(vm->networks, struct vm_network, index)->mac;
	const char *is = xml_is(e, "interface") ? xml_get(c->arena, xml_child(e, "mac"), "address") : NULL;
	return is && mac && g_ascii_strcasecmp(is, mac) == 0;
}

static gboolean is_host_device(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *is = host_device_of(c, e);
	return is && strcmp(is, LIST_AT(vm->devices, struct vm_device, index)->name) == 0;
}

static gboolean is_settings(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	(void)vm, (void)index;
	return xml_is(e, "disk") && g_strcmp0(medium_word_of(c, e), "settings") == 0;
}

static gboolean is_screen(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	(void)c, (void)vm, (void)index;
	return xml_is(e, "graphics");
}

static gboolean (*const is_device[])(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index) = {
	[DOMAIN_DISK] = is_disk,
	[DOMAIN_NETWORK] = is_network,
	[DOMAIN_HOST_DEVICE] = is_host_device,
	[DOMAIN_SETTINGS] = is_settings,
	[DOMAIN_SCREEN] = is_screen,
};

/* Which port of the guest it gets is libvirt's to find: the one in the definition may be taken. */
static void forget_port(xmlNode *e)
{
	xmlNode *address = xml_child(e, "address");
	if (address && xml_says(address, "type", "pci")) {
		xmlUnlinkNode(address);
		xmlFreeNode(address);
	}
}

static char *print(struct arena *a, xmlNode *e)
{
	xmlBuffer *text = xmlBufferCreate();
	xmlNodeDump(text, e->doc, e, 0, 0);
	char *copy = arena_strdup(a, (const char *)xmlBufferContent(text));
	xmlBufferFree(text);
	return copy;
}

static xmlDoc *build(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *previous)
{
	const char *whole = domain_to_xml(a, id, vm, previous);
	return xmlReadMemory(whole, (int)strlen(whole), "domain.xml", NULL, XML_PARSE_NONET);
}

char *domain_device_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *running,
                        enum domain_device device, guint index)
{
	xmlDoc *doc = build(a, id, vm, running);
	struct context c = { .arena = a, .id = id, .root = xmlDocGetRootElement(doc) };
	char *xml = NULL;
	XML_EACH (e, xml_child(c.root, "devices"), NULL)
		if (!xml && is_device[device](&c, e, vm, index)) {
			forget_port(e);
			xml = print(a, e);
		}
	xmlFreeDoc(doc);
	return xml;
}

char *domain_mark_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm)
{
	xmlDoc *doc = build(a, id, vm, NULL);
	xmlNode *mark = xml_child(xml_child(xmlDocGetRootElement(doc), "metadata"), NULL);
	/* libvirt puts the namespace in, and takes no element that has one. */
	xmlSetNs(mark, NULL);
	xmlFreeNsList(mark->nsDef);
	mark->nsDef = NULL;
	char *xml = print(a, mark);
	xmlFreeDoc(doc);
	return xml;
}
