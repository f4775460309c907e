/* What it takes to bring a card from how it is to how it is wanted: what goes back, how many VFs, what is bound. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include <string.h>

gboolean gpu_is_vfio(const char *driver)
{
	/* Cards with a variant driver (nvgrace-gpu-vfio-pci) are bound by hand, and as good. */
	return driver && g_str_has_suffix(driver, GPU_VFIO_DRIVER);
}

gboolean gpu_is_bridge(const struct gpu_function *f)
{
	return f->class_code && g_str_has_prefix(f->class_code, "06") && strcmp(f->class_code, "0680") != 0;
}

const struct gpu_target *gpu_other_owner(const struct gpu_target *t, const char *address)
{
	for (guint i = 0; i < t->n_all; i++)
		if (t->all[i].card && t->all[i].card != t->card && (gpu_is_at(t->all[i].card, address) || gpu_has_device(t->all[i].card, address)))
			return &t->all[i];
	return NULL;
}

gboolean gpu_counts_on(const struct gpu_target *t, const struct gpu_target *other)
{
	return !other->refused && (!builder_holds_back(t->b, other->want) || builder_holds_back(t->b, t->want));
}

gboolean gpu_releases(const struct gpu_target *t)
{
	for (guint i = 0; i < t->work.release->len; i++) {
		const struct device_step *step = &g_array_index(t->work.release, struct device_step, i);
		if (g_strcmp0(step->from, step->to) != 0)
			return TRUE;
	}
	return FALSE;
}

gboolean gpu_moves_functions(const struct gpu_target *t)
{
	return gpu_releases(t) || (t->spec->share == GPU_SHARE_PASSTHROUGH && t->work.bind->len);
}

gboolean gpu_destroys_vfs(const struct gpu_target *t)
{
	return t->work.n_vfs >= 0 && t->card->sriov.n_enabled > 0 && t->work.n_vfs != t->card->sriov.n_enabled;
}

gboolean gpu_has_work(const struct gpu_target *t)
{
	const struct gpu_work *w = &t->work;
	return w->remove->len || w->release->len || w->bind->len || w->create->len || w->n_vfs >= 0 || w->n_bind || w->cuts;
}

/* Those of share: vf, which were made without a driver of the host: vGPUs come of VFs that the host's driver has. What
 * was noted brings its probing back as well. */
gboolean gpu_unmakes_vfs(const struct gpu_target *t)
{
	const struct gpu_sriov *s = &t->card->sriov;
	gboolean is_vfio = FALSE;
	GPU_FUNCTIONS_EACH (f, t->card->virtual_functions)
		is_vfio |= f->former_driver && gpu_is_vfio(f->driver);
	return t->spec->share == GPU_SHARE_VGPU && is_vfio && s->former_count >= 0 && s->former_count != s->n_enabled;
}

/* -- virtual functions ---------------------------------------------------------------------------- */

static gint64 vfs_wanted(const struct gpu_target *t)
{
	const struct gpu_sriov *s = &t->card->sriov;
	switch (t->spec->share) {
	/* Also when the number is right again: what was noted is forgotten then. */
	case GPU_SHARE_PASSTHROUGH: return s->n_enabled > 0 || s->former_count == 0 ? 0 : -1;
	case GPU_SHARE_VF: return t->n_slices != MAX(s->n_enabled, 0) ? t->n_slices : -1;
	case GPU_SHARE_VGPU: return gpu_unmakes_vfs(t) ? s->former_count : gpu_needs_vfs(t) ? s->n_total : -1;
	default: return s->former_count; /* likewise */
	}
}

/* -- going back --------------------------------------------------------------------------------------- */

/* What somebody gave to another driver of the host since (a card comes up with a driver that was installed meanwhile)
 * stays there. What is back already, by a crash in between or a reboot, only has to lose its note. */
static void add_release(struct gpu_target *t, const struct gpu_function *f)
{
	const char *to = strcmp(f->former_driver, GPU_NO_DRIVER) == 0 ? NULL : f->former_driver;
	struct device_step step = { f->address, f->driver, to, NULL };
	if (!f->driver || gpu_is_vfio(f->driver) || g_strcmp0(f->driver, to) == 0)
		g_array_append_val(t->work.release, step);
}

/* Another card of this host that is passed on whole keeps it as well. */
static gboolean is_bystander_elsewhere(const struct gpu_target *t, const char *address)
{
	for (guint i = 0; i < t->n_all; i++) {
		const struct gpu_target *other = &t->all[i];
		if (!other->card || other->card == t->card || other->spec->share != GPU_SHARE_PASSTHROUGH)
			continue;
		GPU_FUNCTIONS_EACH (f, other->card->bystanders)
			if (strcmp(f->address, address) == 0)
				return TRUE;
	}
	return FALSE;
}

