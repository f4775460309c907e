/* Memory: how much, on what pages, from which NUMA nodes. */
#include "base/arena.h"
#include "domain/part.h"

/* The balloon is how memory changes while the guest runs; a VM whose memory does not change has none, which also
 * keeps pages that a GPU reads from being taken. */
void memory_write(struct context *c, const struct vm_spec *vm)
{
	guint64 most = MAX(vm->memory_bytes, vm->max_memory_bytes);
	xml_put_bytes(xml_add(c->root, "memory"), most);
	if (most > vm->memory_bytes)
		xml_put_bytes(xml_add(c->root, "currentMemory"), vm->memory_bytes);
	xml_set(xml_add(xml_have(c->root, "devices"), "memballoon"), "model", vm->max_memory_bytes ? "virtio" : "none");
}

void memory_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *balloon = xml_child(xml_child(c->root, "devices"), "memballoon");
	guint64 most = xml_bytes(xml_child(c->root, "memory")), now = xml_bytes(xml_child(c->root, "currentMemory"));
	gboolean has_balloon = balloon && !xml_says(balloon, "model", "none");
	ret->memory_bytes = has_balloon && now ? now : most;
	ret->max_memory_bytes = has_balloon ? most : 0;
}

void hugepages_write(struct context *c, const struct vm_spec *vm)
{
	if (!vm->hugepage_bytes)
		return;
	xmlNode *page = xml_add(xml_add(xml_have(c->root, "memoryBacking"), "hugepages"), "page");
	xml_set_int(page, "size", (gint64)(vm->hugepage_bytes / KiB));
	xml_set(page, "unit", "KiB");
}

/* Without a size they are the kernel's usual ones; on x86 2 MiB, unless it was told otherwise. */
void hugepages_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *pages = xml_child(xml_child(c->root, "memoryBacking"), "hugepages"), *page = xml_child(pages, "page");
	gint64 kib = xml_int(page, "size");
	if (pages)
		ret->hugepage_bytes = kib > 0 ? (guint64)kib * KiB : 2 * MiB;
}

/* -- NUMA ------------------------------------------------------------------------------------------------------- */

enum { MOST_NODES = 64 };

/* The numbers of "0,2-3"; how many. */
static guint list_nodes(const char *list, guint ret[static MOST_NODES])
{
	guint n = 0;
	for (const char *at = list; at && *at;) {
		char *end;
		guint64 first = g_ascii_strtoull(at, &end, 10), last = first;
		if (end != at && *end == '-')
			last = g_ascii_strtoull(end + 1, &end, 10);
		if (end == at)
			break;
		for (guint64 i = first; i <= last && i < G_MAXUINT && n < MOST_NODES; i++)
			ret[n++] = (guint)i;
		at = end + (*end == ',');
	}
	return n;
}

/* The guest's part of node `i` of `n`: as many vCPUs and as much memory as the others', what is left over goes to the
 * last. */
static void write_cell(struct context *c, const struct vm_spec *vm, xmlNode *numa, guint i, guint n)
{
	gint64 vcpus = MAX(vm->n_vcpus, vm->max_vcpus), first = vcpus * i / n, last = vcpus * (i + 1) / n - 1;
	guint64 memory = MAX(vm->memory_bytes, vm->max_memory_bytes), page = MAX(vm->hugepage_bytes, MiB);
	guint64 part = memory / n / page * page;
	xmlNode *cell = xml_add(numa, "cell");
	xml_set_int(cell, "id", i);
	xml_set(cell, "cpus",
	        first == last ? arena_printf(c->arena, "%" G_GINT64_FORMAT, first)
	                      : arena_printf(c->arena, "%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, first, last));
	xml_set_int(cell, "memory", (gint64)((i + 1 < n ? part : memory - part * (n - 1)) / KiB));
	xml_set(cell, "unit", "KiB");
}

/* Of one node the guest need not be told. A node without a vCPU or a page would be no node. */
static gboolean is_told(const struct vm_spec *vm, guint n)
{
	return n > 1 && MAX(vm->n_vcpus, vm->max_vcpus) >= n &&
	       MAX(vm->memory_bytes, vm->max_memory_bytes) / MAX(vm->hugepage_bytes, MiB) >= n;
}

void numa_write(struct context *c, const struct vm_spec *vm)
{
	guint nodes[MOST_NODES], n = vm->numa.mode == NUMA_NODES ? list_nodes(vm->numa.nodes, nodes) : 0;
	if (!n)
		return;
	xmlNode *tune = xml_add(c->root, "numatune"), *memory = xml_add(tune, "memory");
	xml_set(memory, "mode", "strict");
	xml_set(memory, "nodeset", vm->numa.nodes);
	if (!is_told(vm, n))
		return;
	xmlNode *numa = xml_add(xml_have(c->root, "cpu"), "numa");
	for (guint i = 0; i < n; i++) {
		xmlNode *part = xml_add(tune, "memnode");
		xml_set_int(part, "cellid", i);
		xml_set(part, "mode", "strict");
		xml_set_int(part, "nodeset", nodes[i]);
		write_cell(c, vm, numa, i, n);
	}
}

void numa_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *memory = xml_child(xml_child(c->root, "numatune"), "memory");
	ret->numa.nodes = xml_get(c->arena, memory, "nodeset");
	ret->numa.mode = ret->numa.nodes ? NUMA_NODES : NUMA_UNSAID;
}
