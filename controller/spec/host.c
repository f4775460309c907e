/* Host's tables. */
#include "spec/host.h"
#include "spec/farm.h"

LOCAL_NAME_TABLE(host_state_names, "a state", 3, "active", "cordoned", "drained");

#define LATER .flags = FIELD_LATER

static const struct field hugepages_fields[] = {
	{ "size", FIELD_BYTES, IN(host_hugepages, size_bytes, guint64), .required = TRUE, .min = 64 * (gint64)KiB,
	  .max = 16 * (gint64)GiB, .unit = (gint64)KiB, .doc = "Size of a page: 2MiB or 1GiB on x86." },
	{ "node", FIELD_INT, IN(host_hugepages, node, gint64), .required = TRUE, .max = 1023, .doc = "NUMA node." },
	{ "count", FIELD_INT, IN(host_hugepages, count, gint64), .required = TRUE, .max = 1 << 24, .doc = "How many." },
	{ 0 },
};

static const struct field reserve_fields[] = {
	{ "cpusPerNode", FIELD_INT, IN(host_reserve, cpus_per_node, gint64), LATER, .def = "0", .max = 1024,
	  .doc = "CPUs of each NUMA node that no VM is pinned to." },
	{ "memory", FIELD_BYTES, IN(host_reserve, memory_bytes, guint64), LATER, .min = 0, .max = 16 * (gint64)TiB,
	  .unit = (gint64)MiB, .doc = "Memory that stays with the host." },
	{ 0 },
};

static const struct field bridge_fields[] = {
	{ "name", FIELD_STRING, IN(host_bridge, name, const char *), .required = TRUE, .form = FORM_DEVICE_NAME, .doc = "The bridge." },
	{ "uplink", FIELD_STRING, IN(host_bridge, uplink, const char *), .form = FORM_DEVICE_NAME,
	  .doc = "The device that leads out of the host." },
	{ "slaves", FIELD_INT, IN(host_bridge, n_slaves, gint64), .min = 0, .max = 64, .doc = "Links that the uplink bonds." },
	{ "mtu", FIELD_INT, IN(host_bridge, mtu, gint64), .min = 576, .max = 65535, .doc = "Its MTU." },
	{ 0 },
};

static const struct field pool_fields[] = {
	{ "name", FIELD_STRING, IN(host_pool, name, const char *), .required = TRUE, .form = FORM_NAME, .doc = "The name disks use." },
	{ "path", FIELD_STRING, IN(host_pool, path, const char *), .required = TRUE, .form = FORM_ABSOLUTE_PATH, .doc = "Its folder." },
	{ "minFree", FIELD_STRING, IN(host_pool, min_free, const char *), .form = FORM_FREE_SPACE,
	  .doc = "Space that stays free: a size, or a share of the file system." },
	{ 0 },
};

const struct field host_fields[] = {
	{ "libvirt", FIELD_STRING, IN(host_spec, libvirt, const char *), .def = "qemu:///system", .form = FORM_LIBVIRT_URI,
	  .doc = "The libvirt connection of the VMs on this host." },
	{ "state", FIELD_ENUM, IN(host_spec, state, int), .def = "active", .names = &host_state_names, LATER,
	  .doc = "cordoned: its workers get no new frames; drained: its VMs are off as well." },
	{ "reconcile", FIELD_ENUM, IN(host_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes on this host; without the key as the Farm says." },
	{ "manageBoot", FIELD_BOOL, IN(host_spec, manage_boot, gboolean), .def = "false", LATER,
	  .doc = "Write kernelArgs, modules and blacklist as drop-in files; else they are only checked." },
	{ "kernelArgs", FIELD_STRINGS, IN(host_spec, kernel_args, struct strings), .form = FORM_KERNEL_ARGUMENT, LATER,
	  .on_change = EFFECT_REBOOT, .doc = "Kernel arguments that must be there." },
	{ "modules", FIELD_STRINGS, IN(host_spec, modules, struct strings), .form = FORM_MODULE, LATER,
	  .doc = "Kernel modules that must be loaded." },
	{ "blacklist", FIELD_STRINGS, IN(host_spec, blacklist, struct strings), .form = FORM_MODULE, LATER,
	  .on_change = EFFECT_REBOOT, .doc = "Kernel modules that must not be loaded." },
	{ "hugepages", FIELD_LIST, IN(host_spec, hugepages, struct list), ITEMS(hugepages_fields, host_hugepages), LATER,
	  .doc = "Pages set aside for VMs, per size and NUMA node." },
	{ "reserve", FIELD_STRUCT, IN(host_spec, reserve, struct host_reserve), .fields = reserve_fields,
	  .doc = "What VMs leave to the host." },
	{ "bridges", FIELD_LIST, IN(host_spec, bridges, struct list), ITEMS(bridge_fields, host_bridge), LATER,
	  .doc = "Bridges that must be there; checked, never made." },
	{ "pools", FIELD_LIST, IN(host_spec, pools, struct list), ITEMS(pool_fields, host_pool), LATER,
	  .doc = "Where disks of VMs lie." },
	{ 0 },
};

const struct host_pool *host_pool_find(const struct host_spec *host, const char *name)
{
	for (guint i = 0; i < host->pools.n; i++)
		if (g_strcmp0(LIST_AT(host->pools, struct host_pool, i)->name, name) == 0)
			return LIST_AT(host->pools, struct host_pool, i);
	return NULL;
}

const struct field host_status_fields[] = {
	{ "observedAt", FIELD_STRING, IN(host_status, observed_at, const char *), .doc = "When this was looked at." },
	{ "kernel", FIELD_STRING, IN(host_status, kernel, const char *), .doc = "Kernel release." },
	{ "cmdline", FIELD_STRING, IN(host_status, cmdline, const char *), .doc = "Kernel arguments of this boot." },
	{ "machineId", FIELD_STRING, IN(host_status, machine_id, const char *), .doc = "/etc/machine-id." },
	{ "cpus", FIELD_INT, IN(host_status, n_cpus, gint64), .doc = "CPUs online." },
	{ "memory", FIELD_BYTES, IN(host_status, memory_bytes, guint64), .doc = "Memory in all." },
	{ "iommuGroups", FIELD_INT, IN(host_status, n_iommu_groups, gint64),
	  .doc = "Number of IOMMU groups; absent when the IOMMU is off." },
	{ "kvm", FIELD_BOOL, IN(host_status, has_kvm, gboolean), .doc = "/dev/kvm is there." },
	{ "pciTrouble", FIELD_STRING, IN(host_status, pci_trouble, const char *),
	  .doc = "Why the cards could not be listed; absent: they were." },
	{ "libvirt", FIELD_ENUM, IN(host_status, libvirt, int), .names = &plane_state_names,
	  .doc = "Whether libvirt answered." },
	{ "libvirtReason", FIELD_STRING, IN(host_status, libvirt_reason, const char *), .doc = "Why it did not." },
	{ "libvirtVersion", FIELD_STRING, IN(host_status, libvirt_version, const char *), .doc = "libvirt's version." },
	{ "hypervisorVersion", FIELD_STRING, IN(host_status, hypervisor_version, const char *),
	  .doc = "The hypervisor's version." },
	{ 0 },
};
