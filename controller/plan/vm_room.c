/* Whether there is memory for what is to start: on the nodes of VMs that are placed, and huge pages. What runs has its
 * memory; each VM that starts takes its own from what is left, in order of names. */
#include "base/arena.h"
#include "plan/vm_cpus.h"
#include <string.h>

#define SAY(...) arena_printf(t->b->arena, __VA_ARGS__)

struct room {
	struct arena *arena;
	const struct host_spec *spec;     /* may be NULL */
	const struct host_status *status;
	guint64 *held;                    /* of each node: memory of VMs, bytes */
	guint64 *promised;                /* of each row of status->hugepages: pages of VMs that start */
};

/* "24GiB", "125.8GiB" */
static const char *gib(struct arena *a, guint64 bytes)
{
	guint64 tenths = bytes / (GiB / 10);
	return tenths % 10 ? arena_printf(a, "%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "GiB", tenths / 10, tenths % 10)
	                   : arena_printf(a, "%" G_GUINT64_FORMAT "GiB", tenths / 10);
}

/* A balloon fills only when the guest is up: until then it has all that it may grow to. */
static guint64 memory_of(const struct vm_spec *vm)
{
	return MAX(vm->memory_bytes, vm->max_memory_bytes);
}

/* Evenly from its nodes; of a VM that may be anywhere, none. */
static guint64 memory_on(struct arena *a, const struct vm_spec *vm, gint64 node)
{
	struct cpus nodes = cpus_read(a, vm->numa.mode == NUMA_NODES ? vm->numa.nodes : NULL);
	return node >= 0 && cpus_have(&nodes, (guint)node) ? memory_of(vm) / nodes.n : 0;
}

static gboolean is_up(const struct vm_target *t)
{
	return t->have && vm_status_is_up(t->have);
}

/* What it has of the node already counts as its own. */
static guint64 more_on(const struct room *r, const struct vm_target *t, gint64 node)
{
	guint64 wanted = memory_on(r->arena, t->want, node), has = is_up(t) ? memory_on(r->arena, &t->have->live, node) : 0;
	return wanted > has ? wanted - has : 0;
}

static gboolean wait_for_room(struct vm_target *t, const char *message)
{
	t->waits_reason = "NoRoom";
	t->waits_for = message;
	t->is_stuck = TRUE;
	return FALSE;
}

static gboolean fits_node(const struct room *r, struct vm_target *t, guint i)
{
	const struct host_node_status *node = LIST_AT(r->status->nodes, struct host_node_status, i);
	guint64 kept = r->spec ? r->spec->reserve.memory_bytes / r->status->nodes.n : 0, more = more_on(r, t, node->node);
	if (!more || !node->memory_bytes || r->held[i] + more + kept <= node->memory_bytes)
		return TRUE;
	return wait_for_room(t, SAY("%s more do not fit on NUMA node %" G_GINT64_FORMAT ": it has %s, VMs have %s of that, and %s stay with the host (Host.reserve.memory)",
	                            gib(r->arena, more), node->node, gib(r->arena, node->memory_bytes), gib(r->arena, r->held[i]), gib(r->arena, kept)));
}

/* -- huge pages ------------------------------------------------------------------------------------------- */

static guint64 pages_of(guint64 bytes, guint64 size)
{
	return (bytes + size - 1) / size;
}

/* That the VM needs beyond those it has, of one row: its node's, or the whole host's where nodes are not told apart. */
static guint64 more_pages(const struct room *r, const struct vm_target *t, const struct host_pages_status *row)
{
	guint64 size = t->want->hugepage_bytes;
	const struct vm_spec *live = is_up(t) && t->have->live.hugepage_bytes == size ? &t->have->live : NULL;
	if (size != row->size_bytes)
		return 0;
	guint64 wanted = row->node < 0 ? memory_of(t->want) : memory_on(r->arena, t->want, row->node);
	guint64 has = !live ? 0 : row->node < 0 ? memory_of(live) : memory_on(r->arena, live, row->node);
	return wanted > has ? pages_of(wanted, size) - pages_of(has, size) : 0;
}

/* As many as the Host says: the plan sets them aside before it starts VMs. A kernel without NUMA has its pages on no
 * node; specs call that 0. */
static gint64 total_of(const struct room *r, const struct host_pages_status *row)
{
	for (guint i = 0; r->spec && i < r->spec->hugepages.n; i++) {
		const struct host_hugepages *said = LIST_AT(r->spec->hugepages, struct host_hugepages, i);
		if (said->size_bytes == row->size_bytes && said->node == MAX(row->node, 0))
			return said->count;
	}
	return row->n_total;
}

static gboolean fits_pages(const struct room *r, struct vm_target *t, guint i)
{
	const struct host_pages_status *row = LIST_AT(r->status->hugepages, struct host_pages_status, i);
	gint64 more = (gint64)more_pages(r, t, row), total = total_of(r, row);
	gint64 used = row->n_total - row->n_free + (gint64)r->promised[i];
	if (!more || row->n_total < 0 || row->n_free < 0 || used + more <= total)
		return TRUE;
	const char *size = bytes_format(r->arena, row->size_bytes), *node = row->node < 0 ? "0" : SAY("%" G_GINT64_FORMAT, row->node);
	return wait_for_room(t, SAY("%" G_GINT64_FORMAT " more huge pages of %s do not fit%s%s: %" G_GINT64_FORMAT " are set aside there, %" G_GINT64_FORMAT
	                            " of them for others; write hugepages: [{size: %s, node: %s, count: %" G_GINT64_FORMAT "}] in the Host",
	                            more, size, row->node < 0 ? "" : " on NUMA node ", row->node < 0 ? "" : node, total, used, size, node, used + more));
}

/* Of a VM that may be anywhere: all nodes together. */
static gboolean fits_pages_anywhere(const struct room *r, struct vm_target *t)
{
	guint64 size = t->want->hugepage_bytes;
	gint64 left = 0, more = (gint64)pages_of(memory_of(t->want), size);
	gboolean is_told = FALSE;
	if (is_up(t) && t->have->live.hugepage_bytes == size)
		more -= (gint64)pages_of(memory_of(&t->have->live), size);
	for (guint i = 0; i < r->status->hugepages.n; i++) {
		const struct host_pages_status *row = LIST_AT(r->status->hugepages, struct host_pages_status, i);
		if (row->size_bytes != size || row->n_total < 0 || row->n_free < 0)
			continue;
		is_told = TRUE;
		left += total_of(r, row) - (row->n_total - row->n_free) - (gint64)r->promised[i];
	}
	if (!is_told || more <= left)
		return TRUE;
	return wait_for_room(t, SAY("%" G_GINT64_FORMAT " more huge pages of %s are needed, %" G_GINT64_FORMAT " are left; write more in Host.hugepages", more,
	                            bytes_format(r->arena, size), MAX(left, 0)));
}

/* -- what no waiting brings ----------------------------------------------------------------------------------- */

/* A stop for a change that the host has no place for would leave it off. */
const char *vm_no_memory(const struct vm_target *t)
{
	guint64 most = t->host->memory_bytes;
	if (!most || t->want->memory_bytes <= most || !vm_should_run(t) || (is_up(t) && t->have->live.memory_bytes >= t->want->memory_bytes))
		return NULL;
	return SAY("its memory is %s, and the host has %s in all; write less", gib(t->b->arena, t->want->memory_bytes), gib(t->b->arena, most));
}

/* A capture of a sysfs tells of no kernel, and of no /dev/kvm either. */
const char *vm_no_kvm(const struct vm_target *t)
{
	gboolean is_absent = t->host->kernel && t->host->has_kvm == FALSE;
	if (!is_absent || t->want->accelerator != VM_KVM || !vm_should_run(t) || (is_up(t) && t->have->live.accelerator == VM_KVM))
		return NULL;
	return "the host has no /dev/kvm; enable virtualisation in its firmware and load kvm_intel or kvm_amd, or write accelerator: tcg, which is slow";
}

/* -- all of them ------------------------------------------------------------------------------------------- */

static gboolean is_placed(const struct vm_target *t)
{
	return t->want->numa.mode == NUMA_NODES;
}

static gboolean fits(const struct room *r, struct vm_target *t)
{
	for (guint i = 0; i < r->status->nodes.n; i++)
		if (!fits_node(r, t, i))
			return FALSE;
	if (!t->want->hugepage_bytes)
		return TRUE;
	for (guint i = 0; i < r->status->hugepages.n; i++)
		if ((is_placed(t) || LIST_AT(r->status->hugepages, struct host_pages_status, i)->node < 0) && !fits_pages(r, t, i))
			return FALSE;
	return is_placed(t) || fits_pages_anywhere(r, t);
}

static void take(const struct room *r, const struct vm_target *t)
{
	for (guint i = 0; i < r->status->nodes.n; i++)
		r->held[i] += more_on(r, t, LIST_AT(r->status->nodes, struct host_node_status, i)->node);
	for (guint i = 0; t->want->hugepage_bytes && i < r->status->hugepages.n; i++)
		r->promised[i] += more_pages(r, t, LIST_AT(r->status->hugepages, struct host_pages_status, i));
}

static void count_running(const struct room *r, const struct builder *b)
{
	OBJECTS_EACH (o, b->in->have, KIND_VM) {
		const struct vm_status *s = o->status;
		for (guint i = 0; s && vm_status_is_up(s) && i < r->status->nodes.n; i++)
			r->held[i] += memory_on(r->arena, &s->live, LIST_AT(r->status->nodes, struct host_node_status, i)->node);
	}
}

void vm_targets_find_room(struct vm_target *all, guint n)
{
	const struct builder *b = all->b;
	struct room r = { .arena = b->arena, .spec = vm_target_host_spec(all), .status = all->host };
	r.held = ARENA_ARRAY(r.arena, guint64, r.status->nodes.n + 1);
	r.promised = ARENA_ARRAY(r.arena, guint64, r.status->hugepages.n + 1);
	count_running(&r, b);
	VM_TARGETS_EACH (t, all, n)
		if (!t->waits_for && vm_should_run(t) && fits(&r, t))
			take(&r, t);
}

const struct host_spec *vm_target_host_spec(const struct vm_target *t)
{
	const struct object *host = objects_get(t->b->in->want, KIND_HOST, t->b->in->host);
	return host ? host->spec : NULL;
}
