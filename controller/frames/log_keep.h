/* The logs of a job's frames, .cleave/<job>/log/<frame>.log: the worker writes them, at most 64 KiB each; here they are
 * kept below a size a job. The oldest go first, those of frames that never succeeded last.
 *
 * Called by observe/ (how much is there to do) and apply/ (do it), as the job owner. */
#pragma once
#include <glib.h>

struct manifest_view;

#define LOG_BYTES_MOST (64 * 1024 * 1024) /* of a job */

struct log_excess {
	guint n;       /* files that go */
	guint64 bytes; /* of these */
};

/* `removes` FALSE: only looks. A job without logs: nothing. */
gboolean logs_trim(int root_fd, const char *job_dir, const struct manifest_view *v, guint64 most_bytes, gboolean removes,
		   struct log_excess *ret, GError **error);
