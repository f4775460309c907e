/* Firmware, sleep, clock, folders and files from a tree made here. */
#include "base/arena.h"
#include "host/conditions.h"
#include "host/firmware.h"
#include "tree_fixture.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void put_descriptor(struct tree *x, const char *name, const char *type, const char *machine, const char *mapping)
{
	g_autofree char *text = g_strdup_printf("{\"description\": \"d\", \"interface-types\": [\"%s\"], \"mapping\": %s, "
	                                        "\"targets\": [{\"architecture\": \"%s\", \"machines\": [\"q35\"]}], \"features\": []}",
	                                        type, mapping, machine);
	tree_put(x, name, text);
}

static void firmware_of_descriptors(void **state)
{
	struct tree *x = *state;
	const char *flash = "{\"device\": \"flash\", \"executable\": {\"filename\": \"/usr/share/OVMF/CODE.fd\", \"format\": \"raw\"}}";
	const char *secure = "{\"device\": \"flash\", \"executable\": {\"filename\": \"/usr/share/OVMF/CODE.secboot.fd\"}}";
	assert_null(firmware_list(x->arena, &x->tree, NULL)[0]);
	tree_put(x, "usr/share/OVMF/CODE.fd", "code");
	tree_put(x, "usr/share/OVMF/CODE.secboot.fd", "code");
	tree_put(x, "usr/share/AAVMF/CODE.fd", "code");
	tree_put(x, "usr/share/seabios/bios.bin", "code");
	put_descriptor(x, "usr/share/qemu/firmware/50-ovmf.json", "uefi", "x86_64", flash);
	put_descriptor(x, "usr/share/qemu/firmware/60-again.json", "uefi", "x86_64", flash);
	put_descriptor(x, "usr/share/qemu/firmware/40-secure.json", "uefi", "x86_64", secure);
	put_descriptor(x, "usr/share/qemu/firmware/60-arm.json", "uefi", "aarch64", "{\"device\": \"memory\", \"filename\": \"/usr/share/AAVMF/CODE.fd\"}");
	put_descriptor(x, "usr/share/qemu/firmware/60-bios.json", "bios", "x86_64", "{\"device\": \"memory\", \"filename\": \"/usr/share/seabios/bios.bin\"}");
	put_descriptor(x, "usr/share/qemu/firmware/60-gone.json", "uefi", "x86_64", "{\"device\": \"memory\", \"filename\": \"/usr/share/gone.fd\"}");
	put_descriptor(x, "usr/share/qemu/firmware/60-number.json", "uefi", "x86_64", "{\"device\": \"memory\", \"filename\": 7}");
	tree_put(x, "usr/share/qemu/firmware/70-broken.json", "{\"interface-types\": [");
	tree_put(x, "usr/share/qemu/firmware/71-list.json", "[1, 2]");
	tree_put(x, "usr/share/qemu/firmware/README", "no descriptor");
	g_auto(GStrv) all = g_strdupv(firmware_list(x->arena, &x->tree, NULL));
	g_autofree char *joined = g_strjoinv(" ", all);
	assert_string_equal(joined, "/usr/share/AAVMF/CODE.fd /usr/share/OVMF/CODE.fd /usr/share/OVMF/CODE.secboot.fd");
	assert_string_equal(firmware_list(x->arena, &x->tree, "aarch64")[0], "/usr/share/AAVMF/CODE.fd");
	/* A file of the same name in /etc stands for the system's: an empty one hides it. */
	tree_put(x, "etc/qemu/firmware/40-secure.json", "");
	g_autofree char *hidden = g_strjoinv(" ", firmware_list(x->arena, &x->tree, "x86_64"));
	assert_string_equal(hidden, "/usr/share/OVMF/CODE.fd");
}

static void deepest_sleep_that_is_allowed(void **state)
{
	struct tree *x = *state;
	static const char *const states[] = { "POLL", "C1", "C1E", "C6" };
	struct host_idle idle;
	host_read_idle(x->arena, &x->tree, &idle);
	assert_null(idle.driver);
	assert_null(idle.deepest);
	tree_put(x, "sys/devices/system/cpu/cpuidle/current_driver", "intel_idle\n");
	for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
		g_autofree char *name = g_strdup_printf("sys/devices/system/cpu/cpu0/cpuidle/state%u/name", i);
		g_autofree char *latency = g_strdup_printf("sys/devices/system/cpu/cpu0/cpuidle/state%u/latency", i);
		g_autofree char *disable = g_strdup_printf("sys/devices/system/cpu/cpu0/cpuidle/state%u/disable", i);
		tree_put(x, name, states[i]);
		tree_put(x, latency, i == 3 ? "133\n" : i == 2 ? "10\n" : "2\n");
		tree_put(x, disable, "0\n");
	}
	host_read_idle(x->arena, &x->tree, &idle);
	assert_string_equal(idle.driver, "intel_idle");
	assert_string_equal(idle.deepest, "C6");
	assert_int_equal(idle.latency_us, 133);
	tree_put(x, "sys/devices/system/cpu/cpu0/cpuidle/state3/disable", "1\n");
	host_read_idle(x->arena, &x->tree, &idle);
	assert_string_equal(idle.deepest, "C1E");
	assert_int_equal(idle.latency_us, 10);
}

static void folders_and_files(void **state)
{
	struct tree *x = *state;
	guint64 size = 0, n_free = 0;
	tree_put(x, "srv/images/a.qcow2", "image");
	assert_null(host_measure_folder(x->arena, &x->tree, "/srv/images", &size, &n_free));
	assert_true(size >= n_free && size > 0);
	assert_string_equal(host_measure_folder(x->arena, &x->tree, "/srv/none", &size, &n_free), "No such file or directory");
	assert_string_equal(host_measure_folder(x->arena, &x->tree, "/srv/images/a.qcow2", &size, &n_free), "Not a directory");
	assert_null(host_check_file(x->arena, &x->tree, "/srv/images/a.qcow2"));
	assert_string_equal(host_check_file(x->arena, &x->tree, "/srv/images"), "it is no regular file");
	assert_string_equal(host_check_file(x->arena, &x->tree, "/srv/images/b.qcow2"), "No such file or directory");
}

static void another_machine_tells_no_clock(void **state)
{
	struct tree *x = *state;
	struct host_tree here = host_tree_at(x->arena, NULL, NULL);
	assert_int_equal(host_clock_is_synchronised(&x->tree), -1);
	assert_null(host_machine(x->arena, &x->tree));
	assert_true(host_clock_is_synchronised(&here) >= -1 && host_clock_is_synchronised(&here) <= 1);
	assert_non_null(host_machine(x->arena, &here));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(firmware_of_descriptors, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(deepest_sleep_that_is_allowed, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(folders_and_files, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(another_machine_tells_no_clock, tree_setup, tree_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
