/* UEFI firmware that QEMU finds by its descriptors (QEMU: docs/interop/firmware.json). */
#pragma once
#include "host/tree.h"

/* Paths of the code images that descriptors name and that are there, sorted, each once; NULL at the end. `machine`
 * (x86_64, aarch64) leaves out those for others; NULL: all. */
char **firmware_list(struct arena *arena, const struct host_tree *t, const char *machine);
