/* What a function's folder in sysfs tells beyond libpci (kernel: Documentation/ABI/testing/sysfs-bus-pci,
 * sysfs-bus-pci-devices-aer_stats, vfio-mediated-device.rst). Runs in the helper. */
#pragma once
#include <glib.h>

struct arena;
struct host_tree;
struct pci_function;

/* Once: what is known is not read again. */
void pci_read_physfn(struct arena *a, const struct host_tree *t, struct pci_function *f);
void pci_read_group(struct arena *a, const struct host_tree *t, struct pci_function *f);
int pci_count_vfs(const struct host_tree *t, struct pci_function *f);
/* Address of the bridge above, or NULL. */
const char *pci_read_parent(struct arena *a, const struct host_tree *t, const struct pci_function *f);
/* Differs when the device was taken away and came back, whoever it is then; NULL when the folder is not there.
 * Free with g_free(). */
char *pci_folder_identity(const struct host_tree *t, const struct pci_function *f);

/* Of every function of a card, its VFs and bystanders. */
void pci_read_function_files(struct arena *a, const struct host_tree *t, struct pci_function *f);
/* Of a card's main function: reset, BARs, link, SR-IOV, AER. */
void pci_read_card_files(struct arena *a, const struct host_tree *t, struct pci_function *f);
/* vGPU types it offers and vGPUs it carries, by mdev or by vendor VFIO. */
void pci_read_vgpus(struct arena *a, const struct host_tree *t, struct pci_function *f);
