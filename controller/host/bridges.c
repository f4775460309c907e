/* sys/class/net (kernel: Documentation/ABI/testing/sysfs-class-net). */
#include "host/bridges.h"
#include "base/arena.h"
#include "host/tree.h"
#include <string.h>

enum { DEEPEST = 4 }; /* a VLAN of a bond in a bridge is two */

#define NET "sys/class/net"

/* A tap says so; libvirt's, and those of containers, are known by their names. */
static gboolean is_guest(const struct host_tree *t, const char *name)
{
	static const char *const prefixes[] = { "vnet", "tap", "veth" };
	for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(name, prefixes[i]))
			return TRUE;
	return host_exists(t, NET "/%s/tun_flags", name);
}

/* Of the device itself, or of one that it stands on. */
static gint64 count_slaves(struct arena *a, const struct host_tree *t, const char *name, int depth)
{
	const char *slaves = host_read(a, t, NET "/%s/bonding/slaves", name);
	gint64 n = -1;
	if (slaves) {
		g_auto(GStrv) words = g_strsplit_set(slaves, " \n", -1);
		n = 0;
		for (char **word = words; *word; word++)
			n += **word != '\0';
	}
	char **entries = n < 0 && depth < DEEPEST ? host_list(a, t, NET "/%s", name) : NULL;
	for (char **entry = entries; n < 0 && entry && *entry; entry++)
		if (g_str_has_prefix(*entry, "lower_"))
			n = count_slaves(a, t, *entry + strlen("lower_"), depth + 1);
	return n;
}

static struct host_bridge_facts read_bridge(struct arena *a, const struct host_tree *t, const char *name)
{
	char **members = host_list(a, t, NET "/%s/brif", name);
	struct host_bridge_facts b = { .name = name, .mtu = host_read_number(t, -1, NET "/%s/mtu", name), .n_slaves = -1 };
	b.uplinks = ARENA_ARRAY(a, char *, g_strv_length(members) + 1);
	guint n = 0;
	for (char **member = members; *member; member++) {
		if (is_guest(t, *member))
			continue;
		b.uplinks[n++] = *member;
		if (b.n_slaves < 0)
			b.n_slaves = count_slaves(a, t, *member, 0);
	}
	return b;
}

struct host_bridge_facts *host_list_bridges(struct arena *a, const struct host_tree *t, guint *ret_n)
{
	char **names = host_list(a, t, NET);
	struct host_bridge_facts *all = ARENA_ARRAY(a, struct host_bridge_facts, g_strv_length(names));
	guint n = 0;
	for (char **name = names; *name; name++)
		if (host_exists(t, NET "/%s/bridge", *name))
			all[n++] = read_bridge(a, t, *name);
	*ret_n = n;
	return all;
}
