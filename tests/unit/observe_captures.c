/* Every hardware capture (ID.json) in the folder that CLEAVE_CAPTURES names, beside which the program mksysfs lies,
 * through all of the way: its tree, the helper, the status, JSON. What is expected is worked out here from the
 * capture alone; a key too many is as wrong as one that is missing. */
#include "base/arena.h"
#include "host/helper.h"
#include "host/pci.h"
#include "report/report.h"
#include "spec/emit.h"
#include "tree_fixture.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 30000 };

/* -- the capture -------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const char *address_of(const json_t *o)
{
	return text_of(o, "address");
}

static gint64 hex(const json_t *o, const char *key)
{
	const char *text = text_of(o, key);
	return text ? g_ascii_strtoll(text, NULL, 16) : -1;
}

/* Without the programming interface, which not every capture has. */
static int class_of(const json_t *o)
{
	return (int)(strlen(text_of(o, "class")) == strlen("0x030000") ? hex(o, "class") >> 8 : hex(o, "class"));
}

static gboolean is_console(const json_t *o)
{
	static const guint16 vendors[] = { 0x1a03, 0x102b, 0x1af4, 0x1234, 0x1b36, 0x1013, 0x15ad };
	for (gsize i = 0; i < G_N_ELEMENTS(vendors); i++)
		if (hex(o, "vendor") == vendors[i])
			return TRUE;
	return FALSE;
}

static gboolean is_card(const json_t *o)
{
	int class = class_of(o);
	return (class == 0x300 || class == 0x302 || class == 0x380 || class == 0x1200) && !text_of(o, "physfn") && !is_console(o);
}

static gboolean is_in_slot(const json_t *o, const char *address)
{
	return strlen(address_of(o)) == strlen(address) && strncmp(address_of(o), address, strlen(address) - 1) == 0;
}

/* -- what is expected --------------------------------------------------------------------------------- */

static void set_hex(json_t *to, const char *key, gint64 value, int digits)
{
	if (value < 0)
		return;
	g_autofree char *text = g_strdup_printf("%0*x", digits, (unsigned)value);
	json_object_set_new(to, key, json_string(text));
}

static void copy(json_t *to, const char *key, const json_t *from, const char *from_key)
{
	if (json_object_get(from, from_key))
		json_object_set(to, key, json_object_get(from, from_key));
}

static void copy_override(json_t *to, const json_t *from)
{
	const char *override = text_of(from, "driver_override");
	if (override && strcmp(override, "(null)") != 0)
		json_object_set_new(to, "driverOverride", json_string(override));
}

static json_t *expect_function(const json_t *o)
{
	json_t *f = json_object();
	copy(f, "address", o, "address");
	set_hex(f, "class", class_of(o), 4);
	set_hex(f, "vendor", hex(o, "vendor"), 4);
	set_hex(f, "device", hex(o, "device"), 4);
	copy(f, "driver", o, "driver");
	copy_override(f, o);
	copy(f, "iommuGroup", o, "iommu_group");
	return f;
}

static void set_list(json_t *to, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set_new(to, key, list);
	else
		json_decref(list);
}

static void expect_bars(json_t *to, const json_t *o)
{
	guint64 bytes = 0;
	gint64 n_unassigned = 0;
	const json_t *all = json_object_get(o, "resource");
	for (gsize i = 0; i < 6 && i < json_array_size(all); i++) {
		guint64 part[3];
		for (gsize k = 0; k < 3; k++)
			part[k] = g_ascii_strtoull(json_string_value(json_array_get(json_array_get(all, i), k)), NULL, 16);
		if (!(part[2] & 0x200) || !part[1])
			continue;
		bytes += part[1] - part[0] + 1;
		n_unassigned += (part[2] & 0x20000000) || !part[0];
	}
	if (bytes)
		json_object_set_new(to, "barBytes", json_integer((json_int_t)bytes));
	if (n_unassigned)
		json_object_set_new(to, "unassignedBars", json_integer(n_unassigned));
}

