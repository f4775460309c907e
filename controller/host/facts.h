/* What kind of host this is, read from its tree. NULL and numbers below 0: the machine does not tell. */
#pragma once
#include "host/tree.h"
#include <glib.h>

struct host_pages {
	guint64 size_bytes; /* of one page: 2 MiB, 1 GiB */
	gint64 n_total, n_free;
};

struct host_node {
	guint id;
	const char *cpulist; /* "0-5,12-17" */
	char **cores;        /* "0,12": the threads of each, by their first CPU; NULL at the end */
	gint64 memory_bytes;
	struct host_pages *pages; /* ascending by size */
	guint n_pages;
};

struct host_facts {
	const char *hostname, *machine_id, *boot_id;
	const char *kernel_release; /* "6.1.0-18-amd64" */
	const char *cmdline;        /* as the kernel got it */
	const char *cpu_model;
	gint64 n_cpus; /* online */
	gint64 memory_bytes, available_bytes;
	gboolean has_kvm;        /* /dev/kvm */
	struct host_node *nodes; /* ascending; empty on a kernel without NUMA */
	guint n_nodes;
	struct host_pages *pages; /* of the whole host, ascending by size */
	guint n_pages;
};

void host_read_facts(struct arena *arena, const struct host_tree *t, struct host_facts *ret);
/* How many CPUs a list such as "0-5,12" names; -1 when it is none. */
gint64 host_count_cpulist(const char *cpulist);
