/* Where VMs are placed, on hosts made at random: no reserved CPU, none twice while one is free, whole cores, nobody moves
 * because others come and go; and whether there is room. CLEAVE_SEED=N repeats a run. */
#include "base/arena.h"
#include "base/cpus.h"
#include "plan/plan_gpu.h"
#include "plan/plan_vm.h"
#include "plan_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDS = 300, MAX_VMS = 8, MAX_CPUS = 256, MAX_NODES = 4 };

static guint32 last_seed;

/* -- a host ------------------------------------------------------------------------------------------------- */

struct world {
	struct arena *arena;
	guint n_nodes, n_cores, n_threads; /* cores of a node */
	guint n_reserved;                  /* CPUs of a node */
	gboolean is_interleaved;           /* a core's threads stand beside each other */
	gboolean is_untold;                /* cards do not tell their nodes */
	gboolean is_bare;                  /* nor does the host have any */
	GPtrArray *vms;                    /* texts; NULL where a VM is gone */
	const struct vm_status *seen[MAX_VMS];
	gint64 n_pages, n_free; /* of 1GiB, of each node */
};

static guint random_of(GRand *r, guint first, guint last)
{
	return (guint)g_rand_int_range(r, (gint32)first, (gint32)last + 1);
}

static gboolean one_in(GRand *r, int n)
{
	return g_rand_int_range(r, 0, n) == 0;
}

static guint cpu_number(const struct world *w, guint node, guint core, guint thread)
{
	guint nth = node * w->n_cores + core;
	return w->is_interleaved ? nth * w->n_threads + thread : thread * w->n_nodes * w->n_cores + nth;
}

/* By number: where a CPU is. */
static void find_cpu(const struct world *w, guint cpu, guint *ret_node, guint *ret_core, guint *ret_thread)
{
	guint nth = w->is_interleaved ? cpu / w->n_threads : cpu % (w->n_nodes * w->n_cores);
	*ret_node = nth / w->n_cores;
	*ret_core = nth % w->n_cores;
	*ret_thread = w->is_interleaved ? cpu % w->n_threads : cpu / (w->n_nodes * w->n_cores);
}

static gboolean is_reserved(const struct world *w, guint cpu)
{
	guint node, core, thread;
	find_cpu(w, cpu, &node, &core, &thread);
	return core * w->n_threads + thread < w->n_reserved;
}

static struct object *seen_object(struct objects *have, struct arena *a, enum kind_id kind, const char *name, gpointer status)
{
	struct object *o = ARENA_NEW(a, struct object);
	*o = (struct object){ .kind = &kinds[kind], .meta = { .name = name }, .id = name, .status = status };
	assert_true(objects_add(have, o));
	return o;
}

static struct list nodes_of(const struct world *w)
{
	struct host_node_status *nodes = ARENA_ARRAY(w->arena, struct host_node_status, w->n_nodes);
	for (guint n = 0; n < w->n_nodes; n++) {
		const char **cores = ARENA_ARRAY(w->arena, const char *, w->n_cores);
		g_autoptr(GString) cpus = g_string_new(NULL);
		for (guint c = 0; c < w->n_cores; c++) {
			g_autoptr(GString) core = g_string_new(NULL);
			for (guint t = 0; t < w->n_threads; t++)
				g_string_append_printf(core, "%s%u", t ? "," : "", cpu_number(w, n, c, t));
			g_string_append_printf(cpus, "%s%s", c ? "," : "", core->str);
			cores[c] = arena_strdup(w->arena, core->str);
		}
		nodes[n] = (struct host_node_status){ .node = n, .cpus = arena_strdup(w->arena, cpus->str), .memory_bytes = 256 * GiB, .cores = { cores, w->n_cores } };
	}
	return (struct list){ nodes, w->n_nodes };
}

static void add_card(struct objects *have, const struct world *w, guint node)
{
	struct gpu_status *s = ARENA_NEW(w->arena, struct gpu_status);
	struct gpu_function *f = ARENA_NEW(w->arena, struct gpu_function);
	const char *address = arena_printf(w->arena, "0000:6%u:00.0", node);
	fields_set_untold(gpu_status_fields, s);
	*f = (struct gpu_function){ .address = address, .driver = "nvidia", .iommu_group = (gint64)node };
	s->address = address;
	s->driver = "nvidia";
	s->numa_node = w->n_nodes == 1 || w->is_untold ? -1 : (gint64)node;
	s->functions = (struct list){ f, 1 };
	seen_object(have, w->arena, KIND_GPU, arena_printf(w->arena, "g%u", node), s);
}

