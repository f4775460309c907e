/* `numa: auto` and `nodes`: which CPU of the host runs each vCPU, and which nodes the memory comes from.
 *
 * A VM stands on the nodes of its GPUs. Each vCPU has one CPU; whole cores go to one VM and to vCPUs beside each other,
 * no CPU is given twice while another of the node is free, and the Host's reserve, the first cores of each node, is left
 * alone. What a VM's definition says stays as long as it is right, whoever comes and goes: only what is new or wrong is
 * placed, in order of names, into what is left. VMs that run go before those that are to start, and these before those
 * that are off. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include "plan/vm_cpus.h"
#include <string.h>

enum turn { TURN_UP, TURN_STARTS, TURN_OFF, N_TURNS };

/* A VM that is placed. */
struct placing {
	struct vm_target *t;
	struct cpus nodes;
	enum turn turn;
	guint n_vcpus;
	struct host_cpu **pins; /* of each vCPU; NULL = not placed */
};

struct layout {
	struct arena *arena;
	struct host_cpus *cpus;
	struct placing *vms;
	guint n_vms;
};

/* -- the VMs ------------------------------------------------------------------------------------------------ */

static gboolean is_up(const struct vm_target *t)
{
	return t->have && vm_status_is_up(t->have);
}

static enum turn turn_of(const struct vm_target *t)
{
	return is_up(t) ? TURN_UP : vm_should_run(t) ? TURN_STARTS : TURN_OFF;
}

static guint weight_of(enum turn turn)
{
	return turn == TURN_OFF ? LOAD_OFF : LOAD_RUNS;
}

/* A card whose node is not told is on the only one there is; -1: nobody knows. */
static gint64 node_of_gpu(const struct layout *l, const struct gpu_target *g)
{
	const struct cpus *nodes = &l->cpus->nodes;
	if (!g || !g->card)
		return -1;
	if (g->card->numa_node < 0)
		return nodes->n == 1 ? (gint64)nodes->items[0] : -1;
	return cpus_have(nodes, (guint)g->card->numa_node) ? g->card->numa_node : -1;
}

static struct cpus nodes_of_gpus(const struct layout *l, const struct vm_target *t)
{
	g_autoptr(GString) list = g_string_new(NULL);
	for (guint i = 0; i < t->spec->gpus.n; i++) {
		gint64 node = node_of_gpu(l, gpu_target_find(t->b, LIST_AT(t->spec->gpus, struct vm_gpu, i)->gpu));
		if (node >= 0)
			g_string_append_printf(list, "%s%" G_GINT64_FORMAT, list->len ? "," : "", node);
	}
	return cpus_read(l->arena, list->str);
}

/* FALSE, and the VM waits, when the spec names a node that is not there. */
static gboolean nodes_as_written(const struct layout *l, struct vm_target *t, struct cpus *ret)
{
	*ret = cpus_read(l->arena, t->spec->numa.nodes);
	for (guint i = 0; i < ret->n; i++)
		if (!cpus_have(&l->cpus->nodes, ret->items[i])) {
			t->waits_reason = "NoSuchNode";
			t->waits_for = arena_printf(l->arena, "the host has no NUMA node %u; correct numa.nodes", ret->items[i]);
			t->is_stuck = TRUE;
			return FALSE;
		}
	return ret->n > 0;
}

/* Nobody knows its nodes now: it stays where it is. */
static void keep_as_defined(struct vm_target *t)
{
	const struct vm_spec *defined = &t->have->defined;
	if (t->spec->numa.mode != NUMA_AUTO)
		return;
	t->want->numa = defined->numa;
	t->want->cpu.pinning = defined->cpu.pinning;
	if (!t->want->cpu.emulator_cpus)
		t->want->cpu.emulator_cpus = defined->cpu.emulator_cpus;
}

/* A card that tells its node no longer is on the one where it was. */
static gboolean is_placed_already(const struct layout *l, const struct vm_target *t)
{
	gboolean is_told = TRUE;
	for (guint i = 0; i < t->spec->gpus.n; i++)
		is_told &= node_of_gpu(l, gpu_target_find(t->b, LIST_AT(t->spec->gpus, struct vm_gpu, i)->gpu)) >= 0;
	return t->spec->numa.mode == NUMA_AUTO && !is_told && t->have && t->have->defined.numa.mode == NUMA_NODES;
}

