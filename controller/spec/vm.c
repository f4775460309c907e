/* VM's tables. Rows with FIELD_IN_DOMAIN are read back from libvirt by domain/ and compared. */
#include "spec/vm.h"
#include "spec/kinds.h"
#include <string.h>

LOCAL_NAME_TABLE(vm_state_names, "a state", 2, "running", "stopped");
LOCAL_NAME_TABLE(accelerator_names, "an accelerator", 2, "kvm", "tcg");
NAME_TABLE(domain_state_names, "a state", 5, "shutOff", "running", "paused", "crashed", "other");

/* virtio-9p mount tags: QEMU takes 31 bytes. */
static const char *check_tag(struct arena *a, const char *text)
{
	const char *wrong = check_name(a, text);
	return wrong ? wrong : strlen(text) > 31 ? "a mount tag has 31 characters at most" : NULL;
}

static const struct field boot_fields[] = {
	{ "kernel", FIELD_STRING, IN(vm_boot, kernel, const char *), .required = TRUE, .check = check_absolute_path,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART, .doc = "Kernel file on the host." },
	{ "initrd", FIELD_STRING, IN(vm_boot, initrd, const char *), .check = check_absolute_path,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART, .doc = "Initial RAM disk on the host." },
	{ "cmdline", FIELD_STRING, IN(vm_boot, cmdline, const char *), .max = 2048, .flags = FIELD_IN_DOMAIN,
	  .on_change = EFFECT_VM_RESTART,
	  .doc = "Kernel arguments. CLEAVE_VM, CLEAVE_REDIS and CLEAVE_MOUNTS are added to them." },
	{ 0 },
};

static const struct field share_fields[] = {
	{ "path", FIELD_STRING, IN(vm_share, path, const char *), .required = TRUE, .check = check_absolute_path,
	  .on_change = EFFECT_VM_RESTART, .doc = "Folder on the host." },
	{ "target", FIELD_STRING, IN(vm_share, target, const char *), .required = TRUE, .check = check_tag,
	  .on_change = EFFECT_VM_RESTART, .doc = "Mount tag in the guest." },
	{ "readonly", FIELD_BOOL, IN(vm_share, readonly, gboolean), .on_change = EFFECT_VM_RESTART,
	  .doc = "The guest cannot write." },
	{ 0 },
};

static const struct field network_fields[] = {
	{ "user", FIELD_BOOL, IN(vm_network, user, gboolean), .on_change = EFFECT_VM_RESTART,
	  .doc = "QEMU's user network: the guest reaches the host at 10.0.2.2, nobody reaches the guest." },
	{ "bridge", FIELD_STRING, IN(vm_network, bridge, const char *), .max = 15, .on_change = EFFECT_VM_RESTART,
	  .doc = "A bridge of the host." },
	{ "network", FIELD_STRING, IN(vm_network, network, const char *), .on_change = EFFECT_VM_RESTART,
	  .doc = "A libvirt network." },
	{ 0 },
};

const struct field vm_fields[] = {
	{ "host", FIELD_STRING, IN(vm_spec, host, const char *), .required = TRUE, .check = check_name,
	  .doc = "The Host it runs on." },
	{ "state", FIELD_ENUM, IN(vm_spec, state, int), .def = "running", .names = &vm_state_names,
	  .doc = "Whether it runs." },
	{ "vcpus", FIELD_INT, IN(vm_spec, n_vcpus, gint64), .def = "1", .min = 1, .max = 512,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART, .doc = "Number of virtual CPUs." },
	{ "memory", FIELD_BYTES, IN(vm_spec, memory_bytes, guint64), .required = TRUE, .min = 64 * (gint64)MiB,
	  .max = 16 * (gint64)TiB, .multiple_of = (gint64)MiB, .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART,
	  .doc = "Guest memory, in whole MiB; a unit (MiB, GiB) is required." },
	{ "machine", FIELD_STRING, IN(vm_spec, machine, const char *), .def = "q35", .check = check_name,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART,
	  .doc = "Machine type; q35 takes the newest at the first define and keeps it." },
	{ "accelerator", FIELD_ENUM, IN(vm_spec, accelerator, int), .def = "kvm", .names = &accelerator_names,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART,
	  .doc = "kvm, or tcg: QEMU's own emulation, for hosts without KVM." },
	{ "boot", FIELD_STRUCT, IN(vm_spec, boot, struct vm_boot), .fields = boot_fields, .flags = FIELD_IN_DOMAIN,
	  .required = TRUE, .doc = "Direct boot of a kernel file." },
	{ "shares", FIELD_LIST, IN(vm_spec, shares, struct list), ITEMS(share_fields, vm_share),
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART, .doc = "Folders of the host given to the guest (9p)." },
	{ "roots", FIELD_STRINGS, IN(vm_spec, roots, struct strings), .check = check_name,
	  .doc = "Farm roots given to the guest; each becomes a writable share with the root's name." },
	{ "networks", FIELD_LIST, IN(vm_spec, networks, struct list), ITEMS(network_fields, vm_network),
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART, .doc = "Network cards." },
	{ "serialLog", FIELD_STRING, IN(vm_spec, serial_log, const char *), .check = check_absolute_path,
	  .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_VM_RESTART,
	  .doc = "File on the host that takes the guest's serial console." },
	{ 0 },
};

const struct field vm_status_fields[] = {
	{ "host", FIELD_STRING, IN(vm_status, host, const char *), .doc = "The host it was seen on." },
	{ "uuid", FIELD_STRING, IN(vm_status, uuid, const char *), .doc = "The domain's UUID." },
	{ "owner", FIELD_STRING, IN(vm_status, owner, const char *),
	  .doc = "The farm whose mark it carries; absent: cleave did not make it." },
	{ "state", FIELD_ENUM, IN(vm_status, state, int), .names = &domain_state_names, .doc = "The domain's state." },
	{ "reason", FIELD_STRING, IN(vm_status, reason, const char *), .doc = "libvirt's reason for the state." },
	{ "machineType", FIELD_STRING, IN(vm_status, machine_type, const char *), .doc = "The recorded machine type." },
	{ "defined", FIELD_STRUCT, IN(vm_status, defined, struct vm_spec), .fields = vm_fields, .flags = FIELD_PARTIAL,
	  .doc = "What the next start uses." },
	{ "live", FIELD_STRUCT, IN(vm_status, live, struct vm_spec), .fields = vm_fields, .flags = FIELD_PARTIAL,
	  .doc = "What the running guest has." },
	{ 0 },
};
