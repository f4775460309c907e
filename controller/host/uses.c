/* sys/class/block, proc/self/mountinfo (proc(5)), proc/swaps. */
#include "host/uses.h"
#include "base/arena.h"
#include "host/pci.h"
#include "host/tree.h"
#include <string.h>

enum { IFF_UP_BIT = 1 };

struct uses {
	struct arena *arena;
	const struct host_tree *tree;
	GHashTable *disks;  /* address → GPtrArray of names: "nvme0n1", "nvme0n1p2"; NULL: not read yet */
	GHashTable *mounts; /* "259:2" or "/dev/nvme0n1p2" → where */
	GHashTable *swaps;  /* "/dev/nvme0n1p3" */
};

struct uses *uses_new(struct arena *a, const struct host_tree *t)
{
	struct uses *u = ARENA_NEW(a, struct uses);
	*u = (struct uses){ .arena = a, .tree = t };
	return u;
}

void uses_free(struct uses *u)
{
	g_clear_pointer(&u->disks, g_hash_table_destroy);
	g_clear_pointer(&u->mounts, g_hash_table_destroy);
	g_clear_pointer(&u->swaps, g_hash_table_destroy);
}

/* -- network ---------------------------------------------------------------------------------------- */

static const char *describe_interface(struct uses *u, const char *folder, const char *name)
{
	const char *master = host_read_link(u->arena, u->tree, "%s/%s/master", folder, name);
	const char *kind = !master                                                          ? NULL
			   : host_exists(u->tree, "sys/class/net/%s/bridge", master)  ? "bridge "
			   : host_exists(u->tree, "sys/class/net/%s/bonding", master) ? "bond "
										      : "";
	if (master)
		return arena_printf(u->arena, "network interface %s is in %s%s", name, kind, master);
	if (host_read_number(u->tree, 0, "%s/%s/flags", folder, name) & IFF_UP_BIT)
		return arena_printf(u->arena, "network interface %s is up", name);
	return NULL;
}

static void add_interfaces(struct uses *u, GPtrArray *all, const char *device)
{
	const char *folder = arena_printf(u->arena, "%s/net", device);
	for (char **name = host_list(u->arena, u->tree, "%s", folder); *name; name++) {
		const char *use = describe_interface(u, folder, *name);
		if (use)
			g_ptr_array_add(all, (gpointer)use);
	}
}

/* virtio has a device of its own between the function and what it is good for. */
static void add_network(struct uses *u, GPtrArray *all, const char *address, const char *driver)
{
	const char *device = arena_printf(u->arena, "sys/bus/pci/devices/%s", address);
	add_interfaces(u, all, device);
	if (g_strcmp0(driver, "virtio-pci") != 0)
		return;
	for (char **name = host_list(u->arena, u->tree, "%s", device); *name; name++)
		if (g_str_has_prefix(*name, "virtio"))
			add_interfaces(u, all, arena_printf(u->arena, "%s/%s", device, *name));
}

/* -- disks ------------------------------------------------------------------------------------------ */

/* The last PCI address among the folders of a path. */
static const char *find_function(char **parts)
{
	const char *found = NULL;
	struct pci_function ignored;
	for (; *parts; parts++)
		if (pci_split_address(*parts, &ignored))
			found = *parts;
	return found;
}

/* "nvme0c1n1" is a path to "nvme0n1", the disk that partitions and mounts are of; NULL for other names. */
static char *nvme_head(struct arena *a, const char *name)
{
	const char *c = g_str_has_prefix(name, "nvme") ? strchr(name, 'c') : NULL, *n = c ? strchr(c, 'n') : NULL;
	return n ? arena_printf(a, "%.*s%s", (int)(c - name), name, n) : NULL;
}

static void add_disk(struct uses *u, const char *address, const char *name)
{
	GPtrArray *names = g_hash_table_lookup(u->disks, address);
	if (!names) {
		names = g_ptr_array_new();
		g_hash_table_insert(u->disks, arena_strdup(u->arena, address), names);
	}
	g_ptr_array_add(names, arena_strdup(u->arena, name));
}

