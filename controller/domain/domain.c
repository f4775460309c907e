/* The table: which field of the VM stands where in the XML. Scalars are rows with a path; lists have a
 * pair of functions. What no field says (clock, power events, CPU by accelerator) is written beside. */
#include "domain/domain.h"
#include "base/arena.h"
#include "base/error.h"
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#define MARK_URI "urn:cleave:domain:1"

struct context {
	struct arena *arena;
	const struct domain_identity *id;
	xmlNode *root;
};

struct domain_row {
	const char *field; /* dotted, below vm_fields */
	const char *path;  /* elements below <domain>, `@` an attribute; NULL for lists */
	void (*write)(struct context *c, const struct vm_spec *vm);
	void (*read)(struct context *c, struct vm_spec *ret);
};

/* -- small helpers over libxml2 -------------------------------------------------------------------- */

static xmlNode *child(const xmlNode *parent, const char *name)
{
	for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
			return n;
	return NULL;
}

static xmlNode *add(xmlNode *parent, const char *name)
{
	return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static void set(xmlNode *n, const char *attribute, const char *value)
{
	xmlSetProp(n, (const xmlChar *)attribute, (const xmlChar *)value);
}

static const char *get(struct context *c, const xmlNode *n, const char *attribute)
{
	xmlChar *value = n ? xmlGetProp(n, (const xmlChar *)attribute) : NULL;
	const char *copy = arena_strdup(c->arena, (const char *)value);
	xmlFree(value);
	return copy;
}

static const char *text_of(struct context *c, const xmlNode *n)
{
	xmlChar *text = n ? xmlNodeGetContent(n) : NULL;
	const char *copy = text && *text ? arena_strdup(c->arena, (const char *)text) : NULL;
	xmlFree(text);
	return copy;
}

/* Finds "os/type/@machine" (or makes the elements); *ret_attribute is NULL for an element's text. */
static xmlNode *locate(struct context *c, const char *path, gboolean make, const char **ret_attribute)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	xmlNode *n = c->root;
	*ret_attribute = NULL;
	for (guint i = 0; parts[i] && n; i++) {
		if (parts[i][0] == '@') {
			*ret_attribute = arena_strdup(c->arena, parts[i] + 1);
			break;
		}
		xmlNode *next = child(n, parts[i]);
		n = next || !make ? next : add(n, parts[i]);
	}
	return n;
}

/* -- scalars ----------------------------------------------------------------------------------------- */

static const struct field *field_of(const char *dotted, gsize *ret_offset)
{
	g_auto(GStrv) parts = g_strsplit(dotted, ".", -1);
	const struct field *table = vm_fields, *f = NULL;
	*ret_offset = 0;
	for (guint i = 0; parts[i]; i++) {
		f = field_find(table, parts[i]);
		g_assert(f);
		*ret_offset += f->offset;
		table = f->fields;
	}
	return f;
}

static void write_scalar(struct context *c, const struct domain_row *row, const struct vm_spec *vm)
{
	gsize offset;
	const struct field *f = field_of(row->field, &offset);
	const char *attribute, *text = field_scalar_text(c->arena, f, (const char *)vm + offset - f->offset);
	if (!text)
		return;
	xmlNode *n = locate(c, row->path, TRUE, &attribute);
	if (f->type == FIELD_BYTES) {
		guint64 bytes = *(const guint64 *)((const char *)vm + offset);
		text = arena_printf(c->arena, "%" G_GUINT64_FORMAT, bytes / KiB);
		set(n, "unit", "KiB");
	}
	if (attribute)
		set(n, attribute, text);
	else
		xmlNodeAddContent(n, (const xmlChar *)text);
}

