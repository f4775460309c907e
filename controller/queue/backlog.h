/* The controller's side of the queue: what waits, what runs, what was given up, job by job.
 *
 * In: frame sets with their tasks from the job owner. Out: typed rows in an arena. Who compares the
 * backlog with the frames on disk reads the backlog first: a frame that is committed in between is then
 * seen as running, never as missing. */
#pragma once
#include "base/frameset.h"
#include "queue/task.h"

struct arena;
struct redis;

/* Every change says who makes it; ERROR_REFUSED when another owner or a newer revision came first. */
struct authority {
	gint64 fence; /* of owner_acquire() */
	gint64 epoch; /* order of the revision that is acted on; 0: no order is known, always accepted */
};

enum backlog_order { BACKLOG_FORWARD, BACKLOG_REVERSE, BACKLOG_INTERLEAVE };

/* Most frames that run at once of all jobs with this scope. */
struct job_limit {
	const char *scope; /* "project:nimbus", "label:artist=mei" */
	gint64 n_frames;
};

struct job_meta {
	gint64 rank;     /* of the job's queue; 0 is the most urgent */
	gint64 priority; /* larger is sooner, within a queue; below 1,000,000 */
	gint64 chunk;    /* frames a lease, 1 to 10000 */
	gint64 chunk_seconds; /* as many as take so long, instead; 0: not */
	int order;            /* enum backlog_order */
	gint64 n_retries;
	gboolean is_paused;
	const char *blender;         /* "" any; "3.4" is content with 3.4.1 */
	gboolean is_installable;     /* the Farm has an archive of it: workers that install do as well */
	const char *const *requires; /* labels that a worker must have; NULL-terminated; NULL: none */
	const char *const *labels;   /* as well, those that the job names, as key:value; NULL: none */
	guint64 vram_bytes;          /* a GPU must have so much; 0: any */
	gint64 n_gpus;               /* that a worker must have; 0: any */
	const struct job_limit *limits; /* of the Farm, those that hold for it */
	guint n_limits;
	gint64 backoff_ms; /* before a frame that failed is tried again, five times as long each time; 0: 1 s */
};

/* Frames of one job that are rendered alike. */
struct backlog_part {
	const char *key; /* the same key: the same pixels */
	struct frame_set frames;
	const struct task *task;
};

/* `job` is "project/name". Frames that are queued or running under the same key stay as they are; under
 * another key they are replaced; given up ones are tried again. Frames of different parts may not overlap. */
gboolean backlog_enqueue(struct redis *r, const struct authority *by, const char *job, const struct job_meta *meta,
			 const struct backlog_part *parts, guint n_parts, guint64 *ret_added, GError **error);
/* Nothing is rendered again; ERROR_NOT_FOUND when nothing of the job is in the queue. */
gboolean backlog_update(struct redis *r, const struct authority *by, const char *job, const struct job_meta *meta,
			GError **error);
/* `frames` NULL: all. Queued frames go, running ones are revoked (their commit is answered "superseded"),
 * given up ones are forgotten. */
gboolean backlog_cancel(struct redis *r, const struct authority *by, const char *job, const struct frame_set *frames,
			GError **error);

struct backlog_queued {
	const char *key;
	struct frame_set frames;
};

struct backlog_running {
	const char *token, *key, *worker;
	struct frame_set frames;
	gint64 left_ms; /* to the lease's end; negative when it waits to be reaped */
	gint64 age_ms;  /* since it was taken */
	gboolean is_begun; /* the worker named a frame: */
	gint64 hand, hand_ms; /* the frame in hand, and since when */
	double progress;      /* of it, 0 to 1; negative: not told */
};

struct backlog_failed {
	gint64 frame;
	const char *key, *reason, *worker;
	gint64 n_tries;
	const char *cause;   /* poison: several workers or all retries; final; vram: no GPU is large enough */
	const char *workers; /* on which it failed: "w1, w2" */
};

struct backlog_try {
	const char *worker, *reason; /* "" when it is long ago */
	gint64 age_ms;
};

/* A frame that failed and was not given up. Attempts older than an hour are forgotten. */
struct backlog_tried {
	gint64 frame;
	gint64 due_ms;        /* until it may be taken again; 0: now, or it runs */
	guint64 vram_above;   /* only on a GPU with more memory; 0: any */
	struct backlog_try *tries;
	guint n_tries;
};

/* Of a job that is not in the queue all counts are 0. */
struct backlog {
	const char *job;
	gint64 epoch;
	struct job_meta meta;
	struct backlog_queued *queued; /* one a key */
	struct backlog_running *running;
	struct backlog_failed *failed; /* ascending by frame */
	struct backlog_tried *tried;   /* ascending by frame */
	guint n_queued, n_running, n_failed, n_tried;
	gint64 frame_ms; /* median of the last frames; 0: not known yet */
};

struct backlog *backlog_show(struct redis *r, struct arena *a, const char *job, GError **error);
/* All of them with few waits for Redis. In ret NULL for one that backlog_show() says more of: why it cannot be read. FALSE:
 * none is known. */
gboolean backlog_show_many(struct redis *r, struct arena *a, const char *const *jobs, guint n, struct backlog **ret);
/* The lease stands: its worker may write to its folder in staging. */
gboolean backlog_holds(const struct backlog *b, const char *token);

struct backlog_count {
	const char *job;
	guint64 n_queued, n_running, n_failed; /* frames */
};

/* All jobs that have anything in the queue, most urgent first. */
gboolean backlog_list(struct redis *r, struct arena *a, struct backlog_count **ret, guint *ret_n, GError **error);
