#include "plan/vm_cpus.h"
#include "base/arena.h"

/* -- what there is------------------------------------------------------------ */

static gint by_first_cpu(gconstpointer x, gconstpointer y)
{
	const struct cpus *a = x, *b = y;
	return a->items[0] < b->items[0] ? -1 : a->items[0] > b->items[0];
}

/* The node's cores as sets of CPUs; a CPU of which no core is told is one by itself. */
static GArray *cores_of(struct arena *a, const struct host_node_status *node, const struct cpus *all)
{
	GArray *cores = g_array_new(FALSE, FALSE, sizeof(struct cpus));
	g_autofree gboolean *is_told = g_new0(gboolean, CPUS_MAX);
	for (guint i = 0; i < node->cores.n; i++) {
		struct cpus told = cpus_read(a, node->cores.items[i]), core = { ARENA_ARRAY(a, guint, told.n + 1), 0 };
		for (guint k = 0; k < told.n; k++)
			if (cpus_have(all, told.items[k]) && !is_told[told.items[k]]) {
				is_told[told.items[k]] = TRUE;
				core.items[core.n++] = told.items[k];
			}
		if (core.n)
			g_array_append_val(cores, core);
	}
	for (guint i = 0; i < all->n; i++) {
		struct cpus alone = { &all->items[i], 1 };
		if (!is_told[all->items[i]])
			g_array_append_val(cores, alone);
	}
	g_array_sort(cores, by_first_cpu);
	return cores;
}

static void add_node(struct host_cpus *c, GArray *cpus, const struct host_node_status *node, gint64 n_reserved)
{
	struct cpus all = cpus_read(c->arena, node->cpus);
	g_autoptr(GArray) cores = cores_of(c->arena, node, &all);
	for (guint k = 0; k < cores->len; k++) {
		const struct cpus *core = &g_array_index(cores, struct cpus, k);
		for (guint i = 0; i < core->n; i++) {
			struct host_cpu cpu = { .number = core->items[i], .node = (guint)node->node, .core = k, .is_reserved = n_reserved-- > 0 };
			g_array_append_val(cpus, cpu);
		}
	}
}

struct host_cpus *host_cpus_of(const struct vm_target *any)
{
	struct arena *a = any->b->arena;
	struct host_cpus *c = ARENA_NEW(a, struct host_cpus);
	g_autoptr(GArray) cpus = g_array_new(FALSE, TRUE, sizeof(struct host_cpu));
	const struct host_spec *spec = vm_target_host_spec(any);
	const struct list *nodes = &any->host->nodes;
	c->arena = a;
	c->nodes = (struct cpus){ ARENA_ARRAY(a, guint, nodes->n + 1), 0 };
	for (guint i = 0; i < nodes->n; i++) {
		const struct host_node_status *node = LIST_AT(*nodes, struct host_node_status, i);
		if (node->node < 0)
			continue;
		c->nodes.items[c->nodes.n++] = (guint)node->node;
		add_node(c, cpus, node, spec ? spec->reserve.cpus_per_node : 0);
	}
	c->n = cpus->len;
	c->items = arena_memdup(a, cpus->data, cpus->len * sizeof(struct host_cpu));
	return c;
}

struct host_cpu *host_cpu_find(const struct host_cpus *c, guint number)
{
	for (guint i = 0; i < c->n; i++)
		if (c->items[i].number == number)
			return &c->items[i];
	return NULL;
}

/* -- what it carries ------------------------------------------------------------------------------------- */

void host_cpus_load(const struct host_cpus *c, const struct list *pinning, guint weight)
{
	for (guint i = 0; i < pinning->n; i++) {
		struct cpus cpus = cpus_read(c->arena, LIST_AT(*pinning, struct vm_pin, i)->cpus);
		for (guint k = 0; k < cpus.n; k++) {
			struct host_cpu *cpu = host_cpu_find(c, cpus.items[k]);
			if (cpu)
				cpu->load += weight;
		}
	}
}

static guint count(const struct host_cpus *c, guint node, guint below)
{
	guint n = 0;
	for (guint i = 0; i < c->n; i++)
		n += c->items[i].node == node && !c->items[i].is_reserved && c->items[i].load < below;
	return n;
}

guint host_cpus_usable(const struct host_cpus *c, guint node)
{
	return count(c, node, G_MAXUINT);
}

guint host_cpus_free(const struct host_cpus *c, guint node)
{
	return count(c, node, LOAD_RUNS);
}

/* -- the next one ---------------------------------------------------------------------------------------- */

static guint rank_of(const struct host_cpus *c, const struct vm_target *vm, const struct host_cpu *cpu)
{
	guint rank = 1;
	for (guint i = 0; i < c->n; i++) {
		const struct host_cpu *other = &c->items[i];
		if (other == cpu || other->node != cpu->node || other->core != cpu->core)
			continue;
		if (other->is_reserved || (other->load && other->vm != vm))
			return 2;
		if (other->load)
			rank = 0;
	}
	return rank;
}

struct host_cpu *host_cpu_best(const struct host_cpus *c, const struct vm_target *vm, guint node)
{
	struct host_cpu *best = NULL;
	guint best_rank = 0;
	for (guint i = 0; i < c->n; i++) {
		struct host_cpu *cpu = &c->items[i];
		if (cpu->node != node || cpu->is_reserved || (best && cpu->load > best->load))
			continue;
		guint rank = cpu->load ? 0 : rank_of(c, vm, cpu);
		if (!best || cpu->load < best->load || rank < best_rank) {
			best = cpu;
			best_rank = rank;
		}
	}
	return best;
}
