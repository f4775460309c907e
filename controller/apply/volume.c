/* Orders for volumes, out of a plan's steps. */
#include "apply/volume.h"
#include "base/arena.h"
#include "base/error.h"
#include "spec/volume.h"
#include <string.h>
#include <sys/statvfs.h>

gboolean volumes_need_libvirt(const struct apply_input *in, GError **error)
{
	return in->virt ? TRUE : fail(error, ERROR_AWAY, "libvirt is not open");
}

guint64 volume_least_free(const struct apply_input *in, const char *pool, const char *folder)
{
	const struct object *host = objects_get(in->plan->want, KIND_HOST, in->plan->host);
	const struct host_pool *want = host ? host_pool_find(host->spec, pool) : NULL;
	struct statvfs fs;
	return want && statvfs(folder, &fs) == 0 ? host_pool_least_free(want->min_free, (guint64)fs.f_blocks * fs.f_frsize) : 0;
}

struct virt_volume_order volume_order(const struct apply_input *in, const struct volume_step *step)
{
	const char *folder = arena_strndup(in->arena, step->path, (gsize)(strrchr(step->path, '/') - step->path));
	return (struct virt_volume_order){ .pool = step->pool, .folder = folder, .name = step->volume,
		                           .format = volume_format_name(step->format), .size_bytes = step->size_bytes };
}
