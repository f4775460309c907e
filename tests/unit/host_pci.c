/* The helper process, libpci through it, and which functions make a card, on trees made here. This program is its
 * own helper. */
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/pci.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 30000 };

struct ctx {
	struct helper *h;
	struct arena *arena;
	char *dir;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->h = helper_start(NULL);
	x->arena = arena_new();
	x->dir = g_dir_make_tmp("cleave-pci-XXXXXX", NULL);
	*state = x;
	return 0;
}

static void run(const char *const *argv)
{
	gint status;
	GError *error = NULL;
	g_autofree char *err = NULL;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &err, &status,
			  &error) ||
	    !g_spawn_check_wait_status(status, &error))
		fail_msg("%s: %s %s", argv[0], error->message, err);
}

static void remove_folder(const char *dir)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", dir, NULL };
	run(argv);
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	helper_stop(x->h);
	arena_free(x->arena);
	remove_folder(x->dir);
	g_clear_error(&x->error);
	g_free(x->dir);
	g_free(x);
	return 0;
}

/* -- the helper ------------------------------------------------------------------------------ */

static gboolean ask(struct ctx *x, const char *op, gint64 timeout_ms)
{
	json_t *request = json_pack("{s:s}", "op", op), *answer = NULL;
	g_clear_error(&x->error);
	gboolean done = helper_call(x->h, request, timeout_ms, &answer, &x->error);
	json_decref(request);
	json_decref(answer);
	return done;
}

static void assert_error(const struct ctx *x, enum cleave_error code, const char *words)
{
	if (!g_error_matches(x->error, CLEAVE_ERROR, (gint)code) || !strstr(x->error->message, words))
		fail_msg("\"%s\" without \"%s\"", x->error->message, words);
}

static void test_helper_answers(void **state)
{
	struct ctx *x = *state;
	assert_int_equal(helper_pid(x->h), 0);
	gint64 before = g_get_monotonic_time();
	assert_true(ask(x, "ping", TIMEOUT_MS));
	gint64 first = g_get_monotonic_time() - before;
	pid_t pid = helper_pid(x->h);
	before = g_get_monotonic_time();
	for (guint i = 0; i < 100; i++)
		assert_true(ask(x, "ping", TIMEOUT_MS));
	print_message("first call %" G_GINT64_FORMAT " us, further %" G_GINT64_FORMAT " us\n", first,
		      (g_get_monotonic_time() - before) / 100);
	assert_int_equal(helper_pid(x->h), pid);
	assert_false(ask(x, "fly", TIMEOUT_MS));
	assert_error(x, ERROR_FAILED, "does not know");
	assert_false(ask(x, "pci", TIMEOUT_MS));
	assert_error(x, ERROR_FAILED, "no \"sysfs\"");
	assert_int_equal(helper_pid(x->h), pid);
}

static void test_helper_stuck_or_dead(void **state)
{
	struct ctx *x = *state;
	assert_true(ask(x, "ping", TIMEOUT_MS));
	pid_t pid = helper_pid(x->h);
	kill(pid, SIGSTOP);
	gint64 before = g_get_monotonic_time();
	assert_false(ask(x, "ping", 100));
	assert_error(x, ERROR_TIMEOUT, "did not answer in 100 ms and was replaced");
	assert_true(g_get_monotonic_time() - before < 400000);
	assert_int_equal(kill(pid, 0), -1); /* killed and reaped */
	assert_true(ask(x, "ping", TIMEOUT_MS));
	assert_int_not_equal(helper_pid(x->h), pid);
	kill(helper_pid(x->h), SIGKILL); /* between two calls */
	g_usleep(50000);
	assert_true(ask(x, "ping", TIMEOUT_MS));
}

static void test_helper_not_there(void **state)
{
	struct ctx *x = *state;
	struct helper *real = x->h;
	x->h = helper_start("/nothing/here");
	assert_false(ask(x, "ping", 1000));
	assert_error(x, ERROR_NOT_FOUND, "starting the helper /nothing/here");
	helper_stop(x->h);
	x->h = helper_start("/bin/true");
	assert_false(ask(x, "ping", 1000));
	assert_error(x, ERROR_AWAY, "ended without an answer");
	helper_stop(x->h);
	x->h = helper_start("/bin/echo"); /* not our words, and not on the socket */
	assert_false(ask(x, "ping", 1000));
	helper_stop(x->h);
	x->h = real;
}

static gboolean list(struct ctx *x, const char *sysfs, struct pci_functions *ret)
{
	g_clear_error(&x->error);
	return pci_list(x->h, x->arena, &(struct pci_request){ .sysfs = sysfs }, TIMEOUT_MS, ret, &x->error);
}

static void test_no_bus(void **state)
{
	struct ctx *x = *state;
	struct pci_functions all;
	assert_false(list(x, x->dir, &all));
	assert_error(x, ERROR_FAILED, "listing PCI functions: ");
	assert_non_null(strstr(x->error->message, "is not there"));
}

/* -- a synthetic machine --------------------------------------------------------------------- */

