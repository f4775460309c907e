/* vGPUs of a card: which go, which come, and where. A card has one type at a time, so that another type means that
 * all of them go first. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include <string.h>

static const char *farm_of(const struct gpu_target *t)
{
	const struct object *farm = objects_farm(t->b->in->want);
	return farm ? farm->meta.name : NULL;
}

static const struct gpu_function *vf_at(const struct gpu_status *card, const char *address)
{
	GPU_FUNCTIONS_EACH (f, card->virtual_functions)
		if (address && strcmp(f->address, address) == 0)
			return f;
	return NULL;
}

gboolean gpu_vgpu_is_ours(const struct gpu_target *t, const struct gpu_vgpu *vgpu)
{
	if (vgpu->uuid)
		return gpu_vgpu_index(farm_of(t), t->want->meta.name, vgpu->uuid) >= 0;
	/* Vendor VFIO: the VF is the vGPU, and has no name but its note. */
	const struct gpu_function *vf = vf_at(t->card, vgpu->parent);
	return t->card->sriov.former_count >= 0 || (vf && vf->former_driver);
}

const char *gpu_vgpu_type_name(const struct gpu_status *card, const char *id)
{
	for (guint i = 0; i < card->vgpu_types.n; i++) {
		const struct gpu_vgpu_type *type = LIST_AT(card->vgpu_types, struct gpu_vgpu_type, i);
		if (type->name && g_strcmp0(type->id, id) == 0)
			return type->name;
	}
	return id;
}

const struct gpu_vgpu_type *gpu_vgpu_type_find(const struct gpu_status *card, const char *word)
{
	for (guint i = 0; word && i < card->vgpu_types.n; i++) {
		const struct gpu_vgpu_type *type = LIST_AT(card->vgpu_types, struct gpu_vgpu_type, i);
		const char *dash = type->id ? strrchr(type->id, '-') : NULL;
		if (g_strcmp0(type->name, word) == 0 || g_strcmp0(type->id, word) == 0 || (dash && strcmp(dash + 1, word) == 0))
			return type;
	}
	return NULL;
}

/* "num_heads=4, frl_config=60, …, max_instance=24", as NVIDIA's driver describes it: of the card, also where the type
 * hangs on its VFs. */
gint64 gpu_vgpu_most(const struct gpu_vgpu_type *type)
{
	const char *key = "max_instance=", *at = type->description ? strstr(type->description, key) : NULL;
	return at ? g_ascii_strtoll(at + strlen(key), NULL, 10) : -1;
}

/* What VFs offer is counted one by one: that each carries one vGPU does not say that the card has memory for all. */
void gpu_note_room(struct gpu_target *t)
{
	if (t->work.create->len && t->n_slices > 1 && t->card->virtual_functions.n && gpu_vgpu_most(t->offered) < 0)
		builder_note(t->b, KIND_GPU, t->want->id,
		             arena_printf(t->b->arena, "its driver does not tell how many vGPUs of %s the card has room for; it may refuse some of %" G_GINT64_FORMAT,
		                          gpu_vgpu_type_name(t->card, t->offered->id), t->n_slices));
}

/* None yet, or too few of those that each carry one. */
gboolean gpu_needs_vfs(const struct gpu_target *t)
{
	const struct gpu_status *card = t->card;
	const struct gpu_sriov *s = &card->sriov;
	if (t->spec->share != GPU_SHARE_VGPU || t->n_slices == 0 || s->n_total <= 0 || card->vgpus.n || g_strcmp0(card->driver, "nvidia") != 0)
		return FALSE;
	return s->n_enabled > 0 ? s->n_enabled < MIN(t->n_slices, s->n_total) : card->vgpu_types.n == 0;
}

/* -- going ---------------------------------------------------------------------------------------------- */

static void add_removal(struct gpu_target *t, const struct gpu_vgpu *vgpu)
{
	struct device_step step = { vgpu->parent ? vgpu->parent : t->card->address, vgpu->type, NULL, vgpu->uuid };
	g_array_append_val(t->work.remove, step);
}

/* The number of its name among the card's pieces, or -1. */
static gint index_of(const struct gpu_target *t, const struct gpu_vgpu *vgpu)
{
	const char *name = vgpu->uuid ? vgpu->uuid : vgpu->parent;
	for (guint i = 0; name && i < t->n_names; i++)
		if (g_ascii_strcasecmp(t->names[i], name) == 0)
			return (gint)i;
	return -1;
}

