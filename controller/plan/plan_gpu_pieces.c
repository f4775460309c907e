/* Which piece of a card that is cut each VM has, vGPUs and virtual functions alike.
 *
 * A VM keeps what its definition names; who has none takes the lowest that is free. VMs that are to run go before those
 * that are off, which keep what the others leave them: so that one VM more or less takes nothing from another. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include "spec/vm.h"

enum { N_RANKS = 6 };
#include <string.h>

/* -- what they are called ------------------------------------------------------------------------------- */

static const char **uuids_of(const struct gpu_target *t, guint n)
{
	const struct object *farm = objects_farm(t->b->in->want);
	const char **names = ARENA_ARRAY(t->b->arena, const char *, n);
	for (guint i = 0; i < n; i++)
		names[i] = gpu_vgpu_uuid(t->b->arena, farm ? farm->meta.name : NULL, t->want->meta.name, i);
	return names;
}

/* UUIDs of vGPUs are known before there are any; VFs have addresses when they are there. */
static void find_names(struct gpu_target *t)
{
	const struct list *vfs = &t->card->virtual_functions;
	gboolean is_vgpu = t->spec->share == GPU_SHARE_VGPU;
	if (is_vgpu && t->card->vgpu_framework == VGPU_NONE && !t->card->vgpu_types.n && t->card->sriov.n_total > 0)
		return; /* whether VFs will be the vGPUs is seen when there are any */
	if (is_vgpu && t->card->vgpu_framework != VGPU_VENDOR_VFIO) {
		t->n_names = GPU_MAX_VGPUS;
		t->names = uuids_of(t, t->n_names);
	} else if (is_vgpu || t->spec->share == GPU_SHARE_VF) {
		t->n_names = MIN(vfs->n, GPU_MAX_VGPUS);
		t->names = ARENA_ARRAY(t->b->arena, const char *, t->n_names);
		for (guint i = 0; i < t->n_names; i++)
			t->names[i] = LIST_AT(*vfs, struct gpu_function, i)->address;
	}
}

static gint index_of(const struct gpu_target *t, const char *name)
{
	for (guint i = 0; name && i < t->n_names; i++)
		if (g_ascii_strcasecmp(t->names[i], name) == 0)
			return (gint)i;
	return -1;
}

/* -- who asks for one ------------------------------------------------------------------------------------ */

static void find_users(struct gpu_target *t)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(struct gpu_piece));
	OBJECTS_EACH (vm, t->b->in->want, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		guint nth = 0;
		for (guint i = 0; g_strcmp0(s->host, t->b->in->host) == 0 && i < s->gpus.n; i++) {
			struct gpu_piece piece = { vm, nth, s->state == VM_RUNNING, -1 };
			if (g_strcmp0(LIST_AT(s->gpus, struct vm_gpu, i)->gpu, t->want->id) != 0)
				continue;
			g_array_append_val(all, piece);
			nth++;
		}
	}
	t->n_pieces = all->len;
	t->pieces = arena_memdup(t->b->arena, all->data, all->len * sizeof(struct gpu_piece));
	g_array_free(all, TRUE);
}

static gboolean is_user(const struct gpu_target *t, const char *vm)
{
	for (guint i = 0; i < t->n_pieces; i++)
		if (strcmp(t->pieces[i].vm->id, vm) == 0)
			return TRUE;
	return FALSE;
}

/* Running domains that do not ask for a piece of it have these all the same. */
static void mark_held(const struct gpu_target *t, gboolean *ret)
{
	OBJECTS_EACH (vm, t->b->in->have, KIND_VM) {
		const struct vm_status *s = vm->status;
		for (guint i = 0; s && !is_user(t, vm->id) && vm_status_is_up(s) && i < s->host_devices.n; i++) {
			gint at = index_of(t, s->host_devices.items[i]);
			if (at >= 0)
				ret[at] = TRUE;
		}
	}
}

