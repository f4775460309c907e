/* What the files of `cleave run` share: the loop (run.c), a pass (run_pass.c), what follows a pass (run_after.c), and
 * requests on the control socket (run_control.c). Private to them. */
#pragma once
#include "commands/command.h"
#include "commands/progress.h"
#include "source/watch.h"
#include "state/state.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MOST_MS = 60000 };

/* The revision in force: specs that were read and found valid. */
struct in_force {
	struct arena *arena; /* NULL: none yet */
	struct wanted wanted;
	char *refused, *trouble; /* a newer revision that is not valid, and its first problem */
};

struct runner {
	struct invocation *in;
	struct session *session;
	char *source; /* the specs, as a path that others can use */
	struct in_force force;
	struct control *control;
	struct source_watch *watch;
	struct progress *progress;
	GMainLoop *loop;
	gboolean is_busy, look_again, is_ending;
	gboolean has_passed; /* since the timer was set */
	guint n_failed;      /* failed or skipped actions of the last pass */
	gboolean has_leases; /* the last pass saw frames that run */
	gboolean looks_often; /* leases may run out, a driver may let a device go, and nobody says so */
	gint64 wake_ms;    /* the last plan has something due so long after it; 0: nothing */
	gboolean is_stuck; /* the same actions were planned twice: only a new revision or the timer goes on */
	guint pass_source, timer_source;
	gint64 retry_ms;   /* next pause; 0: nothing is being retried */
	char *last_plan;   /* text of the plan before, to see that nothing moves */
	struct run_metrics *metrics; /* run_metrics.c; NULL before the first pass */
	GString *recorded; /* output of a pass that a client asked for; NULL else */
	gboolean record_json;
};

/* -- run.c: the loop -- */

/* "Look again", from whatever noticed something. */
void run_look(gpointer runner);
/* The same where a pause after failures does not count: another revision, another decision. */
void run_look_at_source(gpointer runner);

/* -- run_pass.c -- */

void run_pass(struct runner *r);
/* Takes the newest revision into force if it is valid. FALSE when there is none in force at all. */
gboolean run_read_revision(struct runner *r);
struct objects *run_look_at_all(struct runner *r, struct arena *a, gboolean checks);
void run_clear_force(struct in_force *f);

/* -- run_after.c: what follows each pass, a row each -- */

/* A pass as it went. Times are of the monotonic clock; plan and outcomes live until the hooks return. */
struct pass_report {
	const struct plan *plan;
	const struct outcomes *outcomes; /* NULL: nothing was carried out */
	const char *trouble;             /* of carrying it out; NULL: none */
	gint64 began_us, looked_us, planned_us, ended_us;
};

void run_after_pass(struct runner *r, const struct pass_report *report);

/* -- run_metrics.c: counts passes, and writes the file -- */

void run_measure(struct runner *r, const struct pass_report *report);
/* What was measured last; NULL before the first pass. */
const char *run_metrics_text(const struct runner *r);
void run_metrics_free(struct run_metrics *m);

/* -- run_control.c -- */

void run_answer_requests(struct runner *r);