static void expect_main(json_t *to, const json_t *o)
{
	set_hex(to, "vendor", hex(o, "vendor"), 4);
	set_hex(to, "device", hex(o, "device"), 4);
	set_hex(to, "class", class_of(o), 4);
	set_hex(to, "revision", hex(o, "revision"), 2);
	if (hex(o, "subsystem_vendor") > 0 && hex(o, "subsystem_vendor") != 0xffff) {
		g_autofree char *ids = g_strconcat(text_of(o, "subsystem_vendor") + 2, ":", text_of(o, "subsystem_device") + 2, NULL);
		json_object_set_new(to, "subsystem", json_string(ids));
	}
	copy(to, "address", o, "address");
	copy(to, "slot", o, "label");
	copy(to, "driver", o, "driver");
	copy_override(to, o);
	copy(to, "iommuGroup", o, "iommu_group");
	if (json_integer_value(json_object_get(o, "numa_node")) >= 0)
		copy(to, "numaNode", o, "numa_node");
	if (json_object_get(o, "boot_vga"))
		json_object_set_new(to, "bootVGA", json_boolean(json_integer_value(json_object_get(o, "boot_vga"))));
	json_t *methods = json_array();
	g_auto(GStrv) words = g_strsplit(text_of(o, "reset_method") ? text_of(o, "reset_method") : "", " ", -1);
	for (char **word = words; *word; word++)
		json_array_append_new(methods, json_string(*word));
	set_list(to, "resetMethods", methods);
	expect_bars(to, o);
}

/* The item with this id, made when it is not there. */
static json_t *type_in(json_t *types, const char *id)
{
	gsize i;
	json_t *type;
	json_array_foreach(types, i, type)
		if (strcmp(text_of(type, "id"), id) == 0)
			return type;
	type = json_pack("{s:s}", "id", id);
	json_array_append_new(types, type);
	return type;
}

static void expect_vgpus(json_t *types, json_t *vgpus, const json_t *o)
{
	gsize i;
	json_t *item;
	json_array_foreach(json_object_get(o, "mdev_types"), i, item)
	{
		json_t *type = type_in(types, text_of(item, "id"));
		copy(type, "name", item, "name");
		copy(type, "description", item, "description");
		if (json_object_get(item, "available_instances"))
			json_object_set_new(type, "available",
					    json_integer(json_integer_value(json_object_get(type, "available")) +
							 json_integer_value(json_object_get(item, "available_instances"))));
	}
	json_array_foreach(json_object_get(o, "mdevs"), i, item)
	{
		type_in(types, text_of(item, "type"));
		json_array_append_new(vgpus, json_pack("{s:s, s:s, s:s}", "uuid", text_of(item, "uuid"), "type",
						       text_of(item, "type"), "parent", address_of(o)));
	}
}

static gboolean has_group(const json_t *functions, const json_t *group)
{
	gsize i;
	json_t *f;
	json_array_foreach(functions, i, f)
		if (group && json_equal(json_object_get(f, "iommuGroup"), group))
			return TRUE;
	return FALSE;
}

/* Three lists that the card's functions decide, in the order of the capture. */
static void expect_relatives(json_t *to, const json_t *functions, const json_t *main)
{
	json_t *own = json_array(), *vfs = json_array(), *bystanders = json_array(), *names = json_array(), *o;
	json_t *types = json_array(), *vgpus = json_array();
	gsize i;
	json_array_foreach(functions, i, o)
		if (!text_of(o, "physfn") && is_in_slot(o, address_of(main))) {
			json_array_append_new(own, expect_function(o));
			expect_vgpus(types, vgpus, o);
		}
	json_array_foreach(functions, i, o)
	{
		const char *physfn = text_of(o, "physfn");
		gboolean is_bridge = class_of(o) >> 8 == 6 && class_of(o) != 0x680;
		if (physfn && strcmp(physfn, address_of(main)) == 0) {
			json_array_append_new(vfs, expect_function(o));
			json_array_append_new(names, json_string(address_of(o)));
			expect_vgpus(types, vgpus, o);
		} else if (!is_bridge && !is_in_slot(o, address_of(main)) && has_group(own, json_object_get(o, "iommu_group")))
			json_array_append_new(bystanders, expect_function(o));
	}
	json_t *sriov = json_object();
	copy(sriov, "total", json_object_get(main, "sriov"), "totalvfs");
	copy(sriov, "count", json_object_get(main, "sriov"), "numvfs");
	set_list(sriov, "vfs", names);
	if (json_object_size(sriov))
		json_object_set(to, "sriov", sriov);
	json_decref(sriov);
	if (json_array_size(types))
		json_object_set_new(to, "vgpuFramework", json_string("mdev"));
	set_list(to, "functions", own);
	set_list(to, "virtualFunctions", vfs);
	set_list(to, "bystanders", bystanders);
	set_list(to, "vgpuTypes", types);
	set_list(to, "vgpus", vgpus);
}

