/* set-mig: a card's MIG instances, all of one profile, made anew through NVML. NVML has no transactions and an
 * instance that is gone cannot be had back as it was, so there is no undo: the next pass sees what is left. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/nvml.h"
#include "host/tree.h"
#include <string.h>

/* NULL: nobody says it. */
static const char *profile_of(const struct action *act)
{
	return act->n_steps ? act->steps[0].to : NULL;
}

gboolean set_mig_check(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct gpu_status *card = act->card;
	if (!device_check(in, act, error))
		return FALSE;
	/* NVML speaks of the cards of this machine, wherever the tree is. */
	if (!host_tree_is_this_machine(in->hands->tree))
		return fail(error, ERROR_REFUSED, "MIG is set on this machine only, not below %s", in->hands->tree->root);
	const char *driver = host_read_link(in->arena, in->hands->tree, PCI_DEVICE "/driver", card->address);
	if (g_strcmp0(driver, "nvidia") != 0)
		return fail(error, ERROR_REFUSED, "the driver of %s is %s; MIG needs NVIDIA's", card->address,
		            driver ? driver : "none");
	if (act->count && !profile_of(act))
		return fail(error, ERROR_REFUSED, "which MIG profile? Write mig: {type: …}");
	/* NVML refuses what is in use instance by instance: some would be gone by then. */
	const char *address = card->address;
	return device_check_idle(in, &(struct strings){ &address, 1 }, GPU_PERSISTENCE, error);
}

/* Past the deadline the process may hang in the kernel for ever: whatever is asked of the card next would, too. */
static void note_stuck(const struct apply_input *in, const char *address)
{
	if (in->hands->taken)
		taken_note_stuck(in->hands->taken, address, "NVML", helper_last_pid(in->hands->helper), NULL);
}

static gboolean verify(const struct nvml_card *now, const char *profile, guint64 count, GError **error)
{
	guint n = 0;
	if (now->trouble || (count && (now->mig != 1 || !now->can_list)))
		return fail(error, ERROR_FAILED, "what %s has now is not told: %s", now->address,
		            now->trouble ? now->trouble : "MIG mode is not on");
	for (guint i = 0; i < now->n_instances; i++)
		n += g_strcmp0(now->instances[i].profile, profile) == 0;
	if (n == count && n == now->n_instances)
		return TRUE;
	return fail(error, ERROR_FAILED, "%s has %u MIG instances, %u of them %s, not %" G_GUINT64_FORMAT, now->address,
	            now->n_instances, n, profile ? profile : "wanted", count);
}

gboolean set_mig(const struct apply_input *in, const struct action *act, GError **error)
{
	GError *why = NULL;
	struct nvml_card now;
	const char *address = act->card->address, *profile = profile_of(act);
	if (nvml_cut(in->hands->helper, in->arena, address, profile, act->count, NVML_CUT_MS, &now, &why))
		return verify(&now, profile, act->count, error);
	if (g_error_matches(why, CLEAVE_ERROR, ERROR_TIMEOUT))
		note_stuck(in, address);
	g_propagate_error(error, why);
	return FALSE;
}
