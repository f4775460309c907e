/* Cards of small hosts made here, one trait each: what their status says, and what it does not. */
#include "base/arena.h"
#include "host/helper.h"
#include "host/taken.h"
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
#define AUDIO "0000:65:00.1"
#define ROOT_PORT "0000:64:02.0"

/* An RTX A5000 with its audio function below a root port, as in most servers. */
static void put_a5000(struct tree *t)
{
	tree_function(t, NULL, ROOT_PORT, "8086:347a", "060400");
	tree_function(t, ROOT_PORT, CARD, "10de:2231", "030000");
	tree_function(t, ROOT_PORT, AUDIO, "10de:1aef", "040300");
}

static const struct gpu_function *function_at(const struct list *list, const char *address)
{
	for (guint i = 0; i < list->n; i++)
		if (strcmp(LIST_AT(*list, struct gpu_function, i)->address, address) == 0)
			return LIST_AT(*list, struct gpu_function, i);
	fail_msg("%s is not listed", address);
	return NULL;
}

static void assert_no_trouble(const struct objects *have)
{
	if (tree_host(have)->pci_trouble)
		fail_msg("%s", tree_host(have)->pci_trouble);
}

/* -- what a card tells -------------------------------------------------------------------------------- */

static void test_all_rows(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "subsystem_vendor", "0x10de\n" },
		{ "subsystem_device", "0x147e\n" },
		{ "numa_node", "1\n" },
		{ "boot_vga", "0\n" },
		{ "driver_override", "vfio-pci\n" },
		{ "reset_method", "flr bus\n" },
		{ "current_link_width", "8\n" },
		{ "max_link_width", "16\n" },
		{ "current_link_speed", "2.5 GT/s PCIe\n" },
		{ "max_link_speed", "16.0 GT/s PCIe\n" },
		{ "aer_dev_correctable", "RxErr 2\nBadTLP 1\nTOTAL_ERR_COR 3\n" },
		{ "aer_dev_nonfatal", "Undefined 0\nTOTAL_ERR_NONFATAL 0\n" },
		{ "aer_dev_fatal", "TOTAL_ERR_FATAL 1\n" },
		/* BAR 0, BAR 1 (64 bits) without an address, I/O, and the ROM, which is no BAR. */
		{ "resource", "0x00000000d0000000 0x00000000d0ffffff 0x0000000000040200\n"
			      "0x0000000000000000 0x00000007ffffffff 0x000000002014220c\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000005000 0x000000000000507f 0x0000000000040101\n"
			      "0x00000000d1000000 0x00000000d107ffff 0x0000000000046200\n" },
	};
	put_a5000(t);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		tree_function_put(t, CARD, files[i].name, files[i].text);
	tree_put(t, "sys/bus/pci/slots/4/address", "0000:65:00\n");
	tree_driver(t, CARD, "vfio-pci");
	tree_driver(t, AUDIO, "snd_hda_intel");
	tree_group(t, CARD, 17);
	tree_group(t, AUDIO, 17);
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-65-00.0");
	assert_string_equal(g->vendor, "10de");
	assert_string_equal(g->device, "2231");
	assert_string_equal(g->class_code, "0300");
	assert_string_equal(g->subsystem, "10de:147e");
	assert_string_equal(g->revision, "a1");
	assert_string_equal(g->slot, "4");
	assert_string_equal(g->driver, "vfio-pci");
	assert_string_equal(g->driver_override, "vfio-pci");
	assert_int_equal(g->iommu_group, 17);
	assert_int_equal(g->numa_node, 1);
	assert_int_equal(g->boot_vga, 0);
	assert_string_equal(tree_join(t->arena, &g->reset_methods), "flr, bus");
	assert_int_equal(g->bar_bytes, (16 * (gint64)MiB) + (32 * (gint64)GiB));
	assert_int_equal(g->n_unassigned_bars, 1);
	assert_int_equal(g->link.width, 8);
	assert_int_equal(g->link.max_width, 16);
	assert_string_equal(g->link.speed, "2.5 GT/s PCIe");
	assert_string_equal(g->link.max_speed, "16.0 GT/s PCIe");
	assert_int_equal(g->aer.n_correctable, 3);
	assert_int_equal(g->aer.n_nonfatal, 0);
	assert_int_equal(g->aer.n_fatal, 1);
	assert_int_equal(g->functions.n, 2);
	assert_string_equal(function_at(&g->functions, AUDIO)->driver, "snd_hda_intel");
	assert_int_equal(g->bystanders.n, 0); /* the root port's group is its own, and it is a bridge */
}

