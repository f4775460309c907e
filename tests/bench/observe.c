/* What observe does for a host and its cards, through the helper and to JSON, against libpci alone: a scan and
 * the same pci_fill_info() of every function, in the same run on the same tree.
 *
 * Trees: a host of 64 cards made here, and the largest of the captures where CLEAVE_CAPTURES names their folder.
 * A first look starts the helper and reads pci.ids; it is told, not judged. This program is its own helper. */
#include "base/arena.h"
#include "bench.h"
#include "host/helper.h"
#include "host/pci_scan.h"
#include "host/tree.h"
#include "observe/observe.h"
#include "report/report.h"
#include "spec/emit.h"
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 25, N_CARDS = 64, N_CARDS_A_NODE = 8, N_OTHERS = 384, N_PROCESSES = 400, N_FILES = 20 };

/* -- a host of 64 cards ------------------------------------------------------------------------------- */

static void put(const char *folder, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;
	if (!g_file_set_contents(path, text, -1, &error))
		g_error("%s", error->message);
}

static void make_folder(const char *folder)
{
	if (g_mkdir_with_parents(folder, 0755) != 0)
		g_error("%s cannot be made", folder);
}

static void put_link(const char *folder, const char *name, const char *sysfs, const char *target)
{
	g_autofree char *path = g_build_filename(folder, name, NULL), *absolute = g_build_filename(sysfs, target, NULL);
	if (symlink(absolute, path) != 0)
		g_error("%s cannot be made", path);
}

struct function {
	const char *above; /* folder below the tree's */
	guint bus, slot, function, node;
	const char *vendor, *device, *class, *driver;
};

static guint next_group;

/* Returns its folder, below the tree's. */
static char *put_function(const char *sysfs, const struct function *f)
{
	g_autofree char *address = g_strdup_printf("0000:%02x:%02x.%x", f->bus, f->slot, f->function);
	char *own = g_build_filename(f->above, address, NULL);
	g_autofree char *folder = g_build_filename(sysfs, own, NULL), *devices = g_build_filename(sysfs, "bus/pci/devices", NULL);
	g_autofree char *node = g_strdup_printf("%u\n", f->node), *driver = g_strconcat("bus/pci/drivers/", f->driver, NULL);
	g_autofree char *group = g_strdup_printf("kernel/iommu_groups/%u", f->function ? next_group - 1 : next_group++);
	g_autofree char *group_folder = g_build_filename(sysfs, group, "devices", NULL), *driver_folder = g_build_filename(sysfs, driver, NULL);
	g_autofree char *group_type = g_build_filename(sysfs, group, NULL);
	const char *const files[][2] = {
		{ "vendor", f->vendor }, { "device", f->device }, { "class", f->class }, { "revision", "0xa1\n" },
		{ "subsystem_vendor", "0x10de\n" }, { "subsystem_device", "0x147e\n" }, { "numa_node", node }, { "irq", "0\n" },
		{ "config", "" }, { "driver_override", "(null)\n" }, { "reset_method", "flr bus\n" }, { "power_state", "D0\n" },
		{ "current_link_width", "16\n" }, { "max_link_width", "16\n" }, { "current_link_speed", "16.0 GT/s PCIe\n" },
		{ "max_link_speed", "16.0 GT/s PCIe\n" }, { "aer_dev_correctable", "RxErr 0\nTOTAL_ERR_COR 0\n" },
		{ "aer_dev_nonfatal", "TOTAL_ERR_NONFATAL 0\n" }, { "aer_dev_fatal", "TOTAL_ERR_FATAL 0\n" },
		{ "resource", "0x00000000d0000000 0x00000000d0ffffff 0x0000000000040200\n" },
	};
	make_folder(folder);
	make_folder(group_folder);
	make_folder(driver_folder);
	put(group_type, "type", "DMA-FQ\n");
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		put(folder, files[i][0], files[i][1]);
	put_link(devices, address, sysfs, own);
	put_link(folder, "driver", sysfs, driver);
	put_link(folder, "iommu_group", sysfs, group);
	put_link(group_folder, address, sysfs, own);
	return own;
}

