/* Writing a segment: whole lines at a known offset, on disk before success is said. */
#include "frames/manifest.h"
#include "base/error.h"
#include "frames/remote.h"
#include "frames/root.h"
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct manifest {
	int fd;
	char *path;       /* for messages; its last component is the name in the folder */
	int dir_fd;       /* the folder */
	off_t size;       /* of the whole lines; the next one goes here */
	gint64 latest_us; /* no record is stamped earlier */
	struct remote *remote;   /* NULL: the root is a folder */
	char etag[S3_ETAG_SIZE]; /* of the segment in the bucket, as this writer left it; "": none */
};

enum { TAIL_SIZE = 4096 };

/* Where the last whole line ends, found from the back. */
static gboolean find_whole_size(int fd, off_t size, off_t *ret, GError **error)
{
	char tail[TAIL_SIZE];
	while (size > 0) {
		off_t from = MAX(size - TAIL_SIZE, 0);
		ssize_t n = pread(fd, tail, (size_t)(size - from), from);
		if (n != (ssize_t)(size - from))
			return fail_errno(error, n < 0 ? errno : EIO, "cannot be read");
		const char *lf = memrchr(tail, '\n', (size_t)n);
		if (lf) {
			*ret = from + (lf - tail) + 1;
			return TRUE;
		}
		size = from;
	}
	*ret = 0;
	return TRUE;
}

static gboolean claim_segment(struct manifest *m, GError **error)
{
	/* best effort: where the file system knows no locks, the writer's name alone keeps others away */
	if (flock(m->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return fail(error, ERROR_EXISTS, "another process writes it");
	struct stat st;
	if (fstat(m->fd, &st) < 0)
		return fail_errno(error, errno, "cannot be looked at");
	if (!find_whole_size(m->fd, st.st_size, &m->size, error))
		return FALSE;
	if (m->size < st.st_size && (ftruncate(m->fd, m->size) < 0 || fsync(m->fd) < 0))
		return fail_errno(error, errno, "its torn last line cannot be cut off");
	return TRUE;
}

static struct manifest *open_segment(struct manifest *m, int root_fd, const char *folder, GError **error)
{
	m->dir_fd = root_mkdirs(root_fd, folder);
	m->fd = m->dir_fd < 0 ? -1 : root_openat(root_fd, m->path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
	if (m->fd < 0 || root_sync_dir(m->dir_fd) < 0)
		fail_errno(error, errno, "segment %s cannot be opened", m->path);
	else if (claim_segment(m, error))
		return m;
	else
		g_prefix_error(error, "segment %s: ", m->path);
	manifest_close(m);
	return NULL;
}

struct manifest *manifest_open_remote(struct remote *remote, int root_fd, const char *job_dir, const char *writer,
				      GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, error);
	char etag[S3_ETAG_SIZE] = "";
	if (!folder)
		return NULL;
	if (!remote)
		return manifest_open(root_fd, job_dir, writer, error);
	char *path = remote_claim_segment(remote, root_fd, job_dir, writer, etag, error);
	if (!path)
		return NULL;
	struct manifest *m = g_new0(struct manifest, 1);
	m->path = path;
	m->remote = remote;
	g_strlcpy(m->etag, etag, sizeof m->etag);
	return open_segment(m, root_fd, folder, error);
}

struct manifest *manifest_open(int root_fd, const char *job_dir, const char *writer, GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, error);
	g_autofree char *plain = folder ? root_job_path(job_dir, "manifest", writer, error) : NULL;
	if (!plain)
		return NULL;
	struct manifest *m = g_new0(struct manifest, 1);
	m->path = g_strconcat(plain, ".log", NULL);
	return open_segment(m, root_fd, folder, error);
}

void manifest_close(struct manifest *m)
{
	if (!m)
		return;
	fd_clear(&m->fd);
	fd_clear(&m->dir_fd);
	g_free(m->path);
	g_free(m);
}

void manifest_follow(struct manifest *m, const struct manifest_view *v)
{
	m->latest_us = MAX(m->latest_us, manifest_latest_us(v));
}

static gboolean write_all(int fd, const char *bytes, gsize size, off_t at)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, bytes, size, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		bytes += n;
		at += n;
		size -= (gsize)n;
	}
	return TRUE;
}

/* The job owner closes the segment of a writer that it takes for gone, by another name (compact.c). What is written
 * before that is read; what comes later must not count, since nobody may read it any more. */
static gboolean still_has_its_name(const struct manifest *m)
{
	struct stat mine, there;
	const char *name = strrchr(m->path, '/') + 1;
	return fstat(m->fd, &mine) == 0 && fstatat(m->dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

/* A failed write leaves no half line, and a failed fsync no line that its caller believes unwritten; if
 * cutting fails as well, the size check of the next append refuses to go on. */
static gboolean append_bytes(struct manifest *m, const GString *lines, GError **error)
{
	struct stat st;
	if (fstat(m->fd, &st) < 0)
		return fail_errno(error, errno, "segment %s cannot be looked at", m->path);
	if (st.st_size != m->size)
		return fail(error, ERROR_REFUSED,
			    "segment %s is not as this writer left it (%" G_GINT64_FORMAT
			    " bytes, should be %" G_GINT64_FORMAT "); open it again",
			    m->path, (gint64)st.st_size, (gint64)m->size);
	if (!write_all(m->fd, lines->str, lines->len, m->size) || fdatasync(m->fd) < 0) {
		int saved = errno;
		if (ftruncate(m->fd, m->size) < 0)
			return fail_errno(error, saved, "segment %s: a line was written in part", m->path);
		return fail_errno(error, saved, "segment %s cannot be written", m->path);
	}
	if (m->remote && !remote_publish(m->remote, m->path, m->fd, m->etag, error)) {
		/* not published is not written; if it was all the same, the next append finds another ETag */
		(void)ftruncate(m->fd, m->size);
		return FALSE;
	}
	m->size += (off_t)lines->len;
	return still_has_its_name(m) ||
	       fail(error, ERROR_REFUSED, "segment %s was closed by the job owner meanwhile; open it again", m->path);
}

gboolean manifest_append_all(struct manifest *m, const struct record *records, guint n, GError **error)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	gint64 latest_us = m->latest_us;
	for (guint i = 0; i < n; i++) {
		struct record r = records[i];
		if (r.time_us == 0)
			r.time_us = MAX(g_get_real_time(), latest_us + 1);
		latest_us = MAX(latest_us, r.time_us);
		if (!record_encode(&r, lines, error))
			return FALSE;
	}
	if (!append_bytes(m, lines, error))
		return FALSE;
	m->latest_us = latest_us;
	return TRUE;
}

gboolean manifest_append(struct manifest *m, const struct record *r, GError **error)
{
	return manifest_append_all(m, r, 1, error);
}