static void test_nothing_told(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	tree_function_put(t, CARD, "current_link_width", "63\n"); /* as of a card that is off */
	tree_function_put(t, CARD, "current_link_speed", "Unknown\n");
	tree_function_put(t, CARD, "max_link_width", "255\n");
	tree_function_put(t, CARD, "reset_method", "\n");
	tree_function_put(t, CARD, "resource", "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	struct objects *have = tree_observe(t);
	const struct gpu_status *g = tree_gpu(have, "pci-0000-65-00.0");
	assert_null(g->subsystem);
	assert_null(g->slot);
	assert_null(g->serial);
	assert_null(g->driver);
	assert_null(g->driver_override);
	assert_null(g->stuck);
	assert_null(g->link.speed);
	const gint64 untold[] = { g->iommu_group, g->numa_node, g->boot_vga, g->bar_bytes, g->link.width, g->link.max_width,
				  g->sriov.n_total, g->sriov.n_enabled, g->sriov.former_count, g->aer.n_fatal, g->ecc, g->mig.enabled };
	for (gsize i = 0; i < G_N_ELEMENTS(untold); i++)
		assert_int_equal(untold[i], -1);
	assert_int_equal(g->reset_methods.n + g->bystanders.n + g->virtual_functions.n + g->holders.n, 0);
	assert_int_equal(tree_host(have)->iommu.enabled, -1);
	assert_no_trouble(have);
}

/* Extended configuration space: PCI Express at 0x40, the serial number at 0x100. */
static void put_config(struct tree *t, const char *address, const guint8 *serial)
{
	guint8 config[4096] = { [0x00] = 0xde, [0x01] = 0x10, [0x06] = 0x10, [0x34] = 0x40, [0x40] = 0x10, [0x100] = 0x03, [0x102] = 0x01 };
	memcpy(config + 0x104, serial, 8);
	g_autofree char *path = g_build_filename(t->dir, "sys/bus/pci/devices", address, "config", NULL);
	assert_true(g_file_set_contents(path, (const char *)config, sizeof config, NULL));
}

static void test_serial(void **state)
{
	struct tree *t = *state;
	static const guint8 none[8] = { 0 }, one[8] = { 0xac, 0x3c, 0x14, 0xfe, 0xff, 0x83, 0x15, 0x00 };
	put_a5000(t);
	tree_function(t, NULL, "0000:a1:00.0", "10de:2231", "030000");
	put_config(t, CARD, one);
	put_config(t, "0000:a1:00.0", none);
	struct objects *have = tree_observe(t);
	assert_string_equal(tree_gpu(have, "pci-0000-65-00.0")->serial, "00-15-83-ff-fe-14-3c-ac");
	assert_null(tree_gpu(have, "pci-0000-a1-00.0")->serial);
	assert_string_equal(tree_gpu(tree_observe(t), "pci-0000-65-00.0")->serial, "00-15-83-ff-fe-14-3c-ac");
}

/* A riser in slot 7 carries the card; a label is for want of anything better. */
static void test_slot_of_bridge(void **state)
{
	struct tree *t = *state;
	tree_function(t, NULL, "0000:00:01.0", "8086:347a", "060400");
	tree_function(t, "0000:00:01.0", "0000:01:00.0", "10b5:8747", "060400");
	tree_function(t, "0000:01:00.0", "0000:02:08.0", "10b5:8747", "060400");
	tree_function(t, "0000:02:08.0", "0000:03:00.0", "10de:1eb8", "030200");
	tree_function(t, NULL, "0000:81:00.0", "10de:1eb8", "030200");
	tree_function_put(t, "0000:81:00.0", "label", "PCIe Slot 2\n");
	tree_put(t, "sys/bus/pci/slots/7/address", "0000:01:00\n");
	struct objects *have = tree_observe(t);
	assert_string_equal(tree_gpu(have, "pci-0000-03-00.0")->slot, "7");
	assert_string_equal(tree_gpu(have, "pci-0000-81-00.0")->slot, "PCIe Slot 2");
}

/* -- domains, groups, sleep --------------------------------------------------------------------------- */

static void test_domains(void **state)
{
	struct tree *t = *state;
	tree_function(t, NULL, "0001:00:00.0", "10de:20b0", "030200");
	tree_function(t, NULL, "0002:00:00.0", "10de:20b0", "030200");
	tree_function(t, NULL, "10001:00:00.0", "1002:74a1", "120000");
	struct objects *have = tree_observe(t);
	assert_int_equal(have->by_kind[KIND_GPU]->len, 3);
	assert_string_equal(tree_gpu(have, "pci-0002-00-00.0")->address, "0002:00:00.0");
	assert_int_equal(tree_gpu(have, "pci-0001-00-00.0")->functions.n, 1);
	assert_string_equal(tree_gpu(have, "pci-10001-00-00.0")->class_code, "1200");
}

static void test_bystanders(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	tree_function(t, NULL, "0000:64:00.0", "8086:09a2", "060000");
	tree_function(t, NULL, "0000:64:1f.0", "8086:a1c3", "060100");
	tree_function(t, NULL, "0000:66:00.0", "8086:1521", "020000");
	tree_function(t, NULL, "0000:67:00.0", "10de:1af1", "068000");
	tree_function(t, NULL, "0000:68:00.0", "8086:1521", "020000");
	const char *const together[] = { CARD, ROOT_PORT, "0000:64:00.0", "0000:64:1f.0", "0000:66:00.0", "0000:67:00.0" };
	for (gsize i = 0; i < G_N_ELEMENTS(together); i++)
		tree_group(t, together[i], 4);
	tree_group(t, AUDIO, 9); /* its own: what is in there stands by as well */
	tree_group(t, "0000:68:00.0", 9);
	tree_driver(t, "0000:66:00.0", "igb");
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-65-00.0");
	assert_int_equal(g->bystanders.n, 3);
	assert_string_equal(function_at(&g->bystanders, "0000:66:00.0")->driver, "igb");
	assert_string_equal(function_at(&g->bystanders, "0000:67:00.0")->class_code, "0680");
	assert_int_equal(function_at(&g->bystanders, "0000:68:00.0")->iommu_group, 9);
	assert_int_equal(function_at(&g->functions, AUDIO)->iommu_group, 9);
	assert_int_equal(g->iommu_group, 4);
}

/* A BMC's screen is no card, and nobody takes it with the group either. */
static void test_console_in_group(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	tree_function(t, NULL, "0000:66:00.0", "1a03:2000", "030000");
	tree_function(t, NULL, "0000:67:00.0", "1a03:2000", "030000");
	tree_function_put(t, "0000:66:00.0", "boot_vga", "1\n");
	tree_function_put(t, "0000:67:00.0", "boot_vga", "0\n");
	const char *const together[] = { CARD, AUDIO, "0000:66:00.0", "0000:67:00.0" };
	for (gsize i = 0; i < G_N_ELEMENTS(together); i++)
		tree_group(t, together[i], 4);
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-65-00.0");
	assert_int_equal(g->bystanders.n, 2);
	assert_string_equal(tree_join(t->arena, &function_at(&g->bystanders, "0000:66:00.0")->uses), "the firmware's console is on it");
	assert_int_equal(function_at(&g->bystanders, "0000:67:00.0")->uses.n, 0);
}

/* A sleeping card: its registers read ff, the kernel's files hold what it was. */
static void test_asleep(void **state)
{
	struct tree *t = *state;
	char ones[256];
	put_a5000(t);
	memset(ones, 0xff, sizeof ones);
	g_autofree char *path = g_build_filename(t->dir, "sys/bus/pci/devices", CARD, "config", NULL);
	assert_true(g_file_set_contents(path, ones, sizeof ones, NULL));
	tree_function_put(t, CARD, "power_state", "D3cold\n");
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-65-00.0");
	assert_string_equal(g->device, "2231");
	assert_string_equal(g->revision, "a1");
	assert_null(g->serial);
	put_config(t, CARD, (const guint8[8]){ 1 }); /* it woke up */
	assert_string_equal(tree_gpu(tree_observe(t), "pci-0000-65-00.0")->serial, "00-00-00-00-00-00-00-01");
	tree_remove(t, "sys/devices/pci0000:64/" ROOT_PORT "/" CARD "/revision");
	assert_null(tree_gpu(tree_observe(t), "pci-0000-65-00.0")->revision);
}

static void test_consoles(void **state)
{
	struct tree *t = *state;
	tree_function(t, NULL, "0000:02:00.0", "1a03:2000", "030000");
	tree_function(t, NULL, "0000:03:00.0", "102b:0533", "030000");
	tree_function(t, NULL, "0000:04:00.0", "1234:1111", "030000");
	struct objects *have = tree_observe(t);
	assert_int_equal(have->by_kind[KIND_GPU]->len, 0);
	assert_no_trouble(have);
}

static void test_no_bus(void **state)
{
	struct tree *t = *state;
	struct objects *have = tree_observe(t);
	assert_int_equal(have->by_kind[KIND_GPU]->len, 0);
	assert_non_null(strstr(tree_host(have)->pci_trouble, "no PCI bus"));
}

/* -- names and specs ---------------------------------------------------------------------------------- */

static const char specs[] = "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: gpu1}\nspec: {}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: gpu2}\nspec: {}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: left}\n"
			    "spec: {host: gpu1, match: {slot: \"4\", id: \"10de:2231\"}}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: moved}\n"
			    "spec: {host: gpu1, address: \"0000:66:00.0\", match: {id: \"10de:1eb8\"}}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: switch}\n"
			    "spec: {host: gpu1, address: \"0000:67:00.0\"}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: bridge}\n"
			    "spec: {host: gpu1, address: \"0000:64:02.0\"}\n"
			    "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: elsewhere}\n"
			    "spec: {host: gpu2, address: \"0000:68:00.0\"}\n";

static void test_names(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	tree_function(t, NULL, "0000:66:00.0", "10de:2231", "030000");
	tree_function(t, NULL, "0000:67:00.0", "10de:1af1", "068000");
	tree_function(t, NULL, "0000:67:00.1", "10de:1af1", "068000");
	tree_function(t, NULL, "0000:68:00.0", "8086:1521", "020000");
	tree_put(t, "sys/bus/pci/slots/4/address", "0000:65:00\n");
	tree_want(t, specs);
	struct objects *have = tree_observe(t);
	assert_int_equal(have->by_kind[KIND_GPU]->len, 3);
	assert_string_equal(tree_gpu(have, "left")->address, CARD);
	assert_string_equal(tree_gpu(have, "pci-0000-66-00.0")->device, "2231"); /* another card than `moved` means */
	assert_string_equal(tree_gpu(have, "switch")->class_code, "0680");
	assert_int_equal(tree_gpu(have, "switch")->functions.n, 2);
}

/* -- SR-IOV and vGPUs ---------------------------------------------------------------------------------- */

/* An A2 whose VFs' registers read ffff; the last two VFs offer types, the first is a vGPU. */
static void put_a2(struct tree *t)
{
	tree_function(t, NULL, "0000:00:03.0", "8086:6f08", "060400");
	tree_function(t, "0000:00:03.0", "0000:08:00.0", "10de:25b6", "030200");
	tree_function_put(t, "0000:08:00.0", "sriov_totalvfs", "16\n");
	tree_function_put(t, "0000:08:00.0", "sriov_numvfs", "3\n");
	for (int i = 0; i < 3; i++) {
		g_autofree char *address = g_strdup_printf("0000:08:00.%d", 4 + i);
		tree_vf(t, "0000:08:00.0", i, address, "10de:25b6", "030200");
		g_autofree char *path = g_build_filename(t->dir, "sys/bus/pci/devices", address, "config", NULL);
		assert_true(g_file_set_contents(path, "\xff\xff\xff\xff", 4, NULL));
		tree_driver(t, address, "nvidia");
		tree_group(t, address, 90 + i);
	}
}

static void put_type(struct tree *t, const char *address, const char *id, const char *name, const char *available)
{
	const char *const rows[][2] = { { "name", name }, { "description", "num_heads=4" }, { "available_instances", available } };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *file = g_strdup_printf("mdev_supported_types/%s/%s", id, rows[i][0]);
		tree_function_put(t, address, file, rows[i][1]);
	}
}