static json_t *expect_cards(const json_t *functions)
{
	json_t *cards = json_object(), *o;
	g_autoptr(GHashTable) slots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	gsize i;
	json_array_foreach(functions, i, o)
	{
		g_autofree char *name = g_strdelimit(g_strconcat("pci-", address_of(o), NULL), ":", '-');
		if (!is_card(o) || !g_hash_table_add(slots, g_strndup(address_of(o), strlen(address_of(o)) - 1)))
			continue;
		json_t *card = json_pack("{s:s}", "host", "gpu1");
		expect_main(card, o);
		expect_relatives(card, functions, o);
		json_object_set_new(cards, name, card);
	}
	return cards;
}

/* -- comparing ---------------------------------------------------------------------------------------- */

/* Lists of things with an address or id: in any order. */
static int by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static void add_lines(GPtrArray *lines, const char *path, const json_t *value)
{
	gsize i;
	json_t *item;
	const char *key;
	const json_t *constant = value;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)constant, key, item)
		{
			g_autofree char *below = g_strdup_printf("%s.%s", path, key);
			add_lines(lines, below, item);
		}
		return;
	}
	json_array_foreach(value, i, item)
	{
		const char *name = text_of(item, "address") ? text_of(item, "address") : text_of(item, "uuid");
		g_autofree char *below = name			? g_strdup_printf("%s[%s]", path, name)
					 : text_of(item, "id") ? g_strdup_printf("%s[%s]", path, text_of(item, "id"))
							       : g_strdup_printf("%s[%zu]", path, i);
		add_lines(lines, below, item);
	}
	if (json_is_array(value))
		return;
	assert_false(json_is_null(value));
	g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);
	g_ptr_array_add(lines, g_strdup_printf("%s = %s", path, text));
}

static GPtrArray *lines_of(const char *path, const json_t *value)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	add_lines(lines, path, value);
	if (lines->len)
		qsort(lines->pdata, lines->len, sizeof(gpointer), by_text);
	return lines;
}

/* Returns the number of fields that were compared. */
static guint assert_same(const char *capture, const char *path, const json_t *expected, const json_t *got)
{
	g_autoptr(GPtrArray) e = lines_of(path, expected), g = lines_of(path, got);
	for (guint i = 0, j = 0; i < e->len || j < g->len;) {
		const char *a = i < e->len ? e->pdata[i] : NULL, *b = j < g->len ? g->pdata[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);
		if (order)
			fail_msg("%s: %s: %s", capture, order < 0 ? "missing" : "unexpected", order < 0 ? a : b);
		i++, j++;
	}
	return e->len;
}

static json_t *observe_json(struct tree *t)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_objects_json(text, tree_observe(t), EMIT_STATUS);
	json_error_t problem;
	json_t *all = json_loads(text->str, 0, &problem);
	if (!all)
		fail_msg("%s", problem.text);
	return all;
}

static guint compare_cards(const char *capture, const json_t *functions, const json_t *all)
{
	json_t *expected = expect_cards(functions), *got = json_object(), *o;
	gsize i;
	json_array_foreach(all, i, o)
		if (strcmp(text_of(o, "kind"), "GPU") == 0) {
			json_object_del(json_object_get(o, "status"), "name"); /* of pci.ids, which changes */
			json_object_set(got, text_of(json_object_get(o, "metadata"), "name"), json_object_get(o, "status"));
		}
	guint n = assert_same(capture, "GPU", expected, got);
	json_decref(expected);
	json_decref(got);
	return n;
}

