/* The helper process, libpci through it, and GPU lists: a synthetic tree, and every hardware capture in the folder
 * that CLEAVE_CAPTURES names (captures/ID.json beside a program mksysfs). This program is its own helper. */
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
	return pci_list(x->h, x->arena, sysfs, TIMEOUT_MS, ret, &x->error);
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
	struct pci_gpus gpus = pci_group_gpus(x->arena, &all);
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

/* -- captures -------------------------------------------------------------------------------- */

static gint64 hex(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? g_ascii_strtoll(text, NULL, 16) : -1;
}

static int class_of(const json_t *o)
{
	gint64 n = hex(o, "class");
	return (int)(strlen(json_string_value(json_object_get(o, "class"))) == 8 ? n >> 8 : n);
}

static gint64 number(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);
	return n ? json_integer_value(n) : -1;
}

/* The capture's word counts unless it was derived, not captured. */
static void compare_number(const json_t *o, const char *key, gint64 expected, gint64 got)
{
	if (expected != got)
		fail_msg("%s: %s is %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT,
			 json_string_value(json_object_get(o, "address")), key, got, expected);
}

static void compare_string(const json_t *o, const char *key, const char *got)
{
	const char *expected = json_string_value(json_object_get(o, key));
	if (g_strcmp0(expected, got) != 0)
		fail_msg("%s: %s is %s, not %s", json_string_value(json_object_get(o, "address")), key, got, expected);
}

static void compare_function(const json_t *o, const struct pci_function *f)
{
	compare_number(o, "vendor", hex(o, "vendor"), f->vendor);
	compare_number(o, "device", hex(o, "device"), f->device);
	compare_number(o, "class", class_of(o), f->class);
	if (json_object_get(o, "revision"))
		compare_number(o, "revision", hex(o, "revision"), f->revision);
	if (hex(o, "subsystem_vendor") > 0 && hex(o, "subsystem_vendor") != 0xffff)
		compare_number(o, "subsystem_vendor", hex(o, "subsystem_vendor"), f->subsystem_vendor);
	compare_number(o, "iommu_group", number(o, "iommu_group"), f->iommu_group);
	compare_number(o, "numa_node", number(o, "numa_node"), f->numa_node);
	compare_number(o, "boot_vga", number(o, "boot_vga"), f->boot_vga);
	compare_number(o, "totalvfs", number(json_object_get(o, "sriov"), "totalvfs"), f->sriov_total);
	compare_string(o, "driver", f->driver);
	compare_string(o, "physfn", f->physfn);
	if (json_object_get(o, "parent"))
		compare_string(o, "parent", f->parent);
}

static const guint16 CONSOLE_VENDORS[] = { 0x1a03, 0x102b, 0x1af4 };

/* From the JSON alone: "slot: function function + n VFs" a line, as the GPU list must say. */
static char *expect_gpus(const json_t *functions)
{
	GString *s = g_string_new(NULL);
	g_autoptr(GPtrArray) slots = g_ptr_array_new_with_free_func(g_free);
	gsize i, j;
	json_t *o, *p;
	json_array_foreach(functions, i, o)
	{
		gboolean console = FALSE;
		int class = class_of(o);
		for (gsize k = 0; k < G_N_ELEMENTS(CONSOLE_VENDORS); k++)
			console |= hex(o, "vendor") == CONSOLE_VENDORS[k];
		if (json_object_get(o, "physfn") || console ||
		    (class != 0x300 && class != 0x302 && class != 0x380 && class != 0x1200))
			continue;
		const char *address = json_string_value(json_object_get(o, "address"));
		g_autofree char *slot = g_strndup(address, strlen(address) - 1);
		if (g_ptr_array_find_with_equal_func(slots, slot, g_str_equal, NULL))
			continue;
		g_ptr_array_add(slots, g_strdup(slot));
		guint n_functions = 0, n_vfs = 0;
		json_array_foreach(functions, j, p)
		{
			const char *physfn = json_string_value(json_object_get(p, "physfn"));
			n_vfs += physfn && g_str_has_prefix(physfn, slot);
			n_functions +=
				!physfn && g_str_has_prefix(json_string_value(json_object_get(p, "address")), slot);
		}
		g_string_append_printf(s, "%s %u+%u\n", slot, n_functions, n_vfs);
	}
	return g_string_free(s, FALSE);
}

static char *show_gpus(const struct pci_gpus *gpus)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < gpus->n; i++) {
		const struct pci_gpu *g = &gpus->list[i];
		g_string_append_printf(s, "%.*s %u+%u\n", (int)strlen(g->main->address) - 1, g->main->address,
				       g->n_functions, g->n_vfs);
	}
	return g_string_free(s, FALSE);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_same_lines(const char *name, const char *expected, const char *got)
{
	g_auto(GStrv) e = g_strsplit(expected, "\n", -1), g = g_strsplit(got, "\n", -1);
	qsort(e, g_strv_length(e), sizeof *e, compare_lines);
	qsort(g, g_strv_length(g), sizeof *g, compare_lines);
	if (!g_strv_equal((const char *const *)e, (const char *const *)g))
		fail_msg("%s: expected\n%sgot\n%s", name, expected, got);
}

static void check_capture(struct ctx *x, const char *mksysfs, const char *capture, guint *n_functions, guint *n_gpus)
{
	g_autofree char *sysfs = g_build_filename(x->dir, "sys", NULL);
	const char *argv[] = { mksysfs, capture, sysfs, NULL };
	run(argv);
	json_error_t problem;
	json_t *whole = json_load_file(capture, 0, &problem), *functions = json_object_get(whole, "functions"), *o;
	struct pci_functions all;
	if (!list(x, sysfs, &all))
		fail_msg("%s: %s", capture, x->error->message);
	assert_int_equal(all.n, json_array_size(functions));
	gsize i;
	json_array_foreach(functions, i, o)
	{
		const struct pci_function *f = pci_find(&all, json_string_value(json_object_get(o, "address")));
		assert_non_null(f);
		compare_function(o, f);
	}
	struct pci_gpus gpus = pci_group_gpus(x->arena, &all);
	g_autofree char *expected = expect_gpus(functions), *got = show_gpus(&gpus);
	assert_same_lines(capture, expected, got);
	*n_functions += all.n;
	*n_gpus += gpus.n;
	json_decref(whole);
	remove_folder(sysfs);
}

static void test_captures(void **state)
{
	struct ctx *x = *state;
	const char *folder = g_getenv("CLEAVE_CAPTURES");
	if (!folder) {
		print_message("skipped: CLEAVE_CAPTURES names no folder of captures\n");
		skip();
	}
	g_autofree char *mksysfs = g_build_filename(folder, "mksysfs", NULL);
	g_autofree char *captures = g_build_filename(folder, "captures", NULL);
	guint n = 0, n_functions = 0, n_gpus = 0;
	GDir *dir = g_dir_open(captures, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *capture = g_build_filename(captures, name, NULL);
		check_capture(x, mksysfs, capture, &n_functions, &n_gpus);
		n++;
	}
	g_dir_close(dir);
	print_message("%u captures, %u functions, %u GPUs\n", n, n_functions, n_gpus);
	assert_true(n > 0);
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
		TEST(test_captures),         TEST(test_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
