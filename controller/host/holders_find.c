/* The helper's side: which device files are a card's, then one walk of /proc.
 *
 * A path is known by what stands behind its last "/dev/", so that a process in a container or chroot, whose devices
 * have another folder before them, is found as well. */
#include "host/holders.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/locked.h"
#include "host/tree.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct find {
	struct arena *arena;
	struct host_tree tree;
	GHashTable *functions; /* address → GArray of the numbers of its cards */
	GHashTable *devices;   /* "nvidia0", "dri/card1" → the same; cards may share an IOMMU group */
	guint n_cards;
	json_t **found; /* an array a card */
	gint64 *last_pid; /* a card: the process that was found last; a process counts once */
};

/* -- device files of cards -------------------------------------------------------------------------- */

static const GArray *cards_of(GHashTable *table, const char *key)
{
	return key ? g_hash_table_lookup(table, key) : NULL;
}

static void add_card(GHashTable *table, const char *key, guint card)
{
	GArray *cards = g_hash_table_lookup(table, key);
	if (!cards) {
		cards = g_array_new(FALSE, FALSE, sizeof card);
		g_hash_table_insert(table, (gpointer)key, cards);
	}
	g_array_append_val(cards, card);
}

static void add_device(struct find *f, const char *folder, const char *name, guint card)
{
	if (name)
		add_card(f->devices, arena_printf(f->arena, "%s%s", folder, name), card);
}

static void add_device_of(struct find *f, const char *folder, const char *name, const char *address)
{
	const GArray *cards = cards_of(f->functions, address);
	for (guint i = 0; cards && i < cards->len; i++)
		add_device(f, folder, name, g_array_index(cards, guint, i));
}

/* The PCI address that a "device" link ends at; a part of a sound card points to the card first. */
static const char *device_of(struct find *f, const char *class, const char *name)
{
	const char *target = host_read_link(f->arena, &f->tree, "sys/class/%s/%s/device", class, name);
	if (target && host_exists(&f->tree, "sys/class/%s/%s/device", class, target))
		return host_read_link(f->arena, &f->tree, "sys/class/%s/%s/device", class, target);
	return target;
}

static void add_classes(struct find *f)
{
	static const struct {
		const char *class, *folder;
	} rows[] = { { "drm", "dri/" }, { "graphics", "" }, { "sound", "snd/" }, { "accel", "accel/" } };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		for (char **name = host_list(f->arena, &f->tree, "sys/class/%s", rows[i].class); *name; name++)
			add_device_of(f, rows[i].folder, *name, device_of(f, rows[i].class, *name));
}

/* NVIDIA's own numbers: "Device Minor: \t 0". */
static void add_nvidia(struct find *f)
{
	static const char folder[] = "proc/driver/nvidia/gpus", key[] = "Device Minor:";
	for (char **address = host_list(f->arena, &f->tree, folder); *address; address++) {
		const char *text = host_read(f->arena, &f->tree, "%s/%s/information", folder, *address);
		const char *at = text ? strstr(text, key) : NULL;
		g_autofree char *lower = g_ascii_strdown(*address, -1);
		if (at)
			add_device_of(f, "nvidia", arena_printf(f->arena, "%d", atoi(at + strlen(key))), lower);
	}
}

/* drivers/vfio: the file of its group, the one without an IOMMU as well, and its own (since Linux 6.6, with iommufd). */
static void add_vfio_files(struct find *f, const char *device, guint card)
{
	const char *group = host_read_link(f->arena, &f->tree, "%s/iommu_group", device);
	add_device(f, "vfio/", group, card);
	add_device(f, "vfio/noiommu-", group, card);
	for (char **name = host_list(f->arena, &f->tree, "%s/vfio-dev", device); *name; name++)
		add_device(f, "vfio/devices/", *name, card);
}

/* Of a function and of its mdevs, or of an mdev alone. */
static void add_vfio(struct find *f, const char *address, guint card)
{
	const char *device = arena_printf(f->arena, "sys/bus/pci/devices/%s", address);
	add_vfio_files(f, device, card);
	add_vfio_files(f, arena_printf(f->arena, "sys/bus/mdev/devices/%s", address), card);
	for (char **type = host_list(f->arena, &f->tree, "%s/mdev_supported_types", device); *type; type++)
		for (char **uuid = host_list(f->arena, &f->tree, "%s/mdev_supported_types/%s/devices", device, *type); *uuid; uuid++)
			add_vfio_files(f, arena_printf(f->arena, "%s/%s", device, *uuid), card);
}