/* A card of two functions in a slot below a port of its node's switch. */
static void put_card(const char *sysfs, const char *node_switch, guint i)
{
	guint node = i / N_CARDS_A_NODE, bus = 1 + node * 24 + i % N_CARDS_A_NODE;
	const struct function port = { node_switch, 1 + node * 24 + 20, 1 + i % N_CARDS_A_NODE, 0, node, "0x1000\n", "0xc030\n", "0x060400\n", "pcieport" };
	g_autofree char *above = put_function(sysfs, &port);
	const struct function card = { above, bus, 0, 0, node, "0x10de\n", "0x2231\n", "0x030000\n", "nvidia" };
	const struct function audio = { above, bus, 0, 1, node, "0x10de\n", "0x1aef\n", "0x040300\n", "snd_hda_intel" };
	g_autofree char *first = put_function(sysfs, &card), *second = put_function(sysfs, &audio);
	g_autofree char *slot = g_strdup_printf("%s/bus/pci/slots/%u", sysfs, i + 1), *address = g_strdup_printf("0000:%02x:00\n", bus);
	make_folder(slot);
	put(slot, "address", address);
}

static void put_nodes(const char *sysfs)
{
	for (guint node = 0; node < N_CARDS / N_CARDS_A_NODE; node++) {
		g_autofree char *folder = g_strdup_printf("%s/devices/system/node/node%u", sysfs, node);
		g_autofree char *pages = g_build_filename(folder, "hugepages/hugepages-1048576kB", NULL);
		make_folder(pages);
		put(folder, "cpulist", "0-15\n");
		put(folder, "meminfo", "Node 0 MemTotal:  263856128 kB\n");
		put(pages, "nr_hugepages", "200\n");
		put(pages, "free_hugepages", "200\n");
	}
}

/* 64 cards, their ports, 8 switches, and what else a host of eight sockets has. */
static void put_host(const char *sysfs)
{
	g_autofree char *devices = g_build_filename(sysfs, "bus/pci/devices", NULL);
	make_folder(devices);
	put_nodes(sysfs);
	for (guint node = 0; node < N_CARDS / N_CARDS_A_NODE; node++) {
		g_autofree char *domain = g_strdup_printf("devices/pci0000:%02x", 1 + node * 24 + 23);
		const struct function root = { domain, 1 + node * 24 + 23, 1, 0, node, "0x8086\n", "0x347a\n", "0x060400\n", "pcieport" };
		g_autofree char *port = put_function(sysfs, &root);
		const struct function up = { port, 1 + node * 24 + 21, 0, 0, node, "0x1000\n", "0xc030\n", "0x060400\n", "pcieport" };
		g_autofree char *node_switch = put_function(sysfs, &up);
		for (guint i = 0; i < N_CARDS_A_NODE; i++)
			put_card(sysfs, node_switch, node * N_CARDS_A_NODE + i);
		for (guint i = 0; i < N_OTHERS / N_CARDS_A_NODE; i++) {
			const struct function other = { domain, 1 + node * 24 + 23, 2 + i / 8, i % 8, node, "0x8086\n", "0x3456\n", "0x088000\n", "uncore" };
			g_free(put_function(sysfs, &other));
		}
	}
}

/* Processes with open files that are no card's. */
static void put_processes(const char *root)
{
	for (guint pid = 1; pid <= N_PROCESSES; pid++) {
		g_autofree char *folder = g_strdup_printf("%s/proc/%u/fd", root, pid), *process = g_path_get_dirname(folder);
		make_folder(folder);
		put(process, "comm", "busy\n");
		for (guint fd = 0; fd < N_FILES; fd++) {
			g_autofree char *name = g_strdup_printf("%u", fd);
			put_link(folder, name, "/", "usr/lib/x86_64-linux-gnu/libexample.so");
		}
		g_autoptr(GString) maps = g_string_new(NULL);
		for (guint i = 0; i < 100; i++)
			g_string_append_printf(maps, "7f%08x000-7f%08x000 r-xp 00000000 08:01 %u    /usr/lib/x86_64-linux-gnu/libexample.so\n", i, i + 1, i);
		put(process, "maps", maps->str);
	}
}

/* -- the two that are compared --------------------------------------------------------------------------- */

