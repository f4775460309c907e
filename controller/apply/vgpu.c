/* One vGPU, in either framework: mediated devices (Documentation/driver-api/vfio-mediated-device.rst), which have a UUID,
 * and NVIDIA's vendor VFIO, where a VF's nvidia/current_vgpu_type makes it one (vGPU User Guide, "Creating an NVIDIA
 * vGPU on a Linux with KVM Hypervisor that uses a vendor-specific VFIO framework"). */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"
#include <string.h>

#define MDEV "sys/bus/mdev/devices/%s"
#define VF_TYPE PCI_DEVICE "/nvidia/current_vgpu_type"
#define NO_VF_TYPE "0"

static gboolean look_at_mdev(const struct apply_input *in, const struct device_step *step, const char **ret_type,
                             GError **error)
{
	const struct host_tree *t = in->hands->tree;
	*ret_type = NULL;
	if (!host_exists(t, MDEV, step->uuid))
		return TRUE;
	if (!host_exists(t, PCI_DEVICE "/%s", step->address, step->uuid))
		return fail(error, ERROR_REFUSED, "the vGPU %s is on another device than %s", step->uuid, step->address);
	*ret_type = host_read_link(in->arena, t, MDEV "/mdev_type", step->uuid);
	return *ret_type ? TRUE : fail(error, ERROR_REFUSED, "the vGPU %s tells no type", step->uuid);
}

gboolean vgpu_look(const struct apply_input *in, const struct device_step *step, const char **ret_type, GError **error)
{
	if (step->uuid)
		return look_at_mdev(in, step, ret_type, error);
	const char *path = arena_printf(in->arena, VF_TYPE, step->address);
	const char *type = hands_read(in->hands, in->arena, step->address, path, error);
	if (!type)
		return FALSE;
	*ret_type = strcmp(type, NO_VF_TYPE) == 0 ? NULL : type;
	return TRUE;
}

static gboolean verify(const struct apply_input *in, const struct device_step *step, const char *type, GError **error)
{
	const char *now;
	if (!vgpu_look(in, step, &now, error))
		return FALSE;
	if (g_strcmp0(now, type) == 0)
		return TRUE;
	return fail(error, ERROR_FAILED, "on %s is a vGPU of type %s and not %s", step->address, now ? now : "none",
	            type ? type : "none");
}

static gboolean note_vf(const struct apply_input *in, const char *vf, GError **error)
{
	struct device_now now;
	if (!device_look(in, vf, &now, error))
		return FALSE;
	struct taken_device noted = { vf, device_id(in, vf), TAKEN_DRIVER, now.driver, now.driver_override, -1, -1 };
	return taken_note(in->hands->taken, &noted, error);
}

gboolean vgpu_create(const struct apply_input *in, const struct device_step *step, const char *type, GError **error)
{
	const char *now;
	if (!step->uuid && !note_vf(in, step->address, error))
		return FALSE;
	if (!vgpu_look(in, step, &now, error))
		return FALSE;
	if (!now && step->uuid &&
	    !device_write(in, step->address, step->uuid, error, PCI_DEVICE "/mdev_supported_types/%s/create", step->address,
	                  type))
		return FALSE;
	if (!now && !step->uuid && !device_write(in, step->address, type, error, VF_TYPE, step->address))
		return FALSE;
	return verify(in, step, type, error);
}

gboolean vgpu_remove(const struct apply_input *in, const struct device_step *step, GError **error)
{
	const char *now;
	if (!vgpu_look(in, step, &now, error))
		return FALSE;
	if (now && step->uuid && !device_write(in, step->address, "1", error, MDEV "/remove", step->uuid))
		return FALSE;
	if (now && !step->uuid && !device_write(in, step->address, NO_VF_TYPE, error, VF_TYPE, step->address))
		return FALSE;
	return verify(in, step, NULL, error) &&
	       (step->uuid || taken_forget(in->hands->taken, step->address, TAKEN_DRIVER, error));
}