static void add_vm(struct layout *l, struct vm_target *t)
{
	struct placing *p = &l->vms[l->n_vms];
	struct cpus nodes = { 0 };
	int mode = t->spec->numa.mode;
	if (is_placed_already(l, t)) {
		keep_as_defined(t);
		return;
	}
	if (mode == NUMA_AUTO)
		nodes = nodes_of_gpus(l, t);
	if (mode == NUMA_AUTO && !nodes.n && t->spec->gpus.n && l->cpus->nodes.n > 1)
		builder_note(t->b, KIND_VM, t->object->id, "numa: auto: its card does not tell its NUMA node, so it may run on any; numa: {mode: nodes, nodes: …} says which");
	if (mode == NUMA_NODES && !nodes_as_written(l, t, &nodes))
		return;
	t->want->numa = (struct vm_numa){ 0 };
	if (!nodes.n)
		return;
	t->want->numa = (struct vm_numa){ NUMA_NODES, cpus_format(l->arena, &nodes) };
	*p = (struct placing){ t, nodes, turn_of(t), (guint)MAX(t->want->n_vcpus, t->want->max_vcpus), NULL };
	p->pins = ARENA_ARRAY(l->arena, struct host_cpu *, p->n_vcpus);
	l->n_vms++;
}

static const struct placing *placing_of(const struct layout *l, const char *vm)
{
	for (guint i = 0; i < l->n_vms; i++)
		if (strcmp(l->vms[i].t->object->id, vm) == 0)
			return &l->vms[i];
	return NULL;
}

/* -- who has a CPU already ------------------------------------------------------------------------------------ */

static gboolean is_pinned_by_hand(const struct placing *p)
{
	return p->t->spec->cpu.pinning.n > 0;
}

/* CPUs as people wrote them, and those of running domains that are not placed here. */
static void load_others(const struct layout *l, struct vm_target *all, guint n)
{
	const struct builder *b = all->b;
	VM_TARGETS_EACH (t, all, n)
		host_cpus_load(l->cpus, &t->spec->cpu.pinning, weight_of(turn_of(t)));
	OBJECTS_EACH (o, b->in->have, KIND_VM) {
		const struct vm_status *s = o->status;
		const struct object *want = objects_get(b->in->want, KIND_VM, o->id);
		gboolean is_written = want && ((const struct vm_spec *)want->spec)->cpu.pinning.n;
		if (s && vm_status_is_up(s) && !is_written && !placing_of(l, o->id))
			host_cpus_load(l->cpus, &s->live.cpu.pinning, LOAD_RUNS);
	}
}

/* vCPUs are divided evenly among the nodes, as the guest's own nodes are (domain/memory.c). */
static guint node_of_vcpu(const struct placing *p, guint vcpu)
{
	guint i = p->nodes.n - 1;
	while (i > 0 && p->n_vcpus * i / p->nodes.n > vcpu)
		i--;
	return p->nodes.items[i];
}

static gboolean has_cpu(const struct placing *p, const struct host_cpu *cpu)
{
	for (guint i = 0; i < p->n_vcpus; i++)
		if (p->pins[i] == cpu)
			return TRUE;
	return FALSE;
}

/* The CPU that its definition gives the vCPU, when that is right: one, of the vCPU's node, not reserved, and not another
 * vCPU's as well unless there are too few. */
static struct host_cpu *defined_cpu(const struct layout *l, const struct placing *p, guint vcpu)
{
	const struct list *pinning = p->t->have ? &p->t->have->defined.cpu.pinning : NULL;
	for (guint i = 0; pinning && i < pinning->n; i++) {
		const struct vm_pin *pin = LIST_AT(*pinning, struct vm_pin, i);
		struct cpus cpus = pin->vcpu == vcpu ? cpus_read(l->arena, pin->cpus) : (struct cpus){ 0 };
		struct host_cpu *cpu = cpus.n == 1 ? host_cpu_find(l->cpus, cpus.items[0]) : NULL;
		if (!cpu || cpu->is_reserved || cpu->node != node_of_vcpu(p, vcpu))
			continue;
		if (!has_cpu(p, cpu) || p->n_vcpus > host_cpus_usable(l->cpus, cpu->node) * p->nodes.n)
			return cpu;
	}
	return NULL;
}

static void pin(struct placing *p, guint vcpu, struct host_cpu *cpu, guint weight)
{
	p->pins[vcpu] = cpu;
	cpu->load += weight;
	cpu->vm = p->t;
}

static void unpin_all(struct placing *p)
{
	for (guint i = 0; i < p->n_vcpus; i++) {
		if (p->pins[i])
			p->pins[i]->load -= weight_of(p->turn);
		p->pins[i] = NULL;
	}
}

static void keep(const struct layout *l, struct placing *p)
{
	for (guint i = 0; i < p->n_vcpus; i++) {
		struct host_cpu *cpu = defined_cpu(l, p, i);
		if (cpu)
			pin(p, i, cpu, weight_of(p->turn));
	}
}

/* -- placing ---------------------------------------------------------------------------------------------------- */

/* What it has itself weighs more than all else meanwhile: its vCPUs share with each other last. */
static void weigh(struct placing *p, guint from, guint to)
{
	for (guint i = 0; i < p->n_vcpus; i++)
		if (p->pins[i])
			p->pins[i]->load += to - from;
}

