/* Rules of GPUs in VMs: whole cards once, shares as the card is cut. */
#include "spec/rule.h"

static const struct gpu_spec *gpu_of(const struct objects *all, const struct vm_gpu *use)
{
	const struct object *gpu = use->gpu ? objects_get(all, KIND_GPU, use->gpu) : NULL;
	return gpu ? gpu->spec : NULL;
}

static const char *use_path(struct arena *a, guint i)
{
	return arena_printf(a, "gpus[%u]", i);
}

/* GPUs of one host, for a message. */
static const char *known_gpus(struct arena *a, const struct objects *all, const char *host)
{
	g_autoptr(GString) s = g_string_new(NULL);
	OBJECTS_EACH (gpu, all, KIND_GPU)
		if (s->len < 200 && g_strcmp0(((const struct gpu_spec *)gpu->spec)->host, host) == 0)
			g_string_append_printf(s, "%s%s", s->len ? ", " : "; there: ", gpu->id);
	return arena_strdup(a, s->str);
}

RULE(vm_gpu_known)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; vm->host && i < vm->gpus.n; i++) {
		const struct vm_gpu *use = LIST_AT(vm->gpus, struct vm_gpu, i);
		const struct gpu_spec *gpu = gpu_of(all, use);
		if (use->gpu && !gpu)
			ERROR(o, use_path(a, i), "VM %s: gpus[%u]: there is no GPU %s%s", o->id, i, use->gpu, known_gpus(a, all, vm->host));
		else if (gpu && gpu->host && strcmp(gpu->host, vm->host) != 0)
			ERROR(o, use_path(a, i), "VM %s: gpus[%u]: the GPU %s is in the host %s, the VM on %s%s", o->id, i, use->gpu, gpu->host,
			      vm->host, known_gpus(a, all, vm->host));
	}
}

static gboolean is_cut(int share)
{
	return share == GPU_SHARE_VGPU || share == GPU_SHARE_VF || share == GPU_SHARE_MIG;
}

static void check_share(struct arena *a, const struct object *o, guint i, const struct vm_gpu *use, const struct gpu_spec *gpu,
                        struct problems *problems)
{
	const char *has = name_of(&share_names, gpu->share), *at = use_path(a, i);
	if (gpu->share == GPU_SHARE_NONE)
		ERROR(o, at, "VM %s: gpus[%u]: the GPU %s stays with the host (share: none); write share: passthrough or vgpu there", o->id,
		      i, use->gpu);
	else if (is_cut(gpu->share) && !use->share)
		ERROR(o, at, "VM %s: gpus[%u]: the GPU %s is cut in shares; write {gpu: %s, share: %s}", o->id, i, use->gpu, use->gpu, has);
	else if (use->share && use->share != gpu->share)
		ERROR(o, at, "VM %s: gpus[%u]: share: %s, but the GPU %s is %s", o->id, i, name_of(&share_names, use->share), use->gpu,
		      gpu->share == GPU_SHARE_PASSTHROUGH ? "passed whole (share: passthrough)" : arena_printf(a, "share: %s", has));
	else if (use->type && gpu->share != GPU_SHARE_VGPU && gpu->share != GPU_SHARE_MIG)
		ERROR(o, at, "VM %s: gpus[%u]: a type is for vgpu and mig", o->id, i);
}

RULE(vm_gpu_share_fits)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->gpus.n; i++) {
		const struct vm_gpu *use = LIST_AT(vm->gpus, struct vm_gpu, i);
		const struct gpu_spec *gpu = gpu_of(all, use);
		if (gpu)
			check_share(a, o, i, use, gpu, problems);
	}
}

RULE(vm_gpu_whole_once)
{
	g_autoptr(GHashTable) users = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; s->state == VM_RUNNING && i < s->gpus.n; i++) {
			const struct vm_gpu *use = LIST_AT(s->gpus, struct vm_gpu, i);
			const struct gpu_spec *gpu = gpu_of(all, use);
			if (!gpu || gpu->share != GPU_SHARE_PASSTHROUGH)
				continue;
			const struct object *first = g_hash_table_lookup(users, use->gpu);
			if (first == vm)
				ERROR(vm, use_path(a, i), "VM %s: gpus[%u]: the GPU %s is given to this VM twice", vm->id, i, use->gpu);
			else if (first)
				ERROR(vm, use_path(a, i), "VM %s: gpus[%u]: the GPU %s is passed whole to %s, which runs as well", vm->id, i, use->gpu,
				      rule_who(a, first));
			else
				g_hash_table_insert(users, (gpointer)use->gpu, vm);
		}
	}
}

/* -- vGPU types ------------------------------------------------------------------------------------------ */

