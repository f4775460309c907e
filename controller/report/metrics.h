/* What a controller measures, as Prometheus reads it: values in, text out.
 *
 * Counters begin at 0 with the controller, as Prometheus expects. What the whole farm has (jobs, the queue, workers) is
 * told by the job owner alone: sums over hosts count it once. No frame has a line of its own. */
#pragma once
#include "apply/outcome.h"
#include "plan/plan.h"

enum metrics_phase { METRICS_LOOK, METRICS_PLAN, METRICS_APPLY, N_METRICS_PHASES };

/* Of passes. */
struct metrics_seconds {
	double sum, last;
	guint64 n;
};

/* A job with queued frames: for how long it has had some. */
struct metrics_wait {
	const char *job;
	gint64 ms;
};

struct metrics_queue {
	guint64 n_expired, n_failed; /* leases that ran out, frames that failed, since Redis was empty */
	const struct metrics_wait *waits;
	guint n_waits;
};

/* Since the controller began. */
struct metrics_counts {
	gint64 started_s, passed_s; /* seconds since 1970 */
	gint64 applied_s;           /* when the revision came into force */
	struct metrics_seconds seconds[N_METRICS_PHASES];
	guint64 actions[N_VERBS][OUTCOME_SKIPPED + 1];
};

struct metrics_input {
	const struct plan *plan;
	const char *commit;                  /* NULL: specs of a folder */
	const struct metrics_counts *counts; /* NULL: no controller runs */
	const struct metrics_queue *queue;   /* NULL: not asked */
	gboolean owns_jobs;
};

/* g_free(). */
char *report_metrics(const struct metrics_input *in);