static void add_cards(struct find *f, const json_t *cards)
{
	f->n_cards = (guint)json_array_size(cards);
	f->found = ARENA_ARRAY(f->arena, json_t *, f->n_cards);
	f->last_pid = ARENA_ARRAY(f->arena, gint64, f->n_cards);
	for (guint i = 0; i < f->n_cards; i++) {
		const json_t *addresses = json_array_get(cards, i);
		f->found[i] = json_array();
		for (gsize j = 0; j < json_array_size(addresses); j++) {
			char *address = arena_strdup(f->arena, json_string_value(json_array_get(addresses, j)));
			if (!address)
				continue;
			add_card(f->functions, address, i);
			add_vfio(f, address, i);
		}
	}
	add_classes(f);
	add_nvidia(f);
}

/* -- processes -------------------------------------------------------------------------------------- */

/* Also "…/0000:65:00.0/resource1_wc"; a path that was deleted has words behind it. */
static const GArray *cards_of_path(struct find *f, char *path)
{
	if (g_str_has_suffix(path, " (deleted)"))
		path[strlen(path) - strlen(" (deleted)")] = '\0';
	const char *device = g_strrstr(path, "/dev/");
	const GArray *cards = device ? cards_of(f->devices, device + strlen("/dev/")) : NULL;
	char *slash = cards ? NULL : strrchr(path, '/');
	if (!slash || !g_str_has_prefix(slash, "/resource"))
		return cards;
	*slash = '\0';
	const char *above = strrchr(path, '/');
	cards = cards_of(f->functions, above ? above + 1 : NULL);
	*slash = '/';
	return cards;
}

static void add_holder(struct find *f, guint card, gint64 pid, const char *path)
{
	if (f->last_pid[card] == pid || json_array_size(f->found[card]) >= HOLDERS_MAX)
		return;
	f->last_pid[card] = pid;
	SCOPED_ARENA(a);
	const char *comm = host_read(a, &f->tree, "proc/%" G_GINT64_FORMAT "/comm", pid);
	g_autofree char *name = g_utf8_make_valid(comm ? comm : "?", -1), *where = g_utf8_make_valid(path, -1);
	json_array_append_new(f->found[card], json_pack("{s:I, s:s, s:s}", "pid", (json_int_t)pid, "comm", name, "path", where));
}

static void look_at(struct find *f, const char *pid, char *path)
{
	const GArray *cards = cards_of_path(f, path);
	for (guint i = 0; cards && i < cards->len; i++)
		add_holder(f, g_array_index(cards, guint, i), g_ascii_strtoll(pid, NULL, 10), path);
}

static void look_at_files(struct find *f, const char *pid)
{
	char target[4096];
	g_autofree char *folder = g_build_filename(f->tree.root, "proc", pid, "fd", NULL);
	DIR *dir = opendir(folder);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
		if (n <= 0 || *target != '/')
			continue;
		target[n] = '\0';
		look_at(f, pid, target);
	}
	if (dir)
		closedir(dir);
}

/* Who waits in the kernel with its memory map locked (a file server that is gone) shows no mappings to anybody. It is
 * known by its descriptors alone, and keeps no card from being told. */
static void look_at_mappings(struct find *f, const char *pid)
{
	SCOPED_ARENA(a);
	gboolean is_busy = FALSE;
	char *rest = locked_read(a, host_path(a, &f->tree, "proc/%s/maps", pid), &is_busy);
	for (char *line; rest && (line = strtok_r(rest, "\n", &rest));) {
		char *name = strchr(line, '/');
		if (name && (strstr(name, "/dev/") || strstr(name, "/resource")))
			look_at(f, pid, g_strchomp(name));
	}
}

static int by_number(const void *x, const void *y)
{
	gint64 a = g_ascii_strtoll(*(char *const *)x, NULL, 10), b = g_ascii_strtoll(*(char *const *)y, NULL, 10);
	return a < b ? -1 : a > b;
}

static void walk(struct find *f)
{
	char **names = host_list(f->arena, &f->tree, "proc");
	guint n = 0;
	for (char **name = names; *name; name++)
		if (g_ascii_isdigit(**name))
			names[n++] = *name;
	if (n)
		qsort(names, n, sizeof *names, by_number);
	for (guint i = 0; i < n; i++) {
		look_at_files(f, names[i]);
		look_at_mappings(f, names[i]);
	}
}

json_t *holders_find(const json_t *request, GError **error)
{
	SCOPED_ARENA(a);
	const char *root = json_string_value(json_object_get(request, "root"));
	const char *sysfs = json_string_value(json_object_get(request, "sysfs"));
	if (!root || !sysfs) {
		fail(error, ERROR_INVALID, "holders: the request has no \"root\" or no \"sysfs\"");
		return NULL;
	}
	struct find f = { .arena = a, .tree = host_tree_at(a, root, sysfs) };
	f.functions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	f.devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	add_cards(&f, json_object_get(request, "cards"));
	if (g_hash_table_size(f.functions))
		walk(&f);
	json_t *answer = json_array();
	for (guint i = 0; i < f.n_cards; i++)
		json_array_append_new(answer, f.found[i]);
	g_hash_table_destroy(f.functions);
	g_hash_table_destroy(f.devices);
	return answer;
}