static void test_vgpus(void **state)
{
	struct tree *t = *state;
	put_a2(t);
	put_type(t, "0000:08:00.4", "nvidia-746", "NVIDIA A2-2Q\n", "0\n");
	put_type(t, "0000:08:00.5", "nvidia-746", "NVIDIA A2-2Q\n", "1\n");
	put_type(t, "0000:08:00.6", "nvidia-746", "NVIDIA A2-2Q\n", "1\n");
	put_type(t, "0000:08:00.6", "nvidia-751", "NVIDIA A2-4Q\n", "0\n");
	tree_function_put(t, "0000:08:00.4", "mdev_supported_types/nvidia-746/devices/f715f63c-0d00-4007-9c5a-b07b0c6c05de/x", "");
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-08-00.0");
	assert_int_equal(g->functions.n, 1);
	assert_int_equal(g->virtual_functions.n, 3);
	assert_int_equal(function_at(&g->virtual_functions, "0000:08:00.5")->iommu_group, 91);
	assert_string_equal(function_at(&g->virtual_functions, "0000:08:00.5")->device, "25b6");
	assert_int_equal(g->sriov.n_total, 16);
	assert_int_equal(g->sriov.n_enabled, 3);
	assert_string_equal(tree_join(t->arena, &g->sriov.vfs), "0000:08:00.4, 0000:08:00.5, 0000:08:00.6");
	assert_int_equal(g->vgpu_framework, VGPU_MDEV);
	assert_int_equal(g->vgpu_types.n, 2);
	const struct gpu_vgpu_type *type = LIST_AT(g->vgpu_types, struct gpu_vgpu_type, 0);
	assert_string_equal(type->id, "nvidia-746");
	assert_string_equal(type->name, "NVIDIA A2-2Q");
	assert_int_equal(type->n_available, 2);
	assert_int_equal(LIST_AT(g->vgpu_types, struct gpu_vgpu_type, 1)->n_available, 0);
	assert_int_equal(g->vgpus.n, 1);
	assert_string_equal(LIST_AT(g->vgpus, struct gpu_vgpu, 0)->uuid, "f715f63c-0d00-4007-9c5a-b07b0c6c05de");
	assert_string_equal(LIST_AT(g->vgpus, struct gpu_vgpu, 0)->parent, "0000:08:00.4");
}

