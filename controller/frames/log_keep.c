/* One reading of the folder, sorted by what may go first. */
#include "frames/log_keep.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

struct log_file {
	char *name;
	guint64 size;
	gint64 mtime_s;
	gboolean is_of_failure; /* the frame has failed, and was never verified */
};

static void clear_file(gpointer p)
{
	g_free(((struct log_file *)p)->name);
}

static gint first_to_go(gconstpointer x, gconstpointer y)
{
	const struct log_file *a = x, *b = y;
	if (a->is_of_failure != b->is_of_failure)
		return a->is_of_failure ? 1 : -1;
	if (a->mtime_s != b->mtime_s)
		return a->mtime_s < b->mtime_s ? -1 : 1;
	return strcmp(a->name, b->name);
}

static gboolean is_of_failure(const struct manifest_view *v, const char *name)
{
	gint64 frame = g_ascii_strtoll(name, NULL, 10);
	return manifest_next_failure(v, frame, NULL) && !manifest_next(v, frame, NULL);
}

static GArray *read_logs(int dir_fd, const struct manifest_view *v, guint64 *ret_bytes, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(dir_fd, error);
	if (!names)
		return NULL;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct log_file));
	g_array_set_clear_func(all, clear_file);
	for (guint i = 0; i < names->len; i++) {
		struct stat st;
		const char *name = names->pdata[i];
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		struct log_file one = { g_strdup(name), (guint64)st.st_size, st.st_mtim.tv_sec, is_of_failure(v, name) };
		*ret_bytes += one.size;
		g_array_append_val(all, one);
	}
	g_array_sort(all, first_to_go);
	return all;
}

gboolean logs_trim(int root_fd, const char *job_dir, const struct manifest_view *v, guint64 most_bytes, gboolean removes,
		   struct log_excess *ret, GError **error)
{
	guint64 bytes = 0;
	struct log_excess excess = { 0 };
	g_autofree char *folder = root_job_path(job_dir, "log", NULL, error);
	SCOPED_FD(dir) = folder ? root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) : -1;
	if (dir < 0 && (!folder || errno != ENOENT))
		return folder ? fail_errno(error, errno, "%s cannot be opened", folder) : FALSE;
	g_autoptr(GArray) all = dir >= 0 ? read_logs(dir, v, &bytes, error) : NULL;
	if (dir >= 0 && !all)
		return FALSE;
	for (guint i = 0; all && i < all->len && bytes > most_bytes; i++) {
		const struct log_file *f = &g_array_index(all, struct log_file, i);
		if (removes && unlinkat(dir, f->name, 0) < 0 && errno != ENOENT)
			return fail_errno(error, errno, "%s/%s cannot be removed", folder, f->name);
		bytes -= f->size;
		excess.bytes += f->size;
		excess.n++;
	}
	*ret = excess;
	return TRUE;
}
