/* Host's tables. */
#include "spec/host.h"
#include "spec/farm.h"
#include "spec/vm_history.h"

LOCAL_NAME_TABLE(host_state_names, "a state", 3, "active", "cordoned", "drained");
LOCAL_NAME_TABLE(state_here_names, "a state", 3, "", "cordoned", "drained");
LOCAL_NAME_TABLE(pool_state_names, "a state", 4, "", "absent", "inactive", "active");

static const struct field state_fields[] = {
	{ "is", FIELD_ENUM, IN(host_state_spec, is, int), .def = "active", .names = &host_state_names, .flags = FIELD_SHORTHAND,
	  .doc = "cordoned: its workers get no new frames; drained: its VMs are off as well." },
	{ "reason", FIELD_STRING, IN(host_state_spec, reason, const char *), .form = FORM_REASON, .max = 500, .doc = "Why, for who finds it later." },
	{ "until", FIELD_STRING, IN(host_state_spec, until, const char *), .form = FORM_TIME,
	  .doc = "When it ends by itself and the host is active again; without the key when `state` is taken out." },
	{ "by", FIELD_STRING, IN(host_state_spec, by, const char *), .max = 200, .doc = "Who decided it." },
	{ "since", FIELD_STRING, IN(host_state_spec, since, const char *), .form = FORM_TIME,
	  .doc = "When it began; `cleave cordon` and `cleave drain` write it." },
	{ 0 },
};

static const struct field hugepages_fields[] = {
	{ "size", FIELD_BYTES, IN(host_hugepages, size_bytes, guint64), .required = TRUE, .min = 64 * (gint64)KiB,
	  .max = 16 * (gint64)GiB, .unit = (gint64)KiB, .doc = "Size of a page: 2MiB or 1GiB on x86." },
	{ "node", FIELD_INT, IN(host_hugepages, node, gint64), .required = TRUE, .max = 1023, .doc = "NUMA node." },
	{ "count", FIELD_INT, IN(host_hugepages, count, gint64), .required = TRUE, .max = 1 << 24, .doc = "How many." },
	{ 0 },
};

static const struct field reserve_fields[] = {
	{ "cpusPerNode", FIELD_INT, IN(host_reserve, cpus_per_node, gint64), .def = "0", .max = 1024,
	  .doc = "CPUs of each NUMA node that `numa: auto` and `nodes` leave alone: those of its first cores. QEMU's own threads run there." },
	{ "memory", FIELD_BYTES, IN(host_reserve, memory_bytes, guint64), .min = 0, .max = 16 * (gint64)TiB,
	  .unit = (gint64)MiB, .doc = "Memory that stays with the host, of each NUMA node an equal part: a VM that does not fit beside it is not started." },
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
	{ "path", FIELD_STRING, IN(host_pool, path, const char *), .required = TRUE, .form = FORM_ABSOLUTE_PATH, .place = PLACE_IMAGES, .doc = "Its folder." },
	{ "minFree", FIELD_STRING, IN(host_pool, min_free, const char *), .form = FORM_FREE_SPACE,
	  .doc = "Space that stays free: a size, or a share of the file system." },
	{ 0 },
};

