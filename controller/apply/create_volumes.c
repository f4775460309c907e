/* create-volumes: a VM's disks, each whole before it has its name. */
#include "apply/volume.h"
#include "base/arena.h"
#include "base/error.h"
#include "spec/farm.h"
#include "spec/volume.h"
#include <unistd.h>

gboolean create_volumes_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)act;
	return volumes_need_libvirt(in, error);
}

/* The volume that the image is in; NULL when it is not in the pool. */
static const char *image_in(const struct apply_input *in, const char *folder, const struct farm_file *image)
{
	for (int format = FORMAT_RAW; format <= FORMAT_QCOW2; format++) {
		const char *name = volume_image_name(in->arena, image->sha256, format);
		if (access(arena_printf(in->arena, "%s/%s", folder, name), R_OK) == 0)
			return name;
	}
	return NULL;
}

static gboolean create(const struct apply_input *in, const struct volume_step *step, GError **error)
{
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	const struct farm_file *image = step->image ? farm_file_find(&farm->images, step->image) : NULL;
	struct virt_volume_order order = volume_order(in, step);
	order.least_free_bytes = volume_least_free(in, step->pool, order.folder);
	order.source = image ? image_in(in, order.folder, image) : NULL;
	if (image && !order.source)
		return fail(error, ERROR_NOT_FOUND, "the image %s is not in the pool %s", image->name, step->pool);
	return virt_create_volume(in->virt, &order, VOLUME_MS, error);
}

gboolean create_volumes(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->n_volumes; i++)
		if (!create(in, &act->volumes[i], error)) {
			g_prefix_error(error, "the disk %s: ", act->volumes[i].disk);
			return FALSE;
		}
	return TRUE;
}