/* Bystanders go back with the card: as long as it is held, its group is. */
static void release_functions(struct gpu_target *t)
{
	if (t->spec->share == GPU_SHARE_PASSTHROUGH)
		return;
	GPU_FUNCTIONS_EACH (f, t->card->functions)
		if (f->former_driver)
			add_release(t, f);
	GPU_FUNCTIONS_EACH (f, t->card->bystanders)
		if (f->former_driver && !gpu_other_owner(t, f->address) && !is_bystander_elsewhere(t, f->address))
			add_release(t, f);
}

static gboolean carries_vgpu(const struct gpu_target *t, const char *address)
{
	for (guint i = 0; i < t->card->vgpus.n; i++)
		if (g_strcmp0(LIST_AT(t->card->vgpus, struct gpu_vgpu, i)->parent, address) == 0)
			return TRUE;
	return FALSE;
}

/* VFs that are unmade need not go back first. One that carries a vGPU never left its driver, and its note goes with
 * the vGPU; where only the note was left, it goes alone. */
static void release_vfs(struct gpu_target *t)
{
	gboolean is_vgpu = t->spec->share == GPU_SHARE_VGPU;
	if (t->spec->share == GPU_SHARE_VF || gpu_destroys_vfs(t))
		return;
	GPU_FUNCTIONS_EACH (f, t->card->virtual_functions)
		if (f->former_driver && !(is_vgpu && carries_vgpu(t, f->address)))
			add_release(t, f);
}

/* -- taking ------------------------------------------------------------------------------------------- */

static void add_bind(struct gpu_target *t, const struct gpu_function *f)
{
	struct device_step step = { f->address, f->driver, GPU_VFIO_DRIVER, NULL };
	if (!gpu_is_vfio(f->driver) && !gpu_is_bridge(f))
		g_array_append_val(t->work.bind, step);
}

static gboolean is_bound_by_earlier(const struct gpu_target *t, const char *address)
{
	for (const struct gpu_target *other = t->all; other < t; other++)
		for (guint i = 0; other->card && gpu_counts_on(t, other) && i < other->work.bind->len; i++)
			if (strcmp(g_array_index(other->work.bind, struct device_step, i).address, address) == 0)
				return TRUE;
	return FALSE;
}

static void bind_functions(struct gpu_target *t)
{
	GPU_FUNCTIONS_EACH (f, t->card->functions)
		add_bind(t, f);
	if (t->spec->group != GPU_GROUP_TAKE)
		return;
	GPU_FUNCTIONS_EACH (f, t->card->bystanders)
		if (!gpu_other_owner(t, f->address) && !is_bound_by_earlier(t, f->address))
			add_bind(t, f);
}

static void bind_vfs(struct gpu_target *t)
{
	if (t->work.n_vfs >= 0) {
		t->work.n_bind = t->work.n_vfs;
		return;
	}
	GPU_FUNCTIONS_EACH (f, t->card->virtual_functions)
		add_bind(t, f);
}

/* -- MIG ------------------------------------------------------------------------------------------------ */

static gboolean is_cut_as_wanted(const struct gpu_target *t)
{
	const struct gpu_mig *mig = &t->card->mig;
	gint64 n = mig->enabled == TRUE ? mig->instances.n : 0;
	for (guint i = 0; i < n; i++)
		if (g_strcmp0(LIST_AT(mig->instances, struct gpu_mig_instance, i)->profile, t->type) != 0)
			return FALSE;
	return n == t->n_slices;
}

static void array_free(gpointer array)
{
	g_array_free(array, TRUE);
}

static GArray *steps_new(struct arena *a)
{
	GArray *steps = g_array_new(FALSE, TRUE, sizeof(struct device_step));
	arena_own(a, steps, array_free);
	return steps;
}

void gpu_work_fill(struct gpu_target *t)
{
	struct arena *a = t->b->arena;
	t->work = (struct gpu_work){ steps_new(a), steps_new(a), steps_new(a), steps_new(a), -1, 0, FALSE };
	gpu_work_vgpus(t);
	t->work.n_vfs = vfs_wanted(t);
	release_functions(t);
	release_vfs(t);
	if (t->spec->share == GPU_SHARE_PASSTHROUGH)
		bind_functions(t);
	else if (t->spec->share == GPU_SHARE_VF)
		bind_vfs(t);
	t->work.cuts = t->spec->share == GPU_SHARE_MIG && !is_cut_as_wanted(t);
}
