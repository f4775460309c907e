/* What Blender printed for a frame, beside the manifest: R/.cleave/<job dir>/log/<frame>.log, the latest attempt.
 *
 * In: a text, and why the frame failed if it did. Out: a file that is whole whenever it is read. Called by frame.c;
 * read by `logs` and `why`. */
#pragma once
#include <glib.h>

enum { FRAME_LOG_MAX = 64 << 10 };

/* The end of `printed`, at most FRAME_LOG_MAX bytes. `reason` NULL: it is done. */
gboolean frame_log_write(int root_fd, const char *job_dir, gint64 frame, const char *token, const char *printed,
			 const char *reason, GError **error);