static double now_s(void)
{
	return (double)g_get_monotonic_time() / 1e6;
}

static G_NORETURN void give_up(char *format, ...)
{
	g_error("libpci: %s", format);
}

static double scan(const char *sysfs, guint *ret_n)
{
	g_autofree char *path = g_build_filename(sysfs, "bus/pci", NULL);
	double begin = now_s();
	struct pci_access *access = pci_alloc();
	access->error = give_up;
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_set_param(access, (char *)"sysfs.path", path);
	pci_init(access);
	pci_scan_bus(access);
	*ret_n = 0;
	for (struct pci_dev *d = access->devices; d; d = d->next, (*ret_n)++)
		pci_fill_info(d, PCI_SCAN_FILLS);
	pci_cleanup(access);
	return now_s() - begin;
}

static double look(struct helper *h, const char *root, const char *sysfs, guint *ret_n)
{
	double begin = now_s();
	SCOPED_ARENA(a);
	g_autoptr(GString) text = g_string_new(NULL);
	struct host_tree tree = host_tree_at(a, root, sysfs);
	struct objects *have = objects_new(a);
	struct observe_input in = { .host = "bench", .want = objects_new(a), .tree = &tree, .helper = h };
	observe_host(a, &in, have);
	observe_gpus(a, &in, have);
	objects_sort(have);
	report_objects_json(text, have, EMIT_STATUS);
	*ret_n = have->by_kind[KIND_GPU]->len;
	return now_s() - begin;
}

/* In turns, so that a busy moment of the machine hits both. */
static void compare(const char *what, const char *root, const char *sysfs, guint n_cards, double goal)
{
	double best_scan = 1e9, best_look = 1e9;
	guint n = 0, n_functions = 0;
	struct helper *h = helper_start(NULL);
	scan(sysfs, &n_functions); /* what is in no cache yet costs neither */
	double first = look(h, root, sysfs, &n);
	if (n != n_cards)
		g_error("%s: %u cards, not %u", what, n, n_cards);
	for (int i = 0; i < ROUNDS; i++) {
		best_scan = MIN(best_scan, scan(sysfs, &n_functions));
		best_look = MIN(best_look, look(h, root, sysfs, &n));
	}
	g_autofree char *again = g_strdup_printf("observe-%s", what), *once = g_strdup_printf("observe-%s-first-look", what);
	bench_report(again, best_look, "s", best_scan, goal);
	bench_report(once, first, "s", best_scan, 0);
	helper_stop(h);
}

/* -- trees ------------------------------------------------------------------------------------------------ */

static void run(const char *const *argv)
{
	g_autoptr(GError) error = NULL;
	int status;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error) ||
	    !g_spawn_check_wait_status(status, &error))
		g_error("%s: %s", argv[0], error->message);
}

static void remove_folder(const char *folder)
{
	run((const char *const[]){ "/bin/rm", "-rf", "--", folder, NULL });
}

static void bench_made(void)
{
	g_autofree char *root = g_dir_make_tmp("cleave-bench-XXXXXX", NULL), *sysfs = g_build_filename(root, "sys", NULL);
	put_host(sysfs);
	compare("64-cards", root, sysfs, N_CARDS, 3.0);
	put_processes(root);
	compare("64-cards-400-processes", root, sysfs, N_CARDS, 0);
	remove_folder(root);
}

static void bench_capture(const char *captures)
{
	g_autofree char *root = g_dir_make_tmp("cleave-bench-XXXXXX", NULL), *sysfs = g_build_filename(root, "sys", NULL);
	g_autofree char *mksysfs = g_build_filename(captures, "..", "mksysfs", NULL);
	g_autofree char *capture = g_build_filename(captures, "dgx-b200.json", NULL);
	run((const char *const[]){ mksysfs, capture, sysfs, NULL });
	compare("dgx-b200", root, sysfs, 8, 3.0);
	remove_folder(root);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	bench_made();
	if (g_getenv("CLEAVE_CAPTURES"))
		bench_capture(g_getenv("CLEAVE_CAPTURES"));
	else
		fputs("observe: the DGX B200 is left out: CLEAVE_CAPTURES names no folder of captures\n", stderr);
	return 0;
}
