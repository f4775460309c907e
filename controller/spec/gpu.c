/* GPU's tables. */
#include "spec/gpu.h"
#include "spec/kinds.h"
#include <string.h>

LOCAL_NAME_TABLE(share_names, "a way to share", 1, "none");

static gboolean is_hex(const char *text, gsize len)
{
	for (gsize i = 0; i < len; i++)
		if (!g_ascii_isxdigit(text[i]))
			return FALSE;
	return TRUE;
}

/* Domains have four hex digits, more behind VMD and Hyper-V (up to eight). */
static const char *check_pci_address(struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':');
	gsize domain = colon ? (gsize)(colon - text) : 0;
	(void)a;
	if (domain < 4 || domain > 8 || !is_hex(text, domain) || strlen(colon) != 8 || !is_hex(colon + 1, 2) ||
	    colon[3] != ':' || !is_hex(colon + 4, 2) || colon[6] != '.' || colon[7] < '0' || colon[7] > '7')
		return "write the full PCI address, as 0000:25:00.0";
	return NULL;
}

const struct field gpu_fields[] = {
	{ "host", FIELD_STRING, IN(gpu_spec, host, const char *), .required = TRUE, .check = check_name,
	  .doc = "The Host the card is in." },
	{ "address", FIELD_STRING, IN(gpu_spec, address, const char *), .required = TRUE, .check = check_pci_address,
	  .doc = "PCI address of the card's first function." },
	{ "share", FIELD_ENUM, IN(gpu_spec, share, int), .def = "none", .names = &share_names,
	  .on_change = EFFECT_GPU_RESET, .doc = "How VMs use the card. `none`: it is observed and left alone." },
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
