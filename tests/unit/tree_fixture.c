/* Files, links, and one look at them. */
#include "tree_fixture.h"
#include "base/arena.h"
#include "host/helper.h"
#include "host/taken.h"
#include "observe/observe.h"
#include "spec/load.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int tree_setup(void **state)
{
	struct tree *t = g_new0(struct tree, 1);
	t->dir = g_dir_make_tmp("cleave-tree-XXXXXX", NULL);
	t->arena = arena_new();
	t->helper = helper_start(NULL);
	t->tree = host_tree_at(t->arena, t->dir, NULL);
	t->want = objects_new(t->arena);
	g_autofree char *folder = g_build_filename(t->dir, "state", NULL);
	t->taken = taken_new(folder);
	*state = t;
	return 0;
}

void tree_remove(struct tree *t, const char *path)
{
	g_autofree char *whole = g_build_filename(t->dir, path, NULL);
	const char *argv[] = { "/bin/rm", "-rf", "--", whole, NULL };
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL));
}

int tree_teardown(void **state)
{
	struct tree *t = *state;
	helper_stop(t->helper);
	taken_free(t->taken);
	arena_free(t->arena);
	tree_remove(t, "");
	g_free(t->dir);
	g_free(t);
	return 0;
}

/* -- files ------------------------------------------------------------------------------------------ */

static char *path_in(struct tree *t, const char *path)
{
	char *whole = g_build_filename(t->dir, path, NULL);
	g_autofree char *folder = g_path_get_dirname(whole);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	return whole;
}

void tree_put(struct tree *t, const char *path, const char *text)
{
	g_autofree char *whole = path_in(t, path);
	assert_true(g_file_set_contents(whole, text, -1, NULL));
}

void tree_folder(struct tree *t, const char *path)
{
	g_autofree char *whole = path_in(t, path);
	assert_int_equal(g_mkdir_with_parents(whole, 0755), 0);
}

void tree_symlink(struct tree *t, const char *path, const char *text)
{
	g_autofree char *whole = path_in(t, path);
	assert_int_equal(symlink(text, whole), 0);
}

void tree_link(struct tree *t, const char *path, const char *target)
{
	g_autoptr(GString) relative = g_string_new(NULL);
	for (const char *at = path; (at = strchr(at, '/')); at++)
		g_string_append(relative, "../");
	g_string_append(relative, target);
	tree_symlink(t, path, relative->str);
}

/* -- functions -------------------------------------------------------------------------------------- */

#define DEVICES "sys/bus/pci/devices/"

/* "sys/devices/pci0000:00/0000:00:01.0": where the link leads to. */
static char *folder_of(struct tree *t, const char *address)
{
	g_autofree char *link = g_build_filename(t->dir, DEVICES, address, NULL);
	g_autofree char *target = g_file_read_link(link, NULL);
	assert_non_null(target);
	return g_strdup_printf("sys/%s", strstr(target, "devices/pci"));
}

void tree_function(struct tree *t, const char *above, const char *address, const char *ids, const char *class)
{
	g_auto(GStrv) parts = g_strsplit(ids, ":", 2);
	g_autofree char *folder = above ? folder_of(t, above)
					: g_strdup_printf("sys/devices/pci%.*s", (int)(strlen(address) - 5), address);
	g_autofree char *whole = g_build_filename(folder, address, NULL);
	g_autofree char *link = g_strconcat(DEVICES, address, NULL);
	const char *const rows[][3] = { { "vendor", "0x", parts[0] }, { "device", "0x", parts[1] }, { "class", "0x", class },
					{ "revision", "0x", "a1" },   { "numa_node", "", "-1" },    { "irq", "", "0" },
					{ "config", "", "" },	      { "resource", "", "" },	    { "driver_override", "", "(null)" } };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_build_filename(whole, rows[i][0], NULL);
		g_autofree char *text = g_strconcat(rows[i][1], rows[i][2], "\n", NULL);
		tree_put(t, path, text);
	}
	tree_link(t, link, whole);
}

void tree_function_put(struct tree *t, const char *address, const char *name, const char *text)
{
	g_autofree char *folder = folder_of(t, address), *path = g_build_filename(folder, name, NULL);
	tree_put(t, path, text);
}

void tree_function_link(struct tree *t, const char *address, const char *name, const char *target)
{
	g_autofree char *folder = folder_of(t, address), *path = g_build_filename(folder, name, NULL);
	tree_link(t, path, target);
}

void tree_driver(struct tree *t, const char *address, const char *driver)
{
	g_autofree char *target = g_strconcat("sys/bus/pci/drivers/", driver, NULL);
	tree_folder(t, target);
	tree_function_link(t, address, "driver", target);
}

void tree_group(struct tree *t, const char *address, int group)
{
	g_autofree char *folder = g_strdup_printf("sys/kernel/iommu_groups/%d", group);
	g_autofree char *type = g_strconcat(folder, "/type", NULL), *device = folder_of(t, address);
	g_autofree char *member = g_strconcat(folder, "/devices/", address, NULL);
	tree_put(t, type, "DMA-FQ\n");
	tree_link(t, member, device);
	tree_function_link(t, address, "iommu_group", folder);
}

void tree_vf(struct tree *t, const char *card, int index, const char *address, const char *ids, const char *class)
{
	g_autofree char *folder = folder_of(t, card), *above = g_path_get_dirname(folder);
	g_autofree char *bridge = g_path_get_basename(above), *virtfn = g_strdup_printf("virtfn%d", index);
	tree_function(t, g_str_has_prefix(bridge, "pci") ? NULL : bridge, address, ids, class);
	g_autofree char *vf = folder_of(t, address);
	tree_function_link(t, card, virtfn, vf);
	tree_function_link(t, address, "physfn", folder);
}

/* -- looking ---------------------------------------------------------------------------------------- */

void tree_want(struct tree *t, const char *yaml)
{
	struct problems problems;
	struct spec_file file = { .path = "specs.yaml", .bytes = yaml, .size = strlen(yaml) };
	problems_init(&problems, t->arena);
	t->want = spec_load(t->arena, &file, 1, &problems);
	if (problems.n_errors)
		fail_msg("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
}

struct objects *tree_observe(struct tree *t)
{
	struct objects *have = objects_new(t->arena);
	struct observe_input in = {
		.host = "gpu1", .want = t->want, .tree = &t->tree, .helper = t->helper, .taken = t->taken
	};
	observe_host(t->arena, &in, have);
	observe_gpus(t->arena, &in, have);
	objects_sort(have);
	return have;
}

const struct host_status *tree_host(const struct objects *have)
{
	return objects_get(have, KIND_HOST, "gpu1")->status;
}

const struct gpu_status *tree_gpu(const struct objects *have, const char *name)
{
	const struct object *o = objects_get(have, KIND_GPU, name);
	if (!o)
		fail_msg("there is no GPU %s", name);
	return o->status;
}

char *tree_join(struct arena *a, const struct strings *s)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < s->n; i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "", s->items[i]);
	char *copy = arena_strdup(a, text->str);
	g_string_free(text, TRUE);
	return copy;
}
