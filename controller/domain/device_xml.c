/* One element of a VM's definition, as libvirt takes it alone: a device, to attach it, change it or take it away; and the
 * mark. It is the element that the whole definition has, so that what came while the guest ran is what the next start
 * gives it. */
#include "base/arena.h"
#include "domain/mark.h"
#include "domain/part.h"
#include "spec/identity.h"
#include <string.h>

static gboolean is_disk(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *name = LIST_AT(vm->disks, struct vm_disk, index)->name;
	return xml_is(e, "disk") && g_strcmp0(disk_serial_of(c, e), vm_disk_serial(c->arena, name)) == 0;
}

static gboolean is_network(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *mac = LIST_AT(vm->networks, struct vm_network, index)->mac;
	const char *own = xml_is(e, "interface") ? xml_get(c->arena, xml_child(e, "mac"), "address") : NULL;
	return own && mac && g_ascii_strcasecmp(own, mac) == 0;
}

static gboolean is_host_device(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	return xml_is(e, "hostdev") && g_strcmp0(host_device_of(c, e), LIST_AT(vm->devices, struct vm_device, index)->name) == 0;
}

static gboolean is_settings(struct context *c, const xmlNode *e, const struct vm_spec *vm, guint index)
{
	(void)vm, (void)index;
	return xml_is(e, "disk") && g_strcmp0(disk_serial_of(c, e), DISK_SETTINGS_SERIAL) == 0;
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

/* Where it sits in the guest is libvirt's to find: the place in the definition may be taken. */
static void forget_address(xmlNode *e)
{
	xmlNode *address = xml_child(e, "address");
	if (!xml_says(address, "type", "pci"))
		return;
	xmlUnlinkNode(address);
	xmlFreeNode(address);
}

static char *text_of(struct arena *a, xmlDoc *doc, xmlNode *e)
{
	xmlBuffer *text = xmlBufferCreate();
	xmlNodeDump(text, doc, e, 0, 0);
	char *copy = arena_strdup(a, (const char *)xmlBufferContent(text));
	xmlBufferFree(text);
	return copy;
}

char *domain_device_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *previous,
                        enum domain_device device, guint index)
{
	struct context c;
	xmlDoc *previous_doc, *doc = domain_build(&c, a, id, vm, previous, &previous_doc);
	char *xml = NULL;
	xmlNode *e = xml_child(xml_child(c.root, "devices"), NULL);
	while (e && !is_device[device](&c, e, vm, index))
		e = xml_next(e->next, NULL);
	if (e) {
		forget_address(e);
		xml = text_of(a, doc, e);
	}
	xmlFreeDoc(doc);
	xmlFreeDoc(previous_doc);
	return xml;
}

/* libvirt adds the namespace by itself. */
char *domain_mark_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm)
{
	struct context c;
	xmlDoc *previous_doc, *doc = domain_build(&c, a, id, vm, NULL, &previous_doc);
	const xmlNode *mark = xml_child(xml_child(c.root, "metadata"), NULL);
	xmlNode *bare = xmlNewNode(NULL, (const xmlChar *)"vm");
	for (const xmlAttr *p = mark->properties; p; p = p->next)
		xml_set(bare, (const char *)p->name, xml_get(a, mark, (const char *)p->name));
	char *xml = text_of(a, doc, bare);
	xmlFreeNode(bare);
	xmlFreeDoc(doc);
	return xml;
}
