/* Which devices of the host each VM is given: all functions of a card that is passed on whole, or its piece of one that
 * is cut. Cards are identified, and their pieces given away, before VMs are planned; what is done to them is planned
 * after. So a VM is told its devices while the host's driver still has them, and whether they will be there is asked
 * when that is known: its start is taken out of the plan then. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include "plan/plan_vm.h"
#include <string.h>

#define SAY(...) arena_printf(t->b->arena, __VA_ARGS__)

static const char waits_for_gpu[] = "WaitsForGPU", gpu_not_ready[] = "GPUNotReady";

static gboolean wait_for(struct vm_target *t, gboolean is_stuck, const char *reason, const char *message)
{
	t->waits_reason = reason;
	t->waits_for = message;
	t->is_stuck = is_stuck;
	return FALSE;
}

static void add_device(GArray *devices, const char *name, const char *rom)
{
	struct vm_device device = { name, rom };
	g_array_append_val(devices, device);
}

static gboolean give_card(struct vm_target *t, const struct gpu_target *g, GArray *devices)
{
	const char *rom = g->spec->rom;
	if (rom && *rom != '/')
		return wait_for(t, TRUE, gpu_not_ready,
		                SAY("the ROM of GPU/%s, %s, is a file of the specs, which does not come to the host; write the path of a file there",
		                    g->want->id, rom));
	GPU_FUNCTIONS_EACH (f, g->card->functions)
		if (!gpu_is_bridge(f))
			add_device(devices, f->address, strcmp(f->address, g->card->address) == 0 ? rom : NULL);
	return TRUE;
}

static gboolean give_piece(struct vm_target *t, const struct gpu_target *g, guint nth, GArray *devices)
{
	const char *name = gpu_piece_of(g, t->object, nth);
	if (!name)
		return wait_for(t, FALSE, waits_for_gpu, SAY("its piece of GPU/%s has no name before the driver has made it", g->want->id));
	add_device(devices, name, NULL);
	return TRUE;
}

/* `nth` of the VM's uses of that GPU. FALSE, and the VM waits, when it is not known which devices that will be. */
static gboolean give_gpu(struct vm_target *t, const struct vm_gpu *use, guint nth, GArray *devices)
{
	const struct gpu_target *g = gpu_target_find(t->b, use->gpu);
	if (!g || !g->card)
		return wait_for(t, TRUE, gpu_not_ready, SAY("the card of GPU/%s is not known", use->gpu));
	switch (g->spec->share) {
	case GPU_SHARE_PASSTHROUGH: return give_card(t, g, devices);
	case GPU_SHARE_VGPU:
	case GPU_SHARE_VF: return give_piece(t, g, nth, devices);
	case GPU_SHARE_MIG:
		return wait_for(t, TRUE, "NotActing",
		                SAY("a MIG instance of GPU/%s is no device of its own, which a VM could have; vGPUs with types of MIG (share: vgpu) are",
		                    use->gpu));
	default: return wait_for(t, TRUE, gpu_not_ready, SAY("GPU/%s stays with the host (share: none)", use->gpu));
	}
}

static guint nth_use(const struct vm_spec *vm, guint i)
{
	guint nth = 0;
	for (guint k = 0; k < i; k++)
		nth += strcmp(LIST_AT(vm->gpus, struct vm_gpu, k)->gpu, LIST_AT(vm->gpus, struct vm_gpu, i)->gpu) == 0;
	return nth;
}

static void give_devices(struct vm_target *t)
{
	g_autoptr(GArray) devices = g_array_new(FALSE, TRUE, sizeof(struct vm_device));
	for (guint i = 0; i < t->spec->gpus.n; i++)
		if (!give_gpu(t, LIST_AT(t->spec->gpus, struct vm_gpu, i), nth_use(t->spec, i), devices)) {
			/* Nobody takes away what it has for that. */
			t->want->devices = t->have ? t->have->defined.devices : (struct list){ 0 };
			return;
		}
	t->want->devices = (struct list){ arena_memdup(t->b->arena, devices->data, devices->len * sizeof(struct vm_device)), devices->len };
}

void vm_targets_give_devices(struct vm_target *all, guint n)
{
	VM_TARGETS_EACH (t, all, n)
		give_devices(t);
}

/* -- when cards are planned ------------------------------------------------------------------------------- */

static struct verdict *verdict_of(const struct builder *b, const struct object *o)
{
	for (guint i = 0; i < b->verdicts->len; i++)
		if (g_array_index(b->verdicts, struct verdict, i).object == o)
			return &g_array_index(b->verdicts, struct verdict, i);
	return NULL;
}