/* VFs that can carry no vGPU: they carry one that cleave did not make, or vfio-pci has them. */
static void mark_unusable(const struct gpu_target *t, gboolean *ret)
{
	if (t->spec->share != GPU_SHARE_VGPU || t->card->vgpu_framework != VGPU_VENDOR_VFIO)
		return;
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		gint at = index_of(t, vgpu->parent);
		if (at >= 0 && !gpu_vgpu_is_ours(t, vgpu))
			ret[at] = TRUE;
	}
	for (guint i = 0; i < t->n_names; i++)
		ret[i] |= gpu_is_vfio(LIST_AT(t->card->virtual_functions, struct gpu_function, i)->driver);
}

/* -- giving ------------------------------------------------------------------------------------------------ */

/* Names of devices that the VM has: of its definition, then of the running domain. */
static gint next_of_definition(const struct gpu_target *t, const struct object *vm, const gboolean *taken)
{
	const struct object *o = objects_get(t->b->in->have, KIND_VM, vm->id);
	const struct vm_status *s = o ? o->status : NULL;
	for (guint i = 0; s && i < s->defined.devices.n; i++) {
		gint at = index_of(t, LIST_AT(s->defined.devices, struct vm_device, i)->name);
		if (at >= 0 && !taken[at])
			return at;
	}
	for (guint i = 0; s && i < s->host_devices.n; i++) {
		gint at = index_of(t, s->host_devices.items[i]);
		if (at >= 0 && !taken[at])
			return at;
	}
	return -1;
}

static void keep(struct gpu_target *t, gboolean runs, gboolean *taken)
{
	for (guint i = 0; i < t->n_pieces; i++) {
		struct gpu_piece *piece = &t->pieces[i];
		if (piece->runs != runs)
			continue;
		piece->index = next_of_definition(t, piece->vm, taken);
		if (piece->index >= 0)
			taken[piece->index] = TRUE;
	}
}

/* The lowest that is free, of `spared` ones only when there is no other. */
static gint lowest_free(const struct gpu_target *t, const gboolean *taken, const gboolean *spared)
{
	for (guint pass = 0; pass < 2; pass++)
		for (guint i = 0; i < t->n_names; i++)
			if (!taken[i] && (pass == 1 || !spared[i]))
				return (gint)i;
	return -1;
}

static void give(struct gpu_target *t, gboolean runs, gboolean *taken, const gboolean *spared)
{
	for (guint i = 0; i < t->n_pieces; i++) {
		struct gpu_piece *piece = &t->pieces[i];
		if (piece->runs != runs || piece->index >= 0)
			continue;
		piece->index = lowest_free(t, taken, spared);
		if (piece->index >= 0)
			taken[piece->index] = TRUE;
	}
}

static void assign(struct gpu_target *t, gboolean *taken)
{
	gboolean spared[GPU_MAX_VGPUS];
	keep(t, TRUE, taken);
	memcpy(spared, taken, sizeof spared);
	keep(t, FALSE, spared); /* only to see which those are */
	give(t, TRUE, taken, spared);
	keep(t, FALSE, taken);
	give(t, FALSE, taken, taken);
}

/* -- what is to be there ---------------------------------------------------------------------------------- */

/* One of another type goes in any case: what comes in its stead takes the lowest name. */
static void mark_existing(const struct gpu_target *t, gboolean *ret)
{
	const struct gpu_vgpu_type *type = t->spec->share == GPU_SHARE_VGPU ? gpu_vgpu_type_find(t->card, t->type) : NULL;
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		gint at = index_of(t, vgpu->uuid ? vgpu->uuid : vgpu->parent);
		if (at >= 0 && (!type || g_strcmp0(vgpu->type, type->id) == 0))
			ret[at] = TRUE;
	}
}

/* In this order: what others run with, what is there of VMs that are off, what is there, of VMs that are off, what is free;
 * where all that is too little, what others run with that is not as it is wanted: they are stopped first, or named as those
 * who are in the way. */
