/* bind-device: takes a card, function by function, from the host's drivers for VMs. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"

/* VFs that only came to be in this plan are not named in it: the card's first ones are meant. */
static gboolean list_steps(const struct apply_input *in, const struct action *act, struct device_step **ret,
                           guint *ret_n, GError **error)
{
	*ret = act->steps;
	*ret_n = act->n_steps;
	if (act->n_steps)
		return TRUE;
	struct strings vfs = device_vfs(in, act->card->address);
	if (vfs.n < act->count)
		return fail(error, ERROR_REFUSED, "%s has %u virtual functions and not %" G_GUINT64_FORMAT,
		            act->card->address, vfs.n, act->count);
	*ret = ARENA_ARRAY(in->arena, struct device_step, act->count);
	*ret_n = (guint)act->count;
	for (guint i = 0; i < *ret_n; i++)
		(*ret)[i] = (struct device_step){ .address = vfs.items[i], .to = GPU_VFIO_DRIVER };
	return TRUE;
}

/* Those that a driver has to leave: to unbind one that is in use can block in the kernel for ever. */
static gboolean check_idle(const struct apply_input *in, const struct device_step *steps, guint n, GError **error)
{
	struct strings leave = { ARENA_ARRAY(in->arena, const char *, n), 0 };
	for (guint i = 0; i < n; i++) {
		const char *driver = host_read_link(in->arena, in->hands->tree, PCI_DEVICE "/driver", steps[i].address);
		if (driver && g_strcmp0(driver, steps[i].to) != 0)
			leave.items[leave.n++] = steps[i].address;
	}
	return device_check_idle(in, &leave, NULL, error);
}

gboolean bind_device_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct device_step *steps;
	guint n;
	if (!device_check(in, act, error) || !list_steps(in, act, &steps, &n, error))
		return FALSE;
	for (guint i = 0; i < act->n_steps; i++)
		if (!device_check_driver(in, &steps[i], error))
			return FALSE;
	for (guint i = 0; i < n; i++)
		if (!host_exists(in->hands->tree, "sys/bus/pci/drivers/%s", steps[i].to))
			return fail(error, ERROR_REFUSED, "the driver %s is not there: modprobe %s", steps[i].to, steps[i].to);
	return check_idle(in, steps, n, error);
}

gboolean bind_device(const struct apply_input *in, const struct action *act, GError **error)
{
	struct device_step *steps;
	guint n;
	if (!list_steps(in, act, &steps, &n, error))
		return FALSE;
	for (guint i = 0; i < n; i++)
		if (!device_take(in, steps[i].address, steps[i].to, error))
			return FALSE;
	return TRUE;
}

/* The last one first. What was not taken, was not touched. */
gboolean bind_device_undo(const struct apply_input *in, const struct action *act, GError **error)
{
	struct device_step *steps;
	guint n;
	if (!device_check_free(in, act, error) || !list_steps(in, act, &steps, &n, error))
		return FALSE;
	for (guint i = n; i-- > 0;)
		if (device_is_taken(in, steps[i].address) && !device_give_back(in, steps[i].address, error))
			return FALSE;
	return TRUE;
}
