/* What the verbs on cards share: the devices as they are now, taking one from the host and giving it back.
 * Private to apply/. */
#pragma once
#include "apply/apply.h"
#include "host/hands.h"
#include "host/taken.h"
#include "spec/gpu.h"

#define PCI_DEVICE "sys/bus/pci/devices/%s"

struct device_now {
	const char *driver, *driver_override; /* NULL = none */
};

/* One write to a device's attribute; the path as in host/tree.h. */
gboolean device_write(const struct apply_input *in, const char *address, const char *text, GError **error,
                      const char *path_format, ...) G_GNUC_PRINTF(5, 6);
/* "10de:2231", for the record; NULL = it does not tell. */
const char *device_id(const struct apply_input *in, const char *address);
gboolean device_look(const struct apply_input *in, const char *address, struct device_now *ret, GError **error);
/* Addresses of the card's VFs, in the kernel's order. */
struct strings device_vfs(const struct apply_input *in, const char *card);

/* Before the first write of any verb: the devices are those that were observed, and nothing is stuck in them.
 * ERROR_REFUSED. */
gboolean device_check(const struct apply_input *in, const struct action *act, GError **error);
/* Nobody has these open, and the host does nothing with them: functions, VFs, or vGPUs by UUID, whose driver is to
 * leave them. Processes called `harmless` (may be NULL) do not count. ERROR_REFUSED with who or what. */
gboolean device_check_idle(const struct apply_input *in, const struct strings *devices, const char *harmless, GError **error);
/* Before an undo: nothing is stuck in the card or in what the action is on. ERROR_REFUSED. */
gboolean device_check_free(const struct apply_input *in, const struct action *act, GError **error);
/* The driver is the one that the action expects, or already the one that it gives. ERROR_REFUSED. */
gboolean device_check_driver(const struct apply_input *in, const struct device_step *step, GError **error);

/* Notes what the device has, then hands it to `driver`, and sees that it has it. */
gboolean device_take(const struct apply_input *in, const char *address, const char *driver, GError **error);
/* The driver and override that were noted, or none; forgets it. A device that was not taken: ERROR_REFUSED. */
gboolean device_give_back(const struct apply_input *in, const char *address, GError **error);
gboolean device_is_taken(const struct apply_input *in, const char *address);
/* Whether the driver that it is to be given back to is there. ERROR_REFUSED. */
gboolean device_check_way_back(const struct apply_input *in, const char *address, GError **error);

/* -- vGPUs: apply/vgpu.c ------------------------------------------------------------------------------ */

/* What the place of a step carries: the type of the mdev of its UUID, or of the VF (vendor VFIO); NULL = nothing.
 * ERROR_REFUSED for an mdev of that UUID on another parent. */
gboolean vgpu_look(const struct apply_input *in, const struct device_step *step, const char **ret_type, GError **error);
/* Makes one of the type, and sees that it is there; nothing is done where it is. Of a VF the driver is noted: it is
 * taken, though its driver stays. */
gboolean vgpu_create(const struct apply_input *in, const struct device_step *step, const char *type, GError **error);
gboolean vgpu_remove(const struct apply_input *in, const struct device_step *step, GError **error);