static void test_vendor_vfio(void **state)
{
	struct tree *t = *state;
	put_a2(t);
	static const char list[] = "ID    : vGPU Name\n1145  : NVIDIA L40S-1B\n1147  : NVIDIA L40S-1Q\n";
	tree_function_put(t, "0000:08:00.4", "nvidia/current_vgpu_type", "1147\n");
	tree_function_put(t, "0000:08:00.4", "nvidia/creatable_vgpu_types", "");
	for (int i = 5; i <= 6; i++) {
		g_autofree char *address = g_strdup_printf("0000:08:00.%d", i);
		tree_function_put(t, address, "nvidia/current_vgpu_type", "0\n");
		tree_function_put(t, address, "nvidia/creatable_vgpu_types", list);
	}
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-08-00.0");
	assert_int_equal(g->vgpu_framework, VGPU_VENDOR_VFIO);
	assert_int_equal(g->vgpu_types.n, 2);
	assert_string_equal(LIST_AT(g->vgpu_types, struct gpu_vgpu_type, 1)->id, "1147");
	assert_string_equal(LIST_AT(g->vgpu_types, struct gpu_vgpu_type, 1)->name, "NVIDIA L40S-1Q");
	assert_int_equal(LIST_AT(g->vgpu_types, struct gpu_vgpu_type, 1)->n_available, 2);
	assert_string_equal(function_at(&g->virtual_functions, "0000:08:00.4")->vgpu_type, "1147");
	assert_null(function_at(&g->virtual_functions, "0000:08:00.5")->vgpu_type);
	assert_int_equal(g->vgpus.n, 1);
	assert_null(LIST_AT(g->vgpus, struct gpu_vgpu, 0)->uuid);
	assert_string_equal(LIST_AT(g->vgpus, struct gpu_vgpu, 0)->parent, "0000:08:00.4");
}

