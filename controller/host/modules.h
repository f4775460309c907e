/* Kernel modules that are there: loaded, or built in. */
#pragma once
#include <glib.h>

struct arena;
struct host_tree;

/* Names as the kernel writes them (vfio_pci), sorted, NULL at the end: all that are loaded, and of `asked` (NULL at
 * the end, "-" and "_" are the same) and vfio's own also those that are built in. */
char **host_list_modules(struct arena *a, const struct host_tree *t, const char *const *asked);
