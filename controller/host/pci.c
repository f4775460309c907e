/* JSON → functions → GPUs. */
#include "host/pci.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include <stdlib.h>
#include <string.h>

/* -- decoding -------------------------------------------------------------------------------- */

static int get_number(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);
	return n ? (int)json_integer_value(n) : -1;
}

static const char *get_string(struct arena *arena, const json_t *o, const char *key)
{
	return arena_strdup(arena, json_string_value(json_object_get(o, key)));
}

static gboolean split_address(const char *address, struct pci_function *ret)
{
	char *end = NULL;
	if (!address)
		return FALSE;
	ret->domain = (guint)strtoul(address, &end, 16);
	if (*end != ':')
		return FALSE;
	ret->bus = (guint)strtoul(end + 1, &end, 16);
	if (*end != ':')
		return FALSE;
	ret->slot = (guint)strtoul(end + 1, &end, 16);
	if (*end != '.')
		return FALSE;
	ret->function = (guint)strtoul(end + 1, &end, 16);
	return *end == '\0';
}

static gboolean decode(struct arena *arena, const json_t *o, struct pci_function *f)
{
	f->address = get_string(arena, o, "address");
	f->vendor = (guint16)get_number(o, "vendor");
	f->device = (guint16)get_number(o, "device");
	f->class = (guint16)get_number(o, "class");
	f->prog_if = get_number(o, "prog_if");
	f->revision = get_number(o, "revision");
	f->subsystem_vendor = get_number(o, "subsystem_vendor");
	f->subsystem_device = get_number(o, "subsystem_device");
	f->vendor_name = get_string(arena, o, "vendor_name");
	f->device_name = get_string(arena, o, "device_name");
	f->slot_name = get_string(arena, o, "slot_name");
	f->label = get_string(arena, o, "label");
	f->driver = get_string(arena, o, "driver");
	f->driver_override = get_string(arena, o, "driver_override");
	f->iommu_group = get_number(o, "iommu_group");
	f->numa_node = get_number(o, "numa_node");
	f->boot_vga = get_number(o, "boot_vga");
	f->local_cpulist = get_string(arena, o, "local_cpulist");
	f->reset_method = get_string(arena, o, "reset_method");
	f->power_state = get_string(arena, o, "power_state");
	f->parent = get_string(arena, o, "parent");
	f->physfn = get_string(arena, o, "physfn");
	f->sriov_total = get_number(o, "sriov_totalvfs");
	f->sriov_enabled = get_number(o, "sriov_numvfs");
	f->has_mdev_types = json_is_true(json_object_get(o, "has_mdev_types"));
	return split_address(f->address, f);
}