static guint rank_of(gboolean exists, gboolean is_held, gboolean is_given)
{
	return is_held ? (exists ? 1 : N_RANKS) : exists ? (is_given ? 2 : 3) : is_given ? 4 : 5;
}

/* Those of VMs that run, and as many more as the GPU says. */
static void find_wanted(struct gpu_target *t, const gboolean *held, const gboolean *unusable)
{
	gboolean exists[GPU_MAX_VGPUS] = { 0 }, is_given[GPU_MAX_VGPUS] = { 0 };
	gint64 n = 0;
	mark_existing(t, exists);
	for (guint i = 0; i < t->n_pieces; i++) {
		const struct gpu_piece *piece = &t->pieces[i];
		if (piece->index < 0)
			continue;
		is_given[piece->index] = TRUE;
		n += piece->runs;
		t->is_wanted[piece->index] = piece->runs;
	}
	for (guint rank = 1; rank <= N_RANKS; rank++)
		for (guint i = 0; i < t->n_names && n < t->n_slices; i++) {
			if (unusable[i] || t->is_wanted[i] || rank_of(exists[i], held[i], is_given[i]) != rank)
				continue;
			t->is_wanted[i] = TRUE;
			n++;
		}
}

void gpu_assign_pieces(struct gpu_target *t)
{
	gboolean held[GPU_MAX_VGPUS] = { 0 }, unusable[GPU_MAX_VGPUS] = { 0 }, taken[GPU_MAX_VGPUS];
	t->is_wanted = ARENA_ARRAY(t->b->arena, gboolean, GPU_MAX_VGPUS);
	if (!t->card)
		return;
	find_names(t);
	find_users(t);
	mark_held(t, held);
	mark_unusable(t, unusable);
	for (guint i = 0; i < GPU_MAX_VGPUS; i++)
		taken[i] = held[i] || unusable[i];
	assign(t, taken);
	find_wanted(t, held, unusable);
}

const char *gpu_piece_of(const struct gpu_target *t, const struct object *vm, guint nth)
{
	for (guint i = 0; i < t->n_pieces; i++)
		if (t->pieces[i].vm == vm && t->pieces[i].nth == nth)
			return t->pieces[i].index >= 0 ? t->names[t->pieces[i].index] : NULL;
	return NULL;
}

/* -- what becomes of them --------------------------------------------------------------------------------- */

static gboolean is_named(const GArray *steps, const char *device)
{
	for (guint i = 0; i < steps->len; i++) {
		const struct device_step *step = &g_array_index(steps, struct device_step, i);
		if (g_ascii_strcasecmp(step->uuid ? step->uuid : step->address, device) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean has_vgpu(const struct gpu_target *t, const char *device)
{
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		const char *name = vgpu->uuid ? vgpu->uuid : vgpu->parent;
		if (name && g_ascii_strcasecmp(name, device) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_held_for_vms(const struct list *functions, const char *device)
{
	GPU_FUNCTIONS_EACH (f, *functions)
		if (g_ascii_strcasecmp(f->address, device) == 0)
			return gpu_is_vfio(f->driver);
	return FALSE;
}

gboolean gpu_will_give(const struct gpu_target *t, const char *device)
{
	const struct gpu_work *w = &t->work;
	if (!t->card || t->refused)
		return FALSE;
	switch (t->spec->share) {
	case GPU_SHARE_PASSTHROUGH: return is_named(w->bind, device) || is_held_for_vms(&t->card->functions, device);
	case GPU_SHARE_VGPU: return is_named(w->create, device) || (has_vgpu(t, device) && !is_named(w->remove, device));
	case GPU_SHARE_VF: return w->n_vfs < 0 && (is_named(w->bind, device) || is_held_for_vms(&t->card->virtual_functions, device));
	default: return FALSE;
	}
}