static struct list pages_of(const struct world *w)
{
	struct host_pages_status *pages = ARENA_ARRAY(w->arena, struct host_pages_status, w->n_nodes);
	for (guint n = 0; n < w->n_nodes; n++)
		pages[n] = (struct host_pages_status){ GiB, n, w->n_pages, w->n_free };
	return (struct list){ pages, w->n_pages ? w->n_nodes : 0 };
}

static struct objects *observe(const struct world *w)
{
	struct objects *have = objects_new(w->arena);
	struct host_status *h = ARENA_NEW(w->arena, struct host_status);
	fields_set_untold(host_status_fields, h);
	h->nodes = w->is_bare ? (struct list){ 0 } : nodes_of(w);
	h->hugepages = pages_of(w);
	seen_object(have, w->arena, KIND_HOST, "h1", h);
	for (guint n = 0; n < w->n_nodes; n++)
		add_card(have, w, n);
	for (guint i = 0; i < MAX_VMS; i++)
		if (w->seen[i])
			seen_object(have, w->arena, KIND_VM, arena_printf(w->arena, "v%u", i), (gpointer)w->seen[i]);
	return have;
}

/* -- VMs ------------------------------------------------------------------------------------------------------ */

/* Cards are cut in vGPUs: so any number of VMs may have one of a node. */
static const char *gpus_text(const struct world *w, GRand *r)
{
	guint first = random_of(r, 0, w->n_nodes - 1), second = random_of(r, 0, w->n_nodes - 1);
	return one_in(r, 4) ? arena_printf(w->arena, "[{gpu: g%u, share: vgpu}, {gpu: g%u, share: vgpu}]", first, second)
	                    : arena_printf(w->arena, "[{gpu: g%u, share: vgpu}]", first);
}

static const char *vm_text(const struct world *w, GRand *r, guint i)
{
	guint n = random_of(r, 1, 12);
	const char *numa = one_in(r, 5) ? arena_printf(w->arena, "  numa: {mode: nodes, nodes: \"%u\"}\n", random_of(r, 0, w->n_nodes - 1))
	                   : one_in(r, 8) ? "" : "  numa: auto\n";
	const char *max = one_in(r, 4) ? arena_printf(w->arena, "  maxVcpus: %u\n", n + random_of(r, 0, 6)) : "";
	return arena_printf(w->arena, "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\nspec:\n  host: h1\n  state: %s\n  vcpus: %u\n%s"
	                    "  memory: 4GiB\n  boot: {kernel: /boot/vmlinuz}\n%s  gpus: %s\n",
	                    i, one_in(r, 6) ? "stopped" : "running", n, max, numa, gpus_text(w, r));
}

static const char *fixed_text(const struct world *w)
{
	g_autoptr(GString) s = g_string_new(NULL);
	g_string_append_printf(s, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}}\n---\n"
	                       "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {reserve: {cpusPerNode: %u}}\n", w->n_reserved);
	return arena_strdup(w->arena, s->str);
}

