/* VM's tables. Rows with FIELD_IN_DOMAIN are read back from libvirt by domain/ and compared. */
#include "spec/vm.h"
#include "spec/farm.h"
#include "spec/gpu.h"

LOCAL_NAME_TABLE(vm_state_names, "a state", 2, "running", "stopped");
LOCAL_NAME_TABLE(accelerator_names, "an accelerator", 2, "kvm", "tcg");
NAME_TABLE(domain_state_names, "a state", 5, "shutOff", "running", "paused", "crashed", "other");

LOCAL_NAME_TABLE(firmware_names, "a firmware", 4, "", "bios", "uefi", "uefi-secure");
NAME_TABLE(cpu_mode_names, "a mode", 5, "", "host-passthrough", "host-model", "maximum", "named");
LOCAL_NAME_TABLE(numa_names, "a placement", 4, "", "auto", "none", "nodes");
NAME_TABLE(disk_format_names, "a format", 3, "", "raw", "qcow2");
NAME_TABLE(cache_names, "a cache mode", 6, "", "none", "writeback", "writethrough", "directsync", "unsafe");
NAME_TABLE(io_names, "an I/O mode", 4, "", "native", "threads", "io_uring");
NAME_TABLE(bus_names, "a bus", 4, "", "virtio", "scsi", "sata");
LOCAL_NAME_TABLE(filesystem_names, "a file system", 3, "", "xfs", "ext4");
LOCAL_NAME_TABLE(share_driver_names, "a driver", 3, "", "9p", "virtiofs");
NAME_TABLE(nic_names, "a network card", 3, "", "virtio", "e1000e");
LOCAL_NAME_TABLE(vnc_names, "an access", 3, "", "none", "loopback");
NAME_TABLE(video_names, "a video card", 4, "", "none", "virtio", "vga");
NAME_TABLE(watchdog_names, "an action", 5, "", "none", "reset", "poweroff", "inject-nmi");
LOCAL_NAME_TABLE(update_names, "a time", 4, "", "whenIdle", "now", "never");

#define RESTARTS .on_change = EFFECT_VM_RESTART

