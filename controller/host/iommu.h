/* The IOMMU as the kernel uses it (kernel: Documentation/ABI/testing/sysfs-class-iommu, sysfs-kernel-iommu_groups). */
#pragma once
#include <glib.h>

struct arena;
struct host_tree;

struct host_iommu_facts {
	int is_enabled;     /* 1: there are groups; 0: a kernel that could have some; -1: not told */
	const char *type;   /* intel, amd, smmu-v3, …; else the kernel's name of it */
	const char *domain; /* the type that most groups have: identity, DMA, DMA-FQ */
	gint64 n_groups;
	int remaps_interrupts; /* 1, 0; -1 = not told */
};

void host_read_iommu(struct arena *a, const struct host_tree *t, struct host_iommu_facts *ret);
