/* sys/class/net, sys/class/block, proc/self/mountinfo (proc(5)), proc/swaps, sys/fs/btrfs. */
#include "host/uses.h"
#include "base/arena.h"
#include "host/pci.h"
#include "host/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IFF_UP_BIT = 1 };

struct uses {
	struct arena *arena;
	const struct host_tree *tree;
	GHashTable *interfaces; /* address → GPtrArray of names: "eth0"; NULL: nothing was read yet */
	GHashTable *disks;      /* the same: "nvme0n1", "nvme0n1p2" */
	GHashTable *mounts;     /* "259:2" or "/dev/nvme0n1p2" → "on /srv" */
	GHashTable *swaps;      /* "/dev/nvme0n1p3" */
};

struct uses *uses_new(struct arena *a, const struct host_tree *t)
{
	struct uses *u = ARENA_NEW(a, struct uses);
	*u = (struct uses){ .arena = a, .tree = t };
	return u;
}

void uses_free(struct uses *u)
{
	if (!u)
		return;
	g_clear_pointer(&u->interfaces, g_hash_table_destroy);
	g_clear_pointer(&u->disks, g_hash_table_destroy);
	g_clear_pointer(&u->mounts, g_hash_table_destroy);
	g_clear_pointer(&u->swaps, g_hash_table_destroy);
}

/* -- what hangs on which function --------------------------------------------------------------------- */

/* The parts of the path that an entry of a class links to. Free with g_strfreev(). */
static char **path_of(struct uses *u, const char *class, const char *name)
{
	SCOPED_ARENA(scratch);
	g_autofree char *target = g_file_read_link(host_path(scratch, u->tree, "sys/class/%s/%s", class, name), NULL);
	return g_strsplit(target ? target : "", "/", -1);
}

/* The last PCI address among them: virtio, USB and NVMe have devices of their own below the function. */
static const char *find_function(char **parts)
{
	const char *found = NULL;
	struct pci_function ignored;
	for (; *parts; parts++)
		if (pci_split_address(*parts, &ignored))
			found = *parts;
	return found;
}

/* Address → GPtrArray of names. */
static GHashTable *table_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
}

static void add_name(struct uses *u, GHashTable *table, const char *address, const char *name)
{
	GPtrArray *names = g_hash_table_lookup(table, address);
	if (!names) {
		names = g_ptr_array_new();
		g_hash_table_insert(table, arena_strdup(u->arena, address), names);
	}
	g_ptr_array_add(names, arena_strdup(u->arena, name));
}

static void read_interfaces(struct uses *u)
{
	u->interfaces = table_new();
	for (char **name = host_list(u->arena, u->tree, "sys/class/net"); *name; name++) {
		g_auto(GStrv) parts = path_of(u, "net", *name);
		const char *address = find_function(parts);
		if (address)
			add_name(u, u->interfaces, address, *name);
	}
}

/* "nvme0c1n1" is a path to "nvme0n1", the disk that partitions and mounts are of; NULL for other names. */
static char *nvme_head(struct arena *a, const char *name)
{
	const char *c = g_str_has_prefix(name, "nvme") ? strchr(name, 'c') : NULL, *n = c ? strchr(c, 'n') : NULL;
	return n ? arena_printf(a, "%.*s%s", (int)(c - name), name, n) : NULL;
}

/* Disks behind several paths lie below no function: their head is told by the path, in the first round. */
static void read_disks(struct uses *u)
{
	SCOPED_ARENA(scratch);
	g_autoptr(GHashTable) heads = g_hash_table_new(g_str_hash, g_str_equal);
	u->disks = table_new();
	char **names = host_list(scratch, u->tree, "sys/class/block");
	for (int round = 0; round < 2; round++)
		for (char **name = names; *name; name++) {
			g_auto(GStrv) parts = path_of(u, "block", *name);
			const char *address = find_function(parts);
			char *head = address ? nvme_head(scratch, *name) : NULL;
			if (round == 0 && head)
				g_hash_table_insert(heads, head, arena_strdup(scratch, address));
			for (char **part = parts; round == 1 && !address && *part; part++)
				address = g_hash_table_lookup(heads, *part);
			if (round == 1 && address)
				add_name(u, u->disks, address, *name);
		}
}