static void read_scalar(struct context *c, const struct domain_row *row, struct vm_spec *ret)
{
	gsize offset;
	const struct field *f = field_of(row->field, &offset);
	const char *attribute;
	const xmlNode *n = locate(c, row->path, FALSE, &attribute);
	const char *text = attribute ? get(c, n, attribute) : text_of(c, n);
	void *v = (char *)ret + offset;
	if (!text)
		return;
	if (f->type == FIELD_STRING)
		*(const char **)v = text;
	else if (f->type == FIELD_INT)
		*(gint64 *)v = g_ascii_strtoll(text, NULL, 10);
	else if (f->type == FIELD_BYTES) /* libvirt gives KiB whatever was written */
		*(guint64 *)v = g_ascii_strtoull(text, NULL, 10) * KiB;
	else
		g_assert_not_reached();
}

static void write_accelerator(struct context *c, const struct vm_spec *vm)
{
	gboolean tcg = vm->accelerator == VM_TCG;
	set(c->root, "type", tcg ? "qemu" : "kvm");
	set(add(c->root, "cpu"), "mode", tcg ? "maximum" : "host-passthrough");
	xmlNode *features = add(c->root, "features");
	add(features, "acpi");
	add(features, "apic");
	/* Emulation translates a guest's code once if the cache holds it; QEMU's default is too small for Blender. */
	xmlNode *cache = tcg ? add(add(features, "tcg"), "tb-cache") : NULL;
	if (cache) {
		set(cache, "unit", "MiB");
		xmlNodeAddContent(cache, (const xmlChar *)"512");
	}
}

static void read_accelerator(struct context *c, struct vm_spec *ret)
{
	ret->accelerator = g_strcmp0(get(c, c->root, "type"), "qemu") == 0 ? VM_TCG : VM_KVM;
}

/* libvirt records pc-q35-7.2 for q35. */
static void read_machine(struct context *c, struct vm_spec *ret)
{
	const char *type = get(c, child(child(c->root, "os"), "type"), "machine");
	ret->machine = type && g_str_has_prefix(type, "pc-q35-")      ? "q35"
	               : type && g_str_has_prefix(type, "pc-i440fx-") ? "pc"
	                                                              : type;
}

static void write_machine(struct context *c, const struct vm_spec *vm)
{
	xmlNode *type = child(child(c->root, "os"), "type");
	set(type, "machine", vm->machine);
}

/* -- lists ------------------------------------------------------------------------------------------- */

static guint count_children(const xmlNode *parent, const char *name)
{
	guint n = 0;
	for (const xmlNode *e = parent ? parent->children : NULL; e; e = e->next)
		n += e->type == XML_ELEMENT_NODE && strcmp((const char *)e->name, name) == 0;
	return n;
}

static void write_shares(struct context *c, const struct vm_spec *vm)
{
	xmlNode *devices = child(c->root, "devices");
	for (guint i = 0; i < vm->shares.n; i++) {
		const struct vm_share *s = LIST_AT(vm->shares, struct vm_share, i);
		xmlNode *n = add(devices, "filesystem");
		set(n, "type", "mount");
		set(n, "accessmode", "squash"); /* files belong to QEMU's user; ownership the guest asks for is ignored */
		set(n, "multidevs", "remap");   /* a share over several file systems keeps inode numbers apart */
		set(add(n, "source"), "dir", s->path);
		set(add(n, "target"), "dir", s->target);
		if (s->readonly)
			add(n, "readonly");
	}
}

static void read_shares(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = child(c->root, "devices");
	struct vm_share *shares = ARENA_ARRAY(c->arena, struct vm_share, count_children(devices, "filesystem"));
	ret->shares.items = shares;
	for (const xmlNode *e = devices ? devices->children : NULL; e; e = e->next)
		if (e->type == XML_ELEMENT_NODE && strcmp((const char *)e->name, "filesystem") == 0)
			shares[ret->shares.n++] = (struct vm_share){ get(c, child(e, "source"), "dir"),
				                                     get(c, child(e, "target"), "dir"),
				                                     child(e, "readonly") != NULL };
}

