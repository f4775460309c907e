/* One device of a VM, as libvirt takes it alone: to attach it, to change it, to take it away. It is the element that the
 * whole definition has, so that a device that came while the guest ran is the one that the next start gives it. */
#include "base/arena.h"
#include "domain/domain.h"
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

static gboolean is_called(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static xmlNode *find_child(const xmlNode *parent, const char *name)
{
	xmlNode *n = parent ? parent->children : NULL;
	while (n && !is_called(n, name))
		n = n->next;
	return n;
}

static gboolean says(const xmlNode *n, const char *attribute, const char *value)
{
	xmlChar *is = n ? xmlGetProp(n, (const xmlChar *)attribute) : NULL;
	gboolean equal = is && value && g_ascii_strcasecmp((const char *)is, value) == 0;
	xmlFree(is);
	return equal;
}

static gboolean is_network(const xmlNode *e, const struct vm_spec *vm, guint index)
{
	const char *mac = LIST_AT(vm->networks, struct vm_network, index)->mac;
	return is_called(e, "interface") && says(find_child(e, "mac"), "address", mac);
}

static gboolean (*const is_device[])(const xmlNode *e, const struct vm_spec *vm, guint index) = {
	[DOMAIN_NETWORK] = is_network,
};

/* Where it sits in the guest is libvirt's to find: the place in the definition may be taken. */
static void forget_address(xmlNode *e)
{
	xmlNode *address = find_child(e, "address");
	if (address) {
		xmlUnlinkNode(address);
		xmlFreeNode(address);
	}
}

char *domain_device_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, enum domain_device device,
                        guint index)
{
	const char *whole = domain_to_xml(a, id, vm, NULL);
	xmlDoc *doc = xmlReadMemory(whole, (int)strlen(whole), "domain.xml", NULL, XML_PARSE_NONET);
	const xmlNode *devices = find_child(xmlDocGetRootElement(doc), "devices");
	xmlNode *e = devices ? devices->children : NULL;
	char *xml = NULL;
	while (e && !is_device[device](e, vm, index))
		e = e->next;
	if (e) {
		xmlBuffer *text = xmlBufferCreate();
		forget_address(e);
		xmlNodeDump(text, doc, e, 0, 0);
		xml = arena_strdup(a, (const char *)xmlBufferContent(text));
		xmlBufferFree(text);
	}
	xmlFreeDoc(doc);
	return xml;
}