/* A vGPU that may stay: it has the type, and is one of those that are wanted; or a VM runs with it that nobody stops,
 * and there is room for it beside the others. */
static gboolean may_stay(const struct gpu_target *t, const struct gpu_vgpu *vgpu)
{
	gint at = index_of(t, vgpu);
	if (t->spec->share != GPU_SHARE_VGPU || !t->offered || at < 0 || g_strcmp0(vgpu->type, t->offered->id) != 0)
		return FALSE;
	return t->is_wanted[at] || gpu_user_of(t, t->names[at]);
}

/* `stays` has one for each name. */
static void remove_unwanted(struct gpu_target *t, gboolean all, gboolean *stays)
{
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		if (!gpu_vgpu_is_ours(t, vgpu))
			continue;
		if (all || !may_stay(t, vgpu))
			add_removal(t, vgpu);
		else
			stays[index_of(t, vgpu)] = TRUE;
	}
}

static gboolean has_another_type(const struct gpu_target *t)
{
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		if (gpu_vgpu_is_ours(t, vgpu) && g_strcmp0(vgpu->type, t->offered->id) != 0)
			return TRUE;
	}
	return FALSE;
}

/* -- coming --------------------------------------------------------------------------------------------- */

static gboolean is_removed(const struct gpu_target *t, const struct gpu_vgpu *vgpu)
{
	for (guint i = 0; i < t->work.remove->len; i++) {
		const struct device_step *step = &g_array_index(t->work.remove, struct device_step, i);
		if (g_strcmp0(step->uuid, vgpu->uuid) == 0 && g_strcmp0(step->address, vgpu->parent) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_occupied(const struct gpu_target *t, const struct gpu_function *vf)
{
	for (guint i = 0; i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		if (g_strcmp0(vgpu->parent, vf->address) == 0 && !is_removed(t, vgpu))
			return TRUE;
	}
	return FALSE;
}

/* Types hang on the card itself, or on its VFs, once there are any: each of them carries one. */
static gboolean hangs_on_vfs(const struct gpu_target *t)
{
	for (guint i = 0; i < t->card->vgpus.n; i++)
		if (g_strcmp0(LIST_AT(t->card->vgpus, struct gpu_vgpu, i)->parent, t->card->address) == 0)
			return FALSE;
	return t->card->virtual_functions.n > 0;
}

/* The next VF from *at on that carries nothing; NULL when there is none left. */
static const char *next_free_vf(const struct gpu_target *t, guint *at)
{
	while (*at < t->card->virtual_functions.n) {
		const struct gpu_function *vf = LIST_AT(t->card->virtual_functions, struct gpu_function, (*at)++);
		if (!is_occupied(t, vf) && !gpu_is_vfio(vf->driver))
			return vf->address;
	}
	return NULL;
}

static void add_creation(struct gpu_target *t, const char *parent, const char *uuid)
{
	struct device_step step = { parent, NULL, t->offered->id, uuid };
	g_array_append_val(t->work.create, step);
}

/* Where fewer VFs are left than vGPUs are wanted, the rest has no parent: a rule says so. */
static void create_missing(struct gpu_target *t, const gboolean *stays)
{
	gboolean on_vfs = hangs_on_vfs(t), is_mdev = t->card->vgpu_framework != VGPU_VENDOR_VFIO;
	gint64 n_named = 0;
	guint at = 0;
	for (guint i = 0; i < t->n_names; i++) {
		n_named += t->is_wanted[i];
		if (!t->is_wanted[i] || stays[i])
			continue;
		if (is_mdev)
			add_creation(t, on_vfs ? next_free_vf(t, &at) : t->card->address, t->names[i]);
		else
			add_creation(t, t->names[i], NULL);
	}
	for (; n_named < t->n_slices; n_named++)
		add_creation(t, NULL, NULL);
}

void gpu_work_vgpus(struct gpu_target *t)
{
	gboolean stays[GPU_MAX_VGPUS] = { 0 };
	gboolean is_vgpu = t->spec->share == GPU_SHARE_VGPU;
	t->offered = is_vgpu ? gpu_vgpu_type_find(t->card, t->type) : NULL;
	/* A type that is not offered is refused; what is there is left as it is until somebody decides. */
	if ((is_vgpu && !t->offered && t->n_slices) || gpu_needs_vfs(t) || gpu_unmakes_vfs(t))
		return;
	remove_unwanted(t, !is_vgpu || !t->offered || has_another_type(t), stays);
	if (t->offered)
		create_missing(t, stays);
}
