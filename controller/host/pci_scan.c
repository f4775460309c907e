/* Identity, class, names, driver, group, node and slot come from libpci; what libpci does not know comes from
 * the function's folder in sysfs (pci_files.c).
 *
 * VFs answer ffff to reads of their configuration and a sleeping card ff to all, so libpci is left in its
 * default mode, where it takes ids from sysfs files and not from the registers.
 *
 * A large machine has hundreds of functions and few cards: of most functions only ids and class are read. */
#include "host/pci_scan.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/locked.h"
#include "host/pci.h"
#include "host/pci_files.h"
#include "host/pci_json.h"
#include "host/tree.h"
#include <pci/pci.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256, NOBODY = 0xffff /* a vendor */ };

struct scan {
	struct arena *arena;
	const struct host_tree *tree;
	struct pci_access *access;
	struct pci_dev **devices; /* as in `all` */
	struct pci_functions all;
	const struct pci_request *request;
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

static struct pci_access *open_access(char *path)
{
	struct pci_access *access = pci_alloc();
	access->error = on_error;
	access->warning = on_message;
	access->debug = on_message;
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	if (path)
		pci_set_param(access, (char *)"sysfs.path", path);
	return access;
}

/* A label has its file's line feed. */
static const char *copy(struct arena *a, const char *text)
{
	return text && *text ? g_strchomp(arena_strdup(a, text)) : NULL;
}

/* pci.ids takes longer to read than a machine to scan: an access of its own keeps it for all that the helper is
 * asked. */
static const char *find_name(struct arena *a, const struct pci_function *f)
{
	static struct pci_access *names;
	char name[NAME_SIZE];
	const int quiet = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB; /* the file of ids alone; libudev leaks */
	if (!names)
		names = open_access(NULL);
	return copy(a, pci_lookup_name(names, name, sizeof name, PCI_LOOKUP_DEVICE | quiet, f->vendor, f->device));
}

/* -- all functions ------------------------------------------------------------------------------ */

static int by_address(const void *x, const void *y)
{
	const struct pci_dev *a = *(struct pci_dev *const *)x, *b = *(struct pci_dev *const *)y;
	const int keys[][2] = { { a->domain, b->domain }, { a->bus, b->bus }, { a->dev, b->dev }, { a->func, b->func } };
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

static void read_ids(struct scan *s, struct pci_dev *d, struct pci_function *f)
{
	pci_function_init(f);
	pci_fill_info(d, PCI_FILL_IDENT | PCI_FILL_CLASS);
	f->address = arena_printf(s->arena, "%04x:%02x:%02x.%d", (unsigned int)d->domain, d->bus, d->dev, d->func);
	f->domain = (guint)d->domain;
	f->bus = d->bus;
	f->slot = d->dev;
	f->function = d->func;
	f->vendor = d->vendor_id;
	f->device = d->device_id;
	f->class = d->device_class;
	f->is_locked = s->request->busy && g_strv_contains(s->request->busy, f->address);
}

static void read_all_ids(struct scan *s)
{
	guint n = 0;
	for (struct pci_dev *d = s->access->devices; d; d = d->next)
		n++;
	s->devices = ARENA_ARRAY(s->arena, struct pci_dev *, n);
	s->all = (struct pci_functions){ ARENA_ARRAY(s->arena, struct pci_function, n), n };
	n = 0;
	for (struct pci_dev *d = s->access->devices; d; d = d->next)
		s->devices[n++] = d;
	if (n)
		qsort(s->devices, n, sizeof(gpointer), by_address);
	for (guint i = 0; i < n; i++)
		read_ids(s, s->devices[i], &s->all.list[i]);
}

/* -- whose function is which ---------------------------------------------------------------------- */

/* The list that pci_group_gpus() was given is ours to write to. */
static struct pci_function *own(const struct scan *s, const struct pci_function *f)
{
	return &s->all.list[f - s->all.list];
}

static struct pci_dev *device_of(const struct scan *s, const struct pci_function *f)
{
	return s->devices[f - s->all.list];
}

/* A VF of a display class would count as a card, and one in a card's slot as a function of it: who is a VF is
 * asked of these first, and of all only where a card has VFs. Groups likewise. */
static void read_relations(struct scan *s)
{
	SCOPED_ARENA(scratch);
	gboolean has_vfs = FALSE, has_groups = FALSE;
	for (guint i = 0; i < s->all.n; i++)
		if (pci_makes_gpu(&s->all.list[i]))
			pci_read_physfn(s->arena, s->tree, &s->all.list[i]);
	struct pci_gpus gpus = pci_group_gpus(scratch, &s->all, s->request->named);
	for (guint i = 0; i < gpus.n; i++)
		for (guint j = 0; j < gpus.list[i].n_functions; j++) {
			struct pci_function *f = own(s, gpus.list[i].functions[j]);
			pci_read_group(s->arena, s->tree, f);
			pci_read_physfn(s->arena, s->tree, f);
			has_groups = has_groups || f->iommu_group >= 0;
			has_vfs = has_vfs || pci_count_vfs(s->tree, f) > 0;
		}
	for (guint i = 0; i < s->all.n; i++) {
		if (has_vfs)
			pci_read_physfn(s->arena, s->tree, &s->all.list[i]);
		if (has_groups || s->all.list[i].physfn)
			pci_read_group(s->arena, s->tree, &s->all.list[i]);
	}
}

/* -- those that matter ---------------------------------------------------------------------------- */

/* Its own slot's name or that of the first bridge above it that has one: where a card is plugged into a riser, the
 * riser is what the mainboard has a name for. */
static const char *find_slot(const struct scan *s, const struct pci_function *f)
{
	const struct pci_dev *d = device_of(s, f);
	const char *name = d->phy_slot;
	for (const struct pci_function *at = f; !name && at;) {
		const char *parent = pci_read_parent(s->arena, s->tree, at);
		at = parent ? pci_find(&s->all, parent) : NULL;
		name = at ? device_of(s, at)->phy_slot : NULL;
	}
	return copy(s->arena, name ? name : d->label);
}

/* Device Serial Number capability, as lspci writes it. All zeros and all ones are none. */
static const char *read_serial(struct arena *a, struct pci_dev *d)
{
	const struct pci_cap *cap = pci_find_cap(d, PCI_EXT_CAP_ID_DSN, PCI_CAP_EXTENDED);
	if (!cap)
		return NULL;
	guint32 low = pci_read_long(d, (int)cap->addr + 4), high = pci_read_long(d, (int)cap->addr + 8);
	if ((!low && !high) || (low == G_MAXUINT32 && high == G_MAXUINT32))
		return NULL;
	GString *text = g_string_new(NULL);
	for (int shift = 24; shift >= 0; shift -= 8)
		g_string_append_printf(text, "%02x-", high >> shift & 0xff);
	for (int shift = 24; shift >= 0; shift -= 8)
		g_string_append_printf(text, shift ? "%02x-" : "%02x", low >> shift & 0xff);
	const char *serial = arena_strdup(a, text->str);
	g_string_free(text, TRUE);
	return serial;
}

/* To read the configuration of a sleeping card wakes it up, so it is done once for each time the kernel finds the
 * card: its folder is then another one. Registers that read ff say nothing, now: they are read again. */
static const char *find_serial(const struct scan *s, const struct pci_function *f)
{
	static GHashTable *known; /* folder's identity → serial, "" for none */
	g_autofree char *key = pci_folder_identity(s->tree, f);
	if (!known)
		known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	const char *serial = key ? g_hash_table_lookup(known, key) : NULL;
	if (serial)
		return copy(s->arena, serial);
	struct pci_dev *d = device_of(s, f);
	if (pci_read_word(d, PCI_VENDOR_ID) == NOBODY)
		return NULL;
	serial = read_serial(s->arena, d);
	if (key)
		g_hash_table_insert(known, g_steal_pointer(&key), g_strdup(serial ? serial : ""));
	return serial;
}

static void read_main(struct scan *s, struct pci_function *f)
{
	struct pci_dev *d = device_of(s, f);
	int filled = pci_fill_info(d, PCI_SCAN_FILLS);
	/* A bridge has none; 0000 and ffff (asleep) are no ids. */
	if ((filled & PCI_FILL_SUBSYS) && d->subsys_vendor_id && d->subsys_vendor_id != NOBODY) {
		f->subsystem_vendor = d->subsys_vendor_id;
		f->subsystem_device = d->subsys_id;
	}
	f->numa_node = d->numa_node;
	f->device_name = find_name(s->arena, f);
	f->slot_name = find_slot(s, f);
	f->serial = find_serial(s, f);
	f->parent = pci_read_parent(s->arena, s->tree, f);
	pci_read_card_files(s->arena, s->tree, f);
}

static void read_function(struct scan *s, struct pci_function *f)
{
	struct pci_dev *d = device_of(s, f);
	pci_fill_info(d, PCI_FILL_DRIVER);
	f->is_detailed = TRUE;
	f->driver = copy(s->arena, pci_get_string_property(d, PCI_FILL_DRIVER));
	pci_read_function_files(s->arena, s->tree, f);
}

static void read_card(struct scan *s, const struct pci_gpu *gpu)
{
	read_main(s, own(s, gpu->main));
	for (guint i = 0; i < gpu->n_functions; i++) {
		read_function(s, own(s, gpu->functions[i]));
		pci_read_vgpus(s->arena, s->tree, own(s, gpu->functions[i]));
	}
	for (guint i = 0; i < gpu->n_vfs; i++) {
		read_function(s, own(s, gpu->vfs[i]));
		pci_read_vgpus(s->arena, s->tree, own(s, gpu->vfs[i]));
	}
	for (guint i = 0; i < gpu->n_bystanders; i++)
		if (!gpu->bystanders[i]->is_detailed)
			read_function(s, own(s, gpu->bystanders[i]));
}

static json_t *scan(struct scan *s)
{
	pci_scan_bus(s->access);
	read_all_ids(s);
	read_relations(s);
	struct pci_gpus gpus = pci_group_gpus(s->arena, &s->all, s->request->named);
	for (guint i = 0; i < gpus.n; i++)
		read_card(s, &gpus.list[i]);
	json_t *answer = json_array();
	for (guint i = 0; i < s->all.n; i++)
		json_array_append_new(answer, pci_function_to_json(&s->all.list[i]));
	return answer;
}

json_t *pci_scan(const struct pci_request *request, GError **error)
{
	SCOPED_ARENA(arena);
	struct host_tree t = host_tree_at(arena, NULL, request->sysfs);
	if (!host_exists(&t, "sys/bus/pci/devices")) {
		fail(error, ERROR_NOT_FOUND, "%s/bus/pci/devices is not there: no PCI bus, or not a sysfs",
		     request->sysfs);
		return NULL;
	}
	struct scan s = { .arena = arena, .tree = &t, .request = request };
	locked_begin();
	s.access = open_access(host_path(arena, &t, "sys/bus/pci"));
	pci_init(s.access);
	json_t *answer = scan(&s);
	pci_cleanup(s.access);
	return answer;
}