static const struct field boot_fields[] = {
	{ "kernel", FIELD_STRING, IN(vm_boot, kernel, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_KERNELS, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Kernel file on the host." },
	{ "initrd", FIELD_STRING, IN(vm_boot, initrd, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_KERNELS, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Initial RAM disk on the host." },
	{ "cmdline", FIELD_STRING, IN(vm_boot, cmdline, const char *), .max = 2048, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Kernel arguments. CLEAVE_VM, CLEAVE_REDIS and CLEAVE_MOUNTS are added to them." },
	{ 0 },
};

static const struct field hyperv_fields[] = {
	{ "relaxed", FIELD_BOOL, IN(vm_hyperv, relaxed, gboolean), RESTARTS, .doc = "Relaxed timing." },
	{ "vapic", FIELD_BOOL, IN(vm_hyperv, vapic, gboolean), RESTARTS, .doc = "Virtual APIC." },
	{ "spinlocks", FIELD_INT, IN(vm_hyperv, spinlocks, gint64), .min = 4095, .max = 2147483647, RESTARTS,
	  .doc = "Spins before the hypervisor is told, as 8191." },
	{ "vendorId", FIELD_STRING, IN(vm_hyperv, vendor_id, const char *), .max = 12, RESTARTS,
	  .doc = "Vendor shown to the guest, up to 12 characters." },
	{ 0 },
};

static const struct field topology_fields[] = {
	{ "sockets", FIELD_INT, IN(vm_topology, n_sockets, gint64), .min = 1, .max = 64, RESTARTS, .doc = "Sockets." },
	{ "cores", FIELD_INT, IN(vm_topology, n_cores, gint64), .min = 1, .max = 512, RESTARTS, .doc = "Cores a socket." },
	{ "threads", FIELD_INT, IN(vm_topology, n_threads, gint64), .min = 1, .max = 8, RESTARTS, .doc = "Threads a core." },
	{ 0 },
};

static const struct field pin_fields[] = {
	{ "vcpu", FIELD_INT, IN(vm_pin, vcpu, gint64), .required = TRUE, .flags = FIELD_KEY, .max = 511, .doc = "Virtual CPU, from 0." },
	{ "cpus", FIELD_STRING, IN(vm_pin, cpus, const char *), .required = TRUE, .form = FORM_CPU_LIST, .doc = "CPUs of the host." },
	{ 0 },
};

static const struct field cpu_fields[] = {
	{ "mode", FIELD_ENUM, IN(vm_cpu, mode, int), .names = &cpu_mode_names, RESTARTS,
	  .doc = "What the guest sees; without the key host-passthrough, with accelerator tcg maximum." },
	{ "model", FIELD_STRING, IN(vm_cpu, model, const char *), .form = FORM_NAME, RESTARTS, .doc = "For mode named: libvirt's name of it." },
	{ "require", FIELD_STRINGS, IN(vm_cpu, require, struct strings), .form = FORM_NAME, RESTARTS, .doc = "CPU features the guest must have." },
	{ "disable", FIELD_STRINGS, IN(vm_cpu, disable, struct strings), .form = FORM_NAME, RESTARTS, .doc = "CPU features the guest must not see." },
	{ "hideHypervisor", FIELD_BOOL, IN(vm_cpu, hide_hypervisor, gboolean), RESTARTS,
	  .doc = "Hide KVM and the hypervisor bit; for consumer cards whose driver refuses to run in a VM." },
	{ "hyperv", FIELD_STRUCT, IN(vm_cpu, hyperv, struct vm_hyperv), .fields = hyperv_fields, .doc = "What Windows guests and some drivers look for." },
	{ "topology", FIELD_STRUCT, IN(vm_cpu, topology, struct vm_topology), .fields = topology_fields, .doc = "How the vCPUs are arranged." },
	{ "pinning", FIELD_LIST, IN(vm_cpu, pinning, struct list), ITEMS(pin_fields, vm_pin), .on_change = EFFECT_LIVE,
	  .doc = "Which CPUs of the host run each vCPU; instead of `numa: auto`." },
	{ "emulatorCpus", FIELD_STRING, IN(vm_cpu, emulator_cpus, const char *), .form = FORM_CPU_LIST, .on_change = EFFECT_LIVE,
	  .doc = "CPUs of the host for QEMU's own threads." },
	{ 0 },
};

static const struct field numa_fields[] = {
	{ "mode", FIELD_ENUM, IN(vm_numa, mode, int), .names = &numa_names, .flags = FIELD_SHORTHAND, RESTARTS,
	  .doc = "auto: on the nodes of its GPUs, without GPUs anywhere; none, or without the key: anywhere; nodes: on `nodes`." },
	{ "nodes", FIELD_STRING, IN(vm_numa, nodes, const char *), .form = FORM_CPU_LIST, RESTARTS, .doc = "NUMA nodes of the host, as \"0\" or \"0-1\"." },
	{ 0 },
};

static const struct field gpu_use_fields[] = {
	{ "gpu", FIELD_STRING, IN(vm_gpu, gpu, const char *), .required = TRUE, .form = FORM_NAME, .flags = FIELD_SHORTHAND, RESTARTS,
	  .doc = "A GPU of the VM's host." },
	{ "share", FIELD_ENUM, IN(vm_gpu, share, int), .names = &share_names, RESTARTS,
	  .doc = "Which share of it: vgpu, vf or mig, as the GPU says; not needed for a whole card." },
	{ "type", FIELD_STRING, IN(vm_gpu, type, const char *), .max = 128, RESTARTS, .doc = "vGPU type or MIG profile; without the key the GPU's." },
	{ 0 },
};

static const struct field disk_fields[] = {
	{ "name", FIELD_STRING, IN(vm_disk, name, const char *), .required = TRUE, .form = FORM_NAME, RESTARTS, .doc = "Its name in this VM; part of its volume's." },
	{ "pool", FIELD_STRING, IN(vm_disk, pool, const char *), .form = FORM_NAME, .on_change = EFFECT_DATA_LOSS, .doc = "A pool of the Host." },
	{ "image", FIELD_STRING, IN(vm_disk, image, const char *), .form = FORM_NAME, .on_change = EFFECT_REPLACE, .doc = "An image of the Farm that it begins as; another one makes the disk anew. Without the key it begins empty." },
	{ "file", FIELD_STRING, IN(vm_disk, file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_IMAGES, RESTARTS, .doc = "A file or block device of the host as it is, instead of `pool`." },
	{ "size", FIELD_BYTES, IN(vm_disk, size_bytes, guint64), .min = (gint64)MiB, .max = 1024 * (gint64)TiB, .unit = (gint64)MiB, .on_change = EFFECT_LIVE,
	  .doc = "Its size; it may grow, never shrink." },
	{ "format", FIELD_ENUM, IN(vm_disk, format, int), .names = &disk_format_names, .on_change = EFFECT_DATA_LOSS, .doc = "Without the key raw." },
	{ "cache", FIELD_ENUM, IN(vm_disk, cache, int), .names = &cache_names, RESTARTS, .doc = "Without the key none." },
	{ "io", FIELD_ENUM, IN(vm_disk, io, int), .names = &io_names, RESTARTS, .doc = "Without the key native with cache none." },
	{ "bus", FIELD_ENUM, IN(vm_disk, bus, int), .names = &bus_names, RESTARTS, .doc = "Without the key virtio." },
	{ "iothread", FIELD_INT, IN(vm_disk, iothread, gint64), .min = 1, .max = 64, RESTARTS, .doc = "The I/O thread that serves it, from 1." },
	{ "bootOrder", FIELD_INT, IN(vm_disk, boot_order, gint64), .min = 1, .max = 64, RESTARTS, .doc = "Its turn when the firmware looks for a system." },
	{ "filesystem", FIELD_ENUM, IN(vm_disk, filesystem, int), .names = &filesystem_names, RESTARTS, .doc = "Made once in the guest, on an empty disk, by cloud-init: a change is like one of `cloudInit`." },
	{ "mount", FIELD_STRING, IN(vm_disk, mount, const char *), .form = FORM_ABSOLUTE_PATH, RESTARTS, .doc = "Where the guest mounts it, by cloud-init too." },
	{ "keep", FIELD_BOOL, IN(vm_disk, keep, gboolean), .doc = "Never made anew and never deleted." },
	{ "readonly", FIELD_BOOL, IN(vm_disk, readonly, gboolean), RESTARTS, .doc = "The guest cannot write." },
	{ "cdrom", FIELD_BOOL, IN(vm_disk, cdrom, gboolean), RESTARTS, .doc = "`file` is an ISO image in a CD-ROM drive; another one is put in while the guest runs." },
	{ 0 },
};

static const struct field device_fields[] = {
	{ "name", FIELD_STRING, IN(vm_device, name, const char *), .required = TRUE, .flags = FIELD_SHORTHAND, RESTARTS,
	  .doc = "PCI address in the host, or UUID of a vGPU." },
	{ "rom", FIELD_STRING, IN(vm_device, rom, const char *), RESTARTS, .doc = "File that is shown to the guest as its ROM." },
	{ 0 },
};

static const struct field share_fields[] = {
	{ "path", FIELD_STRING, IN(vm_share, path, const char *), .required = TRUE, .form = FORM_ABSOLUTE_PATH, .place = PLACE_SHARES, RESTARTS,
	  .doc = "Folder on the host." },
	{ "target", FIELD_STRING, IN(vm_share, target, const char *), .required = TRUE, .form = FORM_TAG, RESTARTS,
	  .doc = "Mount tag in the guest." },
	{ "readonly", FIELD_BOOL, IN(vm_share, readonly, gboolean), RESTARTS,
	  .doc = "The guest cannot write." },
	{ "driver", FIELD_ENUM, IN(vm_share, driver, int), .names = &share_driver_names, RESTARTS,
	  .doc = "How it is carried: 9p (without the key), or virtiofs, which is faster, needs virtiofsd on the host, and is not for `readonly`." },
	{ 0 },
};

static const struct field network_fields[] = {
	{ "user", FIELD_BOOL, IN(vm_network, user, gboolean), RESTARTS,
	  .doc = "QEMU's user network: the guest reaches the host at 10.0.2.2, nobody reaches the guest." },
	{ "bridge", FIELD_STRING, IN(vm_network, bridge, const char *), .form = FORM_DEVICE_NAME, RESTARTS,
	  .doc = "A bridge of the host." },
	{ "network", FIELD_STRING, IN(vm_network, network, const char *), .form = FORM_NAME, RESTARTS,
	  .doc = "A libvirt network." },
	{ "mac", FIELD_STRING, IN(vm_network, mac, const char *), .form = FORM_MAC, RESTARTS,
	  .doc = "MAC address; without the key one that follows from farm, VM and card." },
	{ "model", FIELD_ENUM, IN(vm_network, model, int), .names = &nic_names, RESTARTS, .doc = "Without the key virtio." },
	{ "address", FIELD_STRING, IN(vm_network, address, const char *), .form = FORM_CIDR, RESTARTS, .doc = "Address and prefix in the guest, or dhcp; told by cloud-init: a change is like one of `cloudInit`." },
	{ "gateway", FIELD_STRING, IN(vm_network, gateway, const char *), .form = FORM_IP, RESTARTS, .doc = "Default route." },
	{ "dns", FIELD_STRINGS, IN(vm_network, dns, struct strings), .form = FORM_IP, RESTARTS, .doc = "Name servers." },
	{ "vlan", FIELD_INT, IN(vm_network, vlan, gint64), .min = 1, .max = 4094, RESTARTS, .doc = "VLAN tag on the bridge." },
	{ "mtu", FIELD_INT, IN(vm_network, mtu, gint64), .min = 576, .max = 65535, RESTARTS, .doc = "MTU; not above the bridge's." },
	{ "bootOrder", FIELD_INT, IN(vm_network, boot_order, gint64), .min = 1, .max = 64, RESTARTS,
	  .doc = "Its turn when the firmware looks for a system." },
	{ "down", FIELD_BOOL, IN(vm_network, is_down, gboolean), .on_change = EFFECT_LIVE, .doc = "The cable is out: the guest sees no link." },
	{ 0 },
};

static const struct field console_fields[] = {
	{ "vnc", FIELD_ENUM, IN(vm_console, vnc, int), .names = &vnc_names, RESTARTS, .doc = "VNC on the host's loopback, or none." },
	{ "video", FIELD_ENUM, IN(vm_console, video, int), .names = &video_names, RESTARTS,
	  .doc = "An emulated video card beside the GPU; none keeps the GPU the first display. Without the key virtio with VNC, else none." },
	{ "passwordFile", FIELD_STRING, IN(vm_console, password_file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_SECRETS, .on_change = EFFECT_LIVE,
	  .doc = "File on the host with the VNC password." },
	{ "passwordDigest", FIELD_STRING, IN(vm_console, password_digest, const char *), .flags = FIELD_DERIVED, .on_change = EFFECT_LIVE,
	  .doc = "Keyed digest of the VNC password." },
	{ "other", FIELD_STRING, IN(vm_console, other, const char *), .flags = FIELD_DERIVED, RESTARTS,
	  .doc = "Screens that no key speaks of, made by hand: VNC that others reach, SPICE, another video card." },
	{ 0 },
};

const struct field vm_fields[] = {
	{ "host", FIELD_STRING, IN(vm_spec, host, const char *), .required = TRUE, .form = FORM_NAME, RESTARTS,
	  .doc = "The Host it runs on." },
	{ "state", FIELD_ENUM, IN(vm_spec, state, int), .def = "running", .names = &vm_state_names, RESTARTS,
	  .doc = "Whether it runs." },
	{ "reconcile", FIELD_ENUM, IN(vm_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes with this VM; without the key as its Host says." },
	SUSPEND_ROW(vm_spec, "This VM is not acted on for a while, only looked at and told; one value is the reason."),
	{ "vcpus", FIELD_INT, IN(vm_spec, n_vcpus, gint64), .def = "1", .min = 1, .max = 512,
	  .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Number of virtual CPUs." },
	{ "maxVcpus", FIELD_INT, IN(vm_spec, max_vcpus, gint64), .min = 1, .max = 512, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "`vcpus` may grow up to this while the guest runs; without the key every change restarts it." },
	{ "memory", FIELD_BYTES, IN(vm_spec, memory_bytes, guint64), .required = TRUE, .min = 64 * (gint64)MiB,
	  .max = 16 * (gint64)TiB, .unit = (gint64)MiB, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Guest memory, in whole MiB; a unit (MiB, GiB) is required." },
	{ "maxMemory", FIELD_BYTES, IN(vm_spec, max_memory_bytes, guint64), .min = 64 * (gint64)MiB, .max = 16 * (gint64)TiB,
	  .unit = (gint64)MiB, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "`memory` may change up to this while the guest runs, by a balloon; without the key every change restarts it." },
	{ "hugepages", FIELD_BYTES, IN(vm_spec, hugepage_bytes, guint64), .min = 64 * (gint64)KiB, .max = 16 * (gint64)GiB,
	  .unit = (gint64)KiB, .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Back the memory with pages of this size, as 1GiB." },
	{ "machine", FIELD_STRING, IN(vm_spec, machine, const char *), .def = "q35", .form = FORM_NAME,
	  .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Machine type; q35 takes the newest at the first define and keeps it." },
	{ "firmware", FIELD_ENUM, IN(vm_spec, firmware, int), .names = &firmware_names, .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "uefi-secure does not load unsigned drivers, such as NVIDIA's own build." },
	{ "accelerator", FIELD_ENUM, IN(vm_spec, accelerator, int), .def = "kvm", .names = &accelerator_names,
	  .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "kvm, or tcg: QEMU's own emulation, for hosts without KVM." },
	{ "cpu", FIELD_STRUCT, IN(vm_spec, cpu, struct vm_cpu), .fields = cpu_fields, .flags = FIELD_IN_DOMAIN, .doc = "What the guest sees of the CPU, and where it runs." },
	{ "numa", FIELD_STRUCT, IN(vm_spec, numa, struct vm_numa), .fields = numa_fields, .flags = FIELD_IN_DOMAIN, .doc = "Where CPUs and memory are taken from." },
	{ "iothreads", FIELD_INT, IN(vm_spec, n_iothreads, gint64), .min = 1, .max = 64, .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Threads for disks." },
	{ "iothreadCpus", FIELD_STRING, IN(vm_spec, iothread_cpus, const char *), .form = FORM_CPU_LIST, .flags = FIELD_IN_DOMAIN, .on_change = EFFECT_LIVE,
	  .doc = "CPUs of the host for them." },
	{ "gpus", FIELD_LIST, IN(vm_spec, gpus, struct list), ITEMS(gpu_use_fields, vm_gpu), RESTARTS,
	  .doc = "GPUs given to it: names, or a share of one." },
	{ "disks", FIELD_LIST, IN(vm_spec, disks, struct list), ITEMS(disk_fields, vm_disk), .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Disks." },
	{ "boot", FIELD_STRUCT, IN(vm_spec, boot, struct vm_boot), .fields = boot_fields, .flags = FIELD_IN_DOMAIN,
	  .doc = "Direct boot of a kernel file, instead of a disk." },
	{ "shares", FIELD_LIST, IN(vm_spec, shares, struct list), ITEMS(share_fields, vm_share),
	  .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Folders of the host given to the guest." },
	{ "roots", FIELD_STRINGS, IN(vm_spec, roots, struct strings), .form = FORM_NAME, RESTARTS,
	  .doc = "Farm roots given to the guest; each becomes a writable share with the root's name." },
	{ "networks", FIELD_LIST, IN(vm_spec, networks, struct list), ITEMS(network_fields, vm_network),
	  .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "Network cards." },
	{ "tpm", FIELD_BOOL, IN(vm_spec, tpm, gboolean), .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "An emulated TPM 2.0." },
	{ "watchdog", FIELD_ENUM, IN(vm_spec, watchdog, int), .names = &watchdog_names, .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "What happens when the guest hangs." },
	{ "guestAgent", FIELD_BOOL, IN(vm_spec, guest_agent, gboolean), .flags = FIELD_IN_DOMAIN, RESTARTS, .doc = "A channel for qemu-guest-agent." },
	{ "console", FIELD_STRUCT, IN(vm_spec, console, struct vm_console), .fields = console_fields, .flags = FIELD_IN_DOMAIN, .doc = "A screen to look at." },
	{ "serialLog", FIELD_STRING, IN(vm_spec, serial_log, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_OUTPUTS,
	  .flags = FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "File on the host that takes the guest's serial console." },
	{ "cloudInit", FIELD_STRUCT, IN(vm_spec, cloud_init, struct cloud_init), .fields = cloud_init_fields, RESTARTS,
	  .doc = "What is done in the guest at its first boot. A changed one restarts the VM, and cloud-init then carries all of it out again, as for a new guest." },
	{ "worker", FIELD_STRUCT, IN(vm_spec, worker, struct guest_worker), .fields = guest_worker_fields, .flags = FIELD_IN_DOMAIN, .doc = "The render worker in the guest." },
	{ "nvidia", FIELD_STRUCT, IN(vm_spec, nvidia, struct guest_nvidia), .fields = guest_nvidia_fields, RESTARTS,
	  .doc = "NVIDIA's driver in the guest, by cloud-init: a change is like one of `cloudInit`." },
	{ "drain", FIELD_DURATION, IN(vm_spec, drain_ms, gint64), .def = "1h", .min = 0, .max = 7 * 86400000LL,
	  .doc = "How long frames may go on before the VM is stopped." },
	{ "shutdownTimeout", FIELD_DURATION, IN(vm_spec, shutdown_ms, gint64), .def = "2m", .min = 0, .max = 3600000LL,
	  .doc = "How long the guest may take to power off, once it is asked to, before it is destroyed." },
	{ "update", FIELD_ENUM, IN(vm_spec, update, int), .names = &update_names,
	  .doc = "When changes that restart it are made: when its worker is idle (without the key), now, or at a start that comes anyway." },
	{ "devices", FIELD_LIST, IN(vm_spec, devices, struct list), ITEMS(device_fields, vm_device), .flags = FIELD_DERIVED | FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Devices of the host that it has." },
	{ "seed", FIELD_STRING, IN(vm_spec, seed, const char *), .flags = FIELD_DERIVED | FIELD_IN_DOMAIN, RESTARTS,
	  .doc = "Digest of what cloud-init is told; another one is carried out anew at the next boot, as a new instance." },
	{ "settings", FIELD_STRING, IN(vm_spec, settings, const char *), .flags = FIELD_DERIVED | FIELD_IN_DOMAIN, .on_change = EFFECT_LIVE,
	  .doc = "Digest of the medium with the worker and its settings." },
	{ "kept", FIELD_STRINGS, IN(vm_spec, kept, struct strings), .flags = FIELD_DERIVED | FIELD_IN_DOMAIN, .doc = "Disks that are never deleted." },
	{ 0 },
};

static const struct field guest_status_fields[] = {
	{ "hostname", FIELD_STRING, IN(vm_guest_status, hostname, const char *), .doc = "Its host name." },
	{ "os", FIELD_STRING, IN(vm_guest_status, os, const char *), .doc = "Its operating system." },
	{ "kernel", FIELD_STRING, IN(vm_guest_status, kernel, const char *), .doc = "Its kernel." },
	{ "addresses", FIELD_STRINGS, IN(vm_guest_status, addresses, struct strings), .doc = "Its network addresses." },
	{ 0 },
};

static const struct field history_fields[] = {
	{ "startedAt", FIELD_STRING, IN(vm_history, started_at, const char *), .doc = "When cleave started it last." },
	{ "startedRevision", FIELD_STRING, IN(vm_history, started_revision, const char *), .doc = "The revision that it was started for." },
	{ "shortRuns", FIELD_INT, IN(vm_history, n_short_runs, gint64), .doc = "Starts in a row after which it soon ended by itself." },
	{ "leftAt", FIELD_STRING, IN(vm_history, left_at, const char *), .doc = "When another host was let have it." },
	{ "notTaken", FIELD_STRING, IN(vm_history, not_taken, const char *), .doc = "Digest of the changes that its last start did not bring." },
	{ "shutdownTimeout", FIELD_STRING, IN(vm_history, shutdown_timeout, const char *),
	  .doc = "How long its guest may take to power off, which counts on when the VM leaves the specs." },
	{ "drainingSince", FIELD_STRING, IN(vm_history, draining_since, const char *), .doc = "Since when its worker takes no new frames." },
	{ 0 },
};

static const struct field volume_status_fields[] = {
	{ "name", FIELD_STRING, IN(vm_volume_status, name, const char *), .doc = "The disk." },
	{ "path", FIELD_STRING, IN(vm_volume_status, path, const char *), .doc = "Its file on the host." },
	{ "size", FIELD_BYTES, IN(vm_volume_status, size_bytes, guint64), .doc = "Its size." },
	{ "allocated", FIELD_BYTES, IN(vm_volume_status, allocated_bytes, guint64), .doc = "What it takes on the host." },
	{ 0 },
};

const struct field vm_status_fields[] = {
	{ "host", FIELD_STRING, IN(vm_status, host, const char *), .doc = "The host it was seen on." },
	{ "uuid", FIELD_STRING, IN(vm_status, uuid, const char *), .doc = "The domain's UUID." },
	{ "owner", FIELD_STRING, IN(vm_status, owner, const char *),
	  .doc = "The farm whose mark it carries; absent: cleave did not make it." },
	{ "state", FIELD_ENUM, IN(vm_status, state, int), .names = &domain_state_names, .doc = "The domain's state." },
	{ "transient", FIELD_BOOL, IN(vm_status, is_transient, gboolean), .doc = "It runs and is not defined any more: stopped, it would be gone." },
	{ "reason", FIELD_STRING, IN(vm_status, reason, const char *), .doc = "libvirt's reason for the state." },
	{ "hostDevices", FIELD_STRINGS, IN(vm_status, host_devices, struct strings),
	  .doc = "Devices of the host that it has: PCI addresses, and UUIDs of vGPUs." },
	{ "machineType", FIELD_STRING, IN(vm_status, machine_type, const char *), .doc = "The recorded machine type." },
	{ "since", FIELD_STRING, IN(vm_status, since, const char *), .doc = "When that state was first seen." },
	{ "home", FIELD_STRING, IN(vm_status, home, const char *), .doc = "The host that it is known to be on." },
	{ "history", FIELD_STRUCT, IN(vm_status, history, struct vm_history), .fields = history_fields, .doc = "What its host remembers." },
	{ "guest", FIELD_STRUCT, IN(vm_status, guest, struct vm_guest_status), .fields = guest_status_fields, .doc = "What the guest's agent tells." },
	{ "volumes", FIELD_LIST, IN(vm_status, volumes, struct list), ITEMS(volume_status_fields, vm_volume_status), .doc = "Its disks in pools." },
	{ "memoryUsed", FIELD_BYTES, IN(vm_status, memory_used_bytes, guint64), .doc = "Memory of the host that it uses." },
	{ "cpuTime", FIELD_DURATION, IN(vm_status, cpu_time_ms, gint64), .doc = "Time that its CPUs have run." },
	{ "defined", FIELD_STRUCT, IN(vm_status, defined, struct vm_spec), .fields = vm_fields, .flags = FIELD_PARTIAL,
	  .doc = "What the next start uses." },
	{ "live", FIELD_STRUCT, IN(vm_status, live, struct vm_spec), .fields = vm_fields, .flags = FIELD_PARTIAL,
	  .doc = "What the running guest has." },
	{ 0 },
};

gboolean vm_status_is_up(const struct vm_status *s)
{
	return s->state == DOMAIN_RUNNING || s->state == DOMAIN_PAUSED || s->state == DOMAIN_OTHER;
}