static guint compare_host(const char *capture, const json_t *whole, const json_t *all)
{
	json_t *expected = json_object(), *got = json_object(), *iommu = json_object(), *nodes = json_array(), *o;
	gsize i, n_groups = json_object_size(json_object_get(whole, "iommu_groups"));
	copy(iommu, "enabled", whole, "iommu");
	if (n_groups) {
		json_object_set_new(iommu, "groups", json_integer((json_int_t)n_groups));
		json_object_set_new(iommu, "domain", json_string("DMA")); /* what mksysfs writes */
	}
	if (json_object_size(iommu))
		json_object_set(expected, "iommu", iommu);
	json_decref(iommu);
	json_array_foreach(json_object_get(whole, "numa_nodes"), i, o)
	{
		json_t *node = json_object();
		copy(node, "node", o, "node");
		copy(node, "cpus", o, "cpulist");
		json_array_append_new(nodes, node);
	}
	set_list(expected, "numaNodes", nodes);
	copy(got, "iommu", json_object_get(json_array_get(all, 0), "status"), "iommu");
	copy(got, "numaNodes", json_object_get(json_array_get(all, 0), "status"), "numaNodes");
	guint n = assert_same(capture, "Host", expected, got);
	json_decref(expected);
	json_decref(got);
	return n;
}

/* Also of those that make no card: every function is there. */
static void compare_functions(struct tree *t, const json_t *functions)
{
	struct pci_functions all;
	g_autoptr(GError) error = NULL;
	gsize i;
	json_t *o;
	if (!pci_list(t->helper, t->arena, &(struct pci_request){ .sysfs = t->tree.sysfs }, TIMEOUT_MS, &all, &error))
		fail_msg("%s", error->message);
	assert_int_equal(all.n, json_array_size(functions));
	json_array_foreach(functions, i, o)
	{
		const struct pci_function *f = pci_find(&all, address_of(o));
		assert_non_null(f);
		assert_int_equal(f->vendor, hex(o, "vendor"));
		assert_int_equal(f->device, hex(o, "device"));
		assert_int_equal(f->class, class_of(o));
	}
}

static void make_tree(struct tree *t, const char *mksysfs, const char *capture)
{
	gint status;
	g_autoptr(GError) error = NULL;
	const char *argv[] = { mksysfs, capture, t->tree.sysfs, NULL };
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error) ||
	    !g_spawn_check_wait_status(status, &error))
		fail_msg("%s: %s", mksysfs, error->message);
}

static void test_captures(void **state)
{
	struct tree *t = *state;
	const char *captures = g_getenv("CLEAVE_CAPTURES");
	if (!captures) {
		print_message("skipped: CLEAVE_CAPTURES names no folder of captures\n");
		skip();
	}
	g_autofree char *mksysfs = g_build_filename(captures, "..", "mksysfs", NULL);
	guint n = 0, n_fields = 0;
	gsize n_functions = 0;
	GDir *dir = g_dir_open(captures, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir)); n++) {
		assert_true(g_str_has_suffix(name, ".json"));
		g_autofree char *capture = g_build_filename(captures, name, NULL);
		json_error_t problem;
		json_t *whole = json_load_file(capture, 0, &problem), *functions = json_object_get(whole, "functions");
		make_tree(t, mksysfs, capture);
		json_t *all = observe_json(t);
		compare_functions(t, functions);
		n_fields += compare_cards(name, functions, all) + compare_host(name, whole, all);
		n_functions += json_array_size(functions);
		json_decref(all);
		json_decref(whole);
		tree_remove(t, "sys");
	}
	if (dir)
		g_dir_close(dir);
	print_message("%u captures, %zu functions, %u fields\n", n, n_functions, n_fields);
	assert_true(n > 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_captures, tree_setup, tree_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