static struct world world_new(struct arena *a, GRand *r)
{
	struct world w = { .arena = a, .n_nodes = random_of(r, 1, MAX_NODES), .n_cores = random_of(r, 2, 12), .n_threads = random_of(r, 1, 2) };
	w.is_interleaved = one_in(r, 2);
	w.n_reserved = random_of(r, 0, MIN(4, w.n_cores * w.n_threads - 1));
	w.vms = g_ptr_array_new();
	arena_own(a, w.vms, (GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; i < MAX_VMS; i++)
		g_ptr_array_add(w.vms, one_in(r, 3) ? NULL : (gpointer)vm_text(&w, r, i));
	return w;
}

/* -- what comes of it ------------------------------------------------------------------------------------------- */

struct result {
	const struct vm_target *targets;
	guint n;
	const char *text; /* of all of it */
};

static const struct vm_target *target_of(const struct result *res, guint vm)
{
	g_autofree char *name = g_strdup_printf("v%u", vm);
	for (guint i = 0; i < res->n; i++)
		if (strcmp(res->targets[i].object->id, name) == 0)
			return &res->targets[i];
	return NULL;
}

static const char *text_of(struct arena *a, const struct vm_spec *want)
{
	g_autoptr(GString) s = g_string_new(NULL);
	g_string_append_printf(s, "nodes=%s emulator=%s", want->numa.nodes ? want->numa.nodes : "-", want->cpu.emulator_cpus ? want->cpu.emulator_cpus : "-");
	for (guint i = 0; i < want->cpu.pinning.n; i++) {
		const struct vm_pin *pin = LIST_AT(want->cpu.pinning, struct vm_pin, i);
		g_string_append_printf(s, " %" G_GINT64_FORMAT ":%s", pin->vcpu, pin->cpus);
	}
	return arena_strdup(a, s->str);
}

static struct objects *want_of(const struct world *w, GRand *shuffled)
{
	g_autoptr(GArray) files = g_array_new(FALSE, TRUE, sizeof(struct spec_file));
	g_autoptr(GPtrArray) texts = g_ptr_array_new();
	g_ptr_array_add(texts, (gpointer)fixed_text(w));
	for (guint n = 0; n < w->n_nodes; n++)
		g_ptr_array_add(texts, arena_printf(w->arena, "apiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: g%u}\nspec: {host: h1, address: '0000:6%u:00.0', share: vgpu, vgpu: {type: x}}\n", n, n));
	for (guint i = 0; i < w->vms->len; i++)
		if (w->vms->pdata[i])
			g_ptr_array_add(texts, w->vms->pdata[i]);
	for (guint i = texts->len; shuffled && i > 1; i--) {
		guint k = random_of(shuffled, 0, i - 1);
		gpointer other = texts->pdata[i - 1];
		texts->pdata[i - 1] = texts->pdata[k];
		texts->pdata[k] = other;
	}
	for (guint i = 0; i < texts->len; i++) {
		struct spec_file file = { .path = arena_printf(w->arena, "%u.yaml", i), .bytes = texts->pdata[i], .size = strlen(texts->pdata[i]) };
		g_array_append_val(files, file);
	}
	return plan_fixture_want(w->arena, (const struct spec_file *)(gpointer)files->data, files->len);
}

static struct result place_freely(const struct world *w, GRand *shuffled)
{
	struct arena *a = w->arena;
	struct plan_input in = { .host = "h1", .want = want_of(w, shuffled), .have = observe(w) };
	struct builder *b = ARENA_NEW(a, struct builder);
	GArray *arrays[4];
	size_t sizes[] = { sizeof(struct action), sizeof(struct verdict), sizeof(struct refusal), sizeof(struct note) };
	for (guint i = 0; i < 4; i++) {
		arrays[i] = g_array_new(FALSE, TRUE, (guint)sizes[i]);
		arena_own(a, arrays[i], (GDestroyNotify)g_array_unref);
	}
	*b = (struct builder){ .arena = a, .in = arena_memdup(a, &in, sizeof in), .actions = arrays[0], .verdicts = arrays[1], .refusals = arrays[2], .notes = arrays[3] };
	gpus_identify(b);
	struct vm_target *targets = ARENA_ARRAY(a, struct vm_target, MAX_VMS);
	guint n = 0;
	OBJECTS_EACH (o, in.want, KIND_VM) {
		const struct object *have = objects_get(in.have, KIND_VM, o->id);
		targets[n++] = (struct vm_target){ .b = b, .object = o, .spec = o->spec, .have = have ? have->status : NULL,
			                           .host = objects_get(in.have, KIND_HOST, "h1")->status };
	}
	vm_targets_resolve(targets, n);
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < n; i++)
		g_string_append_printf(text, "%s: %s\n", targets[i].object->id, text_of(a, targets[i].want));
	return (struct result){ targets, n, arena_strdup(a, text->str) };
}

static struct result place(const struct world *w, GRand *shuffled)
{
	struct result res = place_freely(w, shuffled);
	for (guint i = 0; i < res.n; i++)
		assert_null(res.targets[i].waits_for);
	return res;
}

