/* What a host made here tells: IOMMU, modules, hugepages, bridges; and what its devices are used for, and by whom. */
#include "base/arena.h"
#include "host/helper.h"
#include "observe/observe.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "tree_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CARD "0000:65:00.0"
#define VGPU "f715f63c-0d00-4007-9c5a-b07b0c6c05de"
#define AUDIO "0000:65:00.1"
#define NIC "0000:66:00.0"
#define NVME "0000:67:00.0"
#define VIRTIO "0000:68:00.0"

/* -- the host ----------------------------------------------------------------------------------------- */

static void test_iommu(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *device, *type;
	} kinds_of[] = { { "dmar0", "intel" },	  { "ivhd1", "amd" },	      { "smmu3.0x0000000009050000", "smmu-v3" },
			 { "smmu.0x1", "smmu" }, { "omap-iommu", "omap-iommu" } };
	tree_folder(t, "sys/kernel/iommu_groups");
	assert_int_equal(tree_host(tree_observe(t))->iommu.enabled, 0);
	assert_int_equal(tree_host(tree_observe(t))->iommu.remaps_interrupts, -1);
	tree_put(t, "sys/kernel/iommu_groups/0/type", "identity\n");
	tree_put(t, "sys/kernel/iommu_groups/1/type", "DMA-FQ\n");
	tree_put(t, "sys/kernel/iommu_groups/2/type", "DMA-FQ\n");
	tree_put(t, "proc/interrupts", "   CPU0\n 24:  1  IR-PCI-MSI-0000:00:02.0  0-edge\n");
	for (gsize i = 0; i < G_N_ELEMENTS(kinds_of); i++) {
		g_autofree char *folder = g_strconcat("sys/class/iommu/", kinds_of[i].device, NULL);
		tree_folder(t, folder);
		assert_string_equal(tree_host(tree_observe(t))->iommu.type, kinds_of[i].type);
		tree_remove(t, folder);
	}
	tree_put(t, "proc/interrupts", "   CPU0\n 2:  1  IO-APIC  5-edge\n 24:  1  IR-IO-APIC  0-edge\n");
	const struct host_status *h = tree_host(tree_observe(t));
	assert_int_equal(h->iommu.enabled, 1);
	assert_string_equal(h->iommu.domain, "DMA-FQ");
	assert_int_equal(h->iommu.n_groups, 3);
	assert_int_equal(h->iommu.remaps_interrupts, 1);
	assert_null(h->iommu.type);
	tree_put(t, "proc/interrupts", "   CPU0\n 2:  1  IO-APIC  5-edge\n");
	assert_int_equal(tree_host(tree_observe(t))->iommu.remaps_interrupts, 0);
	for (int i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("sys/kernel/iommu_groups/%d/name", i);
		tree_put(t, name, "vfio-noiommu\n");
	}
	assert_int_equal(tree_host(tree_observe(t))->iommu.enabled, 0);
}