static void put(const struct ctx *x, const char *address, const char *name, const char *text)
{
	g_autofree char *folder = g_build_filename(x->dir, "bus/pci/devices", address, NULL);
	g_autofree char *path = g_build_filename(folder, name, NULL);
	assert_int_equal(g_mkdir_with_parents(folder, 0700), 0);
	assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Relative as the kernel's, and with a target: libpci resolves them. `target` is below the tree. */
static void put_link(const struct ctx *x, const char *address, const char *name, const char *target)
{
	g_autofree char *path = g_build_filename(x->dir, "bus/pci/devices", address, name, NULL);
	g_autofree char *folder = g_build_filename(x->dir, target, NULL);
	assert_int_equal(g_mkdir_with_parents(folder, 0700), 0);
	g_autofree char *relative = g_strconcat("../../../../", target, NULL);
	assert_int_equal(symlink(relative, path), 0);
}

static void put_function(const struct ctx *x, const char *address, const char *vendor, const char *device,
			 const char *class)
{
	put(x, address, "vendor", vendor);
	put(x, address, "device", device);
	put(x, address, "class", class);
	put(x, address, "revision", "0xa1\n");
	put(x, address, "irq", "0\n");
	put(x, address, "resource", "");
	put(x, address, "config", "");
}

static void test_synthetic(void **state)
{
	struct ctx *x = *state;
	struct pci_functions all;
	put_function(x, "0000:01:00.0", "0x10de\n", "0x2231\n", "0x030000\n");
	put_function(x, "0000:01:00.1", "0x10de\n", "0x1aef\n", "0x040300\n");
	put_function(x, "0000:01:00.4", "0x10de\n", "0x2231\n", "0x030200\n");
	put_link(x, "0000:01:00.4", "physfn", "bus/pci/devices/0000:01:00.0");
	put_link(x, "0000:01:00.0", "driver", "bus/pci/drivers/vfio-pci");
	put_link(x, "0000:01:00.0", "iommu_group", "kernel/iommu_groups/17");
	put(x, "0000:01:00.0", "numa_node", "1\n");
	put(x, "0000:01:00.0", "boot_vga", "0\n");
	put(x, "0000:01:00.0", "driver_override", "vfio-pci\n");
	put(x, "0000:01:00.1", "driver_override", "(null)\n");
	put(x, "0000:01:00.1", "numa_node", "-1\n");
	put_function(x, "0000:02:00.0", "0x1a03\n", "0x2000\n", "0x030000\n");
	put_function(x, "10001:00:05.0", "0x1002\n", "0x74a1\n", "0x120000\n");
	if (!list(x, x->dir, &all))
		fail_msg("%s", x->error->message);
	assert_int_equal(all.n, 5);
	const struct pci_function *f = pci_find(&all, "0000:01:00.0");
	assert_non_null(f);
	assert_string_equal(f->driver, "vfio-pci");
	assert_string_equal(f->driver_override, "vfio-pci");
	assert_int_equal(f->iommu_group, 17);
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->boot_vga, 0);
	assert_int_equal(f->class, 0x0300);
	assert_int_equal(f->revision, 0xa1);
	f = pci_find(&all, "0000:01:00.1");
	assert_null(f->driver);
	assert_null(f->driver_override);
	assert_int_equal(f->iommu_group, -1);
	assert_int_equal(f->numa_node, -1);
	assert_int_equal(f->boot_vga, -1);
	assert_null(pci_find(&all, "0000:09:00.0"));
	assert_null(pci_find(&all, "nonsense"));
	struct pci_gpus gpus = pci_group_gpus(x->arena, &all, NULL);
	assert_int_equal(gpus.n, 2);
	assert_int_equal(gpus.list[0].n_functions, 2);
	assert_int_equal(gpus.list[0].n_vfs, 1);
	assert_int_equal(gpus.list[1].kind, PCI_GPU_ACCELERATOR);
	assert_int_equal(gpus.list[1].main->domain, 0x10001);
}

/* libpci gives up on a function without ids: its error ends the helper, not this program. */
static void test_libpci_gives_up(void **state)
{
	struct ctx *x = *state;
	struct pci_functions all;
	put(x, "0000:01:00.0", "irq", "0\n");
	assert_false(list(x, x->dir, &all));
	assert_error(x, ERROR_FAILED, "listing PCI functions: libpci: ");
	print_message("%s\n", x->error->message);
	assert_int_equal(helper_pid(x->h), 0);
	put_function(x, "0000:01:00.0", "0x10de\n", "0x2231\n", "0x030000\n");
	assert_true(list(x, x->dir, &all));
	assert_int_equal(all.n, 1);
}

static void test_this_machine(void **state)
{
	struct ctx *x = *state;
	struct pci_functions all;
	gint64 before = g_get_monotonic_time();
	if (!list(x, "/sys", &all)) {
		print_message("skipped: %s\n", x->error->message);
		skip();
	}
	print_message("this machine: %u functions in %" G_GINT64_FORMAT " us\n", all.n,
		      g_get_monotonic_time() - before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		TEST(test_helper_answers),   TEST(test_helper_stuck_or_dead),
		TEST(test_helper_not_there), TEST(test_no_bus),
		TEST(test_synthetic),        TEST(test_libpci_gives_up),
		TEST(test_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
