/* The worker's side of the queue: take frames, keep them, commit or fail each one alone.
 *
 * In: what the worker can do. Out: a token that fences late reports: once a lease ran out or was revoked,
 * its commits are answered "superseded" and change nothing. */
#pragma once
#include "base/frameset.h"
#include "queue/task.h"

struct arena;
struct redis;

struct capabilities {
	const char *const *jobs;     /* only these, whatever they require; NULL-terminated; NULL: all that the rest allows */
	const char *const *blenders; /* versions, NULL-terminated */
	const char *const *labels;   /* NULL-terminated */
	const char *vm_uuid;         /* of the VM it runs in; NULL: none */
	guint64 vram_bytes;          /* of its smallest GPU; 0: unknown */
	guint n_gpus;                /* that one frame can use together; 0: unknown */
	gboolean installs;           /* takes a Blender that the Farm has an archive of */
	const char *model;           /* of its GPUs; NULL: unknown */
};

struct lease {
	const char *token; /* digits and dashes; unique for ever, also over an emptied Redis */
	const char *job;   /* "project/name" */
	const char *key;
	struct frame_set frames;
	struct task task;
	const char *problem; /* NULL, or why the task cannot be read (then `task` is empty) */
};

/* *ret_lease is NULL when there is nothing for this worker; lease_wait() then blocks until there may be.
 * ERROR_REFUSED with the reason while its VM is drained; lease_wait() then blocks until that may be over. */
gboolean lease_take(struct redis *r, struct arena *a, const char *worker, const struct capabilities *can, gint64 ttl_ms,
		    struct lease **ret_lease, GError **error);
/* Up to `n`, at most 256, in one call; never waits for more. `ret_leases` has room for n. */
gboolean lease_take_several(struct redis *r, struct arena *a, const char *worker, const struct capabilities *can, gint64 ttl_ms,
			    guint n, struct lease **ret_leases, guint *ret_n, GError **error);
/* *ret_woken: there may be something now, because somebody said so or because the time has come at which a lease runs
 * out, a failed frame is due again, or a straggler may be taken. FALSE after the timeout. Returns early when `stop_fd`
 * (-1: none) becomes readable. */
gboolean lease_wait(struct redis *r, const char *worker, guint timeout_ms, int stop_fd, gboolean *ret_woken,
		    GError **error);

/* *ret_held: the lease still stands and, if `frame` is given, still has this frame. A frame is given before it is
 * begun: ERROR_REFUSED with the reason when the VM is drained meanwhile. */
gboolean lease_extend(struct redis *r, const char *token, gint64 ttl_ms, const gint64 *frame, gboolean *ret_held,
		      GError **error);
/* As lease_extend() with the frame in hand, which has been begun: a drained VM does not end it. `progress` is 0 to 1,
 * negative when it is not known. */
gboolean lease_progress(struct redis *r, const char *token, gint64 ttl_ms, gint64 frame, double progress,
			gboolean *ret_held, GError **error);
/* `seconds` is what the frame took, 0: not known; chunks by time and stragglers are judged by it. Asking again gives
 * the same answer for ten minutes. */
gboolean lease_commit(struct redis *r, const char *token, gint64 frame, double seconds, gboolean *ret_accepted,
		      GError **error);

enum lease_failure {
	FAILURE_RETRY, /* may go well another time or elsewhere */
	FAILURE_FINAL, /* no other attempt helps */
	FAILURE_VRAM,  /* the GPU's memory was too small; counts as no attempt */
};

enum lease_failed {
	LEASE_SUPERSEDED, /* it was not this lease's frame any more */
	LEASE_QUEUED_AGAIN,
	LEASE_GIVEN_UP,
};
gboolean lease_fail(struct redis *r, const char *token, gint64 frame, const char *reason, enum lease_failure how,
		    enum lease_failed *ret, GError **error);
/* All frames that are left go back to the backlog, not counted as tried. */
gboolean lease_give_back(struct redis *r, const char *token, GError **error);
/* Leases that ran out go back (every lease_take() does it too). Returns how many, up to 100 a call. */
gboolean lease_reap(struct redis *r, guint *ret_n, GError **error);
