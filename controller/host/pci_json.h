/* A PCI function as JSON and back, by one table: the helper writes what the controller reads. */
#pragma once
#include <glib.h>
#include <jansson.h>

struct arena;
struct pci_function;

/* A function that nothing is known of yet. */
void pci_function_init(struct pci_function *f);
/* Only what is told. */
json_t *pci_function_to_json(const struct pci_function *f);
/* FALSE when the address is none. Strings are copied. */
gboolean pci_function_from_json(struct arena *arena, const json_t *o, struct pci_function *ret);