/* VFs of a network card that a spec names are its VFs, though they stand in its very slot. */
static void test_named_with_vfs(void **state)
{
	struct tree *t = *state;
	tree_function(t, NULL, "0000:64:02.0", "8086:347a", "060400");
	tree_function(t, "0000:64:02.0", "0000:67:00.0", "15b3:1017", "020000");
	tree_function_put(t, "0000:67:00.0", "sriov_totalvfs", "8\n");
	tree_function_put(t, "0000:67:00.0", "sriov_numvfs", "1\n");
	tree_vf(t, "0000:67:00.0", 0, "0000:67:00.2", "15b3:1018", "020000");
	assert_int_equal(tree_observe(t)->by_kind[KIND_GPU]->len, 0);
	tree_want(t, specs);
	const struct gpu_status *g = tree_gpu(tree_observe(t), "switch");
	assert_int_equal(g->functions.n, 1);
	assert_int_equal(g->virtual_functions.n, 1);
	assert_string_equal(function_at(&g->virtual_functions, "0000:67:00.2")->device, "1018");
}

/* -- what was taken ------------------------------------------------------------------------------------- */

static void test_taken(void **state)
{
	struct tree *t = *state;
	put_a2(t);
	const struct taken_device taken[] = {
		{ .address = "0000:08:00.0", .what = TAKEN_VFS, .n_vfs = 0, .vf_autoprobe = 1 },
		{ .address = "0000:08:00.4", .what = TAKEN_DRIVER, .driver = "nvidia", .n_vfs = -1 },
		{ .address = "0000:08:00.5", .what = TAKEN_DRIVER, .n_vfs = -1 },
		/* Of a card that stood there before. */
		{ .address = "0000:08:00.6", .id = "1002:73bf", .what = TAKEN_DRIVER, .driver = "amdgpu", .n_vfs = -1 },
	};
	for (gsize i = 0; i < G_N_ELEMENTS(taken); i++)
		assert_true(taken_note(t->taken, &taken[i], NULL));
	const struct gpu_status *g = tree_gpu(tree_observe(t), "pci-0000-08-00.0");
	assert_int_equal(g->sriov.former_count, 0);
	assert_null(function_at(&g->functions, "0000:08:00.0")->former_driver);
	assert_string_equal(function_at(&g->virtual_functions, "0000:08:00.4")->former_driver, "nvidia");
	assert_string_equal(function_at(&g->virtual_functions, "0000:08:00.5")->former_driver, GPU_NO_DRIVER);
	assert_null(function_at(&g->virtual_functions, "0000:08:00.6")->former_driver);
	assert_null(g->stuck);
	assert_true(taken_note_stuck(t->taken, "0000:08:00.4", "driver/unbind", getpid(), NULL));
	assert_non_null(strstr(tree_gpu(tree_observe(t), "pci-0000-08-00.0")->stuck, "driver/unbind"));
}

