/* Into the store by rename, out of it by a verified copy. */
#include "frames/store.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>

enum { COPY_SIZE = 128 * 1024, EXTENSION_MAX = 16 };

static gboolean extension_is_plain(const char *extension)
{
	if (!*extension)
		return TRUE;
	gsize len = strlen(extension);
	for (gsize i = 1; i < len; i++)
		if (!g_ascii_isalnum(extension[i]))
			return FALSE;
	return extension[0] == '.' && len > 1 && len <= EXTENSION_MAX;
}

const char *store_extension(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash + 1 : path, '.');
	return dot && extension_is_plain(dot) ? dot : "";
}

char *store_path(const char *sha256, const char *extension, GError **error)
{
	if (sha256_is_valid(sha256) && extension_is_plain(extension))
		return g_strconcat(ROOT_STORE "/", sha256, extension, NULL);
	fail(error, ERROR_INVALID, "\"%s%s\" cannot name stored content: 64 digits 0-9a-f and a short extension",
	     sha256 ? sha256 : "", extension);
	return NULL;
}

gboolean store_has(int root_fd, const char *sha256, const char *extension, guint64 size)
{
	g_autofree char *path = store_path(sha256, extension, NULL);
	SCOPED_FD(fd) = path ? root_openat(root_fd, path, O_PATH | O_NOFOLLOW, 0) : -1;
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size == 0 || (guint64)st.st_size == size);
}

/* Frees `name` in the store for its right content: what is there under a wrong name goes to its own.
 * *ret_is_there: the right content is there already. */
static gboolean make_room(int store_fd, const char *name, const char *sha256, const char *extension,
			  gboolean *ret_is_there, GError **error)
{
	struct file_digest there;
	g_autoptr(GError) why = NULL;
	*ret_is_there = FALSE;
	if (!digest_file(NULL, store_fd, name, &there, &why)) {
		if (g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	*ret_is_there = strcmp(there.sha256, sha256) == 0;
	if (*ret_is_there)
		return TRUE;
	g_autofree char *right = g_strconcat(there.sha256, extension, NULL);
	if (renameat(store_fd, name, store_fd, right) < 0)
		return fail_errno(error, errno, "damaged stored file %s cannot be moved away", name);
	return TRUE;
}

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

/* Replaces what is at (to_dir, name). */
static gboolean copy_checked(int from_dir, const char *path, int to_dir, const char *name, const char *sha256,
			     GError **error)
{
	char copied[SHA256_HEX_SIZE];
	SCOPED_FD(from) = root_openat(from_dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (from < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	SCOPED_FD(to) = openat(to_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (to < 0)
		return fail_errno(error, errno, "%s cannot be made", name);
	if (!copy_summed(from, to, copied, error)) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	if (strcmp(copied, sha256) != 0)
		return fail(error, ERROR_INVALID, "%s is damaged: its content is %s", path, copied);
	return TRUE;
}

/* Takes the file into the store. Where it has further names, as in a backup of hard links or between two
 * steps of a delivery, a copy goes there instead: a stored file shares its inode with nothing. */
static gboolean move_in(int dir_fd, const char *name, int store_fd, const char *stored, const char *sha256,
			GError **error)
{
	struct stat st;
	g_autofree char *partial = g_strconcat(name, STORE_PARTIAL, NULL);
	gboolean is_shared = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink > 1;
	if (is_shared && !copy_checked(dir_fd, name, dir_fd, partial, sha256, error))
		return FALSE;
	if (renameat(dir_fd, is_shared ? partial : name, store_fd, stored) < 0)
		return fail_errno(error, errno, "%s cannot be moved into the store", name);
	/* the copy first, then the name that it stands for */
	if (is_shared && (root_sync_dir(store_fd) < 0 || unlinkat(dir_fd, name, 0) < 0))
		return fail_errno(error, errno, "%s cannot be removed", name);
	return TRUE;
}

gboolean store_add(int root_fd, int dir_fd, const char *name, const char *extension, struct file_digest *ret,
		   GError **error)
{
	struct file_digest digest;
	gboolean is_there = FALSE;
	if (!digest_file(NULL, dir_fd, name, &digest, error))
		return FALSE;
	g_autofree char *path = store_path(digest.sha256, extension, error);
	if (!path)
		return FALSE;
	SCOPED_FD(store) = root_mkdirs(root_fd, ROOT_STORE);
	if (store < 0)
		return fail_errno(error, errno, ROOT_STORE " cannot be opened");
	const char *stored = path + strlen(ROOT_STORE "/");
	if (!make_room(store, stored, digest.sha256, extension, &is_there, error))
		return FALSE;
	if (is_there && unlinkat(dir_fd, name, 0) < 0)
		return fail_errno(error, errno, "%s cannot be removed", name);
	if (!is_there && !move_in(dir_fd, name, store, stored, digest.sha256, error))
		return FALSE;
	if (root_sync_dir(store) < 0 || root_sync_dir(dir_fd) < 0)
		return fail_errno(error, errno, "the store cannot be put on disk");
	if (ret)
		*ret = digest;
	return TRUE;
}

gboolean store_copy_out(int root_fd, const char *sha256, const char *extension, int dir_fd, const char *name,
			GError **error)
{
	g_autofree char *path = store_path(sha256, extension, error);
	return path && copy_checked(root_fd, path, dir_fd, name, sha256, error);
}

gboolean store_remove(int root_fd, const char *sha256, const char *extension, GError **error)
{
	g_autofree char *path = store_path(sha256, extension, error);
	SCOPED_ENTRY(entry);
	if (!path || !root_open_entry(root_fd, path, FALSE, &entry, error))
		return FALSE;
	if (entry.dir_fd < 0)
		return TRUE;
	if ((unlinkat(entry.dir_fd, entry.name, 0) < 0 && errno != ENOENT) || root_sync_dir(entry.dir_fd) < 0)
		return fail_errno(error, errno, "%s cannot be removed", path);
	return TRUE;
}
