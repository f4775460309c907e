/* Into the store by rename, out of it by a verified copy. */
#include "frames/store.h"
#include "base/error.h"
#include "frames/copy.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>

enum { EXTENSION_MAX = 16 };

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

/* Takes the file into the store. Where it has further names, as in a backup of hard links or between two
 * steps of a delivery, a copy goes there instead: a stored file shares its inode with nothing. */
static gboolean move_in(int dir_fd, const char *name, int store_fd, const char *stored, const char *sha256,
			GError **error)
{
	struct stat st;
	g_autofree char *partial = g_strconcat(name, STORE_PARTIAL, NULL);
	gboolean is_shared = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink > 1;
	if (is_shared && !copy_checked(dir_fd, name, dir_fd, partial, sha256, NULL, error))
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
	return path && copy_checked(root_fd, path, dir_fd, name, sha256, NULL, error);
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

/* In the store under a name that nobody looks for, until it is whole. */
static gboolean copy_in(const struct root_entry *from, int store_fd, const char *stored, const char *sha256,
			enum copy_how how, GError **error)
{
	g_autofree char *partial = g_strconcat(stored, STORE_PARTIAL, NULL);
	gboolean is_copied = how == COPY_SHARED ? copy_shared(from->dir_fd, from->name, store_fd, partial, sha256, error)
						: copy_checked(from->dir_fd, from->name, store_fd, partial, sha256, NULL, error);
	if (is_copied && renameat(store_fd, partial, store_fd, stored) == 0)
		return root_sync_dir(store_fd) == 0 || fail_errno(error, errno, "the store cannot be put on disk");
	if (is_copied)
		fail_errno(error, errno, "%s cannot be made", stored);
	(void)unlinkat(store_fd, partial, 0);
	return FALSE;
}

gboolean store_copy_in(int root_fd, const char *visible, const char *sha256, enum copy_how how, GError **error)
{
	SCOPED_ENTRY(from);
	g_autofree char *path = store_path(sha256, store_extension(visible), error);
	if (!path || !root_open_entry(root_fd, visible, FALSE, &from, error))
		return FALSE;
	if (from.dir_fd < 0)
		return fail(error, ERROR_NOT_FOUND, "%s is not there", visible);
	if (store_has(root_fd, sha256, store_extension(visible), 0))
		return TRUE;
	SCOPED_FD(store) = root_mkdirs(root_fd, ROOT_STORE);
	if (store < 0)
		return fail_errno(error, errno, ROOT_STORE " cannot be opened");
	return copy_in(&from, store, path + strlen(ROOT_STORE "/"), sha256, how, error);
}
