/* Volumes made, grown and deleted through libvirt. Each request is a function for the pool of threads (run_…), which
 * sees only the connection and copies of its arguments, and a public one that waits for it. */
#include "host/virt_storage.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/disk_image.h"
#include "host/virt_call.h"
#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* While one volume of a pool is filled libvirt refuses to look at the pool anew ("has asynchronous jobs running"). */
enum { REFRESH_PAUSE_US = 200000, REFRESH_PATIENT = 15000 };

static char done_mark;

struct request {
	struct virt_volume_order order;
	char *part, *path, *part_path;
	char *domain;
};

static void request_free(gpointer data)
{
	struct request *r = data;
	g_free((char *)r->order.pool);
	g_free((char *)r->order.folder);
	g_free((char *)r->order.name);
	g_free((char *)r->order.format);
	g_free((char *)r->order.source);
	g_free(r->part);
	g_free(r->path);
	g_free(r->part_path);
	g_free(r->domain);
	g_free(r);
}

static gboolean call_volume(struct virt *v, const char *what, const struct virt_volume_order *o, const char *domain, virt_func run,
                            gint64 timeout_ms, GError **error)
{
	struct request *r = g_new0(struct request, 1);
	g_autofree char *object = g_strdup_printf("(volume) %s/%s", o->folder, o->name);
	r->order = *o;
	r->order.pool = g_strdup(o->pool);
	r->order.folder = g_strdup(o->folder);
	r->order.name = g_strdup(o->name);
	r->order.format = g_strdup(o->format);
	r->order.source = g_strdup(o->source);
	r->part = g_strconcat(o->name, ".part", NULL);
	r->path = g_build_filename(o->folder, o->name, NULL);
	r->part_path = g_build_filename(o->folder, r->part, NULL);
	r->domain = g_strdup(domain);
	struct virt_job job = { .what = what, .name = o->name, .object = object, .run = run, .data = r, .data_free = request_free };
	return virt_call(v, &job, timeout_ms, NULL, error);
}

/* -- what libvirt knows of the pool ---------------------------------------------------------------------------- */

/* "Has asynchronous jobs running" is an internal error (libvirt: storagePoolRefresh()); a pool that was stopped, or a
 * connection that is gone, is another, and does not pass. */
static gboolean is_filling(void)
{
	return virGetLastErrorCode() == VIR_ERR_INTERNAL_ERROR;
}

/* TRUE when libvirt looked. Another volume may be filled for as long as that takes. */
static gboolean refresh(virStoragePoolPtr pool, guint n_times)
{
	for (guint i = 0; i < n_times; i++) {
		if (i > 0)
			g_usleep(REFRESH_PAUSE_US);
		if (virStoragePoolRefresh(pool, 0) == 0)
			return TRUE;
		if (!is_filling())
			return FALSE;
	}
	return FALSE;
}

/* What got its name behind libvirt's back is found by looking once more. */
static virStorageVolPtr find_volume(virStoragePoolPtr pool, const char *name)
{
	virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
	if (!volume && refresh(pool, REFRESH_PATIENT))
		volume = virStorageVolLookupByName(pool, name);
	return volume;
}

/* libvirt may know it without there being a file, and the other way round. */
static gboolean remove_file(virStoragePoolPtr pool, const char *name, const char *path, GError **error)
{
	virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
	if (volume) {
		virStorageVolDelete(volume, 0);
		virStorageVolFree(volume);
	}
	return unlink(path) == 0 || errno == ENOENT ? TRUE : fail_errno(error, errno, "removing %s", path);
}

/* -- making ---------------------------------------------------------------------------------------------------- */

static virStorageVolPtr create_part(virStoragePoolPtr pool, const struct request *r, virStorageVolPtr source, guint64 capacity)
{
	g_autofree char *xml = g_markup_printf_escaped("<volume type='file'><name>%s</name><capacity unit='bytes'>%" G_GUINT64_FORMAT
	                                               "</capacity><allocation>0</allocation><target><format type='%s'/></target></volume>",
	                                               r->part, capacity, r->order.format);
	return source ? virStorageVolCreateXMLFrom(pool, xml, source, 0) : virStorageVolCreateXML(pool, xml, 0);
}

static gboolean is_raw(const struct request *r)
{
	return strcmp(r->order.format, "raw") == 0;
}

/* The size that a guest sees. A raw file is as large as it is, whatever is written in it. */
static gboolean size_of(const struct request *r, const char *path, guint64 *ret_bytes, GError **error)
{
	struct disk_image image;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	gboolean good = fd >= 0 && fstat(fd, &st) == 0 && disk_image_read(fd, &image, NULL);
	if (!good)
		fail_errno(error, errno, "reading %s", path);
	else
		*ret_bytes = is_raw(r) ? (guint64)st.st_size : image.size_bytes;
	if (fd >= 0)
		close(fd);
	return good;
}

/* libvirt takes a raw file for what its first bytes say, and those are the guest's: such a file is not for its
 * programs to grow. */
static gboolean grow_file(virStoragePoolPtr pool, const struct request *r, const char *name, const char *path, GError **error)
{
	if (is_raw(r))
		return truncate(path, (off_t)r->order.size_bytes) == 0 ? TRUE : fail_errno(error, errno, "growing %s", path);
	virStorageVolPtr volume = find_volume(pool, name);
	gboolean good = volume && virStorageVolResize(volume, r->order.size_bytes, 0) == 0;
	if (!good)
		virt_fail(error);
	if (volume)
		virStorageVolFree(volume);
	return good;
}

