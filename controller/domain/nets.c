/* Network cards, and folders of the host given to the guest. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

static void write_card(struct context *c, const struct vm_network *net)
{
	xmlNode *n = xml_add(xml_have(c->root, "devices"), "interface");
	xml_set(n, "type", net->user ? "user" : net->bridge ? "bridge" : "network");
	xml_set(xml_add(n, "mac"), "address", net->mac);
	if (net->bridge)
		xml_set(xml_add(n, "source"), "bridge", net->bridge);
	else if (net->network)
		xml_set(xml_add(n, "source"), "network", net->network);
	xml_set(xml_add(n, "model"), "type", name_of(&nic_names, net->model ? net->model : NIC_VIRTIO));
	if (net->vlan)
		xml_set_int(xml_add(xml_add(n, "vlan"), "tag"), "id", net->vlan);
	if (net->mtu)
		xml_set_int(xml_add(n, "mtu"), "size", net->mtu);
	if (net->is_down)
		xml_set(xml_add(n, "link"), "state", "down");
	if (net->boot_order)
		xml_set_int(xml_add(n, "boot"), "order", net->boot_order);
	else
		xml_set(xml_add(n, "rom"), "enabled", "no"); /* nothing boots from this card */
}

void networks_write(struct context *c, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->networks.n; i++)
		write_card(c, LIST_AT(vm->networks, struct vm_network, i));
}

/* Of a libvirt network a running domain tells the bridge as well. */
static struct vm_network read_card(struct context *c, const xmlNode *e)
{
	const xmlNode *source = xml_child(e, "source");
	const char *model = xml_get(c->arena, xml_child(e, "model"), "type");
	int known = model && *model ? name_value(&nic_names, model) : -1;
	return (struct vm_network){
		.user = xml_says(e, "type", "user"),
		.bridge = xml_says(e, "type", "bridge") ? xml_get(c->arena, source, "bridge") : NULL,
		.network = xml_says(e, "type", "network") ? xml_get(c->arena, source, "network") : NULL,
		.mac = xml_get(c->arena, xml_child(e, "mac"), "address"),
		.model = MAX(known, NIC_UNSAID),
		.vlan = xml_int(xml_child(xml_child(e, "vlan"), "tag"), "id"),
		.mtu = xml_int(xml_child(e, "mtu"), "size"),
		.boot_order = xml_int(xml_child(e, "boot"), "order"),
		.is_down = xml_says(xml_child(e, "link"), "state", "down"),
	};
}

void networks_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	struct vm_network *cards = ARENA_ARRAY(c->arena, struct vm_network, xml_count(devices, "interface"));
	ret->networks.items = cards;
	XML_EACH (e, devices, "interface")
		cards[ret->networks.n++] = read_card(c, e);
}

/* -- shares --------------------------------------------------------------------------------------------------------- */

/* virtiofsd reads the guest's memory itself, which has to be shared with it; huge pages are as well. */
static void share_memory(struct context *c)
{
	xmlNode *backing = xml_have(c->root, "memoryBacking");
	if (!xml_child(backing, "source"))
		xml_set(xml_add(backing, "source"), "type", "memfd");
	xml_set(xml_have(backing, "access"), "mode", "shared");
}

static void write_share(struct context *c, const struct vm_share *s)
{
	xmlNode *n = xml_add(xml_have(c->root, "devices"), "filesystem");
	xml_set(n, "type", "mount");
	if (s->driver == DRIVER_VIRTIOFS) {
		xml_set(n, "accessmode", "passthrough");
		xml_set(xml_add(n, "driver"), "type", "virtiofs");
		share_memory(c);
	} else {
		xml_set(n, "accessmode", "squash"); /* files belong to QEMU's user; ownership the guest asks for is ignored */
		xml_set(n, "multidevs", "remap");   /* a share over several file systems keeps inode numbers apart */
	}
	xml_set(xml_add(n, "source"), "dir", s->path);
	xml_set(xml_add(n, "target"), "dir", s->target);
	if (s->readonly)
		xml_add(n, "readonly");
}

void shares_write(struct context *c, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->shares.n; i++)
		write_share(c, LIST_AT(vm->shares, struct vm_share, i));
}

void shares_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	struct vm_share *shares = ARENA_ARRAY(c->arena, struct vm_share, xml_count(devices, "filesystem"));
	ret->shares.items = shares;
	XML_EACH (e, devices, "filesystem")
		shares[ret->shares.n++] = (struct vm_share){ xml_get(c->arena, xml_child(e, "source"), "dir"),
			                                     xml_get(c->arena, xml_child(e, "target"), "dir"),
			                                     xml_child(e, "readonly") != NULL,
			                                     xml_says(xml_child(e, "driver"), "type", "virtiofs") ? DRIVER_VIRTIOFS : DRIVER_UNSAID };
}
