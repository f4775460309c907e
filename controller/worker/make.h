/* A frame's files: rendered, copied out of Blender's reach into staging, verified, and written into the manifest.
 *
 * In: a session and a frame. Out: what is staged, or why there is nothing. Called by frame.c. */
#pragma once
#include "frames/s3.h"
#include "worker/frame.h"

struct made_file {
	char *visible, *staged; /* below the root; the name in staging */
	struct file_digest digest;
	guint width, height;
	char *warnings; /* of its checks; NULL: none */
	char etag[S3_ETAG_SIZE]; /* in a bucket, once it is staged there; else "" */
};

struct made {
	gint64 frame;
	gboolean was_ordered; /* Blender was asked for it */
	struct made_file *files; /* one for each of the task's outputs */
	guint n;
	double seconds;
	enum lease_failure failure; /* what would help, after a failure */
};

/* ERROR_TIMEOUT: interrupted; ERROR_AWAY: a root is not there. After a failure nothing is left in staging. made_clear()
 * in any case. */
gboolean frame_make(struct session *s, gint64 frame, struct made *ret, GError **error);
void made_clear(struct made *m);
/* Before an attempt is declared void: takes its files away from the job owner, who may be about to deliver them. FALSE:
 * it has delivered them, so the attempt counts. The first file decides, because the owner begins with it. */
gboolean made_withdraw(const struct session *s, const struct made *m);
/* Removes them from staging. */
void made_drop(const struct session *s, const struct made *m);
/* What the record of an attempt says of where and by whom it was made. */
struct record frame_record(const struct session *s, enum record_type type, gint64 frame);