/* libvirt keeps what it was told, and the VMs that are to run do; `r`: but for some that ended by themselves. */
static void define(struct world *w, const struct result *res, GRand *r)
{
	for (guint i = 0; i < MAX_VMS; i++) {
		const struct vm_target *t = target_of(res, i);
		struct vm_status *s = ARENA_NEW(w->arena, struct vm_status);
		fields_set_untold(vm_status_fields, s);
		w->seen[i] = t ? s : NULL;
		if (!t)
			continue;
		s->owner = "f";
		s->state = t->want->state == VM_RUNNING && !(r && one_in(r, 4)) ? DOMAIN_RUNNING : DOMAIN_SHUT_OFF;
		s->defined = *t->want;
		if (s->state == DOMAIN_RUNNING)
			s->live = *t->want;
	}
}

/* Only that: who has ended is still off. */
static void redefine(struct world *w, const struct result *res)
{
	for (guint i = 0; i < MAX_VMS; i++)
		if (w->seen[i] && target_of(res, i))
			((struct vm_status *)w->seen[i])->defined = *target_of(res, i)->want;
}

/* -- what has to hold --------------------------------------------------------------------------------------------- */

static gint64 n_all_vcpus(const struct vm_target *t)
{
	return MAX(t->spec->n_vcpus, t->spec->max_vcpus);
}

static guint pin_at(const struct vm_spec *want, guint i)
{
	const struct vm_pin *pin = LIST_AT(want->cpu.pinning, struct vm_pin, i);
	assert_int_equal(pin->vcpu, i);
	return (guint)g_ascii_strtoull(pin->cpus, NULL, 10);
}

/* Each vCPU has one CPU that is not reserved, of the nodes in turn. */
static void check_pins(const struct world *w, const struct vm_target *t)
{
	struct cpus nodes = cpus_read(w->arena, t->want->numa.nodes);
	assert_int_equal(t->want->cpu.pinning.n, nodes.n ? n_all_vcpus(t) : 0);
	guint last = 0, n_of_node[MAX_NODES] = { 0 };
	for (guint i = 0; i < t->want->cpu.pinning.n; i++) {
		guint cpu = pin_at(t->want, i), node, core, thread;
		assert_false(is_reserved(w, cpu));
		find_cpu(w, cpu, &node, &core, &thread);
		assert_true(cpus_have(&nodes, node) && node >= last);
		last = node;
		n_of_node[node]++;
	}
	for (guint i = 0; i < nodes.n && n_all_vcpus(t) >= nodes.n; i++)
		assert_in_range(n_of_node[nodes.items[i]], n_all_vcpus(t) / nodes.n, (n_all_vcpus(t) + nodes.n - 1) / nodes.n);
}

struct use {
	guint n;
	const struct vm_target *vm;
	gboolean is_shared;
};

static void count_uses(const struct result *res, struct use *uses)
{
	for (guint v = 0; v < res->n; v++)
		for (guint i = 0; i < res->targets[v].want->cpu.pinning.n; i++) {
			struct use *u = &uses[pin_at(res->targets[v].want, i)];
			u->is_shared |= u->n && u->vm != &res->targets[v];
			u->vm = &res->targets[v];
			u->n++;
		}
}

/* Whether a core has threads of several VMs; *ret_free: of nobody, the reserve neither. */
static gboolean is_split(const struct world *w, const struct use *uses, guint node, guint core, gboolean *ret_free)
{
	const struct vm_target *first = NULL;
	gboolean split = FALSE;
	*ret_free = TRUE;
	for (guint t = 0; t < w->n_threads; t++) {
		guint cpu = cpu_number(w, node, core, t);
		*ret_free &= !uses[cpu].n && !is_reserved(w, cpu);
		split |= uses[cpu].n && (uses[cpu].is_shared || (first && uses[cpu].vm != first));
		first = uses[cpu].n ? uses[cpu].vm : first;
	}
	return split;
}

/* Placed all at once: what is only true when nobody has left. */
static void check_fresh(const struct world *w, const struct result *res)
{
	struct use uses[MAX_CPUS] = { 0 };
	count_uses(res, uses);
	for (guint n = 0; n < w->n_nodes; n++) {
		guint most = 0, least = G_MAXUINT;
		gboolean any_split = FALSE, any_free = FALSE, is_free;
		for (guint c = 0; c < w->n_cores; c++) {
			any_split |= is_split(w, uses, n, c, &is_free);
			any_free |= is_free;
			for (guint t = 0; t < w->n_threads; t++) {
				guint cpu = cpu_number(w, n, c, t);
				most = is_reserved(w, cpu) ? most : MAX(most, uses[cpu].n);
				least = is_reserved(w, cpu) ? least : MIN(least, uses[cpu].n);
			}
		}
		assert_true(most < 2 || least > 0);
		assert_false(any_split && any_free);
	}
}

