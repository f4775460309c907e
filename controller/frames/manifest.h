/* A job's manifest: R/.cleave/<job dir>/manifest/<writer>.log, one segment per writer.
 *
 * Segments are only appended to, each by one process, because O_APPEND by several clients is not atomic
 * on NFS or 9p. The writer (worker, job owner) keeps its segment open; the reader (job owner, observe)
 * keeps a view and reads only what is new. A torn last line is no record; a damaged line in the middle
 * is skipped and counted. */
#pragma once
#include "frames/record.h"

struct arena;
struct manifest_view;
struct remote;

/* ---- writing ---- */

struct manifest;

/* Opens or makes the segment; a torn last line of an earlier writer is cut off. ERROR_EXISTS when
 * another process has it open. */
struct manifest *manifest_open(int root_fd, const char *job_dir, const char *writer, GError **error);
/* The same for a root that is a bucket; NULL: a folder. What is appended is in the bucket as well. */
struct manifest *manifest_open_remote(struct remote *remote, int root_fd, const char *job_dir, const char *writer,
				      GError **error);
/* One record; on disk when it returns TRUE. A time_us of 0 is replaced by now, or by one µs after the
 * writer's latest record where the clock went back. */
gboolean manifest_append(struct manifest *m, const struct record *r, GError **error);
/* Several records, one fsync; all or none. */
gboolean manifest_append_all(struct manifest *m, const struct record *records, guint n, GError **error);
/* Records from here on are later than all that `v` holds, whatever the clocks of the hosts say. To be
 * called before a pin or complete record. */
void manifest_follow(struct manifest *m, const struct manifest_view *v);
void manifest_close(struct manifest *m);

/* ---- reading ---- */

struct manifest_counts {
	guint segments, torn;       /* torn: segments that end within a line */
	guint64 frames, superseded; /* frame records that count; that were fenced off */
	guint64 timed;              /* frame records that say how long it took, superseded ones too */
	double seconds;             /* their sum */
	guint64 invalid_lines;      /* damaged, skipped */
	guint64 unknown_lines;      /* of a later version's type */
	guint64 records, kept;      /* that were read; that still say something */
};

struct manifest_view *manifest_view_new(void);
void manifest_view_free(struct manifest_view *v);
/* Reads what was appended since the last update. A segment that shrank, vanished or was replaced makes
 * it read all again. Records stay valid until the next update. On failure the view holds what was read
 * so far, and the next update goes on. No manifest folder: an empty view. */
gboolean manifest_view_update(struct manifest_view *v, int root_fd, const char *job_dir, GError **error);
/* A view of some segments alone, by their file names; NULL on failure, as when one is not there. manifest_view_free(). */
struct manifest_view *manifest_read_segments(int root_fd, const char *job_dir, const GPtrArray *names, GError **error);
/* A view that is read once and ends with the arena; NULL on failure. */
struct manifest_view *manifest_read(struct arena *a, int root_fd, const char *job_dir, GError **error);

/* "Latest" is by time_us; superseded frame records are not found by any of these. */
const struct record *manifest_frame(const struct manifest_view *v, gint64 frame, const char *key);
/* The latest of this output file of the frame. */
const struct record *manifest_output(const struct manifest_view *v, gint64 frame, const char *key, const char *file);
/* The frame's attempts that went wrong, latest first: start with NULL; NULL at the end. */
const struct record *manifest_next_failure(const struct manifest_view *v, gint64 frame, const struct record *after);
/* What is known of files that Blender opened: const struct record *, sorted by file. g_ptr_array_unref(). */
GPtrArray *manifest_inputs(const struct manifest_view *v);
/* What was in such a file when it was opened first: frames rendered since then count on it. NULL: not known. */
const struct record *manifest_first_input(const struct manifest_view *v, const char *file);
/* FALSE: no record speaks of this frame. */
gboolean manifest_knows(const struct manifest_view *v, gint64 frame);
/* The frame's records, latest first: start with NULL; NULL at the end. */
const struct record *manifest_next(const struct manifest_view *v, gint64 frame, const struct record *after);
/* The frame's record of this content; one of `key` (may be NULL) if there is, else the latest. */
const struct record *manifest_content(const struct manifest_view *v, gint64 frame, const char *sha256, const char *key);
/* Any frame's record of this content. */
const struct record *manifest_any_content(const struct manifest_view *v, const char *sha256);
/* The latest `seen` of the frame at this visible path (a frame may have several outputs). */
const struct record *manifest_seen(const struct manifest_view *v, gint64 frame, const char *file);
/* The latest pin of this scene or input, of PIN_INPUTS, or of PIN_KEY and a key; for NULL of any file. */
const struct record *manifest_pin(const struct manifest_view *v, const char *scene);
const struct record *manifest_complete(const struct manifest_view *v);
struct manifest_counts manifest_counts(const struct manifest_view *v);
/* What index_each() of manifest_index.h gives. */
gboolean manifest_each(const struct manifest_view *v, gboolean (*each)(const struct record *r, gpointer user, GError **error),
		       gpointer user, GError **error);
/* The latest time_us of any record; 0 when there is none. */
gint64 manifest_latest_us(const struct manifest_view *v);
