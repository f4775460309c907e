/* PCI functions, and the cards they make. Facts only: what may be given to a VM is not decided here. */
#pragma once
#include <glib.h>

struct arena;
struct helper;

struct pci_vgpu_type {
	const char *id, *name, *description;
	gint64 n_available;   /* -1 = not told */
	const char **devices; /* UUIDs of those that are there, NULL at the end; NULL for vendor VFIO */
};

struct pci_link {
	int width, max_width;          /* lanes */
	const char *speed, *max_speed; /* "16.0 GT/s PCIe" */
};

/* Numbers below 0 and NULL strings: the machine does not tell, or it was not asked: address, ids and class are read
 * of every function, all else of those that belong to a card or share an IOMMU group with one (is_detailed). */
struct pci_function {
	const char *address; /* "0000:65:00.0"; the domain has 4 to 8 digits */
	guint domain, bus, slot, function;
	guint16 vendor, device, class; /* class without the programming interface: 0x0300 */
	gboolean is_detailed;
	gboolean is_locked; /* what the kernel tells under the device's lock does not answer (host/locked.h) */
	int revision;
	int subsystem_vendor, subsystem_device;
	const char *device_name; /* from pci.ids; of cards' functions */
	const char *slot_name;   /* of the slot it is in, or that a bridge above it is in; else the firmware's label */
	const char *serial;      /* "00-15-83-ff-fe-14-3c-ac"; root alone sees it */
	const char *driver, *driver_override;
	int iommu_group, numa_node, boot_vga;
	const char *reset_method, *power_state;
	const char *parent;             /* address of the bridge above */
	const char *physfn;             /* of a VF: the address of its card's function */
	int sriov_total, sriov_enabled; /* VFs possible, VFs there */
	struct pci_link link;
	gint64 bar_bytes; /* memory BARs together; -1 also when it tells of none */
	int n_unassigned_bars;
	gint64 n_correctable, n_nonfatal, n_fatal; /* AER, since boot */
	gboolean has_mdev;      /* its driver makes vGPUs as mdevs */
	gboolean has_vgpu_type; /* a VF that can be a vGPU (vendor VFIO) */
	const char *vgpu_type;  /* id of the type of the vGPU that this VF is; NULL = none */
	struct pci_vgpu_type *vgpu_types;
	guint n_vgpu_types;
};

struct pci_functions {
	struct pci_function *list; /* ascending by address */
	guint n;
};

enum pci_gpu_kind {
	PCI_GPU_DISPLAY,     /* class 0300, 0302, 0380 */
	PCI_GPU_ACCELERATOR, /* class 1200: compute cards, and NPUs of laptops */
	PCI_GPU_NAMED,       /* any other device but a bridge that somebody asked for by its address */
};

struct pci_gpu {
	const struct pci_function *main; /* its first display (or accelerator) function, or the named one */
	enum pci_gpu_kind kind;
	const struct pci_function **functions; /* all of the slot, main among them, without VFs and bridges */
	guint n_functions;
	const struct pci_function **vfs;
	guint n_vfs;
	const struct pci_function **bystanders; /* others in the functions' IOMMU groups, without bridges */
	guint n_bystanders;
};

struct pci_gpus {
	struct pci_gpu *list; /* ascending by address */
	guint n;
};

/* Lists of addresses end with NULL; NULL is an empty one. */
struct pci_request {
	const char *sysfs;        /* "/sys" or a tree like it */
	const char *const *named; /* devices that count as cards whatever they are */
	const char *const *busy;  /* devices known to hang: what they tell under their lock is not asked for */
};

/* Asks the helper. */
gboolean pci_list(struct helper *h, struct arena *arena, const struct pci_request *request, gint64 timeout_ms,
		  struct pci_functions *ret, GError **error);
const struct pci_function *pci_find(const struct pci_functions *all, const char *address);
/* Domain, bus, slot and function of "0000:65:00.0"; FALSE when it is no address. */
gboolean pci_split_address(const char *address, struct pci_function *ret);

/* Groups by slot. A VF belongs to the card whose function it is a part of; one whose card is not shown is left out.
 * Consoles are no cards, unless they are named. */
struct pci_gpus pci_group_gpus(struct arena *arena, const struct pci_functions *all, const char *const *named);
/* Whether it is a card by itself, its slot aside. */
gboolean pci_makes_gpu(const struct pci_function *f);
