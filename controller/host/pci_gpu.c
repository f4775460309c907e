/* Functions → cards: whose function is which. Runs on both sides of the helper's socket: there to know what has to
 * be read, here to know what was. */
#include "base/arena.h"
#include "host/pci.h"

enum {
	CLASS_VGA = 0x0300,
	CLASS_3D = 0x0302,
	CLASS_DISPLAY = 0x0380,
	CLASS_PCI_BRIDGE = 0x0604,
	CLASS_OTHER_BRIDGE = 0x0680, /* NVSwitches and NVLink bridges: devices with a driver */
	CLASS_ACCELERATOR = 0x1200,
	BASE_CLASS_BRIDGE = 0x06,
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

/* A display that only shows a text console: a server's management controller, or what a hypervisor emulates. */
static gboolean is_console(const struct pci_function *f)
{
	for (gsize i = 0; i < G_N_ELEMENTS(consoles); i++)
		if (f->vendor == consoles[i].vendor &&
		    (consoles[i].device == ANY_DEVICE || f->device == consoles[i].device))
			return TRUE;
	return FALSE;
}

static gboolean is_bridge(const struct pci_function *f)
{
	return f->class >> 8 == BASE_CLASS_BRIDGE && f->class != CLASS_OTHER_BRIDGE;
}

static gboolean is_display(const struct pci_function *f)
{
	return f->class == CLASS_VGA || f->class == CLASS_3D || f->class == CLASS_DISPLAY;
}

gboolean pci_makes_gpu(const struct pci_function *f)
{
	return (is_display(f) || f->class == CLASS_ACCELERATOR) && !f->physfn && !is_console(f);
}

static gboolean is_same_slot(const struct pci_function *a, const struct pci_function *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot;
}

/* -- the card of a slot ------------------------------------------------------------------------ */

/* The first function that makes the slot a card; a display before an accelerator. */
static const struct pci_function *find_main(const struct pci_function *first, const struct pci_function *end)
{
	const struct pci_function *found = NULL;
	for (const struct pci_function *f = first; f < end; f++)
		if (pci_makes_gpu(f) && (!found || (is_display(f) && !is_display(found))))
			found = f;
	return found;
}

/* The function that is named, or the slot's first where the named one is not there. */
static const struct pci_function *find_named(const struct pci_function *first, const struct pci_function *end,
					     const char *const *named)
{
	const struct pci_function *any = NULL;
	struct pci_function wanted;
	for (; named && *named; named++)
		for (const struct pci_function *f = first; f < end; f++) {
			if (!pci_split_address(*named, &wanted) || !is_same_slot(&wanted, f) || f->physfn ||
			    f->class == CLASS_PCI_BRIDGE)
				continue;
			if (wanted.function == f->function)
				return f;
			any = any ? any : f;
		}
	return any;
}

static void add_functions(struct arena *arena, const struct pci_function *first, const struct pci_function *end,
			  struct pci_gpu *gpu)
{
	gpu->functions = ARENA_ARRAY(arena, const struct pci_function *, end - first);
	for (const struct pci_function *f = first; f < end; f++)
		if (!f->physfn && f->class != CLASS_PCI_BRIDGE)
			gpu->functions[gpu->n_functions++] = f;
}

/* -- what belongs to it ------------------------------------------------------------------------- */

static gboolean is_in(const struct pci_function *const *list, guint n, const struct pci_function *f)
{
	for (guint i = 0; i < n; i++)
		if (list[i] == f)
			return TRUE;
	return FALSE;
}

static gboolean shares_group(const struct pci_gpu *gpu, const struct pci_function *f)
{
	for (guint i = 0; i < gpu->n_functions; i++)
		if (f->iommu_group >= 0 && gpu->functions[i]->iommu_group == f->iommu_group)
			return TRUE;
	return FALSE;
}

/* What can be a VF or a bystander at all, few of the functions of a large machine; and room for both lists. */
struct candidates {
	const struct pci_function **all, **vfs, **bystanders;
	guint n;
};

static void add_related(struct arena *arena, const struct pci_functions *all, const struct candidates *c,
			struct pci_gpu *gpu)
{
	for (guint i = 0; i < c->n; i++) {
		const struct pci_function *f = c->all[i], *card = f->physfn ? pci_find(all, f->physfn) : NULL;
		if (card && is_in(gpu->functions, gpu->n_functions, card))
			c->vfs[gpu->n_vfs++] = f;
		else if (shares_group(gpu, f) && !is_in(gpu->functions, gpu->n_functions, f))
			c->bystanders[gpu->n_bystanders++] = f;
	}
	gpu->vfs = arena_memdup(arena, c->vfs, sizeof(gpointer) * gpu->n_vfs);
	gpu->bystanders = arena_memdup(arena, c->bystanders, sizeof(gpointer) * gpu->n_bystanders);
}

static void relate(struct arena *arena, const struct pci_functions *all, struct pci_gpus *gpus)
{
	SCOPED_ARENA(scratch);
	struct candidates c = { ARENA_ARRAY(scratch, const struct pci_function *, all->n),
				ARENA_ARRAY(scratch, const struct pci_function *, all->n),
				ARENA_ARRAY(scratch, const struct pci_function *, all->n), 0 };
	for (guint i = 0; i < all->n; i++)
		if (all->list[i].physfn || (all->list[i].iommu_group >= 0 && !is_bridge(&all->list[i])))
			c.all[c.n++] = &all->list[i];
	for (guint i = 0; i < gpus->n; i++)
		add_related(arena, all, &c, &gpus->list[i]);
}

static enum pci_gpu_kind kind_of(const struct pci_function *f)
{
	if (!pci_makes_gpu(f))
		return PCI_GPU_NAMED;
	return is_display(f) ? PCI_GPU_DISPLAY : PCI_GPU_ACCELERATOR;
}

struct pci_gpus pci_group_gpus(struct arena *arena, const struct pci_functions *all, const char *const *named)
{
	struct pci_gpus gpus = { ARENA_ARRAY(arena, struct pci_gpu, all->n), 0 };
	const struct pci_function *last = all->list + all->n;
	for (const struct pci_function *first = all->list, *end; first < last; first = end) {
		for (end = first + 1; end < last && is_same_slot(first, end); end++)
			;
		const struct pci_function *found = find_main(first, end);
		if (!found && !(found = find_named(first, end, named)))
			continue;
		struct pci_gpu *gpu = &gpus.list[gpus.n++];
		gpu->main = found;
		gpu->kind = kind_of(found);
		add_functions(arena, first, end, gpu);
	}
	relate(arena, all, &gpus);
	return gpus;
}
