/* fetch-images: brings an image of the Farm into a pool, checks its digest and what it is, and gives it its name. */
#include "apply/volume.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/disk_image.h"
#include "host/fetch.h"
#include "spec/farm.h"
#include "spec/volume.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean fetch_images_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)act;
	return volumes_need_libvirt(in, error);
}

static gboolean is_there(struct arena *a, const char *folder, const char *sha256)
{
	for (int format = FORMAT_RAW; format <= FORMAT_QCOW2; format++)
		if (access(arena_printf(a, "%s/%s", folder, volume_image_name(a, sha256, format)), F_OK) == 0)
			return TRUE;
	return FALSE;
}

/* A disk that is made from it must show nothing of the host to the guest. */
static gboolean look_inside(const char *path, int *ret_format, GError **error)
{
	struct disk_image image;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", path);
	gboolean good = disk_image_read(fd, &image, error);
	close(fd);
	if (!good)
		return FALSE;
	if (image.other)
		return fail(error, ERROR_INVALID, "it is a %s file; give it as raw or qcow2", image.other);
	if (image.names_files)
		return fail(error, ERROR_INVALID, "it is a qcow2 that stands on another file, which would be read on this host; "
		                                  "`qemu-img convert` makes one that stands alone");
	if (image.size_bytes == 0)
		return fail(error, ERROR_INVALID, "it is empty");
	*ret_format = image.is_qcow2 ? FORMAT_QCOW2 : FORMAT_RAW;
	return TRUE;
}

static gboolean take_in(struct arena *a, const char *folder, const char *part, const char *sha256, GError **error)
{
	int format = FORMAT_RAW;
	const char *path = arena_printf(a, "%s/%s", folder, part);
	if (look_inside(path, &format, error))
		return volume_file_finish(folder, part, volume_image_name(a, sha256, format), error);
	unlink(path);
	return FALSE;
}

/* libcurl opens what it is told the name of, and waits for ever at a FIFO; a device would have no end. */
static gboolean is_file(const struct farm_file *image, GError **error)
{
	struct stat st;
	if (!image->file)
		return TRUE;
	if (stat(image->file, &st) < 0)
		return fail_errno(error, errno, "reading it");
	return S_ISREG(st.st_mode) || fail(error, ERROR_INVALID, "it is no regular file");
}

gboolean fetch_images(const struct apply_input *in, const struct action *act, GError **error)
{
	struct arena *a = in->arena;
	const struct volume_step *step = act->volumes;
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	const struct farm_file *image = farm_file_find(&farm->images, step->image);
	const char *folder = step->path, *part = arena_printf(a, "%s" VOLUME_PART, volume_image_name(a, act->digest, FORMAT_RAW));
	g_autofree char *uri = image->file ? g_filename_to_uri(image->file, NULL, error) : g_strdup(image->url);
	if (!uri)
		return FALSE;
	struct fetch_order order = { .url = uri, .folder = folder, .part = part, .sha256 = act->digest,
		                     .least_free_bytes = volume_least_free(in, step->pool, folder) };
	gboolean good = is_there(a, folder, act->digest) ||
	                (is_file(image, error) && fetch_file(&order, in->is_over, in->user, error) && take_in(a, folder, part, act->digest, error));
	if (!good)
		g_prefix_error(error, "the image %s from %s: ", image->name, image->file ? image->file : image->url);
	return good;
}
