/* Host: a machine whose controller reconciles what names it. */
#pragma once
#include "spec/field.h"

enum host_state { HOST_ACTIVE, HOST_CORDONED, HOST_DRAINED };

struct host_hugepages {
	guint64 size_bytes;
	gint64 node, count;
};

struct host_reserve {
	gint64 cpus_per_node;
	guint64 memory_bytes;
};

struct host_bridge {
	const char *name, *uplink;
	gint64 n_slaves, mtu;
};

struct host_pool {
	const char *name, *path, *min_free;
};

struct host_spec {
	const char *libvirt;
	int state;     /* enum host_state */
	int reconcile; /* enum reconcile_mode */
	gboolean manage_boot;
	struct strings kernel_args, modules, blacklist;
	struct list hugepages; /* struct host_hugepages */
	struct host_reserve reserve;
	struct list bridges; /* struct host_bridge */
	struct list pools;   /* struct host_pool */
};

struct host_status {
	const char *observed_at; /* RFC 3339, UTC: the clock is part of what was observed */
	const char *kernel, *cmdline, *machine_id;
	gint64 n_cpus;
	guint64 memory_bytes;
	gint64 n_iommu_groups;
	gboolean has_kvm; /* /dev/kvm is there; whether it works shows when a VM starts */
	int libvirt;      /* enum plane_state (spec/farm.h) */
	const char *libvirt_reason;
	const char *pci_trouble; /* why the cards could not be listed */
	const char *libvirt_version, *hypervisor_version;
};

extern const struct field host_fields[];
extern const struct field host_status_fields[];

const struct host_pool *host_pool_find(const struct host_spec *host, const char *name);
