/* Files of volumes: the last steps of making one, and the room for it. */
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "host/virt_storage.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

static gboolean sync_path(const char *path, int flags, GError **error)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", path);
	int e = fsync(fd) < 0 ? errno : 0;
	close(fd);
	return e ? fail_errno(error, e, "writing %s to the disk", path) : TRUE;
}

gboolean volume_file_finish(const char *folder, const char *part, const char *name, GError **error)
{
	g_autofree char *from = g_build_filename(folder, part, NULL), *to = g_build_filename(folder, name, NULL);
	if (!sync_path(from, 0, error))
		return FALSE;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
		return fail_errno(error, errno, "giving %s its name", to);
	return sync_path(folder, O_DIRECTORY, error);
}

/* "1.5GiB": to be read, not to be parsed. */
static const char *rounded(struct arena *a, guint64 bytes)
{
	guint64 unit = bytes >= GiB ? GiB : MiB, tenths = bytes / unit * 10 + bytes % unit * 10 / unit;
	return arena_printf(a, "%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "%s", tenths / 10, tenths % 10, bytes_unit_name(unit));
}

gboolean volume_room_check(const char *folder, guint64 needed_bytes, guint64 least_free_bytes, GError **error)
{
	struct statvfs fs;
	SCOPED_ARENA(a);
	if (statvfs(folder, &fs) < 0)
		return fail_errno(error, errno, "measuring %s", folder);
	guint64 free_bytes = (guint64)fs.f_bavail * fs.f_frsize;
	if (free_bytes >= needed_bytes && free_bytes - needed_bytes >= least_free_bytes)
		return TRUE;
	return fail(error, ERROR_REFUSED, "%s has %s free: with %s more less than %s would stay free (minFree of the pool)", folder,
	            rounded(a, free_bytes), rounded(a, needed_bytes), rounded(a, least_free_bytes));
}