static gboolean has_action(const struct vm_target *t, enum verb verb)
{
	for (guint i = 0; i < t->b->actions->len; i++) {
		const struct action *act = &g_array_index(t->b->actions, struct action, i);
		if (act->verb == verb && act->kind == KIND_VM && strcmp(act->id, t->object->id) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_device(const struct change *c)
{
	return g_str_has_prefix(c->field, "devices[");
}

gboolean action_plugs_devices(const struct action *act)
{
	for (guint i = 0; act->verb == VERB_UPDATE_VM && i < act->changes.n; i++)
		if (is_device(&act->changes.items[i]))
			return TRUE;
	return FALSE;
}

/* What else acts on the running guest is done. */
static void take_devices_out(struct vm_target *t)
{
	for (guint i = t->b->actions->len; i > 0; i--) {
		struct action *act = &g_array_index(t->b->actions, struct action, i - 1);
		if (!action_plugs_devices(act) || strcmp(act->id, t->object->id) != 0)
			continue;
		struct changes left = { ARENA_ARRAY(t->b->arena, struct change, act->changes.n), 0 };
		for (guint k = 0; k < act->changes.n; k++)
			if (!is_device(&act->changes.items[k]))
				left.items[left.n++] = act->changes.items[k];
		act->changes = left;
		if (!left.n)
			g_array_remove_index(t->b->actions, i - 1);
	}
}

/* It is not stopped either, if that was only to start it again. */
static void take_start_out(struct vm_target *t)
{
	take_devices_out(t);
	for (guint i = t->b->actions->len; i > 0; i--) {
		const struct action *act = &g_array_index(t->b->actions, struct action, i - 1);
		gboolean is_of_start = act->verb == VERB_DRAIN_VM || act->verb == VERB_STOP_VM || act->verb == VERB_START_VM;
		if (is_of_start && act->kind == KIND_VM && strcmp(act->id, t->object->id) == 0)
			g_array_remove_index(t->b->actions, i - 1);
	}
	/* Nor is it drained for that. */
	if (t->have && vm_status_is_up(t->have))
		vm_plan_worker(t);
}

/* "GPU/a is Held: it is held open by …", of the first GPU that is not ready and does not become it. */
static const char *stalled_gpu(const struct vm_target *t)
{
	for (guint i = 0; i < t->spec->gpus.n; i++) {
		const char *name = LIST_AT(t->spec->gpus, struct vm_gpu, i)->gpu;
		const struct object *gpu = objects_get(t->b->in->want, KIND_GPU, name);
		const struct verdict *v = gpu ? verdict_of(t->b, gpu) : NULL;
		if (v && v->readiness == IS_STALLED)
			return SAY("GPU/%s is %s%s%s", name, v->reason, v->message ? ": " : "", v->message ? v->message : "");
	}
	return NULL;
}

/* Of devices that only come with a later look. */
static const char *late_gpu(const struct vm_target *t)
{
	for (guint i = 0; i < t->want->devices.n; i++) {
		const char *device = LIST_AT(t->want->devices, struct vm_device, i)->name;
		gboolean comes = FALSE;
		for (guint k = 0; k < t->spec->gpus.n && !comes; k++) {
			const struct gpu_target *g = gpu_target_find(t->b, LIST_AT(t->spec->gpus, struct vm_gpu, k)->gpu);
			comes = g && gpu_will_give(g, device);
		}
		if (!comes)
			return SAY("%s is not there yet", device);
	}
	return NULL;
}

static void judge_again(const struct vm_target *t, enum readiness readiness, const char *reason, const char *message)
{
	struct verdict *v = verdict_of(t->b, t->object);
	if (v)
		*v = (struct verdict){ .object = t->object, .readiness = readiness, .reason = reason, .message = message };
}

static gboolean is_about_to_plug(const struct vm_target *t)
{
	for (guint i = 0; i < t->b->actions->len; i++) {
		const struct action *act = &g_array_index(t->b->actions, struct action, i);
		if (action_plugs_devices(act) && strcmp(act->id, t->object->id) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Now, or when what it does is done. */
static gboolean is_about_to_start(const struct vm_target *t)
{
	return has_action(t, VERB_START_VM) || is_about_to_plug(t) || (vm_should_run(t) && (has_action(t, VERB_DRAIN_VM) || has_action(t, VERB_STOP_VM)));
}

static void wait_for_gpus(struct vm_target *t)
{
	const struct verdict *v = verdict_of(t->b, t->object);
	gboolean waits = t->waits_reason == waits_for_gpu || t->waits_reason == gpu_not_ready;
	gboolean is_told = v && v->reason == t->waits_reason;
	if (!t->spec->gpus.n || (waits ? !is_told : !is_about_to_start(t)))
		return;
	const char *stalled = stalled_gpu(t), *late = stalled || waits ? NULL : late_gpu(t);
	if (!waits && (stalled || late))
		take_start_out(t);
	if (stalled)
		judge_again(t, IS_STALLED, gpu_not_ready, stalled);
	else if (late)
		judge_again(t, IS_RECONCILING, waits_for_gpu, late);
}

void vms_wait_for_gpus(struct builder *b)
{
	VM_TARGETS_EACH (t, b->vms, b->n_vms)
		wait_for_gpus(t);
}
