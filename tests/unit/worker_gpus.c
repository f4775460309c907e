/* GPUs as a worker sees them: the PCI bus of a made-up sysfs, names and temperatures from the tests' own NVML. This
 * program is its own helper. */
#include "base/error.h"
#include "nvml_fixture.h"
#include "worker/config.h"
#include "worker/gpus.h"
#include "worker/measure.h"
#include <ftw.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct ctx {
	char *machine, *sysfs;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void put_device(struct ctx *x, const char *address, const char *class, const char *vendor, const char *device)
{
	const char *const files[][2] = { { "class", class }, { "vendor", vendor }, { "device", device } };
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *folder = g_build_filename(x->sysfs, "bus/pci/devices", address, NULL);
		g_autofree char *path = g_build_filename(folder, files[i][0], NULL);
		assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
		assert_true(g_file_set_contents(path, files[i][1], -1, NULL));
	}
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->machine = fake_machine_new();
	x->sysfs = g_dir_make_tmp("cleave-sysfs-XXXXXX", NULL);
	put_device(x, "0000:00:01.0", "0x010802\n", "0x144d\n", "0xa808\n");
	put_device(x, A4000, "0x030000\n", "0x10de\n", "0x24b0\n");
	put_device(x, "0000:b3:00.1", "0x040300\n", "0x10de\n", "0x228b\n");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	nftw(x->sysfs, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	fake_machine_free(x->machine);
	g_free(x->sysfs);
	g_free(x);
	return 0;
}

static void seen_and_named(void **state)
{
	struct ctx *x = *state;
	struct gpus *g = gpus_new(x->sysfs, NULL, 1, 1);
	assert_string_equal(gpus_text(g), "");
	assert_true(gpus_look(g));
	assert_string_equal(gpus_text(g), "10de:24b0 RTX A4000");
	assert_false(gpus_look(g));
	/* Hot-plugged, without a name; and another maker's. */
	put_device(x, A100, "0x030200\n", "0x10de\n", "0x20b5\n");
	put_device(x, "0000:c1:00.0", "0x038000\n", "0x1002\n", "0x744c\n");
	assert_true(gpus_look(g));
	assert_string_equal(gpus_text(g), "10de:20b5\n10de:24b0 RTX A4000\n1002:744c");
	fake_machine_set(x->machine, A100, "name", "NVIDIA A100-PCIE-80GB");
	gpus_name(g);
	assert_true(g_str_has_prefix(gpus_text(g), "10de:20b5 NVIDIA A100-PCIE-80GB\n10de:24b0 "));
	gpus_free(g);
}

static void without_a_driver(void **state)
{
	struct ctx *x = *state;
	int celsius;
	g_autoptr(GError) problem = NULL;
	fake_machine_set(x->machine, "nvml", "init", "9");
	struct gpus *g = gpus_new(x->sysfs, NULL, 1, 1);
	assert_true(gpus_look(g));
	assert_string_equal(gpus_text(g), "10de:24b0");
	assert_false(gpus_hottest(g, &celsius, &problem));
	assert_non_null(strstr(problem->message, "Driver Not Loaded"));
	gpus_free(g);
}

static void slots_go_round(void **state)
{
	static const char *const wanted[] = { "CUDA_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES=1",
		                              "CUDA_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES=1" };
	struct ctx *x = *state;
	struct gpus *alone = gpus_new(x->sysfs, NULL, 2, 4);
	gpus_look(alone);
	assert_null(gpus_environment(alone)[0]);
	gpus_free(alone);
	put_device(x, A100, "0x030200\n", "0x10de\n", "0x20b5\n");
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		struct gpus *g = gpus_new(x->sysfs, NULL, (int)i + 1, 4);
		gpus_look(g);
		assert_string_equal(gpus_environment(g)[0], "CUDA_DEVICE_ORDER=PCI_BUS_ID");
		assert_string_equal(gpus_environment(g)[1], wanted[i]);
		assert_null(gpus_environment(g)[2]);
		gpus_free(g);
	}
}

/* Of both, as they are told in the worker's metrics. */
static void expect_figures(const struct gpus *all)
{
	guint n;
	const struct gpu_figures *measured = gpus_measured(all, &n);
	assert_int_equal(n, 2);
	assert_string_equal(measured[1].address, A4000);
	assert_true(measured[1].used_bytes == 1073741824 && measured[1].percent == 75 && measured[0].percent == -1);
	g_autofree char *folder = g_dir_make_tmp("cleave-measure-XXXXXX", NULL), *path = g_build_filename(folder, "w.prom", NULL), *text = NULL;
	const struct config c = { .metrics = path, .name = (char *)"w", .n_slots = 1, .slot = 1 };
	struct measure *m = measure_new(&c, all);
	measure_state(m, "idle");
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_non_null(strstr(text, "cleave_worker_gpu_utilization_ratio{worker=\"w\",address=\"" A4000 "\"} 0.75\n"));
	assert_non_null(strstr(text, "cleave_worker_gpu_memory_used_bytes{worker=\"w\",address=\"" A4000 "\"} 1073741824\n"));
	assert_non_null(strstr(text, "cleave_worker_gpu_power_watts{worker=\"w\",address=\"" A4000 "\"} 98.6\n"));
	assert_null(strstr(text, "cleave_worker_gpu_utilization_ratio{worker=\"w\",address=\"" A100));
	measure_free(m);
	g_remove(path);
	g_rmdir(folder);
}

static void how_hot(void **state)
{
	struct ctx *x = *state;
	int celsius = 0;
	g_autoptr(GError) problem = NULL;
	put_device(x, A100, "0x030200\n", "0x10de\n", "0x20b5\n");
	struct gpus *all = gpus_new(x->sysfs, NULL, 1, 1), *second = gpus_new(x->sysfs, NULL, 2, 2);
	assert_true(gpus_look(all) && gpus_look(second));
	assert_false(gpus_hottest(all, &celsius, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_NOT_FOUND));
	fake_machine_set(x->machine, A100, "celsius", "91");
	assert_true(gpus_hottest(all, &celsius, NULL));
	assert_int_equal(celsius, 91);
	assert_false(gpus_hottest(second, &celsius, NULL));
	fake_machine_set(x->machine, A4000, "celsius", "55");
	assert_true(gpus_hottest(second, &celsius, NULL));
	assert_int_equal(celsius, 55);
	fake_machine_set(x->machine, A100, "memory", "85899345920");
	fake_machine_set(x->machine, A4000, "memory", "17179869184");
	fake_machine_set(x->machine, A4000, "milliwatts", "98600");
	fake_machine_set(x->machine, A4000, "used", "1073741824");
	fake_machine_set(x->machine, A4000, "percent", "75");
	gpus_name(all);
	gpus_name(second);
	expect_figures(all);
	assert_string_equal(gpus_figures(all), A100 " 85899345920 91 -\n" A4000 " 17179869184 55 98600");
	struct gpus_own of_all = gpus_own(all), of_second = gpus_own(second);
	assert_int_equal(of_all.n, 2);
	assert_true(of_all.memory_bytes == G_GUINT64_CONSTANT(17179869184) && !of_all.model);
	assert_int_equal(of_second.n, 1);
	assert_true(of_second.memory_bytes == G_GUINT64_CONSTANT(17179869184));
	assert_string_equal(of_second.model, "RTX A4000");
	gpus_free(all);
	gpus_free(second);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seen_and_named, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_driver, setup, teardown),
		cmocka_unit_test_setup_teardown(slots_go_round, setup, teardown),
		cmocka_unit_test_setup_teardown(how_hot, setup, teardown),
	};
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return gpus_helper_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