static void write_networks(struct context *c, const struct vm_spec *vm)
{
	xmlNode *devices = child(c->root, "devices");
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *net = LIST_AT(vm->networks, struct vm_network, i);
		xmlNode *n = add(devices, "interface");
		set(n, "type", net->user ? "user" : net->bridge ? "bridge" : "network");
		set(add(n, "mac"), "address", net->mac);
		if (net->bridge)
			set(add(n, "source"), "bridge", net->bridge);
		if (net->network)
			set(add(n, "source"), "network", net->network);
		set(add(n, "model"), "type", "virtio");
		set(add(n, "rom"), "enabled", "no"); /* nothing boots from the network */
	}
}

static void read_networks(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = child(c->root, "devices");
	struct vm_network *nets = ARENA_ARRAY(c->arena, struct vm_network, count_children(devices, "interface"));
	ret->networks.items = nets;
	for (const xmlNode *e = devices ? devices->children : NULL; e; e = e->next) {
		if (e->type != XML_ELEMENT_NODE || strcmp((const char *)e->name, "interface") != 0)
			continue;
		const xmlNode *source = child(e, "source");
		nets[ret->networks.n++] = (struct vm_network){ .user = g_strcmp0(get(c, e, "type"), "user") == 0,
			                                       .bridge = get(c, source, "bridge"),
			                                       .network = get(c, source, "network"),
			                                       .mac = get(c, child(e, "mac"), "address") };
	}
}

static void write_serial(struct context *c, const struct vm_spec *vm)
{
	xmlNode *n = add(child(c->root, "devices"), "serial");
	set(n, "type", vm->serial_log ? "file" : "null");
	if (!vm->serial_log)
		return;
	xmlNode *source = add(n, "source");
	set(source, "path", vm->serial_log);
	set(source, "append", "on"); /* the boots before this one stay readable */
}

static const struct domain_row rows[] = {
	{ "accelerator", NULL, write_accelerator, read_accelerator },
	{ "vcpus", "vcpu", NULL, NULL },
	{ "memory", "memory", NULL, NULL },
	{ "machine", NULL, write_machine, read_machine },
	{ "boot.kernel", "os/kernel", NULL, NULL },
	{ "boot.initrd", "os/initrd", NULL, NULL },
	{ "boot.cmdline", "os/cmdline", NULL, NULL },
	{ "shares", NULL, write_shares, read_shares },
	{ "networks", NULL, write_networks, read_networks },
	{ "serialLog", "devices/serial/source/@path", write_serial, NULL },
};

/* -- the whole --------------------------------------------------------------------------------------- */

static void write_frame(struct context *c)
{
	xmlNewTextChild(c->root, NULL, (const xmlChar *)"name", (const xmlChar *)c->id->name);
	xmlNewTextChild(c->root, NULL, (const xmlChar *)"uuid", (const xmlChar *)domain_uuid(c->arena, c->id));
	xmlNode *mark = add(add(c->root, "metadata"), "vm");
	xmlSetNs(mark, xmlNewNs(mark, (const xmlChar *)MARK_URI, (const xmlChar *)"cleave"));
	set(mark, "farm", c->id->farm);
	xmlNode *type = add(add(c->root, "os"), "type");
	xmlNodeAddContent(type, (const xmlChar *)"hvm");
	set(type, "arch", "x86_64");
}

static void write_fixed(struct context *c)
{
	static const char *const events[] = { "on_poweroff", "on_crash" };
	for (guint i = 0; i < G_N_ELEMENTS(events); i++)
		xmlNodeAddContent(add(c->root, events[i]), (const xmlChar *)"destroy");
	xmlNode *clock = add(c->root, "clock"), *timer = add(clock, "timer");
	set(clock, "offset", "utc");
	set(timer, "name", "hpet");
	set(timer, "present", "no"); /* costs interrupts, serves no guest of today */
	xmlNode *devices = add(c->root, "devices");
	xmlNode *usb = add(devices, "controller");
	set(usb, "type", "usb");
	set(usb, "model", "none");
	set(add(devices, "memballoon"), "model", "none");
}

