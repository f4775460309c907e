/* delete-volumes: those that no domain names, whoever made it; looked at once more before the first is deleted. */
#include "apply/vm.h"
#include "apply/volume.h"
#include "base/error.h"
#include <string.h>

static gboolean is_in(const char *xml, const char *path)
{
	g_autofree char *escaped = g_markup_escape_text(path, -1);
	return xml && (strstr(xml, path) || strstr(xml, escaped));
}

gboolean delete_volumes_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct virt_domains all;
	if (!volumes_need_libvirt(in, error) || !virt_list(in->virt, in->arena, POOL_MS, &all, error))
		return FALSE;
	for (guint i = 0; i < all.n; i++)
		for (guint k = 0; k < act->n_volumes; k++)
			if (is_in(all.list[i].active_xml, act->volumes[k].path) || is_in(all.list[i].inactive_xml, act->volumes[k].path))
				return fail(error, ERROR_REFUSED, "the domain %s has %s", all.list[i].name, act->volumes[k].path);
	return TRUE;
}

gboolean delete_volumes(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct virt_volume_order order = volume_order(in, &act->volumes[i]);
		if (!virt_delete_volume(in->virt, order.pool, order.folder, order.name, VOLUME_QUICK_MS, error))
			return FALSE;
	}
	return TRUE;
}