const struct field host_fields[] = {
	{ "libvirt", FIELD_STRING, IN(host_spec, libvirt, const char *), .def = "qemu:///system", .form = FORM_LIBVIRT_URI,
	  .doc = "The libvirt connection of the VMs on this host." },
	{ "state", FIELD_STRUCT, IN(host_spec, state, struct host_state_spec), .fields = state_fields, .flags = FIELD_WHOLE,
	  .doc = "Whether its workers get frames and its VMs run; one value is `is`." },
	{ "reconcile", FIELD_ENUM, IN(host_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes on this host; without the key as the Farm says." },
	SUSPEND_ROW(host_spec, "This host, its cards and its VMs are not acted on for a while, only looked at and told; one value is the reason."),
	{ "manageBoot", FIELD_BOOL, IN(host_spec, manage_boot, gboolean), .def = "false",
	  .doc = "Write kernelArgs, modules and blacklist as drop-in files; else they are only checked." },
	{ "kernelArgs", FIELD_STRINGS, IN(host_spec, kernel_args, struct strings), .form = FORM_KERNEL_ARGUMENT,
	  .on_change = EFFECT_REBOOT, .doc = "Kernel arguments that must be there." },
	{ "modules", FIELD_STRINGS, IN(host_spec, modules, struct strings), .form = FORM_MODULE,
	  .doc = "Kernel modules that must be loaded." },
	{ "blacklist", FIELD_STRINGS, IN(host_spec, blacklist, struct strings), .form = FORM_MODULE,
	  .on_change = EFFECT_REBOOT, .doc = "Kernel modules that must not be loaded." },
	{ "deviceTimeout", FIELD_DURATION, IN(host_spec, device_timeout_ms, gint64), .def = "30s", .min = 1000, .max = 600000,
	  .doc = "How long one write to a device may take; the device of one that takes longer is left alone until it returns." },
	{ "hugepages", FIELD_LIST, IN(host_spec, hugepages, struct list), ITEMS(hugepages_fields, host_hugepages),
	  .doc = "Pages set aside for VMs, per size and NUMA node." },
	{ "reserve", FIELD_STRUCT, IN(host_spec, reserve, struct host_reserve), .fields = reserve_fields,
	  .doc = "What VMs leave to the host." },
	{ "bridges", FIELD_LIST, IN(host_spec, bridges, struct list), ITEMS(bridge_fields, host_bridge),
	  .doc = "Bridges that must be there; checked, never made." },
	{ "pools", FIELD_LIST, IN(host_spec, pools, struct list), ITEMS(pool_fields, host_pool),
	  .doc = "Where disks of VMs lie." },
	{ 0 },
};

/* Who says it at that time, or NULL. */
static const struct host_state_spec *in_force(const struct host_state_spec *how, gint64 now_ms)
{
	return how->is != HOST_ACTIVE && !vm_time_is_over(how->until, now_ms) ? how : NULL;
}

struct host_standing host_standing(const struct host_spec *want, const struct host_status *have, gint64 now_ms)
{
	const struct host_state_spec *said = in_force(&want->state, now_ms), *here = have ? in_force(&have->state_here, now_ms) : NULL;
	gboolean is_here = here && (!said || here->is > said->is);
	const struct host_state_spec *how = is_here ? here : said;
	return (struct host_standing){ .state = how ? (enum host_state)how->is : HOST_ACTIVE, .how = how, .is_here = is_here };
}

const char *host_state_word(enum host_state state)
{
	return host_state_names.names[state];
}

enum host_state host_state_halting(const char *word)
{
	int state = word ? name_value(&host_state_names, word) : -1;
	return state > HOST_ACTIVE ? (enum host_state)state : HOST_ACTIVE;
}

const struct host_pool *host_pool_find(const struct host_spec *host, const char *name)
{
	for (guint i = 0; i < host->pools.n; i++)
		if (g_strcmp0(LIST_AT(host->pools, struct host_pool, i)->name, name) == 0)
			return LIST_AT(host->pools, struct host_pool, i);
	return NULL;
}

const struct host_pool_status *host_pool_status_find(const struct host_status *host, const char *name)
{
	for (guint i = 0; i < host->pools.n; i++)
		if (g_strcmp0(LIST_AT(host->pools, struct host_pool_status, i)->name, name) == 0)
			return LIST_AT(host->pools, struct host_pool_status, i);
	return NULL;
}

const struct host_gone_vm *host_gone_find(const struct host_status *host, const char *vm)
{
	for (guint i = 0; i < host->gone.n; i++)
		if (g_strcmp0(LIST_AT(host->gone, struct host_gone_vm, i)->name, vm) == 0)
			return LIST_AT(host->gone, struct host_gone_vm, i);
	return NULL;
}

const struct host_volume_status *host_volume_find(const struct host_status *host, const char *path)
{
	for (guint i = 0; path && i < host->volumes.n; i++)
		if (g_strcmp0(LIST_AT(host->volumes, struct host_volume_status, i)->path, path) == 0)
			return LIST_AT(host->volumes, struct host_volume_status, i);
	return NULL;
}

guint64 host_pool_least_free(const char *min_free, guint64 size_bytes)
{
	char *unit = NULL;
	guint64 number = min_free ? g_ascii_strtoull(min_free, &unit, 10) : 0;
	if (!number)
		return 0;
	return *unit == '%' ? size_bytes / 100 * number : number * bytes_unit(min_free);
}

/* -- what is observed ------------------------------------------------------------------------------------- */

#define UNTOLD .flags = FIELD_UNTOLD

static const struct field iommu_fields[] = {
	{ "enabled", FIELD_BOOL, IN(host_iommu, enabled, gboolean), UNTOLD, .doc = "The IOMMU is on." },
	{ "type", FIELD_STRING, IN(host_iommu, type, const char *), .doc = "Its kind: intel, amd, smmu-v3." },
	{ "domain", FIELD_STRING, IN(host_iommu, domain, const char *),
	  .doc = "How the host's own devices go through it: identity (iommu=pt), DMA or DMA-FQ." },
	{ "groups", FIELD_INT, IN(host_iommu, n_groups, gint64), .doc = "Number of IOMMU groups." },
	{ "interruptRemapping", FIELD_BOOL, IN(host_iommu, remaps_interrupts, gboolean), UNTOLD, .doc = "It remaps interrupts." },
	{ 0 },
};

static const struct field pages_status_fields[] = {
	{ "size", FIELD_BYTES, IN(host_pages_status, size_bytes, guint64), .doc = "Size of a page." },
	{ "node", FIELD_INT, IN(host_pages_status, node, gint64), UNTOLD, .doc = "NUMA node." },
	{ "total", FIELD_INT, IN(host_pages_status, n_total, gint64), UNTOLD, .doc = "Pages set aside." },
	{ "free", FIELD_INT, IN(host_pages_status, n_free, gint64), UNTOLD, .doc = "Pages that nobody uses." },
	{ 0 },
};

static const struct field node_status_fields[] = {
	{ "node", FIELD_INT, IN(host_node_status, node, gint64), UNTOLD, .doc = "Its number." },
	{ "cpus", FIELD_STRING, IN(host_node_status, cpus, const char *), .doc = "Its CPUs." },
	{ "memory", FIELD_BYTES, IN(host_node_status, memory_bytes, guint64), .doc = "Its memory." },
	{ "cores", FIELD_STRINGS, IN(host_node_status, cores, struct strings), .doc = "Its cores, each as the CPUs that are its threads." },
	{ 0 },
};

static const struct field bridge_status_fields[] = {
	{ "name", FIELD_STRING, IN(host_bridge_status, name, const char *), .doc = "The bridge." },
	{ "mtu", FIELD_INT, IN(host_bridge_status, mtu, gint64), UNTOLD, .doc = "Its MTU." },
	{ "uplinks", FIELD_STRINGS, IN(host_bridge_status, uplinks, struct strings), .doc = "Devices in it that are no VM's." },
	{ "slaves", FIELD_INT, IN(host_bridge_status, n_slaves, gint64), UNTOLD, .doc = "Links that its uplink bonds." },
	{ 0 },
};

static const struct field pool_status_fields[] = {
	{ "name", FIELD_STRING, IN(host_pool_status, name, const char *), .doc = "The pool." },
	{ "state", FIELD_ENUM, IN(host_pool_status, state, int), .names = &pool_state_names, .doc = "Of libvirt's pool of that name." },
	{ "type", FIELD_STRING, IN(host_pool_status, type, const char *), .doc = "Its type there; dir is a folder." },
	{ "path", FIELD_STRING, IN(host_pool_status, path, const char *), .doc = "Its folder there." },
	{ "size", FIELD_BYTES, IN(host_pool_status, size_bytes, guint64), .doc = "Size of its file system." },
	{ "free", FIELD_BYTES, IN(host_pool_status, free_bytes, guint64), .doc = "Space that is free." },
	{ "reason", FIELD_STRING, IN(host_pool_status, reason, const char *), .doc = "Why it cannot be used; absent: it can." },
	{ 0 },
};

static const struct field file_status_fields[] = {
	{ "name", FIELD_STRING, IN(host_file_status, name, const char *), .doc = "The Farm's name for it." },
	{ "reason", FIELD_STRING, IN(host_file_status, reason, const char *), .doc = "Why it cannot be used; absent: it can." },
	{ 0 },
};

static const struct field drop_in_fields[] = {
	{ "path", FIELD_STRING, IN(host_drop_in, path, const char *), .doc = "The file." },
	{ "text", FIELD_STRING, IN(host_drop_in, text, const char *), .doc = "What is in it." },
	{ 0 },
};

static const struct field state_here_fields[] = {
	{ "is", FIELD_ENUM, IN(host_state_spec, is, int), .names = &state_here_names, .doc = "cordoned or drained; absent: as the specs say." },
	{ "reason", FIELD_STRING, IN(host_state_spec, reason, const char *), .doc = "Why." },
	{ "until", FIELD_STRING, IN(host_state_spec, until, const char *), .doc = "When it ends by itself." },
	{ "by", FIELD_STRING, IN(host_state_spec, by, const char *), .doc = "Who decided it." },
	{ "since", FIELD_STRING, IN(host_state_spec, since, const char *), .doc = "When it began." },
	{ 0 },
};

static const struct field suspension_fields[] = {
	{ "kind", FIELD_STRING, IN(host_suspension, kind, const char *), .doc = "Of the object." },
	{ "name", FIELD_STRING, IN(host_suspension, name, const char *), .doc = "Its name; of a job PROJECT/NAME." },
	{ "how", FIELD_STRUCT, IN(host_suspension, how, struct suspend_spec), .fields = suspend_fields, .flags = FIELD_WHOLE,
	  .doc = "Why, by whom, and how long." },
	{ 0 },
};

static const struct field boot_fields[] = {
	{ "family", FIELD_STRING, IN(host_boot, family, const char *), .doc = "How it boots: debian, rhel, systemd-boot or debian-systemd-boot; absent: not known." },
	{ "dropIns", FIELD_LIST, IN(host_boot, drop_ins, struct list), ITEMS(drop_in_fields, host_drop_in), .doc = "Files that cleave wrote." },
	{ "generated", FIELD_STRING, IN(host_boot, generated, const char *),
	  .doc = "Digest of the files that the generators ran for last; unfinished: files were written since." },
	{ "arguments", FIELD_STRINGS, IN(host_boot, arguments, struct strings), .doc = "Kernel arguments that cleave set by a program." },
	{ 0 },
};

static const struct field cpu_idle_fields[] = {
	{ "driver", FIELD_STRING, IN(host_cpu_idle, driver, const char *), .doc = "What puts CPUs to sleep." },
	{ "deepest", FIELD_STRING, IN(host_cpu_idle, deepest, const char *), .doc = "The deepest state that is allowed." },
	{ "latency", FIELD_INT, IN(host_cpu_idle, latency_us, gint64), .doc = "Microseconds to wake up from it." },
	{ 0 },
};

static const struct field volume_fields[] = {
	{ "pool", FIELD_STRING, IN(host_volume_status, pool, const char *), .doc = "The pool." },
	{ "volume", FIELD_STRING, IN(host_volume_status, name, const char *), .doc = "Its name there." },
	{ "path", FIELD_STRING, IN(host_volume_status, path, const char *), .doc = "Its file." },
	{ "size", FIELD_BYTES, IN(host_volume_status, size_bytes, guint64), .doc = "Its size." },
	{ "allocated", FIELD_BYTES, IN(host_volume_status, allocated_bytes, guint64), .doc = "What it takes on the host." },
	{ 0 },
};

static const struct field gone_fields[] = {
	{ "vm", FIELD_STRING, IN(host_gone_vm, name, const char *), .doc = "The VM." },
	{ "kept", FIELD_STRINGS, IN(host_gone_vm, kept, struct strings), .doc = "Its disks that are never deleted." },
	{ 0 },
};

static const struct field secret_fields[] = {
	{ "name", FIELD_STRING, IN(host_secret_status, name, const char *), .doc = "The file." },
	{ "digest", FIELD_STRING, IN(host_secret_status, digest, const char *), .doc = "Its keyed digest; absent: it cannot be read." },
	{ 0 },
};

static const struct field not_allowed_fields[] = {
	{ "path", FIELD_STRING, IN(host_not_allowed, path, const char *), .required = TRUE, .doc = "As it is written." },
	{ "as", FIELD_STRING, IN(host_not_allowed, place, const char *), .doc = "As what: images, kernels, roms, shares, outputs or secrets." },
	{ "reason", FIELD_STRING, IN(host_not_allowed, reason, const char *), .doc = "Why not." },
	{ 0 },
};

const struct field host_status_fields[] = {
	{ "observedAt", FIELD_STRING, IN(host_status, observed_at, const char *), .doc = "When this was looked at." },
	{ "kernel", FIELD_STRING, IN(host_status, kernel, const char *), .doc = "Kernel release." },
	{ "cmdline", FIELD_STRING, IN(host_status, cmdline, const char *), .doc = "Kernel arguments of this boot." },
	{ "machineId", FIELD_STRING, IN(host_status, machine_id, const char *), .doc = "/etc/machine-id." },
	{ "taken", FIELD_STRING, IN(host_status, taken, const char *), .doc = "Another controller acts as this host: this one does nothing." },
	{ "cpus", FIELD_INT, IN(host_status, n_cpus, gint64), .doc = "CPUs online." },
	{ "memory", FIELD_BYTES, IN(host_status, memory_bytes, guint64), .doc = "Memory in all." },
	{ "root", FIELD_BOOL, IN(host_status, is_root, gboolean), .doc = "It was looked at as root, who sees all of it." },
	{ "sysfsAlone", FIELD_BOOL, IN(host_status, is_sysfs_alone, gboolean),
	  .doc = "Another machine's /sys was looked at, and nothing else of it: who uses its devices is not known." },
	{ "iommu", FIELD_STRUCT, IN(host_status, iommu, struct host_iommu), .fields = iommu_fields, .doc = "The IOMMU." },
	{ "modules", FIELD_STRINGS, IN(host_status, modules, struct strings), .doc = "Kernel modules, loaded or built in." },
	{ "modulesMissing", FIELD_STRINGS, IN(host_status, missing_modules, struct strings), .doc = "Wanted modules that this kernel does not have." },
	{ "blacklisted", FIELD_STRINGS, IN(host_status, blacklisted, struct strings), .doc = "Kernel modules that are not loaded by themselves." },
	{ "hugepages", FIELD_LIST, IN(host_status, hugepages, struct list), ITEMS(pages_status_fields, host_pages_status),
	  .doc = "Huge pages, per size and NUMA node." },
	{ "numaNodes", FIELD_LIST, IN(host_status, nodes, struct list), ITEMS(node_status_fields, host_node_status), .doc = "NUMA nodes." },
	{ "bridges", FIELD_LIST, IN(host_status, bridges, struct list), ITEMS(bridge_status_fields, host_bridge_status), .doc = "Bridges." },
	{ "pools", FIELD_LIST, IN(host_status, pools, struct list), ITEMS(pool_status_fields, host_pool_status), .doc = "The Host's pools." },
	{ "storageReason", FIELD_STRING, IN(host_status, storage_reason, const char *), .doc = "Why libvirt makes no volumes here; absent: it does." },
	{ "images", FIELD_LIST, IN(host_status, images, struct list), ITEMS(file_status_fields, host_file_status),
	  .doc = "The Farm's images that are files." },
	{ "volumes", FIELD_LIST, IN(host_status, volumes, struct list), ITEMS(volume_fields, host_volume_status), .doc = "Volumes of cleave's in the Host's pools." },
	{ "gone", FIELD_LIST, IN(host_status, gone, struct list), ITEMS(gone_fields, host_gone_vm), .doc = "VMs that were undefined here, whose volumes are left." },
	{ "secrets", FIELD_LIST, IN(host_status, secrets, struct list), ITEMS(secret_fields, host_secret_status),
	  .doc = "Files of the host that VMs name, by their digests." },
	{ "notAllowed", FIELD_LIST, IN(host_status, not_allowed, struct list), ITEMS(not_allowed_fields, host_not_allowed),
	  .doc = "Paths that the specs name and the host's controller.yaml does not allow." },
	{ "workerBundle", FIELD_STRING, IN(host_status, worker_bundle, const char *), .doc = "Version and digest of the worker for guests." },
	{ "suspended", FIELD_LIST, IN(host_status, suspended, struct list), ITEMS(suspension_fields, host_suspension),
	  .doc = "What people halted on this host alone, with `cleave suspend --local`." },
	{ "stateHere", FIELD_STRUCT, IN(host_status, state_here, struct host_state_spec), .fields = state_here_fields, .flags = FIELD_WHOLE,
	  .doc = "Its state on this host alone, by `cleave drain --local` or `cordon --local`." },
	{ "firmware", FIELD_STRINGS, IN(host_status, firmware, struct strings), .doc = "UEFI firmware that QEMU finds." },
	{ "boot", FIELD_STRUCT, IN(host_status, boot, struct host_boot), .fields = boot_fields, .doc = "What cleave set for the next boot." },
	{ "cpuIdle", FIELD_STRUCT, IN(host_status, cpu_idle, struct host_cpu_idle), .fields = cpu_idle_fields, .doc = "How CPUs sleep." },
	{ "clockSynchronised", FIELD_BOOL, IN(host_status, clock_is_synchronised, gboolean), UNTOLD, .doc = "The clock follows a time server." },
	{ "nvidiaDriver", FIELD_STRING, IN(host_status, nvidia_driver, const char *), .doc = "Version of the NVIDIA driver that is loaded." },
	{ "kvm", FIELD_BOOL, IN(host_status, has_kvm, gboolean), UNTOLD, .doc = "/dev/kvm is there." },
	{ "nvSwitches", FIELD_INT, IN(host_status, n_nvswitches, gint64), UNTOLD, .doc = "NVSwitches, which connect its GPUs." },
	{ "pciTrouble", FIELD_STRING, IN(host_status, pci_trouble, const char *),
	  .doc = "Why the cards could not be listed; absent: they were." },
	{ "nvmlTrouble", FIELD_STRING, IN(host_status, nvml_trouble, const char *),
	  .doc = "Why NVML tells nothing of cards that the NVIDIA driver has: no MIG, ECC or serial number of them." },
	{ "libvirt", FIELD_ENUM, IN(host_status, libvirt, int), .names = &plane_state_names,
	  .doc = "Whether libvirt answered." },
	{ "libvirtReason", FIELD_STRING, IN(host_status, libvirt_reason, const char *), .doc = "Why it did not." },
	{ "libvirtVersion", FIELD_STRING, IN(host_status, libvirt_version, const char *), .doc = "libvirt's version." },
	{ "hypervisorVersion", FIELD_STRING, IN(host_status, hypervisor_version, const char *),
	  .doc = "The hypervisor's version." },
	{ 0 },
};
