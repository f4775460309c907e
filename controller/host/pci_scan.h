/* libpci and sysfs → JSON. Runs in the helper only: an error of libpci ends the process. */
#pragma once
#include <glib.h>
#include <jansson.h>

struct pci_request;

/* What libpci is asked of a card's main function (<pci/pci.h>). */
#define PCI_SCAN_FILLS                                                                                                  \
	(PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_SUBSYS | PCI_FILL_NUMA_NODE | PCI_FILL_DRIVER | PCI_FILL_PHYS_SLOT | \
	 PCI_FILL_LABEL)

/* An array of objects, a function each, with only the keys the machine tells (pci_json.c). */
json_t *pci_scan(const struct pci_request *request, GError **error);