/* Disks behind several paths lie below no function: their head is told by the path, in the first round. */
static void read_disks(struct uses *u)
{
	SCOPED_ARENA(scratch);
	g_autoptr(GHashTable) heads = g_hash_table_new(g_str_hash, g_str_equal);
	u->disks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	char **names = host_list(scratch, u->tree, "sys/class/block");
	for (int round = 0; round < 2; round++)
		for (char **name = names; *name; name++) {
			g_autofree char *target = g_file_read_link(host_path(scratch, u->tree, "sys/class/block/%s", *name), NULL);
			g_auto(GStrv) parts = g_strsplit(target ? target : "", "/", -1);
			const char *address = find_function(parts);
			char *head = address ? nvme_head(scratch, *name) : NULL;
			if (round == 0 && head)
				g_hash_table_insert(heads, head, arena_strdup(scratch, address));
			for (char **part = parts; round == 1 && !address && *part; part++)
				address = g_hash_table_lookup(heads, *part);
			if (round == 1 && address)
				add_disk(u, address, *name);
		}
}

/* "36 35 98:0 / /srv\040x rw,noatime master:1 - ext4 /dev/sda1 rw": the first mount of each is kept. */
static void add_mount(struct uses *u, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	const char *dash = strstr(line, " - ");
	if (g_strv_length(words) < 6 || !dash)
		return;
	g_auto(GStrv) behind = g_strsplit(dash + strlen(" - "), " ", 3);
	g_autofree char *where = g_strcompress(words[4]);
	const char *keys[] = { words[2], behind[0] ? behind[1] : NULL };
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i] && !g_hash_table_contains(u->mounts, keys[i]))
			g_hash_table_insert(u->mounts, arena_strdup(u->arena, keys[i]), arena_strdup(u->arena, where));
}

static void read_mounts(struct uses *u)
{
	SCOPED_ARENA(scratch);
	const char *mountinfo = host_read(scratch, u->tree, "proc/self/mountinfo"), *swaps = host_read(scratch, u->tree, "proc/swaps");
	g_auto(GStrv) mounts = g_strsplit(mountinfo ? mountinfo : "", "\n", -1);
	g_auto(GStrv) lines = g_strsplit(swaps ? swaps : "", "\n", -1);
	u->mounts = g_hash_table_new(g_str_hash, g_str_equal);
	u->swaps = g_hash_table_new(g_str_hash, g_str_equal);
	for (char **line = mounts; *line; line++)
		add_mount(u, *line);
	for (char **line = lines; *line; line++)
		g_hash_table_add(u->swaps, arena_strndup(u->arena, *line, strcspn(*line, " \t")));
}

static void add_uses_of_disk(struct uses *u, GPtrArray *all, const char *name)
{
	const char *device = arena_printf(u->arena, "/dev/%s", name);
	const char *number = host_read(u->arena, u->tree, "sys/class/block/%s/dev", name);
	const char *where = number ? g_hash_table_lookup(u->mounts, number) : NULL;
	if (!where)
		where = g_hash_table_lookup(u->mounts, device);
	if (where)
		g_ptr_array_add(all, arena_printf(u->arena, "%s is mounted on %s", device, where));
	if (g_hash_table_contains(u->swaps, device))
		g_ptr_array_add(all, arena_printf(u->arena, "%s is swap", device));
	for (char **holder = host_list(u->arena, u->tree, "sys/class/block/%s/holders", name); *holder; holder++)
		g_ptr_array_add(all, arena_printf(u->arena, "%s is part of %s", device, *holder));
}

char **uses_of(struct uses *u, const char *address, const char *driver)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	if (!u->disks) {
		read_disks(u);
		read_mounts(u);
	}
	add_network(u, all, address, driver);
	const GPtrArray *disks = g_hash_table_lookup(u->disks, address);
	for (guint i = 0; disks && i < disks->len; i++)
		add_uses_of_disk(u, all, disks->pdata[i]);
	g_ptr_array_add(all, NULL);
	return arena_memdup(u->arena, all->pdata, sizeof(gpointer) * all->len);
}
