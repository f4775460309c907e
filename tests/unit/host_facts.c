/* Facts and small reads from a tree made here, and from this machine. */
#include "base/arena.h"
#include "base/units.h"
#include "host/facts.h"
#include "tree_fixture.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_tree(void **state)
{
	struct tree *x = *state;
	const struct host_tree *t = &x->tree;
	tree_put(x, "proc/cmdline", "quiet splash \n\n");
	tree_put(x, "sys/b", "0x10\n");
	tree_put(x, "sys/a", "");
	tree_put(x, "sys/c", "none\n");
	g_autofree char *link = g_build_filename(x->dir, "sys/link", NULL);
	g_autofree char *fifo = g_build_filename(x->dir, "sys/fifo", NULL);
	assert_int_equal(symlink("../../drivers/vfio-pci", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_string_equal(host_read(x->arena, t, "proc/cmdline"), "quiet splash");
	assert_string_equal(host_read(x->arena, t, "sys/a"), "");
	assert_null(host_read(x->arena, t, "sys/none"));
	assert_null(host_read(x->arena, t, "sys"));
	assert_string_equal(host_read(x->arena, t, "sys/fifo"), "");
	assert_int_equal(host_read_number(t, -1, "sys/%s", "b"), 16);
	assert_int_equal(host_read_number(t, -1, "sys/a"), -1);
	assert_int_equal(host_read_number(t, -1, "sys/c"), -1);
	assert_string_equal(host_read_link(x->arena, t, "sys/link"), "vfio-pci");
	assert_null(host_read_link(x->arena, t, "sys/a"));
	char **names = host_list(x->arena, t, "sys/");
	assert_string_equal(names[0], "a");
	assert_int_equal(g_strv_length(names), 5);
	assert_int_equal(g_strv_length(host_list(x->arena, t, "nothing")), 0);
	struct host_tree apart = host_tree_at(x->arena, "/", x->dir);
	assert_true(host_exists(&apart, "sys/proc/cmdline"));
	assert_string_equal(host_tree_at(x->arena, NULL, NULL).sysfs, "/sys");
}

static void test_facts(void **state)
{
	struct tree *x = *state;
	struct host_facts f;
	tree_put(x, "proc/sys/kernel/hostname", "gpu1\n");
	tree_put(x, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	tree_put(x, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	tree_put(x, "proc/cmdline", "quiet intel_iommu=on\n");
	tree_put(x, "proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC 7543\nflags\t: x\n");
	tree_put(x, "proc/meminfo", "MemTotal:       263856128 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n");
	tree_put(x, "sys/devices/system/cpu/online", "0-23\n");
	tree_put(x, "dev/kvm", "");
	for (guint i = 0; i < 3; i++) {
		g_autofree char *group = g_strdup_printf("sys/kernel/iommu_groups/%u/type", i);
		tree_put(x, group, "DMA\n");
	}
	tree_put(x, "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "4\n");
	tree_put(x, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	tree_put(x, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	tree_put(x, "sys/devices/system/node/node10/cpulist", "12-23\n");
	tree_put(x, "sys/devices/system/node/node2/cpulist", "0-11\n");
	tree_put(x, "sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:       2048 kB\n");
	tree_put(x, "sys/devices/system/node/node2/hugepages/hugepages-2048kB/nr_hugepages", "256\n");
	tree_put(x, "sys/devices/system/node/possible", "0-1\n");
	host_read_facts(x->arena, &x->tree, &f);
	assert_string_equal(f.hostname, "gpu1");
	assert_string_equal(f.kernel_release, "6.1.0-18-amd64");
	assert_string_equal(f.cmdline, "quiet intel_iommu=on");
	assert_string_equal(f.cpu_model, "AMD EPYC 7543");
	assert_int_equal(f.n_cpus, 24);
	assert_int_equal(f.memory_bytes, 263856128 * (gint64)KiB);
	assert_int_equal(f.available_bytes, 1024 * (gint64)KiB);
	assert_true(f.has_kvm);
	assert_int_equal(f.n_pages, 2);
	assert_int_equal(f.pages[0].size_bytes, 2 * MiB);
	assert_int_equal(f.pages[0].n_free, 500);
	assert_int_equal(f.pages[1].size_bytes, GiB);
	assert_int_equal(f.pages[1].n_free, -1);
	assert_int_equal(f.n_nodes, 2);
	assert_int_equal(f.nodes[0].id, 2);
	assert_int_equal(f.nodes[0].memory_bytes, 2 * (gint64)MiB);
	assert_int_equal(f.nodes[0].pages[0].n_total, 256);
	assert_int_equal(f.nodes[1].id, 10);
	assert_int_equal(f.nodes[1].memory_bytes, -1);
}

static void test_empty_tree(void **state)
{
	struct tree *x = *state;
	struct host_facts f;
	host_read_facts(x->arena, &x->tree, &f);
	assert_null(f.hostname);
	assert_int_equal(f.n_cpus, -1);
	assert_int_equal(f.memory_bytes, -1);
	assert_false(f.has_kvm);
	assert_int_equal(f.n_nodes + f.n_pages, 0);
}

static void test_cpulist(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		gint64 n;
	} cases[] = { { "", 0 },   { "0", 1 },   { "0-5,12-17", 12 }, { "3,1", 2 },
		      { "a", -1 }, { "1-", -1 }, { "5-3", -1 },       { "1;2", -1 } };
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_int_equal(host_count_cpulist(cases[i].text), cases[i].n);
}

static void test_this_machine(void **state)
{
	struct tree *x = *state;
	struct host_facts f;
	struct host_tree real = host_tree_at(x->arena, NULL, NULL);
	gint64 before = g_get_monotonic_time();
	host_read_facts(x->arena, &real, &f);
	print_message("this machine in %" G_GINT64_FORMAT " us: %s, %" G_GINT64_FORMAT " CPUs, %u nodes\n",
		      g_get_monotonic_time() - before, f.kernel_release, f.n_cpus, f.n_nodes);
	assert_non_null(f.kernel_release);
	assert_true(f.memory_bytes > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tree), TEST(test_facts), TEST(test_empty_tree), TEST(test_cpulist), TEST(test_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