static void check_all(const struct world *w, const struct result *res)
{
	for (guint i = 0; i < res->n; i++)
		check_pins(w, &res->targets[i]);
}

/* Who ran and runs still is where it was. */
static void check_nobody_moved(const struct world *w, const struct result *before, const struct result *after)
{
	for (guint i = 0; i < MAX_VMS; i++) {
		const struct vm_target *t = target_of(after, i), *was = target_of(before, i);
		if (t && was && t->spec->state == VM_RUNNING && w->seen[i] && w->seen[i]->state == DOMAIN_RUNNING)
			assert_string_equal(text_of(w->arena, t->want), text_of(w->arena, was->want));
	}
}

static void others_come_and_go(struct world *w, GRand *r)
{
	for (guint i = 0; i < MAX_VMS; i++)
		if (one_in(r, 3))
			w->vms->pdata[i] = w->vms->pdata[i] ? NULL : (gpointer)vm_text(w, r, i);
}

static void play(guint32 seed)
{
	SCOPED_ARENA(a);
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	struct world w = world_new(a, r);
	last_seed = seed;
	struct result res = place(&w, NULL);
	check_all(&w, &res);
	check_fresh(&w, &res);
	for (guint round = 0; round < 4; round++) {
		assert_string_equal(place(&w, r).text, res.text);
		define(&w, &res, NULL);
		assert_string_equal(place(&w, r).text, res.text);
		others_come_and_go(&w, r);
		struct result next = place(&w, NULL);
		check_all(&w, &next);
		check_nobody_moved(&w, &res, &next);
		/* Who has ended may start elsewhere, and then stays there. */
		define(&w, &next, r);
		res = place(&w, NULL);
		check_all(&w, &res);
		check_nobody_moved(&w, &next, &res);
		redefine(&w, &res);
	}
}

static void random_rounds(void **state)
{
	const char *given = g_getenv("CLEAVE_SEED");
	guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
	(void)state;
	for (guint i = 0; i < (given ? 1 : ROUNDS); i++)
		play(seed++);
}

static int say_seed(void **state)
{
	(void)state;
	print_message("last seed: CLEAVE_SEED=%u\n", last_seed);
	return 0;
}

/* -- by hand ----------------------------------------------------------------------------------------------------- */

/* Two nodes of four cores with two threads each, 0-7 and 8-15, a core of each reserved, 256GiB each. */
static struct world small_world(struct arena *a, guint n_vms, const char *const *texts)
{
	struct world w = { .arena = a, .n_nodes = 2, .n_cores = 4, .n_threads = 2, .n_reserved = 2, .is_interleaved = TRUE };
	w.vms = g_ptr_array_new();
	arena_own(a, w.vms, (GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; i < n_vms; i++)
		g_ptr_array_add(w.vms, arena_printf(a, "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\nspec:\n  host: h1\n"
		                                       "  boot: {kernel: /boot/vmlinuz}\n%s", i, texts[i]));
	return w;
}

#define CARD(n) "  gpus: [{gpu: g" #n ", share: vgpu}]\n  numa: auto\n"

static void test_small(void **state)
{
	SCOPED_ARENA(a);
	const char *const texts[] = { "  vcpus: 3\n  memory: 4GiB\n" CARD(0), "  vcpus: 2\n  memory: 4GiB\n" CARD(0),
		                      "  vcpus: 4\n  memory: 4GiB\n  numa: auto\n  gpus: [{gpu: g0, share: vgpu}, {gpu: g1, share: vgpu}]\n",
		                      "  vcpus: 2\n  memory: 4GiB\n  numa: auto\n", "  vcpus: 2\n  memory: 4GiB\n  numa: none\n" };
	struct world w = small_world(a, G_N_ELEMENTS(texts), texts);
	(void)state;
	assert_string_equal(place(&w, NULL).text, "v0: nodes=0 emulator=0-1 0:2 1:3 2:4\n"
	                                          "v1: nodes=0 emulator=0-1 0:6 1:7\n"
	                                          "v2: nodes=0-1 emulator=0-1,8-9 0:5 1:2 2:10 3:11\n"
	                                          "v3: nodes=- emulator=-\n"
	                                          "v4: nodes=- emulator=-\n");
}

/* What somebody set to a CPU that is not the VM's to have goes back, and nothing else. */
static void test_mended(void **state)
{
	SCOPED_ARENA(a);
	const char *const texts[] = { "  vcpus: 3\n  memory: 4GiB\n" CARD(0) };
	static const char *const wrong[] = { "0", "8", "3", "2-4", "77" };
	struct world w = small_world(a, 1, texts);
	struct result res = place(&w, NULL);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		define(&w, &res, NULL);
		struct vm_spec *defined = (struct vm_spec *)&w.seen[0]->defined;
		defined->cpu.pinning.items = arena_memdup(a, defined->cpu.pinning.items, 3 * sizeof(struct vm_pin));
		LIST_AT(defined->cpu.pinning, struct vm_pin, 2)->cpus = wrong[i];
		assert_string_equal(place(&w, NULL).text, res.text);
	}
	define(&w, &res, NULL);
	w.vms->pdata[0] = arena_printf(a, "%s", "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v0}\nspec:\n  host: h1\n"
	                                        "  boot: {kernel: /boot/vmlinuz}\n  vcpus: 5\n  memory: 4GiB\n" CARD(0));
	assert_string_equal(place(&w, NULL).text, "v0: nodes=0 emulator=0-1 0:2 1:3 2:4 3:5 4:6\n");
}

