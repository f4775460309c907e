/* set-vfs: the number of a card's virtual functions. The kernel goes from one number to another only through 0
 * (Documentation/PCI/pci-iov-howto.rst), so all VFs are made anew; sriov_drivers_autoprobe says whether the host's
 * drivers get them. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"

static gboolean read_count(const struct apply_input *in, const char *card, gint64 *ret, GError **error)
{
	const char *path = arena_printf(in->arena, PCI_DEVICE "/sriov_numvfs", card);
	const char *text = hands_read(in->hands, in->arena, card, path, error);
	gint64 n;
	if (!text)
		return FALSE;
	if (!g_ascii_string_to_signed(text, 10, 0, 65535, &n, NULL))
		return fail(error, ERROR_FAILED, "%s says \"%s\"", path, text);
	*ret = n;
	return TRUE;
}

static gboolean write_number(const struct apply_input *in, const char *card, const char *file, gint64 n, GError **error)
{
	const char *text = arena_printf(in->arena, "%" G_GINT64_FORMAT, n);
	return device_write(in, card, text, error, PCI_DEVICE "/%s", card, file);
}

/* -1: the machine does not tell. */
static gint64 read_autoprobe(const struct apply_input *in, const char *card)
{
	return host_read_number(in->hands->tree, -1, PCI_DEVICE "/sriov_drivers_autoprobe", card);
}

/* A device that is gone took with it what it was taken from: VFs made anew are as the kernel makes them. Done while
 * the card has none, so that a VF of the host is never found with the note of one of ours. */
static gboolean forget_gone(const struct apply_input *in, GError **error)
{
	for (char **noted = taken_list(in->hands->taken, in->arena); *noted; noted++)
		if (!host_exists(in->hands->tree, PCI_DEVICE, *noted) &&
		    !taken_forget(in->hands->taken, *noted, TAKEN_DRIVER, error))
			return FALSE;
	return TRUE;
}

static gboolean verify(const struct apply_input *in, const char *card, gint64 count, GError **error)
{
	gint64 now;
	if (!read_count(in, card, &now, error))
		return FALSE;
	guint n = device_vfs(in, card).n;
	if (now == count && n == count)
		return TRUE;
	return fail(error, ERROR_FAILED, "%s says that it has %" G_GINT64_FORMAT " virtual functions and shows %u, not %" G_GINT64_FORMAT,
	            card, now, n, count);
}

/* `autoprobe` below 0: as it is. */
static gboolean change(const struct apply_input *in, const char *card, gint64 count, gint64 autoprobe, GError **error)
{
	gint64 now;
	if (!read_count(in, card, &now, error))
		return FALSE;
	if (autoprobe >= 0 && read_autoprobe(in, card) != autoprobe &&
	    !write_number(in, card, "sriov_drivers_autoprobe", autoprobe, error))
		return FALSE;
	if (now && now != count && !write_number(in, card, "sriov_numvfs", 0, error))
		return FALSE;
	if (now != count || !now)
		if (!forget_gone(in, error))
			return FALSE;
	if (count && now != count && !write_number(in, card, "sriov_numvfs", count, error))
		return FALSE;
	return verify(in, card, count, error);
}

gboolean set_vfs_check(const struct apply_input *in, const struct action *act, GError **error)
{
	const char *card = act->card->address;
	gint64 now;
	if (!device_check(in, act, error) || !read_count(in, card, &now, error))
		return FALSE;
	if (now == (gint64)act->count)
		return TRUE;
	struct strings leave = device_vfs(in, card);
	if (now == act->card->sriov.n_enabled)
		return device_check_idle(in, &leave, NULL, error);
	return fail(error, ERROR_REFUSED, "%s has %" G_GINT64_FORMAT " virtual functions since it was planned, it had %" G_GINT64_FORMAT,
	            card, now, act->card->sriov.n_enabled);
}

/* A card that is shared by VFs keeps them from the host's drivers. */
static gboolean is_shared_by_vfs(const struct action *act)
{
	return act->want && ((const struct gpu_spec *)act->want->spec)->share == GPU_SHARE_VF;
}

/* FALSE, and an error, when it cannot be told. */
static gboolean note(const struct apply_input *in, const char *card, struct taken_device *ret, GError **error)
{
	gint64 now;
	if (!read_count(in, card, &now, error))
		return FALSE;
	struct taken_device device = { card, device_id(in, card), TAKEN_VFS, NULL, NULL, now, read_autoprobe(in, card) };
	return taken_note(in->hands->taken, &device, error) &&
	       taken_find(in->hands->taken, in->arena, card, device.id, ret, error);
}

gboolean set_vfs(const struct apply_input *in, const struct action *act, GError **error)
{
	const char *card = act->card->address;
	struct taken_device noted;
	if (!note(in, card, &noted, error))
		return FALSE;
	if (is_shared_by_vfs(act))
		return change(in, card, (gint64)act->count, 0, error);
	gboolean is_back = (gint64)act->count == noted.n_vfs;
	return change(in, card, (gint64)act->count, is_back ? noted.vf_autoprobe : -1, error) &&
	       (!is_back || taken_forget(in->hands->taken, card, TAKEN_VFS, error));
}

/* VFs made anew have lost what they were bound to: those of ours go there again. */
static gboolean restore_drivers(const struct apply_input *in, const struct gpu_status *card, GError **error)
{
	for (guint i = 0; i < card->virtual_functions.n; i++) {
		const struct gpu_function *vf = LIST_AT(card->virtual_functions, struct gpu_function, i);
		struct device_now now;
		if (vf->former_driver && vf->driver && !device_take(in, vf->address, vf->driver, error))
			return FALSE;
		if (!device_look(in, vf->address, &now, error))
			return FALSE;
		if (g_strcmp0(now.driver, vf->driver) != 0)
			return fail(error, ERROR_FAILED, "the virtual function %s was made anew and has the driver %s, it had %s",
			            vf->address, now.driver ? now.driver : "none", vf->driver ? vf->driver : "none");
	}
	return TRUE;
}

/* A VF that carries a vGPU is taken as well, and has its driver still. */
static gboolean has_bound_vfs(const struct gpu_status *card)
{
	for (guint i = 0; i < card->virtual_functions.n; i++) {
		const struct gpu_function *vf = LIST_AT(card->virtual_functions, struct gpu_function, i);
		if (vf->former_driver && g_strcmp0(vf->driver, vf->former_driver) != 0)
			return TRUE;
	}
	return FALSE;
}

gboolean set_vfs_undo(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct gpu_status *card = act->card;
	struct taken_device noted;
	if (!device_check_free(in, act, error))
		return FALSE;
	/* What this action noted says how it was; before, cleave kept VFs from the host's drivers where it bound any. */
	gboolean is_noted = taken_find(in->hands->taken, in->arena, card->address, device_id(in, card->address), &noted, NULL) &&
	                    (noted.what & TAKEN_VFS);
	gboolean is_back = is_noted && card->sriov.former_count < 0;
	gint64 autoprobe = is_back ? noted.vf_autoprobe : has_bound_vfs(card) ? 0 : -1;
	return change(in, card->address, card->sriov.n_enabled, autoprobe, error) && restore_drivers(in, card, error) &&
	       (!is_back || taken_forget(in->hands->taken, card->address, TAKEN_VFS, error));
}
