/* Names: "WRITER.log" is written to; "~closed.TIME.WRITER.log" and "~compact.TIME.log" are not; no writer's name has a
 * tilde. Readers read them all. */
#include "frames/compact.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define CLOSED    "~closed."
#define COMPACT   "~compact."
#define LOG       ".log"
#define UNWRITTEN ".partial"

enum { FLUSH_SIZE = 256 * 1024 };

struct folder {
	int fd;
	GPtrArray *fresh, *closed; /* names: of writers that are gone; of segments whose time has come */
	guint64 fresh_bytes, closed_bytes;
	guint n_compact; /* of the closed: made by an earlier compaction */
};

struct compact_by compact_usual(const char *own, GHashTable *alive)
{
	return (struct compact_by){ own, alive, 3600 * (gint64)G_USEC_PER_SEC, 600 * (gint64)G_USEC_PER_SEC };
}

static void folder_clear(struct folder *f)
{
	fd_clear(&f->fd);
	g_clear_pointer(&f->fresh, g_ptr_array_unref);
	g_clear_pointer(&f->closed, g_ptr_array_unref);
}

/* -- which ------------------------------------------------------------------------------------ */

/* By silence as well: the queue may have lost its list of workers. */
static gboolean is_gone(const struct compact_by *by, const char *name, const struct stat *st)
{
	g_autofree char *writer = g_strndup(name, strlen(name) - strlen(LOG));
	if (strcmp(writer, by->own) == 0)
		return TRUE;
	if (by->alive && g_hash_table_contains(by->alive, writer))
		return FALSE;
	return g_get_real_time() - st->st_mtim.tv_sec * (gint64)G_USEC_PER_SEC >= by->silent_us;
}

static gboolean has_settled(const struct compact_by *by, const char *name)
{
	if (g_str_has_prefix(name, COMPACT))
		return TRUE;
	return g_get_real_time() - g_ascii_strtoll(name + strlen(CLOSED), NULL, 10) >= by->settle_us;
}

