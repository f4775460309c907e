/* Network bridges and what leads out of the host through them. */
#pragma once
#include <glib.h>

struct arena;
struct host_tree;

struct host_bridge_facts {
	const char *name;
	gint64 mtu;     /* -1 = not told */
	char **uplinks; /* members that are no VM's or container's, NULL at the end */
	gint64 n_slaves; /* links of the bond below an uplink; -1: there is none */
};

/* All of them, by name. */
struct host_bridge_facts *host_list_bridges(struct arena *a, const struct host_tree *t, guint *ret_n);
