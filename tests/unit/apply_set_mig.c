/* set-mig against a library of the tests' own (tests/tools/fake_nvml.c). This program is its own helper. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/hands.h"
#include "host/helper.h"
#include "host/taken.h"
#include "nvml_fixture.h"
#include "spec/gpu.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct ctx {
	struct arena *arena;
	char *machine, *root;
	struct host_tree tree;
	struct hands hands;
	struct apply_input in;
	struct gpu_status card;
	struct device_step step;
	struct action act;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->machine = fake_machine_new();
	x->root = g_dir_make_tmp("cleave-mig-XXXXXX", NULL);
	x->tree = host_tree_at(x->arena, x->root, NULL);
	x->hands = (struct hands){ .helper = helper_start(NULL), .tree = &x->tree, .taken = taken_new(x->root) };
	x->in = (struct apply_input){ .arena = x->arena, .hands = &x->hands };
	x->card = (struct gpu_status){ .address = A100, .vendor = "10de", .device = "20b2", .driver = "nvidia" };
	x->step = (struct device_step){ .address = A100, .to = "1g.10gb" };
	x->act = (struct action){ .verb = VERB_SET_MIG, .kind = KIND_GPU, .id = "g1", .card = &x->card,
				  .steps = &x->step, .n_steps = 1, .count = 3 };
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	const char *argv[] = { "/bin/rm", "-rf", "--", x->root, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	helper_stop(x->hands.helper);
	taken_free(x->hands.taken);
	fake_machine_free(x->machine);
	arena_free(x->arena);
	g_clear_error(&x->error);
	g_free(x->root);
	g_free(x);
	return 0;
}

static void must_fail(struct ctx *x, gboolean done, enum cleave_error code, const char *words)
{
	assert_false(done);
	if (!g_error_matches(x->error, CLEAVE_ERROR, (gint)code) || !strstr(x->error->message, words))
		fail_msg("code %d, \"%s\" without \"%s\"", x->error->code, x->error->message, words);
	g_clear_error(&x->error);
}

static void must_cut(struct ctx *x, const char *instances)
{
	if (!set_mig(&x->in, &x->act, &x->error))
		fail_msg("%s", x->error->message);
	g_autofree char *found = fake_machine_get(x->machine, A100, "instances");
	assert_string_equal(found, instances);
}

static void test_cut(void **state)
{
	struct ctx *x = *state;
	must_cut(x, "1:19:1:0;2:19:1:0;3:19:1:0;");
	x->step.to = "2g.20gb";
	x->act.count = 2;
	must_cut(x, "1:14:2:0;2:14:2:0;");
	x->act.count = 0;
	must_cut(x, "");
}

static void test_fails(void **state)
{
	struct ctx *x = *state;
	fake_machine_set(x->machine, A100, "activation", "19");
	must_fail(x, set_mig(&x->in, &x->act, &x->error), ERROR_FAILED, "switching MIG on: it is in use");
	fake_machine_set(x->machine, A100, "mig", "1");
	fake_machine_set(x->machine, A100, "pending", "1");
	fake_machine_set(x->machine, "nvml", "list", "4"); /* cannot be read back, either */
	must_fail(x, set_mig(&x->in, &x->act, &x->error), ERROR_FAILED, "only root may");
	fake_machine_set(x->machine, "nvml", "crash", "nvmlDeviceCreateGpuInstance");
	fake_machine_set(x->machine, "nvml", "list", "0");
	must_fail(x, set_mig(&x->in, &x->act, &x->error), ERROR_AWAY, "ended by signal 11");
	fake_machine_set(x->machine, "nvml", "crash", "");
	must_cut(x, "1:19:1:0;2:19:1:0;3:19:1:0;");
	g_setenv("LD_LIBRARY_PATH", "/nowhere", TRUE);
	helper_stop(x->hands.helper);
	x->hands.helper = helper_start(NULL);
	must_fail(x, set_mig(&x->in, &x->act, &x->error), ERROR_FAILED, "NVML is not there");
}

static void put(struct ctx *x, const char *file, const char *text)
{
	g_autofree char *path = g_build_filename(x->root, "sys/bus/pci/devices", A100, file, NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Addresses of devices of this machine, in the order of the folder; NULL when it has none. */
static char *any_device(void)
{
	g_autoptr(GDir) dir = g_dir_open("/sys/bus/pci/devices", 0, NULL);
	return g_strdup(dir ? g_dir_read_name(dir) : NULL);
}

static void test_check(void **state)
{
	struct ctx *x = *state;
	must_fail(x, set_mig_check(&x->in, &x->act, &x->error), ERROR_REFUSED, "gone since it was planned");
	put(x, "vendor", "0x10de\n");
	put(x, "device", "0x2231\n");
	must_fail(x, set_mig_check(&x->in, &x->act, &x->error), ERROR_REFUSED, "another device");
	put(x, "device", "0x20b2\n");
	must_fail(x, set_mig_check(&x->in, &x->act, &x->error), ERROR_REFUSED, "on this machine only");
	g_autofree char *calls = fake_machine_get(x->machine, "nvml", "calls");
	assert_string_equal(calls, "");
}

static void test_check_driver(void **state)
{
	struct ctx *x = *state;
	g_autofree char *address = any_device();
	if (!address) {
		print_message("skipped: this machine has no PCI device\n");
		skip();
	}
	x->tree = host_tree_at(x->arena, NULL, NULL);
	x->card = (struct gpu_status){ .address = address };
	x->step.address = address;
	must_fail(x, set_mig_check(&x->in, &x->act, &x->error), ERROR_REFUSED, "MIG needs NVIDIA's");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = { TEST(test_cut), TEST(test_fails), TEST(test_check), TEST(test_check_driver) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