static void sort_in(struct folder *f, const struct compact_by *by, const char *name)
{
	struct stat st;
	gboolean is_closed = g_str_has_prefix(name, CLOSED) || g_str_has_prefix(name, COMPACT);
	if (!g_str_has_suffix(name, LOG) || fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	if (!is_closed && is_gone(by, name, &st)) {
		g_ptr_array_add(f->fresh, g_strdup(name));
		f->fresh_bytes += (guint64)st.st_size;
	} else if (is_closed && has_settled(by, name)) {
		g_ptr_array_add(f->closed, g_strdup(name));
		f->closed_bytes += (guint64)st.st_size;
		f->n_compact += g_str_has_prefix(name, COMPACT) ? 1 : 0;
	}
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* No folder: fd -1 and success. folder_clear() in any case. */
static gboolean folder_open(struct folder *f, int root_fd, const char *job_dir, const struct compact_by *by, GError **error)
{
	*f = (struct folder){ .fd = -1, .fresh = g_ptr_array_new_with_free_func(g_free),
			      .closed = g_ptr_array_new_with_free_func(g_free) };
	g_autofree char *path = root_job_path(job_dir, "manifest", NULL, error);
	if (!path)
		return FALSE;
	f->fd = root_openat(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (f->fd < 0)
		return errno == ENOENT || fail_errno(error, errno, "%s cannot be opened", path);
	g_autoptr(GPtrArray) names = root_list(f->fd, error);
	for (guint i = 0; names && i < names->len; i++)
		sort_in(f, by, names->pdata[i]);
	g_ptr_array_sort(f->fresh, by_text);
	g_ptr_array_sort(f->closed, by_text);
	return names != NULL;
}

/* One that was made by an earlier compaction and stands alone stays as it is. */
static gboolean is_worth(const struct folder *f)
{
	return f->closed->len > f->n_compact || f->n_compact > 1;
}

gboolean compact_look(int root_fd, const char *job_dir, const struct manifest_view *v, const struct compact_by *by,
		      guint *ret_n, GError **error)
{
	struct folder f;
	struct manifest_counts counts = manifest_counts(v);
	gboolean ok = folder_open(&f, root_fd, job_dir, by, error);
	gboolean is_void = counts.kept <= counts.records / 2;
	gboolean closes = f.fresh->len > COMPACT_SEGMENTS_MOST || (f.fresh_bytes > COMPACT_BYTES_MOST && is_void);
	/* lines of a later version cannot be written again */
	gboolean is_due = (closes || is_worth(&f)) && counts.unknown_lines == 0;
	if (ok)
		*ret_n = !is_due ? 0 : closes ? f.fresh->len + f.closed->len : f.closed->len;
	folder_clear(&f);
	return ok;
}

/* -- closing ---------------------------------------------------------------------------------- */

/* Where locks work across machines, nobody writes it now; where they do not, silence has to do. */
static gboolean is_held(int dir_fd, const char *name)
{
	SCOPED_FD(fd) = root_openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static gboolean close_fresh(struct folder *f, const struct compact_by *by, struct compacted *done, GError **error)
{
	for (guint i = 0; i < f->fresh->len; i++) {
		const char *name = f->fresh->pdata[i];
		/* a time of its own each: a later segment of the same writer must not take the name of an earlier one */
		g_autofree char *closed = g_strdup_printf(CLOSED "%" G_GINT64_FORMAT ".%s", g_get_real_time(), name);
		if (is_held(f->fd, name))
			continue;
		if (renameat(f->fd, name, f->fd, closed) < 0 && errno != ENOENT)
			return fail_errno(error, errno, "segment %s cannot be closed", name);
		done->n_closed++;
		if (by->settle_us == 0)
			g_ptr_array_add(f->closed, g_steal_pointer(&closed));
	}
	return root_sync_dir(f->fd) == 0 || fail_errno(error, errno, "the manifest cannot be put on disk");
}

/* -- putting together -------------------------------------------------------------------------- */

struct writing {
	int fd;
	GString *lines;
	guint64 size;
	GHashTable *failures; /* frame → struct fold *, of those with too many */
	const struct manifest_view *all; /* of all segments: which failures are the last ones */
};

struct fold {
	gint64 last_kept_us; /* of the failures that stay one by one, the earliest */
	gboolean is_written;
};

static gboolean flush(struct writing *w, GError **error)
{
	for (gsize at = 0; at < w->lines->len;) {
		ssize_t n = write(w->fd, w->lines->str + at, w->lines->len - at);
		if (n < 0 && errno != EINTR)
			return fail_errno(error, errno, "the new segment cannot be written");
		at += n > 0 ? (gsize)n : 0;
	}
	w->size += w->lines->len;
	g_string_truncate(w->lines, 0);
	return TRUE;
}

static gboolean put(struct writing *w, const struct record *r, GError **error)
{
	return record_encode(r, w->lines, error) && (w->lines->len < FLUSH_SIZE || flush(w, error));
}

static guint64 n_stood_for(const struct record *r)
{
	return g_strcmp0(r->token, FAILED_EARLIER) == 0 ? g_ascii_strtoull(r->reason, NULL, 10) : 1;
}

/* All failures of the frame but the last ones, as one. */
static gboolean put_fold(struct writing *w, gint64 frame, GError **error)
{
	struct record sum = { .type = RECORD_FAILED, .frame = frame, .token = FAILED_EARLIER };
	guint at = 0;
	guint64 n = 0;
	const struct record *r = NULL;
	while ((r = manifest_next_failure(w->all, frame, r))) {
		if (at++ < COMPACT_FAILURES_KEPT)
			continue;
		sum.time_us = MAX(sum.time_us, r->time_us);
		sum.seconds += r->seconds;
		sum.project = sum.project ? sum.project : r->project;
		n += n_stood_for(r);
	}
	g_autofree char *reason = g_strdup_printf("%" G_GUINT64_FORMAT " earlier attempts", n);
	sum.reason = reason;
	return put(w, &sum, error);
}

static guint n_failures(const struct manifest_view *v, gint64 frame, gint64 *ret_last_kept_us)
{
	guint n = 0;
	const struct record *r = NULL;
	while ((r = manifest_next_failure(v, frame, r)))
		if (n++ < COMPACT_FAILURES_KEPT)
			*ret_last_kept_us = r->time_us;
	return n;
}

static gboolean put_failure(struct writing *w, const struct record *r, GError **error)
{
	struct fold *fold = g_hash_table_lookup(w->failures, &r->frame);
	if (!fold) {
		gint64 *frame = g_memdup2(&r->frame, sizeof r->frame);
		fold = g_new0(struct fold, 1);
		/* the one more may be the sum of an earlier compaction */
		if (n_failures(w->all, r->frame, &fold->last_kept_us) <= COMPACT_FAILURES_KEPT + 1)
			fold->last_kept_us = G_MININT64;
		g_hash_table_insert(w->failures, frame, fold);
	}
	if (r->time_us >= fold->last_kept_us)
		return put(w, r, error);
	gboolean is_first = !fold->is_written;
	fold->is_written = TRUE;
	return !is_first || put_fold(w, r->frame, error);
}

static gboolean put_record(const struct record *r, gpointer user, GError **error)
{
	return r->type == RECORD_FAILED ? put_failure(user, r, error) : put(user, r, error);
}

static gboolean write_together(int fd, const struct manifest_view *v, const struct manifest_view *all, guint64 *ret_size,
			       GError **error)
{
	struct writing w = { .fd = fd, .lines = g_string_new(NULL), .all = all,
			     .failures = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free) };
	gboolean ok = manifest_each(v, put_record, &w, error) && flush(&w, error);
	if (ok && fsync(fd) < 0)
		ok = fail_errno(error, errno, "the new segment cannot be put on disk");
	*ret_size = w.size;
	g_string_free(w.lines, TRUE);
	g_hash_table_destroy(w.failures);
	return ok;
}

static gboolean remove_closed(const struct folder *f, struct compacted *done, GError **error)
{
	for (guint i = 0; i < f->closed->len; i++) {
		if (unlinkat(f->fd, f->closed->pdata[i], 0) < 0 && errno != ENOENT)
			return fail_errno(error, errno, "segment %s cannot be removed", (char *)f->closed->pdata[i]);
		done->n_removed++;
	}
	return TRUE;
}

static gboolean put_together(const struct folder *f, const struct manifest_view *v, const struct manifest_view *all,
			     struct compacted *done, GError **error)
{
	g_autofree char *name = g_strdup_printf(COMPACT "%" G_GINT64_FORMAT LOG, g_get_real_time());
	g_autofree char *unwritten = g_strconcat(name, UNWRITTEN, NULL);
	SCOPED_FD(fd) = openat(f->fd, unwritten, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be made", unwritten);
	if (!write_together(fd, v, all, &done->after_bytes, error)) {
		(void)unlinkat(f->fd, unwritten, 0);
		return FALSE;
	}
	/* the new name is on disk before an old one goes */
	if (renameat(f->fd, unwritten, f->fd, name) < 0 || root_sync_dir(f->fd) < 0)
		return fail_errno(error, errno, "%s cannot be made", name);
	return remove_closed(f, done, error);
}

/* What a compaction left that did not come to its end. */
static void remove_unwritten(int dir_fd)
{
	g_autoptr(GPtrArray) names = root_list(dir_fd, NULL);
	for (guint i = 0; names && i < names->len; i++)
		if (g_str_has_prefix(names->pdata[i], COMPACT) && g_str_has_suffix(names->pdata[i], UNWRITTEN))
			(void)unlinkat(dir_fd, names->pdata[i], 0);
}

static gboolean compact(struct folder *f, int root_fd, const char *job_dir, const struct manifest_view *all,
			const struct compact_by *by, struct compacted *done, GError **error)
{
	remove_unwritten(f->fd);
	if (!close_fresh(f, by, done, error))
		return FALSE;
	if (!is_worth(f))
		return TRUE;
	struct manifest_view *v = manifest_read_segments(root_fd, job_dir, f->closed, error);
	gboolean ok = v != NULL;
	if (ok && manifest_counts(v).unknown_lines)
		ok = fail(error, ERROR_REFUSED, "a later version wrote lines that this one cannot write again");
	done->before_bytes = f->closed_bytes + (by->settle_us == 0 ? f->fresh_bytes : 0);
	ok = ok && put_together(f, v, all, done, error);
	manifest_view_free(v);
	return ok;
}

gboolean compact_manifest(int root_fd, const char *job_dir, const struct manifest_view *all, const struct compact_by *by,
			  struct compacted *ret, GError **error)
{
	struct folder f;
	struct compacted done = { 0 };
	gboolean ok = folder_open(&f, root_fd, job_dir, by, error) &&
		      (f.fd < 0 || compact(&f, root_fd, job_dir, all, by, &done, error));
	folder_clear(&f);
	if (ok)
		*ret = done;
	else
		g_prefix_error(error, "compacting the manifest of %s: ", job_dir);
	return ok;
}
