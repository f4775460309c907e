/* remove-vgpus: takes vGPUs from a card, or from its VFs. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"

gboolean remove_vgpus_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct strings leave = { ARENA_ARRAY(in->arena, const char *, act->n_steps), 0 };
	if (!device_check(in, act, error))
		return FALSE;
	for (guint i = 0; i < act->n_steps; i++) {
		const struct device_step *step = &act->steps[i];
		const char *now;
		if (!vgpu_look(in, step, &now, error))
			return FALSE;
		if (now && g_strcmp0(now, step->from) != 0)
			return fail(error, ERROR_REFUSED, "on %s is a vGPU of type %s since it was planned, it was %s",
			            step->address, now, step->from ? step->from : "none");
		if (now)
			leave.items[leave.n++] = step->uuid ? step->uuid : step->address;
	}
	return device_check_idle(in, &leave, NULL, error);
}

gboolean remove_vgpus(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_steps; i++)
		if (!vgpu_remove(in, &act->steps[i], error))
			return FALSE;
	return TRUE;
}
