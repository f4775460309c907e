/* One listing for a pattern; a file that is there already costs a look at its facts. */
#include "frames/remote_mirror.h"
#include "base/error.h"
#include "frames/inputs.h"
#include "frames/root.h"
#include <string.h>

static gboolean remove_local(int root_fd, const char *path, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!root_open_entry(root_fd, path, FALSE, &entry, error))
		return FALSE;
	if (entry.dir_fd >= 0 && unlinkat(entry.dir_fd, entry.name, 0) < 0 && errno != ENOENT)
		return fail_errno(error, errno, "%s cannot be removed", path);
	return TRUE;
}

static gboolean is_current(const struct remote *r, int root_fd, struct digest_cache *cache, const char *path,
			   const struct s3_facts *facts)
{
	struct file_digest local;
	const char *known = remote_known(r, facts);
	return known && digest_file(cache, root_fd, path, &local, NULL) && strcmp(local.sha256, known) == 0;
}

static gboolean mirror_one(struct remote *r, int root_fd, struct digest_cache *cache, const char *path,
			   const struct s3_facts *facts, guint64 limit, GError **error)
{
	return is_current(r, root_fd, cache, path, facts) || remote_fetch(r, root_fd, path, NULL, limit, error);
}

static gboolean mirror_path(struct remote *r, int root_fd, struct digest_cache *cache, const char *path, guint64 limit,
			    GError **error)
{
	struct s3_facts facts;
	gboolean is_there;
	if (!remote_ask(r, path, &is_there, &facts, error))
		return FALSE;
	return is_there ? mirror_one(r, root_fd, cache, path, &facts, limit, error) : remove_local(root_fd, path, error);
}

/* Local files below a folder that match and that the bucket has no more. */
static gboolean sweep(int root_fd, const char *folder, const char *pattern, GHashTable *found, GError **error)
{
	SCOPED_FD(dir) = root_openat(root_fd, *folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR || fail_errno(error, errno, "%s cannot be opened", folder);
	g_autoptr(GPtrArray) names = root_list(dir, error);
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++) {
		g_autofree char *path = g_strconcat(folder, *folder ? "/" : "", names->pdata[i], NULL);
		struct stat st;
		if (*folder == '\0' && g_str_has_prefix(path, ".cleave"))
			continue;
		if (fstatat(dir, names->pdata[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			ok = sweep(root_fd, path, pattern, found, error);
		else if (inputs_match(pattern, path) && !g_hash_table_contains(found, path))
			ok = remove_local(root_fd, path, error);
	}
	return ok;
}

static gboolean mirror_pattern(struct remote *r, int root_fd, struct digest_cache *cache, const char *pattern,
			       guint64 limit, GError **error)
{
	gboolean deep;
	g_autofree char *fixed = inputs_folder(pattern, &deep);
	g_autoptr(GHashTable) found = remote_list(r, fixed, error);
	GHashTableIter it;
	gpointer path, facts;
	gboolean ok = found != NULL;
	if (ok)
		g_hash_table_iter_init(&it, found);
	while (ok && g_hash_table_iter_next(&it, &path, &facts))
		if (inputs_match(pattern, path))
			ok = mirror_one(r, root_fd, cache, path, facts, limit, error);
	if (*fixed)
		fixed[strlen(fixed) - 1] = '\0';
	return ok && sweep(root_fd, fixed, pattern, found, error);
}

gboolean remote_mirror(struct remote *r, int root_fd, struct digest_cache *cache, const char *pattern, guint64 limit,
		       GError **error)
{
	if (!r)
		return TRUE;
	return strchr(pattern, '*') ? mirror_pattern(r, root_fd, cache, pattern, limit, error)
				    : mirror_path(r, root_fd, cache, pattern, limit, error);
}
