/* Temporary file, fsync, rename, fsync of the folder. */
#include "host/put.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean sync_folder(const char *folder, GError **error)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", folder);
	int e = fsync(fd) < 0 ? errno : 0;
	close(fd);
	return e ? fail_errno(error, e, "writing %s to the disk", folder) : TRUE;
}

static int write_all(int fd, const char *text)
{
	for (gsize left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			text += n;
			left -= (gsize)n;
		}
	}
	return fsync(fd) < 0 ? errno : 0;
}

static gboolean put_in(const char *folder, const char *path, const char *text, mode_t mode, GError **error)
{
	g_autofree char *name = g_path_get_basename(path);
	/* modprobe and its like read what ends in .conf: what is left of a crash must not. */
	g_autofree char *part = g_strdup_printf("%s/.%s.XXXXXX", folder, name);
	int fd = g_mkstemp_full(part, O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(error, errno, "making a file in %s", folder);
	int e = fchmod(fd, mode) < 0 ? errno : write_all(fd, text);
	if (close(fd) < 0 && !e)
		e = errno;
	if (!e && rename(part, path) < 0)
		e = errno;
	if (!e)
		return sync_folder(folder, error);
	unlink(part);
	return fail_errno(error, e, "writing %s", path);
}

gboolean put_file(const char *path, const char *text, mode_t mode, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	/* What is private lies in a private folder. */
	if (g_mkdir_with_parents(folder, mode & S_IRWXO ? 0755 : 0700) < 0)
		return fail_errno(error, errno, "making the folder %s", folder);
	return put_in(folder, path, text, mode, error);
}

gboolean put_away(const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	if (unlink(path) == 0)
		return sync_folder(folder, error);
	return errno == ENOENT || errno == ENOTDIR ? TRUE : fail_errno(error, errno, "removing %s", path);
}
