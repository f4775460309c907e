/* Objects from and to the local folder, under their own names; attempts are staged that way. */
#include "frames/remote_private.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static gboolean fetch_into(struct remote *r, const char *path, int fd, const char *sha256, guint64 limit,
			   struct s3_facts *ret, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct s3_sink sink = { .fd = fd, .limit = limit, .sum = sum };
	if (!s3_get(r->s3, path, &sink, ret, error))
		return FALSE;
	const char *found = g_checksum_get_string(sum);
	remote_learn(r, ret, found);
	if (sha256 && strcmp(found, sha256) != 0)
		return fail(error, ERROR_INVALID, "%s/%s is damaged: its content is %s", s3_name(r->s3), path, found);
	return TRUE;
}

gboolean remote_take(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit,
		      struct s3_facts *ret, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!root_open_entry(root_fd, path, TRUE, &entry, error))
		return FALSE;
	/* several processes may share the folder */
	g_autofree char *partial = g_strdup_printf("%s.%d.fetched~", entry.name, (int)getpid());
	SCOPED_FD(fd) = openat(entry.dir_fd, partial, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be made in %s", partial, r->local);
	gboolean ok = fetch_into(r, path, fd, sha256, limit, ret, error);
	if (ok && (fsync(fd) < 0 || renameat(entry.dir_fd, partial, entry.dir_fd, entry.name) < 0))
		ok = fail_errno(error, errno, "%s cannot be written in %s", path, r->local);
	if (!ok)
		(void)unlinkat(entry.dir_fd, partial, 0);
	return ok;
}

gboolean remote_fetch(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit, GError **error)
{
	struct s3_facts facts;
	return remote_take(r, root_fd, path, sha256, limit, &facts, error);
}

gboolean remote_know_conditions(struct remote *r, GError **error)
{
	gboolean is_kept;
	if (!s3_keeps_conditions(r->s3, r->marker, &is_kept, error))
		return FALSE;
	if (!is_kept)
		r->weakness = "its server writes without regard to If-None-Match: two writers of one object at the same "
			      "moment do not see each other";
	return TRUE;
}

gboolean remote_send(struct remote *r, int root_fd, const char *path, const char *to, const struct s3_condition *only,
		     struct s3_facts *ret, GError **error)
{
	SCOPED_FD(fd) = root_openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	if ((only && !remote_know_conditions(r, error)) || !s3_put(r->s3, to, fd, only, ret, error))
		return FALSE;
	remote_note(r, to, ret);
	return TRUE;
}

gboolean remote_copy(struct remote *r, const char *from, const char *etag, const char *to, GError **error)
{
	struct s3_facts facts;
	gboolean is_there;
	return s3_copy(r->s3, from, etag, to, error) && remote_ask(r, to, &is_there, &facts, error);
}

gboolean remote_remove(struct remote *r, const char *path, GError **error)
{
	if (!s3_delete(r->s3, path, error))
		return FALSE;
	remote_note(r, path, NULL);
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
