/* Fewer and shorter segments of a manifest: what still says something, in one segment.
 *
 * In: the manifest's folder and who still writes. Out: the segments of writers that are gone are closed (another name,
 * under which nobody writes), and later, when no client of a network file system can hold on to the old name, their
 * records are written together and they are removed. At any point a crash leaves each record in at least one segment;
 * one that is in two counts once. Kept are all renders, for `cost`, and the last failures of a frame one by one, the
 * earlier ones as a sum. Called by observe/ (is it due) and apply/, as the job owner. */
#pragma once
#include <glib.h>

struct manifest_view;

enum {
	COMPACT_SEGMENTS_MOST = 64,
	COMPACT_BYTES_MOST = 10 * 1024 * 1024, /* and half of all records say nothing any more */
	COMPACT_FAILURES_KEPT = 20,            /* of a frame, one by one */
};

struct compact_by {
	const char *own;       /* this writer: nobody else has its name */
	GHashTable *alive;     /* set of writers that may still write; a worker's name is its writer's */
	gint64 silent_us;      /* a writer that is none of them, and wrote nothing for so long, is gone */
	gint64 settle_us;      /* from closing a segment to removing it */
};

/* As production has it: an hour, ten minutes. */
struct compact_by compact_usual(const char *own, GHashTable *alive);

/* Segments that should be closed or put together now; 0: it is not due. */
gboolean compact_look(int root_fd, const char *job_dir, const struct manifest_view *v, const struct compact_by *by,
		      guint *ret_n, GError **error);

struct compacted {
	guint n_closed, n_removed; /* segments */
	guint64 before_bytes, after_bytes; /* of those that were put together */
};
/* `all`: the view of the whole manifest. */
gboolean compact_manifest(int root_fd, const char *job_dir, const struct manifest_view *all, const struct compact_by *by,
			  struct compacted *ret, GError **error);