static void test_modules(void **state)
{
	struct tree *t = *state;
	tree_put(t, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	tree_put(t, "proc/modules", "nvidia 56717312 0 - Live 0x0\nvfio_pci 16384 1 - Live 0x0\nkvm 1 0 - Live 0x0\n"
		 "mdev 28672 1 vfio_mdev, Loading 0x0\nnouveau 1 0 - Unloading 0x0\n");
	tree_put(t, "lib/modules/6.1.0-18-amd64/modules.builtin",
		 "kernel/drivers/vfio/vfio_iommu_type1.ko\nkernel/drivers/net/dummy-net.ko\nkernel/fs/ext4/ext4.ko\n");
	tree_put(t, "sys/module/nvidia/version", "550.90.05\n");
	const struct host_status *h = tree_host(tree_observe(t));
	assert_string_equal(tree_join(t->arena, &h->modules), "kvm, nvidia, vfio_iommu_type1, vfio_pci");
	assert_string_equal(h->nvidia_driver, "550.90.05");
	tree_want(t, "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: gpu1}\nspec: {modules: [dummy-net, kvm, absent]}\n");
	h = tree_host(tree_observe(t));
	assert_string_equal(tree_join(t->arena, &h->modules), "dummy_net, kvm, nvidia, vfio_iommu_type1, vfio_pci");
}

static void test_memory(void **state)
{
	struct tree *t = *state;
	tree_put(t, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	tree_put(t, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	const struct host_status *h = tree_host(tree_observe(t));
	assert_int_equal(h->hugepages.n, 1); /* a kernel without NUMA */
	assert_int_equal(LIST_AT(h->hugepages, struct host_pages_status, 0)->node, -1);
	assert_int_equal(LIST_AT(h->hugepages, struct host_pages_status, 0)->n_free, 500);
	for (int node = 0; node < 2; node++) {
		g_autofree char *folder = g_strdup_printf("sys/devices/system/node/node%d", node);
		g_autofree char *cpus = g_strconcat(folder, "/cpulist", NULL);
		g_autofree char *memory = g_strconcat(folder, "/meminfo", NULL);
		g_autofree char *small = g_strconcat(folder, "/hugepages/hugepages-2048kB/nr_hugepages", NULL);
		g_autofree char *large = g_strconcat(folder, "/hugepages/hugepages-1048576kB/nr_hugepages", NULL);
		tree_put(t, cpus, node ? "6-11\n" : "0-5\n");
		tree_put(t, memory, "Node 0 MemTotal:  2048 kB\n");
		tree_put(t, small, "256\n");
		tree_put(t, large, node ? "4\n" : "0\n");
	}
	for (int cpu = 0; cpu < 12; cpu++) {
		g_autofree char *name = g_strdup_printf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
		g_autofree char *threads = g_strdup_printf("%d,%d\n", cpu - cpu % 2, cpu - cpu % 2 + 1);
		if (cpu != 11)
			tree_put(t, name, cpu < 10 ? threads : "10\n");
	}
	h = tree_host(tree_observe(t));
	assert_int_equal(h->hugepages.n, 4);
	const struct host_pages_status *last = LIST_AT(h->hugepages, struct host_pages_status, 3);
	assert_int_equal(last->size_bytes, GiB);
	assert_int_equal(last->node, 1);
	assert_int_equal(last->n_total, 4);
	assert_int_equal(last->n_free, -1);
	assert_int_equal(h->nodes.n, 2);
	assert_string_equal(LIST_AT(h->nodes, struct host_node_status, 1)->cpus, "6-11");
	assert_string_equal(tree_join(t->arena, &LIST_AT(h->nodes, struct host_node_status, 0)->cores), "0,1, 2,3, 4,5");
	assert_string_equal(tree_join(t->arena, &LIST_AT(h->nodes, struct host_node_status, 1)->cores), "6,7, 8,9, 10"); /* CPU 11 does not tell */
	assert_int_equal(LIST_AT(h->nodes, struct host_node_status, 1)->memory_bytes, 2 * MiB);
}

/* br0 on a VLAN of a bond of two, with a VM in it; br1 with nothing but a VM. */
static void test_bridges(void **state)
{
	struct tree *t = *state;
	tree_folder(t, "sys/class/net/br0/bridge");
	tree_put(t, "sys/class/net/br0/mtu", "9000\n");
	tree_folder(t, "sys/class/net/br0/brif/bond0.100");
	tree_folder(t, "sys/class/net/br0/brif/vnet3");
	tree_folder(t, "sys/class/net/br0/brif/worker1");
	tree_put(t, "sys/class/net/worker1/tun_flags", "0x1002\n");
	tree_folder(t, "sys/class/net/bond0.100/lower_bond0");
	tree_put(t, "sys/class/net/bond0/bonding/slaves", "eno1 eno2\n");
	tree_folder(t, "sys/class/net/br1/bridge");
	tree_folder(t, "sys/class/net/br1/brif/vnet4");
	tree_put(t, "sys/class/net/eno1/mtu", "9000\n");
	const struct host_status *h = tree_host(tree_observe(t));
	assert_int_equal(h->bridges.n, 2);
	const struct host_bridge_status *b = LIST_AT(h->bridges, struct host_bridge_status, 0);
	assert_string_equal(b->name, "br0");
	assert_int_equal(b->mtu, 9000);
	assert_string_equal(tree_join(t->arena, &b->uplinks), "bond0.100");
	assert_int_equal(b->n_slaves, 2);
	b = LIST_AT(h->bridges, struct host_bridge_status, 1);
	assert_int_equal(b->mtu, -1);
	assert_int_equal(b->uplinks.n, 0);
	assert_int_equal(b->n_slaves, -1);
}

/* -- uses --------------------------------------------------------------------------------------------- */

/* A card whose group is shared by a NIC with two interfaces, an NVMe disk and a virtio disk. */
static void put_dirty_group(struct tree *t)
{
	tree_function(t, NULL, CARD, "10de:2231", "030000");
	tree_function(t, NULL, AUDIO, "10de:1aef", "040300");
	tree_function(t, NULL, NIC, "8086:1521", "020000");
	tree_function(t, NULL, NVME, "144d:a808", "010802");
	tree_function(t, NULL, VIRTIO, "1af4:1042", "010000");
	const char *const all[] = { CARD, AUDIO, NIC, NVME, VIRTIO };
	for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
		tree_group(t, all[i], 4);
	tree_driver(t, NIC, "igb");
	tree_driver(t, NVME, "nvme");
	tree_driver(t, VIRTIO, "virtio-pci");
}

static void put_disk(struct tree *t, const char *folder, const char *name, const char *number)
{
	g_autofree char *path = g_build_filename(folder, name, NULL), *link = g_strconcat("sys/class/block/", name, NULL);
	g_autofree char *dev = g_build_filename(path, "dev", NULL);
	tree_put(t, dev, number);
	tree_link(t, link, path);
}

static const struct gpu_function *bystander(const struct gpu_status *g, const char *address)
{
	for (guint i = 0; i < g->bystanders.n; i++)
		if (strcmp(LIST_AT(g->bystanders, struct gpu_function, i)->address, address) == 0)
			return LIST_AT(g->bystanders, struct gpu_function, i);
	fail_msg("%s is no bystander", address);
	return NULL;
}

static const char *uses_at(struct tree *t, const char *address)
{
	return tree_join(t->arena, &bystander(tree_gpu(tree_observe(t), "pci-0000-65-00.0"), address)->uses);
}

static void put_interface(struct tree *t, const char *address, const char *path, const char *flags)
{
	g_autofree char *file = g_strconcat(path, "/flags", NULL), *name = g_path_get_basename(path);
	g_autofree char *link = g_strconcat("sys/class/net/", name, NULL);
	g_autofree char *folder = g_strdup_printf("sys/devices/pci%.7s/%s/%s", address, address, path);
	tree_function_put(t, address, file, flags);
	tree_link(t, link, folder);
}

static void test_network_uses(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	put_interface(t, NIC, "net/eno1", "0x1002\n");
	put_interface(t, NIC, "net/eno2", "0x1002\n");
	assert_string_equal(uses_at(t, NIC), "");
	tree_function_put(t, NIC, "net/eno1/flags", "0x1003\n");
	tree_folder(t, "sys/class/net/br0/bridge");
	tree_function_link(t, NIC, "net/eno2/master", "sys/class/net/br0");
	assert_string_equal(uses_at(t, NIC), "network interface eno1 is up, network interface eno2 is in bridge br0");
	put_interface(t, VIRTIO, "virtio0/net/eth0", "0x1003\n");
	assert_string_equal(uses_at(t, VIRTIO), "network interface eth0 is up");
	put_interface(t, NVME, "usb3/3-1/3-1:1.0/net/usb0", "0x1003\n");
	assert_string_equal(uses_at(t, NVME), "network interface usb0 is up");
}

static void test_disk_uses(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	/* With a path of its own: partitions hang below the disk's head, which is below no function. */
	put_disk(t, "sys/devices/pci0000:67/" NVME "/nvme/nvme0", "nvme0c1n1", "0:0\n");
	put_disk(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys0", "nvme0n1", "259:0\n");
	put_disk(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme0n1p1", "259:1\n");
	put_disk(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme0n1p2", "259:2\n");
	put_disk(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme0n1p3", "259:3\n");
	put_disk(t, "sys/devices/pci0000:68/" VIRTIO "/virtio1/block", "vda", "254:0\n");
	put_disk(t, "sys/devices/virtual/block", "dm-0", "253:0\n");
	assert_string_equal(uses_at(t, NVME), "");
	tree_put(t, "proc/self/mountinfo",
		 "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw\n"
		 "30 22 0:44 /@srv /srv/my\\040disk rw - btrfs /dev/vda rw\n"
		 "31 22 259:1 /x /elsewhere rw - ext4 /dev/nvme0n1p1 rw\n");
	tree_put(t, "proc/swaps", "Filename\t\t\t\tType\t\tSize\n/dev/nvme0n1p2                          partition\t1\t0\t-2\n");
	tree_folder(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p3/holders/dm-0");
	assert_string_equal(uses_at(t, NVME), "/dev/nvme0n1p1 is mounted on /, /dev/nvme0n1p2 is swap, /dev/nvme0n1p3 is part of dm-0");
	assert_string_equal(uses_at(t, VIRTIO), "/dev/vda is mounted on /srv/my disk");
}

/* A mount behind thousands of a container engine's; and the second disk of a btrfs, which no mount names. */
static void test_disks_among_many(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	put_disk(t, "sys/devices/pci0000:67/" NVME "/nvme/nvme0", "nvme0n1", "259:0\n");
	put_disk(t, "sys/devices/pci0000:68/" VIRTIO "/virtio1/block", "vda", "254:0\n");
	g_autoptr(GString) mounts = g_string_new(NULL);
	for (guint i = 0; i < 20000; i++)
		g_string_append_printf(mounts, "%u 1 0:%u / /var/lib/containers/storage/overlay/%u/merged rw - overlay overlay rw\n", i, i, i);
	g_string_append(mounts, "99999 1 259:0 / /srv rw - xfs /dev/nvme0n1 rw\n");
	tree_put(t, "proc/self/mountinfo", mounts->str);
	tree_folder(t, "sys/fs/btrfs/b6b0b7f0/devices/vda");
	assert_string_equal(uses_at(t, NVME), "/dev/nvme0n1 is mounted on /srv");
	assert_string_equal(uses_at(t, VIRTIO), "/dev/vda is mounted as part of the btrfs b6b0b7f0");
}

/* -- what only preflight asks for ------------------------------------------------------------------------ */

static guint count_pools(struct tree *t, gboolean checks)
{
	const struct observe_input in = { .host = "gpu1", .want = t->want, .tree = &t->tree, .helper = t->helper, .checks = checks };
	return tree_host(observe(t->arena, &in))->pools.n;
}

/* A pass waits for no file server. */
static void test_checks_are_asked_for(void **state)
{
	struct tree *t = *state;
	tree_folder(t, "sys/bus/pci/devices");
	tree_want(t, "{apiVersion: cleave/v1alpha1, kind: Host, metadata: {name: gpu1}, spec: {pools: [{name: p, path: /pool}]}}\n");
	assert_int_equal(count_pools(t, TRUE), 1);
	assert_int_equal(count_pools(t, FALSE), 0);
}

/* -- holders ------------------------------------------------------------------------------------------- */

static void put_process(struct tree *t, int pid, const char *comm)
{
	g_autofree char *path = g_strdup_printf("proc/%d/comm", pid), *maps = g_strdup_printf("proc/%d/maps", pid);
	g_autofree char *line = g_strconcat(comm, "\n", NULL);
	tree_put(t, path, line);
	tree_put(t, maps, "55e0c0000000-55e0c0001000 r--p 00000000 08:01 42 /usr/bin/x\n");
}

static void put_open(struct tree *t, int pid, int fd, const char *file)
{
	g_autofree char *path = g_strdup_printf("proc/%d/fd/%d", pid, fd);
	tree_symlink(t, path, file);
}

/* What a process holds of the card: "pid comm path", or "" for nothing. */
static const char *held_by(struct tree *t, const struct gpu_status *g)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < g->holders.n; i++) {
		const struct gpu_holder *h = LIST_AT(g->holders, struct gpu_holder, i);
		g_string_append_printf(text, "%s%" G_GINT64_FORMAT " %s %s", i ? ", " : "", h->pid, h->comm, h->path);
	}
	char *copy = arena_strdup(t->arena, text->str);
	g_string_free(text, TRUE);
	return copy;
}

static void put_class(struct tree *t, const char *class, const char *name, const char *device)
{
	g_autofree char *path = g_strdup_printf("sys/class/%s/%s/device", class, name);
	tree_link(t, path, device);
}

static void test_holders(void **state)
{
	struct tree *t = *state;
	static const char *const paths[] = { "/dev/nvidia1",	     "/dev/dri/card0",		"/dev/dri/renderD128",
					     "/dev/fb0",	     "/dev/snd/pcmC1D3p",	"/dev/vfio/4",
					     "/dev/vfio/devices/vfio0", "/dev/vfio/noiommu-4",
					     "/dev/vfio/devices/vfio7", "/srv/jail/dev/nvidia1", "/dev/dri/card0 (deleted)" };
	put_dirty_group(t);
	tree_put(t, "proc/driver/nvidia/gpus/" CARD "/information", "Model: \t\t RTX A5000\nDevice Minor: \t 1\n");
	put_class(t, "drm", "card0", "sys/bus/pci/devices/" CARD);
	put_class(t, "drm", "renderD128", "sys/bus/pci/devices/" CARD);
	put_class(t, "graphics", "fb0", "sys/bus/pci/devices/" CARD);
	put_class(t, "sound", "card1", "sys/bus/pci/devices/" AUDIO);
	put_class(t, "sound", "pcmC1D3p", "sys/class/sound/card1");
	put_class(t, "drm", "card7", "sys/bus/pci/devices/" NIC);
	tree_function_put(t, CARD, "vfio-dev/vfio0/dev", "511:0\n");
	tree_function_put(t, CARD, "mdev_supported_types/nvidia-35/devices/" VGPU "/x", "");
	tree_function_put(t, CARD, VGPU "/vfio-dev/vfio7/dev", "511:7\n");
	put_process(t, 7, "idle");
	put_open(t, 7, 0, "/dev/null");
	put_open(t, 7, 1, "/dev/nvidia0");
	put_open(t, 7, 2, "/dev/nvidiactl");
	put_open(t, 7, 3, "/dev/dri/card7");
	put_open(t, 7, 4, "socket:[17]");
	tree_put(t, "proc/version", "Linux\n");
	assert_string_equal(held_by(t, tree_gpu(tree_observe(t), "pci-0000-65-00.0")), "");
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		put_process(t, 1234, "Xorg");
		put_open(t, 1234, 12, paths[i]);
		put_open(t, 1234, 13, paths[i]);
		g_autofree char *expected = g_strconcat("1234 Xorg ", paths[i], NULL);
		if (g_str_has_suffix(expected, " (deleted)"))
			expected[strlen(expected) - strlen(" (deleted)")] = '\0';
		assert_string_equal(held_by(t, tree_gpu(tree_observe(t), "pci-0000-65-00.0")), expected);
		tree_remove(t, "proc/1234");
	}
}

/* A mapping outlives the descriptor. Two cards, one walk. */
static void test_mappings(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	tree_function(t, NULL, "0000:a1:00.0", "10de:2231", "030000");
	put_process(t, 20, "blender");
	put_process(t, 100, "Xorg");
	tree_put(t, "proc/100/maps",
		 "7f00-7f01 rw-s 00000000 00:14 9 /sys/devices/pci0000:65/0000:65:00.0/resource1_wc\n"
		 "7f02-7f03 rw-s 00000000 00:14 9 /sys/devices/pci0000:a1/0000:a1:00.0/resource0\n");
	put_open(t, 20, 3, "/dev/vfio/4");
	struct objects *have = tree_observe(t);
	assert_string_equal(held_by(t, tree_gpu(have, "pci-0000-65-00.0")),
			    "20 blender /dev/vfio/4, 100 Xorg /sys/devices/pci0000:65/0000:65:00.0/resource1_wc");
	assert_string_equal(held_by(t, tree_gpu(have, "pci-0000-a1-00.0")), "100 Xorg /sys/devices/pci0000:a1/0000:a1:00.0/resource0");
}

/* Two cards of one group are held by whoever has it open; and one process that waits in the kernel, its mappings locked,
 * hides no other. A pipe that nobody writes to stands for them. */
static void test_group_and_locked_mappings(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	tree_function(t, NULL, "0000:a1:00.0", "10de:2231", "030000");
	tree_group(t, "0000:a1:00.0", 4);
	put_process(t, 20, "nfs-client");
	const char *maps = host_path(t->arena, &t->tree, "proc/20/maps");
	assert_int_equal(unlink(maps), 0);
	assert_int_equal(mkfifo(maps, 0600), 0);
	put_process(t, 30, "qemu");
	put_open(t, 30, 3, "/dev/vfio/4");
	struct objects *have = tree_observe(t);
	assert_null(tree_host(have)->pci_trouble);
	assert_string_equal(held_by(t, tree_gpu(have, "pci-0000-65-00.0")), "30 qemu /dev/vfio/4");
	assert_string_equal(held_by(t, tree_gpu(have, "pci-0000-a1-00.0")), "30 qemu /dev/vfio/4");
}

/* Another machine's sysfs: who runs here says nothing about it. */
static void test_foreign_sysfs(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	put_process(t, 20, "blender");
	put_open(t, 20, 3, "/dev/vfio/4");
	tree_put(t, "proc/interrupts", "24:  1  IR-PCI-MSI  0-edge IO-APIC\n");
	tree_folder(t, "other/proc");
	g_autofree char *root = g_build_filename(t->dir, "other", NULL), *sysfs = g_build_filename(t->dir, "sys", NULL);
	t->tree = host_tree_at(t->arena, t->dir, sysfs);
	assert_int_equal(tree_gpu(tree_observe(t), "pci-0000-65-00.0")->holders.n, 1);
	tree_link(t, "other/proc/20", "proc/20");
	t->tree = host_tree_at(t->arena, root, sysfs);
	struct objects *have = tree_observe(t);
	assert_int_equal(tree_gpu(have, "pci-0000-65-00.0")->holders.n, 0);
	assert_int_equal(tree_host(have)->iommu.remaps_interrupts, -1);
	assert_false(tree_host(have)->is_sysfs_alone);
}

/* A sysfs with nothing beside it: no kernel, memory or boot of this machine stands beside its cards. */
static void test_sysfs_alone(void **state)
{
	struct tree *t = *state;
	put_dirty_group(t);
	tree_put(t, "proc/cmdline", "quiet\n");
	g_autofree char *sysfs = g_build_filename(t->dir, "sys", NULL);
	t->tree = host_tree_of_sysfs(t->arena, sysfs);
	struct objects *have = tree_observe(t);
	const struct host_status *h = tree_host(have);
	assert_true(h->is_sysfs_alone);
	assert_false(h->is_root);
	assert_null(h->kernel);
	assert_null(h->cmdline);
	assert_null(h->machine_id);
	assert_int_equal(h->memory_bytes, 0);
	assert_int_equal(h->missing_modules.n, 0);
	assert_int_equal(h->clock_is_synchronised, -1);
	assert_non_null(tree_gpu(have, "pci-0000-65-00.0"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		TEST(test_iommu),	 TEST(test_modules), TEST(test_memory),	  TEST(test_bridges),	    TEST(test_network_uses),
		TEST(test_disk_uses), TEST(test_disks_among_many), TEST(test_holders), TEST(test_mappings), TEST(test_group_and_locked_mappings), TEST(test_foreign_sysfs), TEST(test_sysfs_alone), TEST(test_checks_are_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
