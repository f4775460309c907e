/* GPU's tables. */
#include "spec/gpu.h"
#include "spec/farm.h"

NAME_TABLE(share_names, "a way to share", 6, "", "none", "passthrough", "vgpu", "vf", "mig");
LOCAL_NAME_TABLE(group_names, "a rule", 2, "refuse", "take");

#define RESETS .on_change = EFFECT_GPU_RESET

static const struct field match_fields[] = {
	{ "slot", FIELD_STRING, IN(gpu_match, slot, const char *), .max = 64, .doc = "The slot's label on the mainboard." },
	{ "serial", FIELD_STRING, IN(gpu_match, serial, const char *), .max = 64, .doc = "Its serial number; most cards tell none." },
	{ "id", FIELD_STRING, IN(gpu_match, id, const char *), .form = FORM_PCI_ID, .doc = "Vendor and device, as 10de:2231." },
	{ 0 },
};

#define SLICES(name_, type_doc, count_doc)                                                                    \
	static const struct field name_[] = {                                                                 \
		{ "type", FIELD_STRING, IN(gpu_slices, type, const char *), .max = 128, RESETS,               \
		  .doc = type_doc },                                                                          \
		{ "count", FIELD_INT, IN(gpu_slices, count, gint64), .min = 1, .max = 256, RESETS,            \
		  .doc = count_doc },                                                                         \
		{ 0 },                                                                                        \
	}
SLICES(vgpu_fields, "The vGPU type, by name or number, as GRID P40-8Q; a card has one at a time.", "How many; without the key as many as VMs use.");
SLICES(mig_fields, "The MIG profile, as 1g.10gb.", "How many; without the key as many as VMs use.");

static const struct field vf_fields[] = {
	{ "count", FIELD_INT, IN(gpu_slices, count, gint64), .min = 1, .max = 256, RESETS,
	  .doc = "Virtual functions to make; without the key as many as VMs use, and no fewer than there are." },
	{ 0 },
};