static void test_record_damaged(void **state)
{
	struct tree *t = *state;
	if (geteuid() != 0) {
		print_message("skipped: only root reads the record\n");
		skip();
	}
	put_a5000(t);
	tree_put(t, "state/devices/" CARD ".json", "{\"driver\":");
	assert_non_null(strstr(tree_gpu(tree_observe(t), "pci-0000-65-00.0")->stuck, "cannot be read"));
}

/* A pipe that nobody writes to stands for a file that the kernel serves under a lock which somebody holds. */
static void test_locked(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	tree_function_put(t, CARD, "driver_override", "(null)\n");
	const char *path = host_path(t->arena, &t->tree, "sys/bus/pci/devices/" AUDIO "/driver_override");
	tree_function_put(t, AUDIO, "driver_override", "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	tree_function(t, ROOT_PORT, "0000:66:00.0", "10de:2231", "030000");
	tree_function_put(t, "0000:66:00.0", "driver_override", "vfio-pci\n");
	for (int i = 0; i < 2; i++) {
		struct objects *have = tree_observe(t);
		assert_no_trouble(have);
		assert_non_null(strstr(tree_gpu(have, "pci-0000-65-00.0")->stuck, "does not answer"));
		const struct gpu_status *other = tree_gpu(have, "pci-0000-66-00.0");
		assert_null(other->stuck);
		assert_string_equal(other->driver_override, "vfio-pci");
	}
}

static void test_nvswitches(void **state)
{
	struct tree *t = *state;
	put_a5000(t);
	assert_int_equal(tree_host(tree_observe(t))->n_nvswitches, -1);
	tree_function(t, ROOT_PORT, "0000:66:00.0", "10de:1af1", "068000");
	tree_function(t, ROOT_PORT, "0000:67:00.0", "10de:1af1", "068000");
	tree_function(t, ROOT_PORT, "0000:68:00.0", "10de:0057", "068000"); /* nForce4 */
	tree_function(t, ROOT_PORT, "0000:69:00.0", "8086:1af1", "068000");
	assert_int_equal(tree_host(tree_observe(t))->n_nvswitches, 2);
}

/* So does one that the vendor's driver does not answer. */
static void test_driver_that_does_not_answer(void **state)
{
	struct tree *t = *state;
	put_a2(t);
	put_a5000(t);
	tree_function_put(t, "0000:08:00.4", "nvidia/current_vgpu_type", "0\n");
	tree_function_put(t, "0000:08:00.5", "nvidia/current_vgpu_type", "");
	const char *path = host_path(t->arena, &t->tree, "sys/bus/pci/devices/0000:08:00.5/nvidia/current_vgpu_type");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct objects *have = tree_observe(t);
	assert_no_trouble(have);
	assert_non_null(tree_gpu(have, "pci-0000-08-00.0")->stuck);
	assert_null(tree_gpu(have, "pci-0000-65-00.0")->stuck);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		TEST(test_all_rows), TEST(test_nothing_told),	TEST(test_serial),	    TEST(test_slot_of_bridge),
		TEST(test_domains),  TEST(test_bystanders),	TEST(test_console_in_group), TEST(test_asleep),	    TEST(test_consoles),
		TEST(test_no_bus),   TEST(test_names),		TEST(test_vgpus),	    TEST(test_vendor_vfio),
		TEST(test_taken),    TEST(test_record_damaged), TEST(test_named_with_vfs),
		TEST(test_locked), TEST(test_nvswitches),   TEST(test_driver_that_does_not_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