static const char *type_of(const struct vm_gpu *use, const struct gpu_spec *gpu)
{
	return use->type ? use->type : gpu->vgpu.type;
}

/* The type that the card has: the GPU's own, else that of its first user. `types`: GPU → type. */
static const char *type_of_card(GHashTable *types, const struct vm_gpu *use, const struct gpu_spec *gpu)
{
	const char *first = g_hash_table_lookup(types, use->gpu);
	if (!first) {
		first = gpu->vgpu.type ? gpu->vgpu.type : use->type;
		g_hash_table_insert(types, (gpointer)use->gpu, (gpointer)first);
	}
	return first;
}

RULE(vm_vgpu_one_type)
{
	g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; i < s->gpus.n; i++) {
			const struct vm_gpu *use = LIST_AT(s->gpus, struct vm_gpu, i);
			const struct gpu_spec *gpu = gpu_of(all, use);
			if (!gpu || gpu->share != GPU_SHARE_VGPU)
				continue;
			const char *type = type_of(use, gpu), *card = type_of_card(types, use, gpu);
			if (!type)
				ERROR(vm, use_path(a, i), "VM %s: gpus[%u]: which vGPU type? Write vgpu: {type: …} in the GPU %s", vm->id, i, use->gpu);
			else if (strcmp(card, type) != 0)
				ERROR(vm, use_path(a, i), "VM %s: gpus[%u]: a card has one vGPU type at a time; %s is cut into %s, not %s", vm->id, i,
				      use->gpu, card, type);
		}
	}
}

/* The letter after the size: GRID P40-8Q is of the series Q. 0 for a type given by number. */
static char series_of(const char *type)
{
	const char *dash = strrchr(type, '-');
	gsize n = dash ? strspn(dash + 1, "0123456789") : 0;
	if (n == 0)
		return '\0';
	return dash[1 + n];
}

RULE(vm_vgpu_computes)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; vm->worker.enabled && i < vm->gpus.n; i++) {
		const struct vm_gpu *use = LIST_AT(vm->gpus, struct vm_gpu, i);
		const struct gpu_spec *gpu = gpu_of(all, use);
		const char *type = gpu && gpu->share == GPU_SHARE_VGPU ? type_of(use, gpu) : NULL;
		if (type && (series_of(type) == 'A' || series_of(type) == 'B'))
			ERROR(o, use_path(a, i), "VM %s: gpus[%u]: vGPU types of the series %c (%s) do not compute, so no worker can render there; take Q or C",
			      o->id, i, series_of(type), type);
	}
}

static gboolean is_typed_by_vm(const struct objects *all, const char *gpu)
{
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; i < s->gpus.n; i++) {
			const struct vm_gpu *use = LIST_AT(s->gpus, struct vm_gpu, i);
			if (use->type && g_strcmp0(use->gpu, gpu) == 0)
				return TRUE;
		}
	}
	return FALSE;
}

RULE(gpu_count_typed)
{
	const struct gpu_spec *gpu = o->spec;
	const struct gpu_slices *slices = gpu->share == GPU_SHARE_VGPU ? &gpu->vgpu : gpu->share == GPU_SHARE_MIG ? &gpu->mig : NULL;
	const char *key = name_of(&share_names, gpu->share);
	if (slices && slices->count && !slices->type && !is_typed_by_vm(all, o->id))
		ERROR(o, key, "GPU %s: %s: %" G_GINT64_FORMAT " of which type? Write %s: {type: …, count: %" G_GINT64_FORMAT "}", o->id, key, slices->count,
		      key, slices->count);
}

static gint64 slices_of(const struct gpu_spec *gpu)
{
	return gpu->share == GPU_SHARE_VGPU ? gpu->vgpu.count : gpu->share == GPU_SHARE_VF ? gpu->vf.count : gpu->share == GPU_SHARE_MIG ? gpu->mig.count : 0;
}

RULE(vm_gpu_slices_enough)
{
	g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; s->state == VM_RUNNING && i < s->gpus.n; i++) {
			const struct vm_gpu *use = LIST_AT(s->gpus, struct vm_gpu, i);
			const struct gpu_spec *gpu = gpu_of(all, use);
			gint64 most = gpu ? slices_of(gpu) : 0;
			guint n = use->gpu ? GPOINTER_TO_UINT(g_hash_table_lookup(used, use->gpu)) + 1 : 0;
			if (most && n > most)
				ERROR(vm, use_path(a, i), "VM %s: gpus[%u]: the GPU %s is cut into %" G_GINT64_FORMAT ", and VMs before this one use them all", vm->id,
				      i, use->gpu, most);
			if (most)
				g_hash_table_insert(used, (gpointer)use->gpu, GUINT_TO_POINTER(n));
		}
	}
}
