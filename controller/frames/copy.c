/* A clone is read once after it was made; a copy is summed while it is. */
#include "frames/copy.h"
#include "base/error.h"
#include "frames/root.h"
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

enum { COPY_SIZE = 128 * 1024 };

static gboolean write_all(int fd, const guchar *bytes, gsize size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		bytes += n;
		size -= (gsize)n;
	}
	return TRUE;
}

/* By read and write, not copy_file_range: the digest needs the bytes anyway. */
static gboolean copy_summed(int from, int to, char ret_sha256[SHA256_HEX_SIZE], GError **error)
{
	g_autofree guchar *buffer = g_malloc(COPY_SIZE);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (;;) {
		ssize_t n = read(from, buffer, COPY_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(error, errno, "cannot be read");
		if (n == 0)
			break;
		g_checksum_update(sum, buffer, n);
		if (!write_all(to, buffer, (gsize)n))
			return fail_errno(error, errno, "its copy cannot be written");
	}
	if (fsync(to) < 0)
		return fail_errno(error, errno, "its copy cannot be written");
	g_strlcpy(ret_sha256, g_checksum_get_string(sum), SHA256_HEX_SIZE);
	return TRUE;
}

static gboolean clone_summed(int to, char ret_sha256[SHA256_HEX_SIZE], GError **error)
{
	struct file_digest digest;
	if (fsync(to) < 0)
		return fail_errno(error, errno, "its copy cannot be written");
	if (!digest_fd(to, &digest, error))
		return FALSE;
	g_strlcpy(ret_sha256, digest.sha256, SHA256_HEX_SIZE);
	return TRUE;
}

/* `how` COPY_SHARED: nothing but a clone. */
static gboolean copy(int from_dir, const char *path, int to_dir, const char *name, const char *sha256, enum copy_how how,
		     gboolean *ret_is_shared, GError **error)
{
	char copied[SHA256_HEX_SIZE];
	SCOPED_FD(from) = root_openat(from_dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (from < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	SCOPED_FD(to) = openat(to_dir, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (to < 0)
		return fail_errno(error, errno, "%s cannot be made", name);
	gboolean is_shared = ioctl(to, FICLONE, from) == 0;
	if (!is_shared && how == COPY_SHARED) {
		(void)unlinkat(to_dir, name, 0);
		return fail(error, ERROR_REFUSED, "%s: the file system shares no blocks", path);
	}
	if (is_shared ? !clone_summed(to, copied, error) : !copy_summed(from, to, copied, error)) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	if (strcmp(copied, sha256) != 0)
		return fail(error, ERROR_INVALID, "%s is damaged: its content is %s", path, copied);
	if (ret_is_shared)
		*ret_is_shared = is_shared;
	return TRUE;
}

gboolean copy_checked(int from_dir, const char *path, int to_dir, const char *name, const char *sha256,
		      gboolean *ret_is_shared, GError **error)
{
	return copy(from_dir, path, to_dir, name, sha256, COPY_PLAIN, ret_is_shared, error);
}

gboolean copy_shared(int from_dir, const char *path, int to_dir, const char *name, const char *sha256, GError **error)
{
	return copy(from_dir, path, to_dir, name, sha256, COPY_SHARED, NULL, error);
}

gboolean copy_may_share(int fd)
{
	static const long kinds[] = {
		BTRFS_SUPER_MAGIC, XFS_SUPER_MAGIC, NFS_SUPER_MAGIC, OCFS2_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
		0x2fc12fc1, /* ZFS */
		0xca451a4e, /* bcachefs */
	};
	struct statfs st;
	for (guint i = 0; fstatfs(fd, &st) == 0 && i < G_N_ELEMENTS(kinds); i++)
		if ((guint32)st.f_type == (guint32)kinds[i])
			return TRUE;
	return FALSE;
}
