#include "domain_cases_fixture.h"
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/node.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DISK(rest) "disks: [{name: a, file: /dev/null" rest "}]\n"
#define CARD "{name: \"0000:25:00.0\"}, {name: \"0000:25:00.1\"}, {name: \"0000:25:00.2\"}, {name: \"0000:25:00.3\"}"
#define MAC "mac: \"52:54:00:00:00:01\""

const struct domain_case domain_cases[] = {
	{ "least", "memory: 64MiB\n", TRUE },
	{ "vcpus", "vcpus: 4\n", TRUE },
	{ "max-vcpus", "vcpus: 2\nmaxVcpus: 8\n", TRUE },
	{ "max-memory", "memory: 128MiB\nmaxMemory: 256MiB\n", TRUE },
	{ "max-memory-reached", "memory: 256MiB\nmaxMemory: 256MiB\n", TRUE },
	{ "hugepages", "memory: 2GiB\nhugepages: 1GiB\n", FALSE },
	{ "hugepages-2m", "hugepages: 2MiB\n", FALSE },
	{ "pc", "machine: pc\n", TRUE },
	{ "machine-named", "machine: pc-q35-6.2\n", TRUE },
	{ "bios", "firmware: bios\n", TRUE },
	{ "uefi", "firmware: uefi\n", TRUE },
	{ "uefi-secure", "firmware: uefi-secure\n", TRUE },
	{ "kvm", "accelerator: kvm\n", FALSE },
	{ "passthrough", "accelerator: kvm\ncpu: {mode: host-passthrough, require: [pdpe1gb], disable: [monitor, vmx]}\n", FALSE },
	{ "host-model", "cpu: {mode: host-model, require: [aes], disable: [avx]}\naccelerator: kvm\n", FALSE },
	{ "cpu-maximum", "cpu: {mode: maximum, disable: [avx]}\n", TRUE },
	{ "cpu-named", "cpu: {mode: named, model: qemu64, require: [ssse3], disable: [svm]}\n", TRUE },
	{ "hidden", "accelerator: kvm\ncpu: {hideHypervisor: true, disable: [vmx]}\n", FALSE },
	{ "hyperv", "accelerator: kvm\ncpu: {hyperv: {relaxed: true, vapic: true, spinlocks: 8191, vendorId: whatever}}\n", FALSE },
	{ "hyperv-one", "accelerator: kvm\ncpu: {hyperv: {vendorId: \"a & <b>\"}}\n", FALSE },
	{ "topology", "vcpus: 8\ncpu: {topology: {sockets: 1, cores: 4, threads: 2}}\n", TRUE },
	{ "topology-cores", "vcpus: 4\ncpu: {topology: {cores: 4}}\n", TRUE },
	{ "pinning", "vcpus: 2\ncpu: {pinning: [{vcpu: 1, cpus: \"0,1\"}, {vcpu: 0, cpus: \"0\"}], emulatorCpus: \"0,1\"}\n", FALSE },
	{ "iothreads", "iothreads: 2\niothreadCpus: \"0-1\"\n", FALSE },
	{ "iothreads-free", "iothreads: 3\n", TRUE },
	{ "numa", "vcpus: 4\nmemory: 256MiB\nnuma: {mode: nodes, nodes: \"0\"}\n", FALSE },
	{ "numa-two", "vcpus: 5\nmemory: 257MiB\nnuma: {mode: nodes, nodes: \"0,1\"}\n", FALSE },
	{ "numa-grows", "vcpus: 2\nmaxVcpus: 8\nmemory: 4GiB\nmaxMemory: 8GiB\nhugepages: 1GiB\nnuma: {mode: nodes, nodes: 0-1}\n", FALSE },
	{ "direct-boot", "boot: {kernel: /dev/null, initrd: /dev/null, cmdline: \"a='b' <&\\\" c\"}\n", FALSE },
	{ "disk", DISK(""), FALSE },
	{ "disk-said", DISK(", format: raw, cache: none, io: native, bus: virtio"), FALSE },
	{ "disk-writeback", DISK(", cache: writeback"), TRUE },
	{ "disk-directsync", DISK(", cache: directsync, io: threads"), FALSE },
	{ "disk-unsafe", DISK(", cache: unsafe, io: io_uring"), FALSE },
	{ "disk-qcow2", "disks: [{name: a, file: /x/a.qcow2, format: qcow2}]\n", FALSE },
	{ "disk-scsi", "iothreads: 2\n" DISK(", bus: scsi, iothread: 2, cache: writeback"), TRUE },
	{ "disk-sata", DISK(", bus: sata, cache: writeback"), TRUE },
	{ "disk-thread", "iothreads: 1\n" DISK(", iothread: 1, cache: writethrough"), TRUE },
	{ "disk-readonly", DISK(", readonly: true, bootOrder: 3, cache: writeback"), TRUE },
	{ "disk-names", "disks: [{name: cleave-seed, file: /x/1}, {name: a.b_c-d, file: /x/2}, {name: exactly-20-characters, file: /x/3}, "
	                "{name: a-name-that-a-serial-number-does-not-hold.v012, file: /x/4}]\n", FALSE },
	{ "disks-mixed", "iothreads: 1\ndisks: [{name: c, file: /x/c, bus: sata}, {name: a, file: /x/a}, {name: b, file: /x/b, bus: scsi, iothread: 1}, "
	                 "{name: s, file: /x/s, bus: scsi}, {name: cd, file: /x/x.iso, cdrom: true}]\n", FALSE },
	{ "cdrom", "disks: [{name: cd, file: /dev/null, cdrom: true, bootOrder: 1}]\n", TRUE },
	{ "cdrom-scsi", "disks: [{name: cd, file: /dev/null, cdrom: true, bus: scsi, readonly: true, cache: unsafe}]\n", TRUE },
	{ "media", "seed: 0123456789abcdef\nsettings: 456789abcdef0123\n", FALSE },
	{ "media-and-disks", "disks: [{name: x, file: /x/x, bus: sata}]\nsettings: 456789abcdef0123\n", FALSE },
	{ "share", "shares: [{path: /usr, target: usr, readonly: true}, {path: /tmp, target: out}]\n", TRUE },
	{ "share-virtiofs", "shares: [{path: /usr, target: usr, driver: virtiofs}, {path: /tmp, target: out, driver: 9p}]\n", TRUE },
	{ "share-virtiofs-pages", "memory: 2GiB\nhugepages: 1GiB\nshares: [{path: /usr, target: usr, driver: virtiofs}]\n", FALSE },
	{ "net-user", "networks: [{user: true, " MAC "}]\n", TRUE },
	{ "net-bridge", "networks: [{bridge: br0, " MAC ", model: e1000e, vlan: 12, mtu: 9000, bootOrder: 1}, "
	                "{bridge: br1, mac: \"52:54:00:00:00:02\", model: virtio, down: true}]\n", FALSE },
	{ "net-network", "networks: [{network: default, " MAC "}]\n", FALSE },
	{ "net-down", "networks: [{user: true, " MAC ", down: true, model: e1000e, bootOrder: 2}]\n", TRUE },
	{ "card", "devices: [" CARD "]\n", FALSE },
	{ "card-rom", "devices: [{name: \"0000:25:00.0\", rom: /x/card.rom}, {name: \"0000:25:00.1\"}]\n", FALSE },
	{ "cards-two", "devices: [" CARD ", {name: \"10000:e1:00.0\"}, {name: \"10000:e1:00.1\"}]\n", FALSE },
	{ "card-pc", "machine: pc\ndevices: [" CARD ", {name: \"0000:41:00.0\"}]\n", FALSE },
	{ "vfs", "devices: [{name: \"0000:25:00.4\"}, {name: \"0000:25:00.5\"}, {name: \"0000:25:1f.7\"}]\n", FALSE },
	{ "mdev", "devices: [{name: 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001}, {name: 83b8f4f2-509f-382f-3c1e-e6bfe0fa1002}]\n", FALSE },
	{ "vnc", "console: {vnc: loopback}\n", TRUE },
	{ "vnc-password", "console: {vnc: loopback, passwordDigest: 00ff}\n", TRUE },
	{ "vnc-no-video", "console: {vnc: loopback, video: none}\n", TRUE },
	{ "video", "console: {video: vga}\n", TRUE },
	{ "no-console", "console: {vnc: none, video: none}\n", TRUE },
	{ "serial-log", "serialLog: /tmp/cleave-test-serial.log\n", FALSE },
	{ "agent", "guestAgent: true\n", TRUE },
	{ "tpm", "tpm: true\n", FALSE },
	{ "watchdog", "watchdog: poweroff\n", TRUE },
	{ "watchdog-nmi", "watchdog: inject-nmi\n", TRUE },
	{ "no-watchdog", "watchdog: none\n", TRUE },
	{ "mark", "kept: [os, work]\nworker: {bundle: 1.2 sha256-0011}\n", TRUE },
	/* field.md's worker, as its host resolves it. */
	{ "worker",
	  "accelerator: kvm\nvcpus: 8\nmemory: 24GiB\nhugepages: 1GiB\nmachine: q35\nfirmware: uefi\n"
	  "cpu: {mode: host-passthrough, hideHypervisor: true, hyperv: {relaxed: true, vapic: true, spinlocks: 8191, vendorId: cleave}, "
	  "topology: {sockets: 1, cores: 4, threads: 2}, pinning: [{vcpu: 0, cpus: \"2\"}, {vcpu: 1, cpus: \"34\"}, {vcpu: 2, cpus: \"3\"}, "
	  "{vcpu: 3, cpus: \"35\"}, {vcpu: 4, cpus: \"4\"}, {vcpu: 5, cpus: \"36\"}, {vcpu: 6, cpus: \"5\"}, {vcpu: 7, cpus: \"37\"}], emulatorCpus: 0-1}\n"
	  "numa: {mode: nodes, nodes: \"0\"}\niothreads: 1\niothreadCpus: \"1\"\n"
	  "disks: [{name: os, file: /pools/nvme/worker01-os.raw, format: raw, cache: none, io: native, iothread: 1}, "
	  "{name: work, file: /pools/scratch/worker01-work.raw}]\n"
	  "devices: [" CARD "]\nseed: 0123456789abcdef\nsettings: 456789abcdef0123\n"
	  "networks: [{bridge: br0, " MAC ", mtu: 9000}]\nguestAgent: true\nwatchdog: reset\ntpm: true\n"
	  "console: {vnc: loopback, video: none, passwordDigest: 00ff}\nserialLog: /var/log/cleave/worker01.log\nkept: [work]\n"
	  "worker: {bundle: 1.2 sha256-0011}\nshares: [{path: /srv/projects, target: projects}]\n", FALSE },
	{ "all-four-cards",
	  "accelerator: kvm\nvcpus: 32\nmemory: 96GiB\nfirmware: uefi-secure\nnuma: {mode: nodes, nodes: \"0,1\"}\n"
	  "devices: [" CARD ", {name: \"0000:41:00.0\"}, {name: \"0000:41:00.1\"}, {name: \"0000:a1:00.0\"}, {name: \"0000:a1:00.1\"}, "
	  "{name: \"0000:c1:00.0\"}, {name: \"0000:c1:00.1\"}]\n"
	  "disks: [{name: os, file: /pools/os.raw}]\nnetworks: [{bridge: br0, " MAC "}]\n", FALSE },
};
const guint n_domain_cases = G_N_ELEMENTS(domain_cases);

/* What every case has that does not say otherwise. */
static const char usual[] = "vcpus: 1\nmemory: 64MiB\nmachine: q35\naccelerator: tcg\n";

static const struct node *read_yaml(struct arena *a, const char *yaml)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents d = node_read(a, "case", yaml, strlen(yaml), &problems);
	assert_int_equal(problems.list->len, 0);
	assert_int_equal(d.n, 1);
	problems_clear(&problems);
	return &d.items[0];
}

struct vm_spec domain_case_spec(struct arena *a, const struct domain_case *c)
{
	struct vm_spec vm = { 0 };
	struct problems problems;
	problems_init(&problems, a);
	decode_struct(a, vm_fields, node_merge(a, read_yaml(a, usual), read_yaml(a, c->yaml)), (struct place){ 0 }, TRUE, &vm, &problems);
	if (problems.list->len)
		fail_msg("%s: %s", c->name, g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return vm;
}
