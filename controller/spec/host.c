/* Host's tables. */
#include "spec/host.h"
#include "spec/farm.h"

const struct field host_fields[] = {
	{ "libvirt", FIELD_STRING, IN(host_spec, libvirt, const char *), .def = "qemu:///system",
	  .doc = "The libvirt connection of the VMs on this host." },
	{ 0 },
};

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