/* What the kernel tells no longer moves no VM. */
static void test_untold(void **state)
{
	SCOPED_ARENA(a);
	const char *const texts[] = { "  vcpus: 3\n  memory: 4GiB\n" CARD(0), "  vcpus: 2\n  memory: 4GiB\n" CARD(1) };
	struct world w = small_world(a, G_N_ELEMENTS(texts), texts);
	struct result res = place(&w, NULL);
	(void)state;
	define(&w, &res, NULL);
	w.is_untold = TRUE;
	assert_string_equal(place(&w, NULL).text, res.text);
	w.is_bare = TRUE;
	assert_string_equal(place(&w, NULL).text, res.text);
}

/* Three of 100GiB do not fit beside each other where 256GiB are, and what is asked of the Host beyond that even less. */
static void test_room(void **state)
{
	SCOPED_ARENA(a);
	const char *const texts[] = { "  memory: 100GiB\n" CARD(0), "  memory: 100GiB\n" CARD(0), "  memory: 100GiB\n" CARD(0),
		                      "  memory: 100GiB\n" CARD(1), "  memory: 8GiB\n  hugepages: 1GiB\n" CARD(1) };
	struct world w = small_world(a, G_N_ELEMENTS(texts), texts);
	struct result res = place_freely(&w, NULL);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		assert_true(g_strcmp0(res.targets[i].waits_reason, i == 2 ? "NoRoom" : NULL) == 0);
	assert_string_equal(res.targets[2].waits_for, "100GiB more do not fit on NUMA node 0: it has 256GiB, VMs have 200GiB of that, and 0GiB stay with "
	                                              "the host (Host.reserve.memory)");
	/* The one that runs has its memory, though its name comes later. */
	define(&w, &res, NULL);
	w.seen[0] = NULL;
	res = place_freely(&w, NULL);
	assert_string_equal(res.targets[0].waits_reason, "NoRoom");
	assert_null(res.targets[2].waits_reason);
	w.n_pages = 20, w.n_free = 4;
	w.seen[4] = NULL;
	res = place_freely(&w, NULL);
	assert_string_equal(res.targets[4].waits_for, "8 more huge pages of 1GiB do not fit on NUMA node 1: 20 are set aside there, 16 of them for others; "
	                                              "write hugepages: [{size: 1GiB, node: 1, count: 24}] in the Host");
	w.n_free = 8;
	assert_null(place_freely(&w, NULL).targets[4].waits_for);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_small), cmocka_unit_test(test_mended), cmocka_unit_test(test_untold), cmocka_unit_test(test_room),
		                            cmocka_unit_test_teardown(random_rounds, say_seed) };
	return cmocka_run_group_tests_name("plan place", tests, NULL, NULL);
}
