/* Making, sealing, listing and removing the folders of attempts. */
#include "frames/stage.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>

enum { DIR_MODE = 0777, DEPTH_MAX = 16 };

static struct stage *stage_at(int root_fd, char *path, GError **error)
{
	struct stage *s = g_new0(struct stage, 1);
	s->path = path;
	s->dir_fd = root_openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (s->dir_fd >= 0)
		return s;
	fail_errno(error, errno, "staging folder %s cannot be opened", path);
	stage_free(s);
	return NULL;
}

struct stage *stage_begin(int root_fd, const char *job_dir, const char *token, GError **error)
{
	g_autofree char *path = root_job_path(job_dir, "staging", token, error);
	SCOPED_ENTRY(entry);
	if (!path || !root_open_entry(root_fd, path, TRUE, &entry, error))
		return NULL;
	if (mkdirat(entry.dir_fd, entry.name, DIR_MODE) < 0 || root_sync_dir(entry.dir_fd) < 0) {
		fail_errno(error, errno, "staging folder %s cannot be made", path);
		return NULL;
	}
	return stage_at(root_fd, g_steal_pointer(&path), error);
}

struct stage *stage_open(int root_fd, const char *job_dir, const char *token, GError **error)
{
	char *path = root_job_path(job_dir, "staging", token, error);
	return path ? stage_at(root_fd, path, error) : NULL;
}

void stage_free(struct stage *s)
{
	if (!s)
		return;
	fd_clear(&s->dir_fd);
	g_free(s->path);
	g_free(s);
}

gboolean stage_seal(const struct stage *s, const char *file, struct file_digest *ret, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!root_open_entry(s->dir_fd, file, FALSE, &entry, error))
		return FALSE;
	SCOPED_FD(fd) =
		entry.dir_fd < 0 ? -1 : root_openat(entry.dir_fd, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s/%s cannot be opened", s->path, file);
	if (fsync(fd) < 0 || root_sync_dir(entry.dir_fd) < 0)
		return fail_errno(error, errno, "%s/%s cannot be put on disk", s->path, file);
	if (digest_fd(fd, ret, error))
		return TRUE;
	g_prefix_error(error, "%s/%s ", s->path, file);
	return FALSE;
}

/* Delivery is a link followed by an unlink, or a rename: either the name is gone, or there is a second one. */
gboolean stage_withdraw(const struct stage *s, const char *file)
{
	struct stat st;
	g_autofree char *withdrawn = g_strconcat(file, STAGE_WITHDRAWN, NULL);
	if (renameat(s->dir_fd, file, s->dir_fd, withdrawn) < 0)
		return FALSE;
	if (fstatat(s->dir_fd, withdrawn, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1)
		return TRUE;
	(void)unlinkat(s->dir_fd, withdrawn, 0);
	return FALSE;
}

/* `folder` is relative to where the walk began, "" there. */
typedef gboolean each_fn(int dir_fd, const char *folder, const char *name, const struct stat *st, gpointer data,
			 GError **error);

/* Calls `each` for every entry below, what is in a folder before the folder itself; symbolic links are
 * not followed. Entries that vanish meanwhile are passed over. */
static gboolean walk(int dir_fd, const char *folder, guint depth, each_fn *each, gpointer data, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(dir_fd, error);
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++) {
		const char *name = names->pdata[i];
		struct stat st;
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			SCOPED_FD(sub) = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			g_autofree char *path = g_strconcat(folder, *folder ? "/" : "", name, NULL);
			ok = sub < 0 || walk(sub, path, depth + 1, each, data, error);
		}
		ok = ok && each(dir_fd, folder, name, &st, data, error);
	}
	return ok;
}

static gboolean remove_folder(int dir_fd, const char *folder, const char *name, const struct stat *st, gpointer data,
			      GError **error)
{
	(void)data;
	if (!S_ISDIR(st->st_mode))
		return fail(error, ERROR_EXISTS, "%s%s%s is still there", folder, *folder ? "/" : "", name);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_errno(error, errno, "%s cannot be removed", name);
	return TRUE;
}

gboolean stage_end(int root_fd, struct stage *s, GError **error)
{
	SCOPED_ENTRY(entry);
	gboolean ok = walk(s->dir_fd, "", 0, remove_folder, NULL, error) &&
		      root_open_entry(root_fd, s->path, FALSE, &entry, error);
	if (ok && entry.dir_fd >= 0 && unlinkat(entry.dir_fd, entry.name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		ok = fail_errno(error, errno, "it cannot be removed");
	if (!ok)
		g_prefix_error(error, "staging folder %s: ", s->path);
	stage_free(s);
	return ok;
}

struct listing {
	struct arena *arena;
	GArray *found;
	const char *token; /* whose folder is walked */
};

static gboolean list_file(int dir_fd, const char *folder, const char *name, const struct stat *st, gpointer data,
			  GError **error)
{
	(void)dir_fd, (void)error;
	struct listing *l = data;
	if (S_ISDIR(st->st_mode))
		return TRUE;
	const char *file = arena_printf(l->arena, "%s%s%s", folder, *folder ? "/" : "", name);
	struct leftover one = { l->token, file, (guint64)st->st_size };
	g_array_append_val(l->found, one);
	return TRUE;
}

static gboolean list_token(struct listing *l, int staging_fd, const char *token, GError **error)
{
	SCOPED_FD(dir) = openat(staging_fd, token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
		       fail_errno(error, errno, "staging folder %s cannot be opened", token);
	guint before = l->found->len;
	l->token = arena_strdup(l->arena, token);
	if (!walk(dir, "", 0, list_file, l, error)) {
		g_prefix_error(error, "staging folder %s: ", token);
		return FALSE;
	}
	struct leftover empty = { .token = l->token };
	if (l->found->len == before)
		g_array_append_val(l->found, empty);
	return TRUE;
}

static gboolean list_tokens(struct listing *l, int staging_fd, const char *only, GError **error)
{
	if (only)
		return list_token(l, staging_fd, only, error);
	g_autoptr(GPtrArray) tokens = root_list(staging_fd, error);
	gboolean ok = tokens != NULL;
	for (guint i = 0; ok && i < tokens->len; i++)
		ok = list_token(l, staging_fd, tokens->pdata[i], error);
	return ok;
}

GArray *stage_list(struct arena *a, int root_fd, const char *job_dir, const char *token, GError **error)
{
	g_autofree char *path = root_job_path(job_dir, "staging", NULL, error);
	if (!path)
		return NULL;
	if (token && !root_name_is_plain(token)) {
		fail(error, ERROR_INVALID, "\"%s\" is no token", token);
		return NULL;
	}
	struct listing l = { .arena = a, .found = g_array_new(FALSE, FALSE, sizeof(struct leftover)) };
	SCOPED_FD(dir) = root_openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	gboolean ok = dir < 0 ? errno == ENOENT || fail_errno(error, errno, "%s cannot be opened", path)
			      : list_tokens(&l, dir, token, error);
	if (ok)
		return l.found;
	g_array_unref(l.found);
	return NULL;
}
