/* What the host does with a PCI function: network interfaces that are up or in a bridge, disks that are mounted, swap
 * or part of a volume. To take such a device from the host would take that away. */
#pragma once
#include <glib.h>

struct arena;
struct host_tree;
struct uses;

/* Reads what is mounted, and what hangs below which function, when it is first asked. */
struct uses *uses_new(struct arena *a, const struct host_tree *t);
/* NULL is fine. */
void uses_free(struct uses *u);
/* Sentences without a full stop, NULL at the end: "network interface eth0 is up", "/dev/nvme0n1p2 is mounted on /srv". */
char **uses_of(struct uses *u, const char *address);