/* -- network ---------------------------------------------------------------------------------------- */

#define NET "sys/class/net/%s"

static const char *describe_interface(struct uses *u, const char *name)
{
	const char *master = host_read_link(u->arena, u->tree, NET "/master", name);
	const char *kind = !master                                       ? NULL
			   : host_exists(u->tree, NET "/bridge", master)  ? "bridge "
			   : host_exists(u->tree, NET "/bonding", master) ? "bond "
									  : "";
	if (master)
		return arena_printf(u->arena, "network interface %s is in %s%s", name, kind, master);
	if (host_read_number(u->tree, 0, NET "/flags", name) & IFF_UP_BIT)
		return arena_printf(u->arena, "network interface %s is up", name);
	return NULL;
}

/* -- disks ------------------------------------------------------------------------------------------ */

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
			g_hash_table_insert(u->mounts, arena_strdup(u->arena, keys[i]), arena_printf(u->arena, "on %s", where));
}

/* A btrfs of several disks shows one of them among the mounts; its folder here is there while it is mounted. */
static void read_btrfs(struct uses *u)
{
	static const char folder[] = "sys/fs/btrfs";
	for (char **id = host_list(u->arena, u->tree, folder); *id; id++)
		for (char **disk = host_list(u->arena, u->tree, "%s/%s/devices", folder, *id); *disk; disk++) {
			char *device = arena_printf(u->arena, "/dev/%s", *disk);
			if (!g_hash_table_contains(u->mounts, device))
				g_hash_table_insert(u->mounts, device, arena_printf(u->arena, "as part of the btrfs %s", *id));
		}
}

/* Line by line: containers bring thousands of mounts, and none may be missed. */
static void read_mounts(struct uses *u)
{
	SCOPED_ARENA(scratch);
	char *line = NULL;
	size_t room = 0;
	FILE *mounts = fopen(host_path(scratch, u->tree, "proc/self/mountinfo"), "re");
	u->mounts = g_hash_table_new(g_str_hash, g_str_equal);
	while (mounts && getline(&line, &room, mounts) > 0)
		add_mount(u, g_strchomp(line));
	if (mounts)
		fclose(mounts);
	free(line);
	read_btrfs(u);
}

static void read_swaps(struct uses *u)
{
	const char *swaps = host_read(u->arena, u->tree, "proc/swaps");
	g_auto(GStrv) lines = g_strsplit(swaps ? swaps : "", "\n", -1);
	u->swaps = g_hash_table_new(g_str_hash, g_str_equal);
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
		g_ptr_array_add(all, arena_printf(u->arena, "%s is mounted %s", device, where));
	if (g_hash_table_contains(u->swaps, device))
		g_ptr_array_add(all, arena_printf(u->arena, "%s is swap", device));
	for (char **holder = host_list(u->arena, u->tree, "sys/class/block/%s/holders", name); *holder; holder++)
		g_ptr_array_add(all, arena_printf(u->arena, "%s is part of %s", device, *holder));
}

char **uses_of(struct uses *u, const char *address)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	if (!u->interfaces) {
		read_interfaces(u);
		read_disks(u);
		read_mounts(u);
		read_swaps(u);
	}
	const GPtrArray *interfaces = g_hash_table_lookup(u->interfaces, address), *disks = g_hash_table_lookup(u->disks, address);
	for (guint i = 0; interfaces && i < interfaces->len; i++) {
		const char *use = describe_interface(u, interfaces->pdata[i]);
		if (use)
			g_ptr_array_add(all, (gpointer)use);
	}
	for (guint i = 0; disks && i < disks->len; i++)
		add_uses_of_disk(u, all, disks->pdata[i]);
	g_ptr_array_add(all, NULL);
	return arena_memdup(u->arena, all->pdata, sizeof(gpointer) * all->len);
}
