/* One frame of a lease: from the order to Blender to the visible file.
 *
 * In: a session, which the frames of a lease share. Out: the frame is committed and visible, or failed in
 * the queue, or the lease is over. Order: stage, fsync, verify, manifest line, commit, deliver. */
#pragma once
#include "frames/manifest.h"
#include "frames/stage.h"
#include "queue/lease.h"
#include "worker/scene.h"
#include "worker/worker.h"

struct session {
	struct worker *w;
	const struct lease *lease;
	char *job_dir;
	char *project;
	int root_fd; /* of the output's root */
	struct remote *remote; /* that root is a bucket; NULL: a folder */
	struct stage *stage;
	struct manifest *manifest;
	struct scene scene; /* opened with the first frame */
};

/* ERROR_AWAY: a root is not there. Other errors are the lease's: its frames cannot be rendered here. */
gboolean session_open(struct session *s, struct worker *w, const struct lease *lease, GError **error);
void session_close(struct session *s);

enum frame_end {
	FRAME_SETTLED,    /* go on with the next one */
	FRAME_LEASE_OVER, /* lost, or Redis is away too long: what is left of it is somebody else's */
	FRAME_GIVE_BACK,  /* nothing can be rendered now, or the worker shall leave; *error says why */
};
enum frame_end frame_work(struct session *s, gint64 frame, GError **error);
/* Tells the queue; FALSE when the lease is over. */
gboolean frame_fail(struct session *s, gint64 frame, const char *reason, enum lease_failure how);