const struct field gpu_fields[] = {
	{ "host", FIELD_STRING, IN(gpu_spec, host, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "The Host the card is in." },
	{ "match", FIELD_STRUCT, IN(gpu_spec, match, struct gpu_match), .fields = match_fields,
	  .doc = "What tells this card from others; all that is given has to fit." },
	{ "address", FIELD_STRING, IN(gpu_spec, address, const char *), .form = FORM_PCI_ADDRESS,
	  .doc = "PCI address of the card's first function; with `match` it is a hint." },
	{ "share", FIELD_ENUM, IN(gpu_spec, share, int), .def = "none", .names = &share_names, RESETS,
	  .doc = "How VMs use the card. `none`: it is the host's; what cleave took goes back. With the others the card is made "
	         "ready on the host; no VM gets it yet in this version." },
	{ "vgpu", FIELD_STRUCT, IN(gpu_spec, vgpu, struct gpu_slices), .fields = vgpu_fields, .doc = "For share: vgpu." },
	{ "vf", FIELD_STRUCT, IN(gpu_spec, vf, struct gpu_slices), .fields = vf_fields, .doc = "For share: vf." },
	{ "mig", FIELD_STRUCT, IN(gpu_spec, mig, struct gpu_slices), .fields = mig_fields, .doc = "For share: mig." },
	{ "rom", FIELD_STRING, IN(gpu_spec, rom, const char *), .form = FORM_FILE, .place = PLACE_ROMS, .on_change = EFFECT_VM_RESTART,
	  .flags = FIELD_FILE, .doc = "A ROM file for the guest instead of the card's own: a file on the host, which is where QEMU reads it." },
	{ "group", FIELD_ENUM, IN(gpu_spec, group, int), .def = "refuse", .names = &group_names,
	  .doc = "Other devices in its IOMMU group: `refuse` the card when a driver of the host has one, or `take` them from the host as well." },
	{ "reconcile", FIELD_ENUM, IN(gpu_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes with this card; without the key as its Host says." },
	SUSPEND_ROW(gpu_spec, "This card is not acted on for a while, only looked at and told; one value is the reason."),
	{ 0 },
};

/* -- what is observed ------------------------------------------------------------------------------------- */

LOCAL_NAME_TABLE(framework_names, "a framework", 3, "", "mdev", "vendorVFIO");

#define UNTOLD .flags = FIELD_UNTOLD

static const struct field function_fields[] = {
	{ "address", FIELD_STRING, IN(gpu_function, address, const char *), .doc = "PCI address." },
	{ "class", FIELD_STRING, IN(gpu_function, class_code, const char *), .doc = "PCI class, four hex digits." },
	{ "vendor", FIELD_STRING, IN(gpu_function, vendor, const char *), .doc = "PCI vendor." },
	{ "device", FIELD_STRING, IN(gpu_function, device, const char *), .doc = "PCI device." },
	{ "driver", FIELD_STRING, IN(gpu_function, driver, const char *), .doc = "The driver that holds it; absent = none." },
	{ "driverOverride", FIELD_STRING, IN(gpu_function, driver_override, const char *), .doc = "The only driver that may take it." },
	{ "iommuGroup", FIELD_INT, IN(gpu_function, iommu_group, gint64), UNTOLD, .doc = "IOMMU group." },
	{ "formerDriver", FIELD_STRING, IN(gpu_function, former_driver, const char *),
	  .doc = "The driver it goes back to (`none`: it had none); absent: cleave did not take it from the host." },
	{ "vgpuType", FIELD_STRING, IN(gpu_function, vgpu_type, const char *), .doc = "The type of the vGPU that this VF is." },
	{ "uses", FIELD_STRINGS, IN(gpu_function, uses, struct strings), .doc = "What the host does with it." },
	{ 0 },
};

static const struct field link_fields[] = {
	{ "width", FIELD_INT, IN(gpu_link, width, gint64), UNTOLD, .doc = "PCIe lanes in use." },
	{ "speed", FIELD_STRING, IN(gpu_link, speed, const char *), .doc = "Speed now; many cards slow down when idle." },
	{ "maxWidth", FIELD_INT, IN(gpu_link, max_width, gint64), UNTOLD, .doc = "Lanes that the card has." },
	{ "maxSpeed", FIELD_STRING, IN(gpu_link, max_speed, const char *), .doc = "The card's highest speed." },
	{ 0 },
};

static const struct field sriov_fields[] = {
	{ "total", FIELD_INT, IN(gpu_sriov, n_total, gint64), UNTOLD, .doc = "VFs that it can have." },
	{ "count", FIELD_INT, IN(gpu_sriov, n_enabled, gint64), UNTOLD, .doc = "VFs that are there." },
	{ "formerCount", FIELD_INT, IN(gpu_sriov, former_count, gint64), UNTOLD,
	  .doc = "VFs that were there before cleave set their number; absent: it did not." },
	{ "vfs", FIELD_STRINGS, IN(gpu_sriov, vfs, struct strings), .doc = "Their PCI addresses." },
	{ 0 },
};

static const struct field vgpu_type_fields[] = {
	{ "id", FIELD_STRING, IN(gpu_vgpu_type, id, const char *), .doc = "The driver's number for it." },
	{ "name", FIELD_STRING, IN(gpu_vgpu_type, name, const char *), .doc = "Its name." },
	{ "description", FIELD_STRING, IN(gpu_vgpu_type, description, const char *), .doc = "Memory, heads, resolution." },
	{ "available", FIELD_INT, IN(gpu_vgpu_type, n_available, gint64), UNTOLD, .doc = "How many more there can be now." },
	{ 0 },
};

static const struct field vgpu_status_fields[] = {
	{ "uuid", FIELD_STRING, IN(gpu_vgpu, uuid, const char *), .doc = "Its UUID (mdev)." },
	{ "type", FIELD_STRING, IN(gpu_vgpu, type, const char *), .doc = "Its type's id." },
	{ "parent", FIELD_STRING, IN(gpu_vgpu, parent, const char *), .doc = "The function or VF that carries it." },
	{ 0 },
};

static const struct field mig_instance_fields[] = {
	{ "profile", FIELD_STRING, IN(gpu_mig_instance, profile, const char *), .doc = "Its profile." },
	{ "id", FIELD_INT, IN(gpu_mig_instance, id, gint64), UNTOLD, .doc = "The driver's number for it." },
	{ 0 },
};

static const struct field mig_status_fields[] = {
	{ "enabled", FIELD_BOOL, IN(gpu_mig, enabled, gboolean), UNTOLD, .doc = "MIG mode is on." },
	{ "pending", FIELD_BOOL, IN(gpu_mig, pending, gboolean), UNTOLD,
	  .doc = "The MIG mode that the next reset of the card brings; absent: it stays." },
	{ "instances", FIELD_LIST, IN(gpu_mig, instances, struct list), ITEMS(mig_instance_fields, gpu_mig_instance),
	  .doc = "Its GPU instances." },
	{ 0 },
};

static const struct field holder_fields[] = {
	{ "pid", FIELD_INT, IN(gpu_holder, pid, gint64), .doc = "The process." },
	{ "comm", FIELD_STRING, IN(gpu_holder, comm, const char *), .doc = "Its name." },
	{ "path", FIELD_STRING, IN(gpu_holder, path, const char *), .doc = "What it has open or mapped." },
	{ 0 },
};

static const struct field aer_fields[] = {
	{ "correctable", FIELD_INT, IN(gpu_aer, n_correctable, gint64), UNTOLD, .doc = "Errors that were corrected." },
	{ "nonfatal", FIELD_INT, IN(gpu_aer, n_nonfatal, gint64), UNTOLD, .doc = "Errors that were not." },
	{ "fatal", FIELD_INT, IN(gpu_aer, n_fatal, gint64), UNTOLD, .doc = "Errors that broke the link." },
	{ 0 },
};

static const struct field load_fields[] = {
	{ "celsius", FIELD_INT, IN(gpu_load, celsius, gint64), UNTOLD, .doc = "Temperature." },
	{ "milliwatts", FIELD_INT, IN(gpu_load, milliwatts, gint64), UNTOLD, .doc = "Power that it draws." },
	{ "memoryBytes", FIELD_INT, IN(gpu_load, memory_bytes, gint64), UNTOLD, .doc = "All of its memory." },
	{ "usedBytes", FIELD_INT, IN(gpu_load, used_bytes, gint64), UNTOLD, .doc = "Of it in use." },
	{ "percent", FIELD_INT, IN(gpu_load, percent, gint64), UNTOLD, .doc = "How much of the last moment it computed." },
	{ "lastXid", FIELD_INT, IN(gpu_load, last_xid, gint64), UNTOLD, .doc = "The last Xid that the driver logged; root alone sees it." },
	{ "xids", FIELD_INT, IN(gpu_load, n_xids, gint64), UNTOLD, .doc = "Xids in the kernel's log, which forgets the oldest." },
	{ 0 },
};

const struct field gpu_status_fields[] = {
	{ "host", FIELD_STRING, IN(gpu_status, host, const char *), .doc = "The host it was seen on." },
	{ "address", FIELD_STRING, IN(gpu_status, address, const char *), .doc = "PCI address of the main function." },
	{ "vendor", FIELD_STRING, IN(gpu_status, vendor, const char *), .doc = "PCI vendor, four hex digits." },
	{ "device", FIELD_STRING, IN(gpu_status, device, const char *), .doc = "PCI device, four hex digits." },
	{ "class", FIELD_STRING, IN(gpu_status, class_code, const char *), .doc = "PCI class, four hex digits." },
	{ "subsystem", FIELD_STRING, IN(gpu_status, subsystem, const char *), .doc = "Board vendor:device." },
	{ "revision", FIELD_STRING, IN(gpu_status, revision, const char *), .doc = "Revision, two hex digits." },
	{ "name", FIELD_STRING, IN(gpu_status, name, const char *), .doc = "Name in pci.ids." },
	{ "slot", FIELD_STRING, IN(gpu_status, slot, const char *), .doc = "The firmware's label of the slot." },
	{ "serial", FIELD_STRING, IN(gpu_status, serial, const char *),
	  .doc = "Its serial number, as its own configuration space tells root; what `match` compares." },
	{ "boardSerial", FIELD_STRING, IN(gpu_status, board_serial, const char *),
	  .doc = "The board's serial number, as the NVIDIA driver tells while it has the card: to find the card in the rack." },
	{ "driver", FIELD_STRING, IN(gpu_status, driver, const char *), .doc = "The driver that holds it; absent = none." },
	{ "driverOverride", FIELD_STRING, IN(gpu_status, driver_override, const char *), .doc = "The only driver that may take it." },
	{ "iommuGroup", FIELD_INT, IN(gpu_status, iommu_group, gint64), UNTOLD, .doc = "IOMMU group." },
	{ "numaNode", FIELD_INT, IN(gpu_status, numa_node, gint64), UNTOLD, .doc = "NUMA node." },
	{ "bootVGA", FIELD_BOOL, IN(gpu_status, boot_vga, gboolean), UNTOLD, .doc = "The firmware's console is on it." },
	{ "resetMethods", FIELD_STRINGS, IN(gpu_status, reset_methods, struct strings), .doc = "Ways to reset it, best first; `none` alone: it has none." },
	{ "barBytes", FIELD_INT, IN(gpu_status, bar_bytes, gint64), UNTOLD, .doc = "Bytes of its memory BARs together." },
	{ "unassignedBars", FIELD_INT, IN(gpu_status, n_unassigned_bars, gint64), .doc = "BARs that got no address." },
	{ "link", FIELD_STRUCT, IN(gpu_status, link, struct gpu_link), .fields = link_fields, .doc = "Its PCIe link." },
	{ "functions", FIELD_LIST, IN(gpu_status, functions, struct list), ITEMS(function_fields, gpu_function),
	  .doc = "All functions of the slot." },
	{ "bystanders", FIELD_LIST, IN(gpu_status, bystanders, struct list), ITEMS(function_fields, gpu_function),
	  .doc = "Other devices in its IOMMU groups, without bridges." },
	{ "sriov", FIELD_STRUCT, IN(gpu_status, sriov, struct gpu_sriov), .fields = sriov_fields, .doc = "Its virtual functions." },
	{ "virtualFunctions", FIELD_LIST, IN(gpu_status, virtual_functions, struct list), ITEMS(function_fields, gpu_function),
	  .doc = "Each of them." },
	{ "vgpuFramework", FIELD_ENUM, IN(gpu_status, vgpu_framework, int), .names = &framework_names,
	  .doc = "How its driver makes vGPUs." },
	{ "vgpuTypes", FIELD_LIST, IN(gpu_status, vgpu_types, struct list), ITEMS(vgpu_type_fields, gpu_vgpu_type),
	  .doc = "vGPU types that it offers." },
	{ "vgpus", FIELD_LIST, IN(gpu_status, vgpus, struct list), ITEMS(vgpu_status_fields, gpu_vgpu), .doc = "vGPUs that are there." },
	{ "mig", FIELD_STRUCT, IN(gpu_status, mig, struct gpu_mig), .fields = mig_status_fields, .doc = "MIG, as NVML tells." },
	{ "holders", FIELD_LIST, IN(gpu_status, holders, struct list), ITEMS(holder_fields, gpu_holder),
	  .doc = "Processes that use it; without root only one's own are seen." },
	{ "aer", FIELD_STRUCT, IN(gpu_status, aer, struct gpu_aer), .fields = aer_fields, .doc = "PCIe errors since boot." },
	{ "load", FIELD_STRUCT, IN(gpu_status, load, struct gpu_load), .fields = load_fields,
	  .doc = "What it does now, as NVML and the kernel's log tell while the host has the card." },
	{ "ecc", FIELD_BOOL, IN(gpu_status, ecc, gboolean), UNTOLD, .doc = "ECC is on, as NVML tells." },
	{ "stuck", FIELD_STRING, IN(gpu_status, stuck, const char *), .doc = "A write to it that has not returned, and since when; or that it does not answer." },
	{ 0 },
};
