/* GPU's tables. */
#include "spec/gpu.h"
#include "spec/farm.h"

NAME_TABLE(share_names, "a way to share", 6, "", "none", "passthrough", "vgpu", "vf", "mig");
LOCAL_NAME_TABLE(group_names, "a rule", 2, "refuse", "take");

#define LATER .flags = FIELD_LATER
#define RESETS .on_change = EFFECT_GPU_RESET

static const struct field match_fields[] = {
	{ "slot", FIELD_STRING, IN(gpu_match, slot, const char *), .max = 64, LATER, .doc = "The slot's label on the mainboard." },
	{ "serial", FIELD_STRING, IN(gpu_match, serial, const char *), .max = 64, LATER, .doc = "Its serial number; most cards tell none." },
	{ "id", FIELD_STRING, IN(gpu_match, id, const char *), .form = FORM_PCI_ID, LATER, .doc = "Vendor and device, as 10de:2231." },
	{ 0 },
};

#define SLICES(name_, type_doc, count_doc)                                                                    \
	static const struct field name_[] = {                                                                 \
		{ "type", FIELD_STRING, IN(gpu_slices, type, const char *), .max = 128, LATER, RESETS,        \
		  .doc = type_doc },                                                                          \
		{ "count", FIELD_INT, IN(gpu_slices, count, gint64), .min = 1, .max = 256, LATER, RESETS,     \
		  .doc = count_doc },                                                                         \
		{ 0 },                                                                                        \
	}
SLICES(vgpu_fields, "The vGPU type, by name or number, as GRID P40-8Q; a card has one at a time.", "How many; without the key as many as VMs use.");
SLICES(mig_fields, "The MIG profile, as 1g.10gb.", "How many; without the key as many as VMs use.");

static const struct field vf_fields[] = {
	{ "count", FIELD_INT, IN(gpu_slices, count, gint64), .min = 1, .max = 256, LATER, RESETS,
	  .doc = "Virtual functions to make; without the key as many as VMs use." },
	{ 0 },
};

const struct field gpu_fields[] = {
	{ "host", FIELD_STRING, IN(gpu_spec, host, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "The Host the card is in." },
	{ "match", FIELD_STRUCT, IN(gpu_spec, match, struct gpu_match), .fields = match_fields,
	  .doc = "What tells this card from others; all that is given has to fit." },
	{ "address", FIELD_STRING, IN(gpu_spec, address, const char *), .form = FORM_PCI_ADDRESS,
	  .doc = "PCI address of the card's first function; with `match` it is a hint." },
	{ "share", FIELD_ENUM, IN(gpu_spec, share, int), .def = "none", .names = &share_names, RESETS, LATER,
	  .doc = "How VMs use the card. `none`: it is observed and left alone." },
	{ "vgpu", FIELD_STRUCT, IN(gpu_spec, vgpu, struct gpu_slices), .fields = vgpu_fields, .doc = "For share: vgpu." },
	{ "vf", FIELD_STRUCT, IN(gpu_spec, vf, struct gpu_slices), .fields = vf_fields, .doc = "For share: vf." },
	{ "mig", FIELD_STRUCT, IN(gpu_spec, mig, struct gpu_slices), .fields = mig_fields, .doc = "For share: mig." },
	{ "rom", FIELD_STRING, IN(gpu_spec, rom, const char *), .form = FORM_FILE, .on_change = EFFECT_VM_RESTART,
	  .flags = FIELD_FILE | FIELD_LATER, .doc = "A ROM file for the guest instead of the card's own." },
	{ "group", FIELD_ENUM, IN(gpu_spec, group, int), .def = "refuse", .names = &group_names, LATER,
	  .doc = "Other devices in its IOMMU group: `refuse` the card, or `take` them from the host as well." },
	{ "reconcile", FIELD_ENUM, IN(gpu_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes with this card; without the key as its Host says." },
	{ 0 },
};

static const struct field function_fields[] = {
	{ "address", FIELD_STRING, IN(gpu_function, address, const char *), .doc = "PCI address." },
	{ "class", FIELD_STRING, IN(gpu_function, class_code, const char *), .doc = "PCI class, four hex digits." },
	{ "vendor", FIELD_STRING, IN(gpu_function, vendor, const char *), .doc = "PCI vendor." },
	{ "device", FIELD_STRING, IN(gpu_function, device, const char *), .doc = "PCI device." },
	{ "driver", FIELD_STRING, IN(gpu_function, driver, const char *), .doc = "The driver that holds it." },
	{ 0 },
};

const struct field gpu_status_fields[] = {
	{ "host", FIELD_STRING, IN(gpu_status, host, const char *), .doc = "The host it was seen on." },
	{ "address", FIELD_STRING, IN(gpu_status, address, const char *), .doc = "PCI address of the first function." },
	{ "vendor", FIELD_STRING, IN(gpu_status, vendor, const char *), .doc = "PCI vendor, four hex digits." },
	{ "device", FIELD_STRING, IN(gpu_status, device, const char *), .doc = "PCI device, four hex digits." },
	{ "class", FIELD_STRING, IN(gpu_status, class_code, const char *), .doc = "PCI class, four hex digits." },
	{ "subsystem", FIELD_STRING, IN(gpu_status, subsystem, const char *), .doc = "Board vendor:device." },
	{ "revision", FIELD_STRING, IN(gpu_status, revision, const char *), .doc = "Revision, two hex digits." },
	{ "name", FIELD_STRING, IN(gpu_status, name, const char *), .doc = "Name in pci.ids." },
	{ "driver", FIELD_STRING, IN(gpu_status, driver, const char *), .doc = "The driver that holds it; absent = none." },
	{ "iommuGroup", FIELD_STRING, IN(gpu_status, iommu_group, const char *), .doc = "IOMMU group." },
	{ "numaNode", FIELD_STRING, IN(gpu_status, numa_node, const char *), .doc = "NUMA node." },
	{ "bootVGA", FIELD_BOOL, IN(gpu_status, boot_vga, gboolean), .doc = "The firmware's console is on it." },
	{ "functions", FIELD_LIST, IN(gpu_status, functions, struct list), ITEMS(function_fields, gpu_function),
	  .doc = "All functions of the slot." },
	{ 0 },
};
