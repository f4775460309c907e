/* CPUs: how many, what the guest sees of them, and where they run. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

static xmlNode *features(struct context *c)
{
	return xml_have(c->root, "features");
}

void accelerator_write(struct context *c, const struct vm_spec *vm)
{
	gboolean is_tcg = vm->accelerator == VM_TCG;
	xml_set(c->root, "type", is_tcg ? "qemu" : "kvm");
	xml_add(features(c), "acpi");
	xml_add(features(c), "apic");
	xml_set(xml_add(features(c), "vmport"), "state", "off"); /* VMware's back door: no guest of today asks for it */
	if (!is_tcg)
		return;
	/* Emulation translates a guest's code once if the cache holds it; QEMU's default is too small for Blender. */
	xmlNode *cache = xml_add(xml_add(features(c), "tcg"), "tb-cache");
	xml_set(cache, "unit", "MiB");
	xml_put(cache, "512");
}

void accelerator_read(struct context *c, struct vm_spec *ret)
{
	ret->accelerator = xml_says(c->root, "type", "qemu") ? VM_TCG : VM_KVM;
}

void vcpus_write(struct context *c, const struct vm_spec *vm)
{
	xmlNode *n = xml_add(c->root, "vcpu");
	gint64 most = MAX(vm->n_vcpus, vm->max_vcpus);
	xml_set(n, "placement", "static");
	xml_put_int(n, most);
	if (most > vm->n_vcpus)
		xml_set_int(n, "current", vm->n_vcpus);
}

void vcpus_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *n = xml_child(c->root, "vcpu");
	const char *text = xml_text(c->arena, n);
	gint64 most = text ? g_ascii_strtoll(text, NULL, 10) : 0, now = xml_int(n, "current");
	ret->n_vcpus = now ? now : most;
	ret->max_vcpus = most > ret->n_vcpus ? most : 0;
}

/* -- what the guest sees ---------------------------------------------------------------------------------- */

static const char hypervisor[] = "hypervisor";

static void add_features(xmlNode *cpu, const char *policy, const struct strings *names)
{
	for (guint i = 0; i < names->n; i++) {
		xmlNode *n = xml_add(cpu, "feature");
		xml_set(n, "policy", policy);
		xml_set(n, "name", names->items[i]);
	}
}

static struct strings read_features(struct context *c, const xmlNode *cpu, const char *policy)
{
	struct strings found = { ARENA_ARRAY(c->arena, const char *, xml_count(cpu, "feature")), 0 };
	XML_EACH (e, cpu, "feature")
		if (xml_says(e, "policy", policy))
			found.items[found.n++] = xml_get(c->arena, e, "name");
	return found;
}

static void set_state(xmlNode *parent, const char *name, gboolean is_on)
{
	if (is_on)
		xml_set(xml_have(parent, name), "state", "on");
}

static void write_hyperv(struct context *c, const struct vm_hyperv *h)
{
	if (!h->relaxed && !h->vapic && !h->spinlocks && !h->vendor_id)
		return;
	xmlNode *n = xml_add(features(c), "hyperv");
	set_state(n, "relaxed", h->relaxed);
	set_state(n, "vapic", h->vapic);
	set_state(n, "spinlocks", h->spinlocks != 0);
	if (h->spinlocks)
		xml_set_int(xml_child(n, "spinlocks"), "retries", h->spinlocks);
	set_state(n, "vendor_id", h->vendor_id != NULL);
	if (h->vendor_id)
		xml_set(xml_child(n, "vendor_id"), "value", h->vendor_id);
}

static gboolean is_on(const xmlNode *parent, const char *name)
{
	return xml_says(xml_child(parent, name), "state", "on");
}

