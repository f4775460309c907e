/* GPU: a card of a host and how it is shared. */
#pragma once
#include "spec/field.h"

enum gpu_share { GPU_SHARE_NONE };

struct gpu_spec {
	const char *host, *address;
	int share; /* enum gpu_share */
};

struct gpu_function {
	const char *address, *class_code, *vendor, *device, *driver;
};

struct gpu_status {
	const char *host, *address;
	const char *vendor, *device, *class_code, *subsystem, *revision, *name; /* four hex digits; pci.ids */
	const char *driver; /* NULL = none */
	const char *iommu_group, *numa_node;
	gboolean boot_vga;
	struct list functions; /* struct gpu_function */
};

extern const struct field gpu_fields[];
extern const struct field gpu_status_fields[];
