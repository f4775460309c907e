/* grow-volumes: through the VM that has them while it runs. */
#include "apply/volume.h"
#include "base/error.h"

gboolean grow_volumes_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)act;
	return volumes_need_libvirt(in, error);
}

gboolean grow_volumes(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct virt_volume_order order = volume_order(in, &act->volumes[i]);
		if (!virt_grow_volume(in->virt, &order, act->id, VOLUME_QUICK_MS, error)) {
			g_prefix_error(error, "the disk %s: ", act->volumes[i].disk);
			return FALSE;
		}
	}
	return TRUE;
}
