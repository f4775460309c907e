/* /proc/modules (proc(5)), lib/modules/RELEASE/modules.builtin (kernel: Documentation/kbuild/kbuild.rst). */
#include "host/modules.h"
#include "base/arena.h"
#include "host/tree.h"
#include <stdlib.h>
#include <string.h>

static const char *const vfio[] = { "vfio", "vfio_pci", "vfio_iommu_type1", "vfio_virqfd", "vfio_mdev", "mdev", NULL };

static char *kernel_name(struct arena *a, const char *name)
{
	return g_strdelimit(arena_strdup(a, name), "-", '_');
}

/* "vfio_pci 16384 1 - Live 0x0000000000000000". One whose start has not ended, and may never end, is not there yet. */
static gboolean is_live(const char *line)
{
	return *line && !strstr(line, " Loading ") && !strstr(line, " Unloading ");
}

static void add_loaded(struct arena *a, const struct host_tree *t, GHashTable *found)
{
	const char *text = host_read(a, t, "proc/modules");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	for (char **line = lines; *line; line++)
		if (is_live(*line))
			g_hash_table_add(found, arena_strndup(a, *line, strcspn(*line, " ")));
}

/* "kernel/drivers/vfio/pci/vfio-pci.ko" */
static GHashTable *read_built_in(struct arena *a, const struct host_tree *t)
{
	const char *release = host_read(a, t, "proc/sys/kernel/osrelease");
	const char *text = release ? host_read(a, t, "lib/modules/%s/modules.builtin", release) : NULL;
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
	for (char **line = lines; *line; line++) {
		const char *slash = strrchr(*line, '/'), *name = slash ? slash + 1 : *line;
		g_autofree char *bare = g_strndup(name, strcspn(name, "."));
		g_hash_table_add(names, kernel_name(a, bare));
	}
	return names;
}

static void add_built_in(struct arena *a, const char *const *names, GHashTable *built_in, GHashTable *found)
{
	for (; names && *names; names++) {
		char *name = kernel_name(a, *names);
		if (g_hash_table_contains(built_in, name))
			g_hash_table_add(found, name);
	}
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

char **host_list_modules(struct arena *a, const struct host_tree *t, const char *const *asked)
{
	g_autoptr(GHashTable) found = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) built_in = read_built_in(a, t);
	add_loaded(a, t, found);
	add_built_in(a, vfio, built_in, found);
	add_built_in(a, asked, built_in, found);
	guint n;
	g_autofree gpointer *keys = g_hash_table_get_keys_as_array(found, &n);
	char **names = ARENA_ARRAY(a, char *, n + 1);
	if (n) {
		memcpy(names, keys, sizeof(char *) * n);
		qsort(names, n, sizeof *names, by_name);
	}
	return names;
}