char *domain_to_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm,
                    const char *machine_type)
{
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	struct context c = { a, id, xmlNewNode(NULL, (const xmlChar *)"domain") };
	xmlDocSetRootElement(doc, c.root);
	write_frame(&c);
	write_fixed(&c);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].write)
			rows[i].write(&c, vm);
		else
			write_scalar(&c, &rows[i], vm);
	}
	/* A machine of the same family recorded before goes on: the guest's hardware stays as it is. */
	struct vm_spec recorded = { 0 };
	if (machine_type) {
		set(child(child(c.root, "os"), "type"), "machine", machine_type);
		read_machine(&c, &recorded);
		if (g_strcmp0(recorded.machine, vm->machine) != 0)
			write_machine(&c, vm);
	}
	xmlChar *text = NULL;
	int size = 0;
	xmlDocDumpFormatMemory(doc, &text, &size, 1);
	char *copy = arena_strndup(a, (const char *)text, (gsize)size);
	xmlFree(text);
	xmlFreeDoc(doc);
	return copy;
}

/* An attribute as libvirt writes it ("0x65") or a person (decimal); FALSE beyond `max`. Absent is 0. */
static gboolean read_number(struct context *c, const xmlNode *n, const char *attribute, guint64 max, guint64 *ret)
{
	char *end = NULL;
	const char *text = get(c, n, attribute);
	*ret = text ? g_ascii_strtoull(text, &end, 0) : 0;
	return !text || (end != text && !*end && *ret <= max);
}

static const char *pci_address(struct context *c, const xmlNode *n)
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

static const char *host_device(struct context *c, const xmlNode *e)
{
	const xmlNode *address = child(child(e, "source"), "address");
	const char *type = get(c, e, "type");
	for (guint i = 0; address && i < G_N_ELEMENTS(holders); i++)
		if (strcmp((const char *)e->name, holders[i].element) == 0 && g_strcmp0(type, holders[i].type) == 0)
			return holders[i].attribute ? get(c, address, holders[i].attribute) : pci_address(c, address);
	return NULL;
}

static struct strings read_host_devices(struct context *c)
{
	const xmlNode *devices = child(c->root, "devices");
	struct strings found = { ARENA_ARRAY(c->arena, const char *, devices ? xmlChildElementCount((xmlNode *)devices) : 0), 0 };
	for (const xmlNode *e = devices ? devices->children : NULL; e; e = e->next) {
		const char *device = e->type == XML_ELEMENT_NODE ? host_device(c, e) : NULL;
		if (device)
			found.items[found.n++] = device;
	}
	return found;
}

static void read_facts(struct context *c, struct domain_facts *ret)
{
	const xmlNode *metadata = child(c->root, "metadata");
	ret->name = text_of(c, child(c->root, "name"));
	ret->uuid = text_of(c, child(c->root, "uuid"));
	ret->machine_type = get(c, child(child(c->root, "os"), "type"), "machine");
	ret->host_devices = read_host_devices(c);
	ret->owner = NULL;
	for (const xmlNode *e = metadata ? metadata->children : NULL; e; e = e->next)
		if (e->type == XML_ELEMENT_NODE && e->ns && strcmp((const char *)e->ns->href, MARK_URI) == 0)
			ret->owner = get(c, e, "farm");
}

gboolean domain_from_xml(struct arena *a, const char *xml, struct vm_spec *ret, struct domain_facts *ret_facts,
                         GError **error)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "domain.xml", NULL,
	                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	struct context c = { a, NULL, doc ? xmlDocGetRootElement(doc) : NULL };
	gboolean ok = c.root && strcmp((const char *)c.root->name, "domain") == 0;
	struct vm_spec vm = { 0 };
	for (guint i = 0; ok && i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].read)
			rows[i].read(&c, &vm);
		else
			read_scalar(&c, &rows[i], &vm);
	}
	if (ok) {
		read_facts(&c, ret_facts);
		*ret = vm;
	}
	xmlFreeDoc(doc);
	return ok ? TRUE : fail(error, ERROR_INVALID, "this is not the XML of a libvirt domain");
}
