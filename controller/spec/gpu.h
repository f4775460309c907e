/* GPU: a card of a host and how it is shared. */
#pragma once
#include "spec/field.h"

enum gpu_share { GPU_SHARE_UNSAID, GPU_SHARE_NONE, GPU_SHARE_PASSTHROUGH, GPU_SHARE_VGPU, GPU_SHARE_VF, GPU_SHARE_MIG };
enum gpu_group { GPU_GROUP_REFUSE, GPU_GROUP_TAKE };
/* Words of enum gpu_share; the first is empty: not said. */
extern const struct name_table share_names;

struct gpu_match {
	const char *slot, *serial, *id;
};

struct gpu_slices {
	const char *type; /* a vGPU type or MIG profile */
	gint64 count;
};

struct gpu_spec {
	const char *host, *address;
	struct gpu_match match;
	int share; /* enum gpu_share; never unsaid in a GPU */
	struct gpu_slices vgpu, vf, mig;
	const char *rom;
	int group;     /* enum gpu_group */
	int reconcile; /* enum reconcile_mode */
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
