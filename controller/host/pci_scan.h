/* libpci and sysfs → JSON. Runs in the helper only: an error of libpci ends the process. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* What libpci is asked of a card's main function (<pci/pci.h>). */
#define PCI_SCAN_FILLS                                                                                                  \
	(PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_SUBSYS | PCI_FILL_NUMA_NODE | PCI_FILL_DRIVER | PCI_FILL_PHYS_SLOT | \
	 PCI_FILL_LABEL)

/* An array of objects, a function each, with only the keys the machine tells (pci_json.c). `named` as in
 * pci_list(). */
json_t *pci_scan(const char *sysfs, const char *const *named, GError **error);
