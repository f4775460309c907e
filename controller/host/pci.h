/* PCI functions, and the GPUs they make. Facts only: what may be given to a VM is not decided here. */
#pragma once
#include <glib.h>

struct arena;
struct helper;

/* Numbers below 0 and NULL strings: the machine does not tell. */
struct pci_function {
	const char *address; /* "0000:65:00.0"; the domain has 4 to 8 digits */
	guint domain, bus, slot, function;
	guint16 vendor, device, class; /* class without the programming interface: 0x0300 */
	int prog_if, revision;
	int subsystem_vendor, subsystem_device;
	const char *vendor_name, *device_name; /* from pci.ids */
	const char *slot_name, *label;         /* the firmware's words for the slot and the device */
	const char *driver, *driver_override;
	int iommu_group, numa_node, boot_vga;
	const char *local_cpulist;
	const char *reset_method, *power_state;
	const char *parent;             /* address of the bridge above */
	const char *physfn;             /* of a VF: the address of its card's function */
	int sriov_total, sriov_enabled; /* VFs possible, VFs there */
	gboolean has_mdev_types;
};

struct pci_functions {
	struct pci_function *list; /* ascending by address */
	guint n;
};

enum pci_gpu_kind {
	PCI_GPU_DISPLAY,     /* class 0300, 0302, 0380 */
	PCI_GPU_ACCELERATOR, /* class 1200: compute cards, and NPUs of laptops */
};

struct pci_gpu {
	const struct pci_function *main; /* its first display (or accelerator) function */
	enum pci_gpu_kind kind;
	const struct pci_function **functions; /* all of the slot, main among them, without VFs */
	guint n_functions;
	const struct pci_function **vfs;
	guint n_vfs;
};

struct pci_gpus {
	struct pci_gpu *list; /* ascending by address */
	guint n;
};

/* Asks the helper; `sysfs` is "/sys" or a tree like it. */
gboolean pci_list(struct helper *h, struct arena *arena, const char *sysfs, gint64 timeout_ms,
		  struct pci_functions *ret, GError **error);
const struct pci_function *pci_find(const struct pci_functions *all, const char *address);
/* Groups by slot. A VF belongs to the GPU whose function it is a part of; one whose card is not shown is left
 * out. Consoles (pci_is_console) are no GPUs. */
struct pci_gpus pci_group_gpus(struct arena *arena, const struct pci_functions *all);
/* A display that only shows a text console: a server's management controller, or what a hypervisor emulates. */
gboolean pci_is_console(const struct pci_function *f);
