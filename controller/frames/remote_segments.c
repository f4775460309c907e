/* A job's manifest and its attempts in a bucket: each has a copy in the local folder, where all else reads and writes. */
#include "frames/remote_inside.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>

static const guint64 SEGMENT_FULL = 512 * 1024;

/* -- manifests ------------------------------------------------------------------------------------- */

/* After a restart the local copy may still be right. */
static gboolean copy_is_right(struct remote *r, int root_fd, const char *path, const char *etag)
{
	char local[S3_ETAG_SIZE];
	const char *had = g_hash_table_lookup(r->fetched, path);
	if (had && strcmp(had, etag) != 0)
		return FALSE;
	SCOPED_FD(fd) = root_openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return FALSE;
	return had || (s3_etag_of(r->s3, fd, local, NULL) && strcmp(local, etag) == 0);
}

/* The local copy becomes what the bucket has under these facts, or newer; NULL: nothing. */
static gboolean take_segment(struct remote *r, int root_fd, const char *path, const struct s3_facts *facts,
			     char ret_etag[S3_ETAG_SIZE], GError **error)
{
	struct s3_facts now = { 0 };
	if (facts)
		now = *facts;
	if (!facts) {
		SCOPED_ENTRY(entry);
		g_hash_table_remove(r->fetched, path);
		if (!root_open_entry(root_fd, path, FALSE, &entry, error))
			return FALSE;
		if (entry.dir_fd >= 0 && unlinkat(entry.dir_fd, entry.name, 0) < 0 && errno != ENOENT)
			return fail_errno(error, errno, "%s cannot be removed", path);
	} else if (!copy_is_right(r, root_fd, path, facts->etag)) {
		if (!remote_fetch_facts(r, root_fd, path, NULL, 0, &now, error))
			return FALSE;
	}
	if (facts)
		g_hash_table_replace(r->fetched, g_strdup(path), g_strdup(now.etag));
	if (ret_etag)
		g_strlcpy(ret_etag, now.etag, S3_ETAG_SIZE);
	return TRUE;
}

/* Segments that the bucket has no more. */
static gboolean drop_segments(struct remote *r, int root_fd, const char *folder, GHashTable *listing, GError **error)
{
	SCOPED_FD(dir) = root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return errno == ENOENT || fail_errno(error, errno, "%s cannot be opened", folder);
	g_autoptr(GPtrArray) names = root_list(dir, error);
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++) {
		g_autofree char *path = g_strconcat(folder, "/", names->pdata[i], NULL);
		if (g_str_has_suffix(path, ".log") && !g_hash_table_contains(listing, path))
			ok = take_segment(r, root_fd, path, NULL, NULL, error);
	}
	return ok;
}

gboolean remote_fetch_manifest(struct remote *r, int root_fd, const char *job_dir, GError **error)
{
	if (!r)
		return TRUE;
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, error);
	g_autofree char *prefix = folder ? g_strconcat(folder, "/", NULL) : NULL;
	g_autoptr(GHashTable) listing = prefix ? s3_list(r->s3, prefix, FALSE, error) : NULL;
	gboolean ok = listing && drop_segments(r, root_fd, folder, listing, error);
	GHashTableIter it;
	gpointer path, facts;
	if (ok)
		g_hash_table_iter_init(&it, listing);
	while (ok && g_hash_table_iter_next(&it, &path, &facts))
		if (g_str_has_suffix(path, ".log"))
			ok = take_segment(r, root_fd, path, facts, NULL, error);
	if (!ok)
		g_prefix_error(error, "manifest in %s: ", s3_name(r->s3));
	return ok;
}

char *remote_claim_segment(struct remote *r, int root_fd, const char *job_dir, const char *writer,
			   char ret_etag[S3_ETAG_SIZE], GError **error)
{
	g_autofree char *plain = root_job_path(job_dir, "manifest", writer, error);
	g_autofree char *folder = plain ? root_job_path(job_dir, "manifest", NULL, error) : NULL;
	g_autofree char *prefix = folder ? g_strconcat(folder, "/", NULL) : NULL;
	g_autoptr(GHashTable) listing = prefix ? s3_list(r->s3, prefix, FALSE, error) : NULL;
	if (!listing)
		return NULL;
	g_autofree char *path = g_strconcat(plain, ".log", NULL);
	const struct s3_facts *facts = g_hash_table_lookup(listing, path);
	for (guint n = 2; facts && facts->size >= SEGMENT_FULL; n++) {
		g_free(path);
		path = g_strdup_printf("%s+%u.log", plain, n);
		facts = g_hash_table_lookup(listing, path);
	}
	return take_segment(r, root_fd, path, facts, ret_etag, error) ? g_steal_pointer(&path) : NULL;
}

gboolean remote_publish(struct remote *r, const char *path, int fd, char etag[S3_ETAG_SIZE], GError **error)
{
	const struct s3_condition only = { *etag ? etag : NULL };
	struct s3_facts now;
	if (!remote_know_conditions(r, error) || !s3_put(r->s3, path, fd, &only, &now, error))
		return FALSE;
	g_strlcpy(etag, now.etag, S3_ETAG_SIZE);
	g_hash_table_replace(r->fetched, g_strdup(path), g_strdup(etag));
	return TRUE;
}

/* -- attempts -------------------------------------------------------------------------------------- */

gboolean remote_stage(struct remote *r, int root_fd, const char *folder, const char *name, const char *sha256,
		      char etag[S3_ETAG_SIZE], GError **error)
{
	struct s3_facts facts;
	g_autofree char *path = g_strconcat(folder, "/", name, NULL);
	*etag = '\0';
	if (!r)
		return TRUE;
	if (!remote_send(r, root_fd, path, path, NULL, &facts, error))
		return FALSE;
	remote_learn(r, &facts, sha256);
	g_strlcpy(etag, facts.etag, S3_ETAG_SIZE);
	return TRUE;
}

gboolean remote_send_log(struct remote *r, int root_fd, const char *job_dir, gint64 frame, GError **error)
{
	struct s3_facts facts;
	g_autofree char *folder = r ? root_job_path(job_dir, "log", NULL, error) : NULL;
	g_autofree char *path = folder ? g_strdup_printf("%s/%" G_GINT64_FORMAT ".log", folder, frame) : NULL;
	return !r || (path && remote_send(r, root_fd, path, path, NULL, &facts, error));
}

void remote_unstage(struct remote *r, const char *folder, const char *name)
{
	g_autofree char *path = g_strconcat(folder, "/", name, NULL);
	if (r)
		(void)remote_remove(r, path, NULL);
}

void remote_forget_stage(struct remote *r, int root_fd, const char *folder)
{
	if (!r)
		return;
	SCOPED_FD(dir) = root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	g_autoptr(GPtrArray) names = dir < 0 ? NULL : root_list(dir, NULL);
	for (guint i = 0; names && i < names->len; i++) {
		if (unlinkat(dir, names->pdata[i], 0) == 0 || errno != EISDIR)
			continue;
		g_autofree char *below = g_strconcat(folder, "/", names->pdata[i], NULL);
		remote_forget_stage(r, root_fd, below);
	}
	SCOPED_ENTRY(entry);
	if (names && root_open_entry(root_fd, folder, FALSE, &entry, NULL) && entry.dir_fd >= 0)
		(void)unlinkat(entry.dir_fd, entry.name, AT_REMOVEDIR);
}
