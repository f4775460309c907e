/* create-vgpus: makes vGPUs on a card, or on its VFs. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"
#include <string.h>

static gboolean check_step(const struct apply_input *in, const struct device_step *step, GError **error)
{
	const char *now;
	if (!vgpu_look(in, step, &now, error))
		return FALSE;
	if (now && strcmp(now, step->to) != 0)
		return fail(error, ERROR_REFUSED, "on %s is a vGPU of type %s since it was planned", step->address, now);
	if (!step->uuid ||
	    host_exists(in->hands->tree, PCI_DEVICE "/mdev_supported_types/%s/create", step->address, step->to))
		return TRUE;
	return fail(error, ERROR_REFUSED, "%s offers no vGPU type %s", step->address, step->to);
}

gboolean create_vgpus_check(const struct apply_input *in, const struct action *act, GError **error)
{
	if (!device_check(in, act, error))
		return FALSE;
	for (guint i = 0; i < act->n_steps; i++)
		if (!check_step(in, &act->steps[i], error))
			return FALSE;
	return TRUE;
}

gboolean create_vgpus(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_steps; i++)
		if (!vgpu_create(in, &act->steps[i], act->steps[i].to, error))
			return FALSE;
	return TRUE;
}

/* A vGPU that was there when it was planned is not this action's; one of another type went in the same plan. */
static gboolean was_there(const struct gpu_status *card, const struct device_step *step)
{
	for (guint i = 0; i < card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(card->vgpus, struct gpu_vgpu, i);
		if (g_strcmp0(vgpu->uuid, step->uuid) == 0 && g_strcmp0(vgpu->parent, step->address) == 0 &&
		    g_strcmp0(vgpu->type, step->to) == 0)
			return TRUE;
	}
	return FALSE;
}

gboolean create_vgpus_undo(const struct apply_input *in, const struct action *act, GError **error)
{
	if (!device_check_free(in, act, error))
		return FALSE;
	for (guint i = act->n_steps; i-- > 0;)
		if (!was_there(act->card, &act->steps[i]) && !vgpu_remove(in, &act->steps[i], error))
			return FALSE;
	return TRUE;
}