static void read_hyperv(struct context *c, struct vm_hyperv *ret)
{
	const xmlNode *n = xml_child(xml_child(c->root, "features"), "hyperv");
	ret->relaxed = is_on(n, "relaxed");
	ret->vapic = is_on(n, "vapic");
	if (is_on(n, "spinlocks"))
		ret->spinlocks = xml_int(xml_child(n, "spinlocks"), "retries");
	if (is_on(n, "vendor_id"))
		ret->vendor_id = xml_get(c->arena, xml_child(n, "vendor_id"), "value");
}

/* -- where they run ----------------------------------------------------------------------------------------- */

static void write_pins(struct context *c, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->cpu.pinning.n; i++) {
		const struct vm_pin *p = LIST_AT(vm->cpu.pinning, struct vm_pin, i);
		xmlNode *n = xml_add(xml_have(c->root, "cputune"), "vcpupin");
		xml_set_int(n, "vcpu", p->vcpu);
		xml_set(n, "cpuset", p->cpus);
	}
	if (vm->cpu.emulator_cpus)
		xml_set(xml_add(xml_have(c->root, "cputune"), "emulatorpin"), "cpuset", vm->cpu.emulator_cpus);
}

static void read_pins(struct context *c, struct vm_cpu *ret)
{
	const xmlNode *tune = xml_child(c->root, "cputune");
	struct vm_pin *pins = ARENA_ARRAY(c->arena, struct vm_pin, xml_count(tune, "vcpupin"));
	ret->pinning.items = pins;
	XML_EACH (e, tune, "vcpupin")
		pins[ret->pinning.n++] = (struct vm_pin){ xml_int(e, "vcpu"), xml_get(c->arena, e, "cpuset") };
	ret->emulator_cpus = xml_get(c->arena, xml_child(tune, "emulatorpin"), "cpuset");
}

void iothreads_write(struct context *c, const struct vm_spec *vm)
{
	if (!vm->n_iothreads)
		return;
	xml_put_int(xml_add(c->root, "iothreads"), vm->n_iothreads);
	for (gint64 i = 1; vm->iothread_cpus && i <= vm->n_iothreads; i++) {
		xmlNode *n = xml_add(xml_have(c->root, "cputune"), "iothreadpin");
		xml_set_int(n, "iothread", i);
		xml_set(n, "cpuset", vm->iothread_cpus);
	}
}

/* One that is pinned otherwise than the first is a difference: its CPUs are shown beside. */
void iothreads_read(struct context *c, struct vm_spec *ret)
{
	const char *n = xml_text(c->arena, xml_child(c->root, "iothreads"));
	gint64 n_pinned = 0;
	ret->n_iothreads = n ? g_ascii_strtoll(n, NULL, 10) : 0;
	XML_EACH (e, xml_child(c->root, "cputune"), "iothreadpin") {
		const char *cpus = xml_get(c->arena, e, "cpuset");
		n_pinned++;
		if (!cpus)
			continue;
		if (!ret->iothread_cpus)
			ret->iothread_cpus = cpus;
		else if (strcmp(ret->iothread_cpus, cpus) != 0)
			ret->iothread_cpus = arena_printf(c->arena, "%s and %s", ret->iothread_cpus, cpus);
	}
	if (ret->iothread_cpus && n_pinned < ret->n_iothreads)
		ret->iothread_cpus = arena_printf(c->arena, "%s, some only", ret->iothread_cpus);
}

/* -- the element ----------------------------------------------------------------------------------------------- */

/* libvirt writes out what host-model and a model became when the VM was started, so that the running guest's are
 * read from the mark. */
static void mark_model(struct context *c, const struct vm_cpu *cpu)
{
	mark_set(c, "cpuMode", name_of(&cpu_mode_names, cpu->mode));
	mark_set(c, "cpuModel", cpu->model);
	mark_set_words(c, "cpuRequire", &cpu->require);
	mark_set_words(c, "cpuDisable", &cpu->disable);
}