static int by_address(const void *x, const void *y)
{
	const struct pci_function *a = x, *b = y;
	const guint keys[][2] = {
		{ a->domain, b->domain }, { a->bus, b->bus }, { a->slot, b->slot }, { a->function, b->function }
	};
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

static gboolean decode_all(struct arena *arena, const json_t *all, struct pci_functions *ret, GError **error)
{
	struct pci_functions functions = { ARENA_ARRAY(arena, struct pci_function, json_array_size(all)), 0 };
	gsize i;
	json_t *o;
	json_array_foreach(all, i, o)
	{
		if (!decode(arena, o, &functions.list[functions.n]))
			return fail(error, ERROR_FAILED, "listing PCI functions: \"%s\" is no address",
				    functions.list[functions.n].address);
		functions.n++;
	}
	if (functions.n)
		qsort(functions.list, functions.n, sizeof *functions.list, by_address);
	*ret = functions;
	return TRUE;
}

gboolean pci_list(struct helper *h, struct arena *arena, const char *sysfs, gint64 timeout_ms,
		  struct pci_functions *ret, GError **error)
{
	json_t *answer, *request = json_pack("{s:s, s:s}", "op", "pci", "sysfs", sysfs);
	gboolean done = helper_call(h, request, timeout_ms, &answer, error);
	json_decref(request);
	if (!done) {
		g_prefix_error(error, "listing PCI functions: ");
		return FALSE;
	}
	done = decode_all(arena, answer, ret, error);
	json_decref(answer);
	return done;
}

const struct pci_function *pci_find(const struct pci_functions *all, const char *address)
{
	struct pci_function key;
	return split_address(address, &key) && all->n ? bsearch(&key, all->list, all->n, sizeof *all->list, by_address)
						      : NULL;
}

/* -- GPUs ------------------------------------------------------------------------------------ */

enum {
	CLASS_VGA = 0x0300,
	CLASS_3D = 0x0302,
	CLASS_DISPLAY = 0x0380,
	CLASS_ACCELERATOR = 0x1200,
	ANY_DEVICE = -1,
};

/* Vendor and device ids from pci.ids. */
static const struct {
	guint16 vendor;
	int device;
} consoles[] = {
	{ 0x1a03, ANY_DEVICE }, /* ASPEED */
	{ 0x102b, ANY_DEVICE }, /* Matrox: G200 in iLO, iDRAC and older boards */
	{ 0x19a2, ANY_DEVICE }, /* Emulex Pilot */
	{ 0x18ca, ANY_DEVICE }, /* XGI Volari */
	{ 0x126f, ANY_DEVICE }, /* Silicon Motion */
	{ 0x19e5, 0x1711 },     /* Huawei iBMC */
	{ 0x1002, 0x515e },     /* ATI ES1000 */
	{ 0x1002, 0x4752 },     /* ATI Rage XL */
	{ 0x1234, 0x1111 },     /* QEMU std */
	{ 0x1af4, 0x1050 },     /* virtio */
	{ 0x1b36, 0x0100 },     /* QXL */
	{ 0x1013, 0x00b8 },     /* Cirrus */
	{ 0x15ad, 0x0405 },     /* VMware SVGA */
	{ 0x80ee, 0xbeef },     /* VirtualBox */
	{ 0x1414, 0x5353 },     /* Hyper-V */
};

gboolean pci_is_console(const struct pci_function *f)
{
	for (gsize i = 0; i < G_N_ELEMENTS(consoles); i++)
		if (f->vendor == consoles[i].vendor &&
		    (consoles[i].device == ANY_DEVICE || f->device == consoles[i].device))
			return TRUE;
	return FALSE;
}

static gboolean is_display(const struct pci_function *f)
{
	return f->class == CLASS_VGA || f->class == CLASS_3D || f->class == CLASS_DISPLAY;
}

static gboolean makes_gpu(const struct pci_function *f)
{
	return (is_display(f) || f->class == CLASS_ACCELERATOR) && !f->physfn && !pci_is_console(f);
}

static gboolean same_slot(const struct pci_function *a, const struct pci_function *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot;
}

static void add_functions(struct arena *arena, const struct pci_function *first, const struct pci_function *end,
			  struct pci_gpu *gpu)
{
	gpu->functions = ARENA_ARRAY(arena, const struct pci_function *, end - first);
	for (const struct pci_function *f = first; f < end; f++)
		if (!f->physfn)
			gpu->functions[gpu->n_functions++] = f;
}

static void add_vfs(struct arena *arena, const struct pci_functions *all, struct pci_gpu *gpu)
{
	gpu->vfs = ARENA_ARRAY(arena, const struct pci_function *, all->n);
	for (guint i = 0; i < all->n; i++) {
		const struct pci_function *card = all->list[i].physfn ? pci_find(all, all->list[i].physfn) : NULL;
		if (card && same_slot(card, gpu->main))
			gpu->vfs[gpu->n_vfs++] = &all->list[i];
	}
}

/* The first function of a slot that makes it a GPU; a display before an accelerator. */
static const struct pci_function *find_main(const struct pci_function *first, const struct pci_function *end)
{
	const struct pci_function *found = NULL;
	for (const struct pci_function *f = first; f < end; f++)
		if (makes_gpu(f) && (!found || (is_display(f) && !is_display(found))))
			found = f;
	return found;
}

struct pci_gpus pci_group_gpus(struct arena *arena, const struct pci_functions *all)
{
	struct pci_gpus gpus = { ARENA_ARRAY(arena, struct pci_gpu, all->n), 0 };
	const struct pci_function *last = all->list + all->n;
	for (const struct pci_function *first = all->list, *end; first < last; first = end) {
		for (end = first + 1; end < last && same_slot(first, end); end++)
			;
		const struct pci_function *found = find_main(first, end);
		if (!found)
			continue;
		struct pci_gpu *gpu = &gpus.list[gpus.n++];
		gpu->main = found;
		gpu->kind = is_display(found) ? PCI_GPU_DISPLAY : PCI_GPU_ACCELERATOR;
		add_functions(arena, first, end, gpu);
		add_vfs(arena, all, gpu);
	}
	return gpus;
}
