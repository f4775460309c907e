/* By the times of a folder and of the files that lie in it. */
#include "frames/abandon.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/remote.h"
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

/* Token → its latest change, of all objects. One whose time is not told is never old. */
static GHashTable *list_tokens(struct remote *r, const char *staging, GError **error)
{
	g_autofree char *folder = g_strconcat(staging, "/", NULL);
	g_autoptr(GHashTable) found = remote_list(r, folder, error);
	GHashTableIter it;
	gpointer path, value;
	if (!found)
		return NULL;
	GHashTable *tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_iter_init(&it, found);
	while (g_hash_table_iter_next(&it, &path, &value)) {
		const struct s3_facts *facts = value;
		const char *name = (const char *)path + strlen(folder);
		g_autofree char *token = g_strndup(name, strcspn(name, "/"));
		gint64 us = facts->modified_us ? facts->modified_us : G_MAXINT64, *latest = g_hash_table_lookup(tokens, token);
		if (latest)
			*latest = MAX(*latest, us);
		else
			g_hash_table_insert(tokens, g_steal_pointer(&token), g_memdup2(&us, sizeof us));
	}
	return tokens;
}

static gboolean abandoned_objects(struct arena *a, struct remote *r, const char *staging, gint64 age_us, guint most,
				  GPtrArray *ret, GError **error)
{
	g_autoptr(GHashTable) tokens = list_tokens(r, staging, error);
	gint64 now_us = g_get_real_time();
	GHashTableIter it;
	gpointer token, latest;
	if (!tokens)
		return FALSE;
	g_hash_table_iter_init(&it, tokens);
	while (g_hash_table_iter_next(&it, &token, &latest))
		if (root_name_is_plain(token) && *(const gint64 *)latest <= now_us - age_us)
			g_ptr_array_add(ret, arena_strdup(a, token));
	g_ptr_array_sort(ret, by_text);
	if (ret->len > most)
		g_ptr_array_set_size(ret, (gint)most);
	return TRUE;
}

gboolean abandoned_tokens(struct arena *a, int root_fd, struct remote *remote, const char *job_dir, gint64 age_us, guint most,
			  GPtrArray *ret, GError **error)
{
	g_autofree char *path = root_job_path(job_dir, "staging", NULL, error);
	if (path && remote)
		return abandoned_objects(a, remote, path, age_us, most, ret, error);
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
