/* /proc and /sys, a line each (kernel: Documentation/admin-guide/mm/hugetlbpage.rst,
 * Documentation/ABI/stable/sysfs-devices-node). */
#include "host/facts.h"
#include "base/arena.h"
#include "base/cpus.h"
#include "base/units.h"
#include <stdlib.h>
#include <string.h>

gint64 host_count_cpulist(const char *cpulist)
{
	gint64 n = 0;
	const char *at = cpulist;
	while (*at) {
		char *end;
		gint64 first = g_ascii_strtoll(at, &end, 10), last = first;
		if (end == at)
			return -1;
		if (*end == '-') {
			at = end + 1;
			last = g_ascii_strtoll(at, &end, 10);
			if (end == at || last < first)
				return -1;
		}
		n += last - first + 1;
		if (*end && *end != ',')
			return -1;
		at = *end ? end + 1 : end;
	}
	return n;
}

/* "MemTotal:  16315504 kB", also below "Node 0 "; -1 when absent. */
static gint64 find_kib(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;
	return at ? g_ascii_strtoll(at + strlen(key), NULL, 10) * (gint64)KiB : -1;
}

static int by_size(const void *x, const void *y)
{
	const struct host_pages *a = x, *b = y;
	return a->size_bytes < b->size_bytes ? -1 : a->size_bytes > b->size_bytes;
}

/* `folder` holds hugepages-2048kB/ and its like. */
static struct host_pages *read_pages(struct arena *arena, const struct host_tree *t, const char *folder, guint *ret_n)
{
	static const char prefix[] = "hugepages-";
	char **names = host_list(arena, t, "%s", folder);
	struct host_pages *pages = ARENA_ARRAY(arena, struct host_pages, g_strv_length(names));
	guint n = 0;
	for (char **name = names; *name; name++) {
		if (!g_str_has_prefix(*name, prefix))
			continue;
		pages[n++] = (struct host_pages){
			.size_bytes = g_ascii_strtoull(*name + strlen(prefix), NULL, 10) * KiB,
			.n_total = host_read_number(t, -1, "%s/%s/nr_hugepages", folder, *name),
			.n_free = host_read_number(t, -1, "%s/%s/free_hugepages", folder, *name),
		};
	}
	if (n)
		qsort(pages, n, sizeof *pages, by_size);
	*ret_n = n;
	return pages;
}

/* Each core once: of its threads the first tells it. */
static char **read_cores(struct arena *arena, const struct host_tree *t, const char *cpulist)
{
	struct cpus cpus = cpus_read(arena, cpulist);
	char **cores = ARENA_ARRAY(arena, char *, cpus.n + 1);
	guint n = 0;
	for (guint i = 0; i < cpus.n; i++) {
		char *threads = host_read(arena, t, "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpus.items[i]);
		struct cpus of_core = cpus_read(arena, threads);
		if (of_core.n && of_core.items[0] == cpus.items[i])
			cores[n++] = threads;
	}
	return cores;
}

static int by_id(const void *x, const void *y)
{
	const struct host_node *a = x, *b = y;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void read_nodes(struct arena *arena, const struct host_tree *t, struct host_facts *facts)
{
	static const char folder[] = "sys/devices/system/node";
	char **names = host_list(arena, t, "%s", folder);
	facts->nodes = ARENA_ARRAY(arena, struct host_node, g_strv_length(names));
	for (char **name = names; *name; name++) {
		if (!g_str_has_prefix(*name, "node") || !g_ascii_isdigit((*name)[4]))
			continue;
		struct host_node *node = &facts->nodes[facts->n_nodes++];
		node->id = (guint)g_ascii_strtoull(*name + 4, NULL, 10);
		node->cpulist = host_read(arena, t, "%s/%s/cpulist", folder, *name);
		node->cores = read_cores(arena, t, node->cpulist);
		node->memory_bytes = find_kib(host_read(arena, t, "%s/%s/meminfo", folder, *name), "MemTotal:");
		node->pages =
			read_pages(arena, t, arena_printf(arena, "%s/%s/hugepages", folder, *name), &node->n_pages);
	}
	if (facts->n_nodes)
		qsort(facts->nodes, facts->n_nodes, sizeof *facts->nodes, by_id);
}

/* x86 writes "model name"; other machines have no such line. */
static const char *find_cpu_model(struct arena *arena, const char *cpuinfo)
{
	const char *at = cpuinfo ? strstr(cpuinfo, "model name") : NULL;
	const char *colon = at ? strchr(at, ':') : NULL;
	return colon ? g_strstrip(arena_strndup(arena, colon + 1, strcspn(colon + 1, "\n"))) : NULL;
}

static gint64 count_cpus(struct arena *arena, const struct host_tree *t)
{
	const char *online = host_read(arena, t, "sys/devices/system/cpu/online");
	return online ? host_count_cpulist(online) : -1;
}

static const char *read_hostname(struct arena *arena, const struct host_tree *t)
{
	const char *running = host_read(arena, t, "proc/sys/kernel/hostname");
	return running ? running : host_read(arena, t, "etc/hostname");
}

void host_read_facts(struct arena *arena, const struct host_tree *t, struct host_facts *ret)
{
	const char *meminfo = host_read(arena, t, "proc/meminfo");
	struct host_facts facts = {
		.hostname = read_hostname(arena, t),
		.machine_id = host_read(arena, t, "etc/machine-id"),
		.boot_id = host_read(arena, t, "proc/sys/kernel/random/boot_id"),
		.kernel_release = host_read(arena, t, "proc/sys/kernel/osrelease"),
		.cmdline = host_read(arena, t, "proc/cmdline"),
		.cpu_model = find_cpu_model(arena, host_read(arena, t, "proc/cpuinfo")),
		.n_cpus = count_cpus(arena, t),
		.memory_bytes = find_kib(meminfo, "MemTotal:"),
		.available_bytes = find_kib(meminfo, "MemAvailable:"),
		.has_kvm = host_exists(t, "dev/kvm"),
	};
	facts.pages = read_pages(arena, t, "sys/kernel/mm/hugepages", &facts.n_pages);
	read_nodes(arena, t, &facts);
	*ret = facts;
}
