/* Folders are walked in the order of names, so that equal trees give equal digests. */
#include "worker/cache_tree.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>

enum { EACH_BYTES = 4096, DEEPEST = 128 };

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean look(int dir_fd, const char *path, guint depth, GChecksum *sum, guint64 *bytes, GError **error)
{
	SCOPED_FD(fd) = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "looking at %s", path);
	if (depth > DEEPEST)
		return fail(error, ERROR_INVALID, "%s: folders deeper than %d", path, DEEPEST);
	g_autoptr(GPtrArray) names = root_list(fd, error);
	if (!names)
		return FALSE;
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		struct stat st;
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail_errno(error, errno, "looking at %s", name);
		struct file_facts f = facts_of(&st);
		gboolean is_folder = S_ISDIR(st.st_mode);
		g_autofree char *line = is_folder ? g_strdup_printf("%u %s/", depth, name) :
						    g_strdup_printf("%u %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
								    " %" G_GINT64_FORMAT, depth, name, f.ino, f.size, f.mtime_ns, f.ctime_ns);
		g_checksum_update(sum, (const guchar *)line, (gssize)strlen(line) + 1);
		*bytes += EACH_BYTES + (is_folder ? 0 : f.size);
		if (is_folder && !look(fd, name, depth + 1, sum, bytes, error))
			return FALSE;
	}
	return TRUE;
}

gboolean cache_tree_look(int dir_fd, const char *path, struct cache_tree_facts *ret, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint64 bytes = 0;
	if (!look(dir_fd, path, 0, sum, &bytes, error))
		return FALSE;
	ret->bytes = bytes;
	g_strlcpy(ret->digest, g_checksum_get_string(sum), sizeof ret->digest);
	return TRUE;
}

void cache_tree_remove(int dir_fd, const char *path)
{
	if (unlinkat(dir_fd, path, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	SCOPED_FD(fd) = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autoptr(GPtrArray) names = fd < 0 ? NULL : root_list(fd, NULL);
	for (guint i = 0; names && i < names->len; i++)
		cache_tree_remove(fd, g_ptr_array_index(names, i));
	(void)unlinkat(dir_fd, path, AT_REMOVEDIR);
}