static void place_missing(const struct layout *l, struct placing *p)
{
	weigh(p, weight_of(p->turn), LOAD_OWN);
	for (guint i = 0; i < p->n_vcpus; i++) {
		struct host_cpu *cpu = p->pins[i] ? NULL : host_cpu_best(l->cpus, p->t, node_of_vcpu(p, i));
		if (cpu)
			pin(p, i, cpu, LOAD_OWN);
	}
	weigh(p, LOAD_OWN, weight_of(p->turn));
}

/* Also with a CPU that it has twice itself. */
static gboolean shares_cpu(const struct placing *p)
{
	for (guint i = 0; i < p->n_vcpus; i++)
		if (p->pins[i] && p->pins[i]->load >= 2 * LOAD_RUNS)
			return TRUE;
	return FALSE;
}

/* Before it starts, a VM that would share CPUs moves to where it does not: that costs nobody anything. */
static void move_away(const struct layout *l, struct placing *p)
{
	if (!shares_cpu(p))
		return;
	g_autofree struct host_cpu **before = g_memdup2(p->pins, p->n_vcpus * sizeof *p->pins);
	gboolean has_room = TRUE;
	unpin_all(p);
	for (guint i = 0; i < p->nodes.n; i++)
		has_room &= host_cpus_free(l->cpus, p->nodes.items[i]) * p->nodes.n >= p->n_vcpus + p->nodes.n - 1;
	for (guint i = 0; !has_room && i < p->n_vcpus; i++)
		if (before[i])
			pin(p, i, before[i], weight_of(p->turn));
}

#define PLACINGS_EACH(p, l, turn_)                                                                     \
	for (struct placing *p = (l)->vms, *p##_end = p + (l)->n_vms; p < p##_end; p++)               \
		if (p->turn == (turn_) && !is_pinned_by_hand(p))

static void place_all(const struct layout *l)
{
	for (enum turn turn = TURN_UP; turn < N_TURNS; turn++)
		PLACINGS_EACH (p, l, turn)
			keep(l, p);
	for (enum turn turn = TURN_UP; turn < N_TURNS; turn++)
		PLACINGS_EACH (p, l, turn) {
			if (turn == TURN_STARTS)
				move_away(l, p);
			place_missing(l, p);
		}
}

/* -- what it comes to --------------------------------------------------------------------------------------------- */

static const char *cpus_of_nodes(const struct layout *l, const struct cpus *nodes, gboolean is_reserved)
{
	g_autoptr(GString) list = g_string_new(NULL);
	for (guint i = 0; i < l->cpus->n; i++) {
		const struct host_cpu *cpu = &l->cpus->items[i];
		if (cpus_have(nodes, cpu->node) && cpu->is_reserved == is_reserved)
			g_string_append_printf(list, "%s%u", list->len ? "," : "", cpu->number);
	}
	struct cpus cpus = cpus_read(l->arena, list->str);
	return cpus_format(l->arena, &cpus);
}

static void fill(const struct layout *l, const struct placing *p)
{
	struct vm_cpu *cpu = &p->t->want->cpu;
	/* QEMU's own threads: beside the VMs where the Host keeps CPUs back, else among them. */
	if (!cpu->emulator_cpus)
		cpu->emulator_cpus = cpus_of_nodes(l, &p->nodes, TRUE);
	if (!cpu->emulator_cpus)
		cpu->emulator_cpus = cpus_of_nodes(l, &p->nodes, FALSE);
	if (is_pinned_by_hand(p))
		return;
	struct vm_pin *pins = ARENA_ARRAY(l->arena, struct vm_pin, p->n_vcpus);
	guint n = 0;
	for (guint i = 0; i < p->n_vcpus; i++)
		if (p->pins[i])
			pins[n++] = (struct vm_pin){ i, arena_printf(l->arena, "%u", p->pins[i]->number) };
	cpu->pinning = (struct list){ pins, n };
	if (n < p->n_vcpus)
		builder_note(p->t->b, KIND_VM, p->t->object->id, "the Host's reserve leaves no CPU of its NUMA nodes: not all vCPUs are pinned");
	else if (p->turn != TURN_OFF && shares_cpu(p))
		builder_note(p->t->b, KIND_VM, p->t->object->id, "more vCPUs are wanted than its NUMA nodes have CPUs: it shares some with others");
}

void vm_targets_place(struct vm_target *all, guint n)
{
	if (!n || !all->host)
		return;
	struct arena *a = all->b->arena;
	struct layout l = { a, host_cpus_of(all), ARENA_ARRAY(a, struct placing, n), 0 };
	VM_TARGETS_EACH (t, all, n) {
		if (!t->waits_for)
			add_vm(&l, t);
		else if (t->have)
			keep_as_defined(t);
	}
	load_others(&l, all, n);
	place_all(&l);
	for (guint i = 0; i < l.n_vms; i++)
		fill(&l, &l.vms[i]);
	vm_targets_find_room(all, n);
}