static gboolean fill(virStoragePoolPtr pool, const struct request *r, virStorageVolPtr source, guint64 source_bytes, GError **error)
{
	guint64 bytes = 0;
	virStorageVolPtr volume = create_part(pool, r, source, source ? source_bytes : r->order.size_bytes);
	if (!volume)
		return virt_fail(error) != NULL;
	virStorageVolFree(volume);
	if (source && r->order.size_bytes > source_bytes && !grow_file(pool, r, r->part, r->part_path, error))
		return FALSE;
	if (!size_of(r, r->part_path, &bytes, error))
		return FALSE;
	if (bytes >= r->order.size_bytes && bytes > 0)
		return volume_file_finish(r->order.folder, r->part, r->order.name, error);
	return fail(error, ERROR_FAILED, "it came out with %" G_GUINT64_FORMAT " bytes instead of %" G_GUINT64_FORMAT, bytes,
	            r->order.size_bytes);
}

/* The source's size and what it takes on the disk. */
static gboolean measure_source(virStoragePoolPtr pool, const struct request *r, virStorageVolPtr *ret, guint64 *ret_size, guint64 *ret_taken,
                               GError **error)
{
	virStorageVolInfo info;
	if (!r->order.source)
		return TRUE;
	*ret = find_volume(pool, r->order.source);
	if (!*ret || virStorageVolGetInfo(*ret, &info) < 0)
		return virt_fail(error) != NULL;
	*ret_size = info.capacity;
	*ret_taken = info.allocation;
	if (!r->order.size_bytes || r->order.size_bytes >= info.capacity)
		return TRUE;
	return fail(error, ERROR_REFUSED, "the image's disk has %" G_GUINT64_FORMAT " bytes, and %" G_GUINT64_FORMAT
	                                  " are wanted; a disk is never smaller than its image", *ret_size, r->order.size_bytes);
}

static gboolean create(virStoragePoolPtr pool, const struct request *r, GError **error)
{
	virStorageVolPtr source = NULL;
	guint64 source_bytes = 0, taken = 0;
	if (access(r->path, F_OK) == 0)
		return TRUE;
	gboolean good = remove_file(pool, r->part, r->part_path, error) && measure_source(pool, r, &source, &source_bytes, &taken, error) &&
	                volume_room_check(r->order.folder, taken, r->order.least_free_bytes, error);
	if (good && !(good = fill(pool, r, source, source_bytes, error)))
		remove_file(pool, r->part, r->part_path, NULL);
	if (source)
		virStorageVolFree(source);
	/* Else libvirt learns of it later; nobody asks it before. */
	refresh(pool, 1);
	return good;
}

static gpointer with_pool(virConnectPtr connection, const struct request *r, gboolean (*act)(virStoragePoolPtr, const struct request *, GError **),
                          GError **error)
{
	virStoragePoolPtr pool = virStoragePoolLookupByName(connection, r->order.pool);
	if (!pool)
		return virt_fail(error);
	gboolean good = act(pool, r, error);
	virStoragePoolFree(pool);
	return good ? &done_mark : NULL;
}

static gpointer run_create(virConnectPtr connection, gpointer data, GError **error)
{
	return with_pool(connection, data, create, error);
}

gboolean virt_create_volume(struct virt *v, const struct virt_volume_order *order, gint64 timeout_ms, GError **error)
{
	return call_volume(v, "making the volume", order, NULL, run_create, timeout_ms, error);
}

/* -- growing --------------------------------------------------------------------------------------------------- */

static gboolean grow(virStoragePoolPtr pool, const struct request *r, GError **error)
{
	guint64 bytes = 0;
	if (!size_of(r, r->path, &bytes, error))
		return FALSE;
	if (bytes >= r->order.size_bytes)
		return TRUE;
	gboolean good = grow_file(pool, r, r->order.name, r->path, error);
	refresh(pool, 1);
	return good;
}

/* TRUE when the running domain has the disk; it was then grown, or *error says why not. */
static gboolean grow_in_domain(virConnectPtr connection, const struct request *r, gboolean *ret_good, GError **error)
{
	virDomainPtr domain = r->domain ? virDomainLookupByName(connection, r->domain) : NULL;
	virDomainBlockInfo info;
	gboolean has_disk = domain && virDomainIsActive(domain) == 1 && virDomainGetBlockInfo(domain, r->path, &info, 0) == 0;
	if (has_disk) {
		*ret_good = virDomainBlockResize(domain, r->path, r->order.size_bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0;
		if (!*ret_good)
			virt_fail(error);
	}
	if (domain)
		virDomainFree(domain);
	return has_disk;
}

static gpointer run_grow(virConnectPtr connection, gpointer data, GError **error)
{
	gboolean good = FALSE;
	if (grow_in_domain(connection, data, &good, error))
		return good ? &done_mark : NULL;
	return with_pool(connection, data, grow, error);
}

gboolean virt_grow_volume(struct virt *v, const struct virt_volume_order *order, const char *domain, gint64 timeout_ms, GError **error)
{
	return call_volume(v, "growing the volume", order, domain, run_grow, timeout_ms, error);
}

/* -- deleting -------------------------------------------------------------------------------------------------- */

static gboolean delete(virStoragePoolPtr pool, const struct request *r, GError **error)
{
	return remove_file(pool, r->order.name, r->path, error);
}

static gpointer run_delete(virConnectPtr connection, gpointer data, GError **error)
{
	return with_pool(connection, data, delete, error);
}

gboolean virt_delete_volume(struct virt *v, const char *pool, const char *folder, const char *name, gint64 timeout_ms, GError **error)
{
	const struct virt_volume_order order = { .pool = pool, .folder = folder, .name = name };
	return call_volume(v, "deleting the volume", &order, NULL, run_delete, timeout_ms, error);
}
