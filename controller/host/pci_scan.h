/* libpci and sysfs → JSON. Runs in the helper only: an error of libpci ends the process. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* An array of objects, a function each, with only the keys the machine tells (pci.c reads them). */
json_t *pci_scan(const char *sysfs, GError **error);
