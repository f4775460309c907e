/* release-device: gives a card, function by function, back to the drivers that it had. */
#include "apply/device.h"
#include "base/arena.h"

/* A VF whose vGPU went in the same plan kept its driver, and is noted no more. */
static gboolean is_back(const struct apply_input *in, const struct device_step *step)
{
	return !device_is_taken(in, step->address) &&
	       g_strcmp0(host_read_link(in->arena, in->hands->tree, PCI_DEVICE "/driver", step->address), step->to) == 0;
}

gboolean release_device_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct strings leave = { ARENA_ARRAY(in->arena, const char *, act->n_steps), 0 };
	if (!device_check(in, act, error))
		return FALSE;
	for (guint i = 0; i < act->n_steps; i++) {
		const struct device_step *step = &act->steps[i];
		if (is_back(in, step))
			continue;
		if (!device_check_driver(in, step, error) || !device_check_way_back(in, step->address, error))
			return FALSE;
		if (step->from && g_strcmp0(step->from, step->to) != 0)
			leave.items[leave.n++] = step->address;
	}
	return device_check_idle(in, &leave, NULL, error);
}

gboolean release_device(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_steps; i++)
		if (!is_back(in, &act->steps[i]) && !device_give_back(in, act->steps[i].address, error))
			return FALSE;
	return TRUE;
}
