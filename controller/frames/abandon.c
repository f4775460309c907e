/* By the times of a folder and of the files that lie in it. */
#include "frames/abandon.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

static gint64 us_of(struct timespec t)
{
	return t.tv_sec * (gint64)G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* 0: it is no folder, or went meanwhile. */
static gint64 latest_change_us(int staging_fd, const char *token)
{
	struct stat st;
	SCOPED_FD(dir) = openat(staging_fd, token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autoptr(GPtrArray) names = dir >= 0 ? root_list(dir, NULL) : NULL;
	if (!names || fstat(dir, &st) < 0)
		return 0;
	gint64 latest = us_of(st.st_mtim);
	for (guint i = 0; i < names->len; i++)
		if (fstatat(dir, names->pdata[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			latest = MAX(latest, us_of(st.st_mtim));
	return latest;
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

gboolean abandoned_tokens(struct arena *a, int root_fd, const char *job_dir, gint64 age_us, guint most, GPtrArray *ret,
			  GError **error)
{
	g_autofree char *path = root_job_path(job_dir, "staging", NULL, error);
	SCOPED_FD(dir) = path ? root_openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) : -1;
	if (dir < 0)
		return path && (errno == ENOENT || fail_errno(error, errno, "%s cannot be opened", path));
	g_autoptr(GPtrArray) names = root_list(dir, error);
	gint64 now_us = g_get_real_time();
	if (!names)
		return FALSE;
	g_ptr_array_sort(names, by_text);
	for (guint i = 0; i < names->len && ret->len < most; i++) {
		gint64 latest = root_name_is_plain(names->pdata[i]) ? latest_change_us(dir, names->pdata[i]) : 0;
		if (latest && now_us - latest >= age_us)
			g_ptr_array_add(ret, arena_strdup(a, names->pdata[i]));
	}
	return TRUE;
}