/* FALSE when the mark tells no model. */
static gboolean read_marked_model(struct context *c, struct vm_cpu *ret)
{
	const char *mode = mark_get(c, "cpuMode");
	int value = mode && *mode ? name_value(&cpu_mode_names, mode) : -1;
	if (value < 0)
		return FALSE;
	ret->mode = value;
	ret->model = mark_get(c, "cpuModel");
	ret->require = mark_get_words(c, "cpuRequire");
	ret->disable = mark_get_words(c, "cpuDisable");
	return TRUE;
}

static void write_model(struct context *c, const struct vm_spec *vm, xmlNode *cpu)
{
	int mode = vm->cpu.mode ? vm->cpu.mode : vm_usual_cpu_mode(vm);
	xml_set(cpu, "mode", mode == CPU_NAMED ? "custom" : name_of(&cpu_mode_names, mode));
	if (mode == CPU_NAMED) {
		xml_set(cpu, "match", "exact");
		xmlNode *model = xml_add(cpu, "model");
		xml_set(model, "fallback", "forbid");
		xml_put(model, vm->cpu.model ? vm->cpu.model : "");
	}
	if (mode == CPU_NAMED || mode == CPU_HOST_MODEL)
		mark_model(c, &vm->cpu);
	add_features(cpu, "require", &vm->cpu.require);
	add_features(cpu, "disable", &vm->cpu.disable);
}

void cpu_write(struct context *c, const struct vm_spec *vm)
{
	xmlNode *cpu = xml_have(c->root, "cpu");
	const struct vm_topology *t = &vm->cpu.topology;
	write_model(c, vm, cpu);
	if (vm->cpu.hide_hypervisor) {
		static const char *const bit[] = { hypervisor };
		add_features(cpu, "disable", &(struct strings){ (const char **)bit, 1 });
		set_state(xml_add(features(c), "kvm"), "hidden", TRUE);
	}
	if (t->n_sockets || t->n_cores || t->n_threads) {
		xmlNode *n = xml_add(cpu, "topology");
		xml_set_int(n, "sockets", MAX(t->n_sockets, 1));
		xml_set_int(n, "cores", MAX(t->n_cores, 1));
		xml_set_int(n, "threads", MAX(t->n_threads, 1));
	}
	write_hyperv(c, &vm->cpu.hyperv);
	write_pins(c, vm);
}

static int read_mode(const xmlNode *cpu)
{
	static const char *const modes[] = { NULL, "host-passthrough", "host-model", "maximum", "custom" };
	for (int i = 1; i < (int)G_N_ELEMENTS(modes); i++)
		if (xml_says(cpu, "mode", modes[i]))
			return i;
	return xml_child(cpu, "model") ? CPU_NAMED : CPU_UNSAID;
}

/* Hidden is what hides both; a half of it shows among the features. */
static void take_hypervisor_bit(struct vm_cpu *ret)
{
	for (guint i = 0; i < ret->disable.n; i++) {
		if (g_strcmp0(ret->disable.items[i], hypervisor) != 0)
			continue;
		memmove(&ret->disable.items[i], &ret->disable.items[i + 1], (--ret->disable.n - i) * sizeof(char *));
		ret->hide_hypervisor = TRUE;
		return;
	}
}

void cpu_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *cpu = xml_child(c->root, "cpu"), *t = xml_child(cpu, "topology");
	struct vm_cpu *vc = &ret->cpu;
	vc->mode = read_mode(cpu);
	vc->model = vc->mode == CPU_NAMED ? xml_text(c->arena, xml_child(cpu, "model")) : NULL;
	vc->require = read_features(c, cpu, "require");
	vc->disable = read_features(c, cpu, "disable");
	if (is_on(xml_child(xml_child(c->root, "features"), "kvm"), "hidden"))
		take_hypervisor_bit(vc);
	if (c->is_live && vc->mode == CPU_NAMED)
		read_marked_model(c, vc);
	vc->topology = (struct vm_topology){ xml_int(t, "sockets"), xml_int(t, "cores"), xml_int(t, "threads") };
	read_hyperv(c, &vc->hyperv);
	read_pins(c, vc);
}
