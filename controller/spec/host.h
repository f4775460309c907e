/* Host: a machine whose controller reconciles what names it. */
#pragma once
#include "spec/field.h"

struct host_spec {
	const char *libvirt;
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
