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
	const char *reason;      /* the same in one word, as the condition has it; NULL: InvalidSpecs */
};

/* What becomes due though nothing happens: a row each in run_due.c. */
enum due {
	DUE_SWEEP,     /* the interval */
	DUE_RETRY,     /* what is away, or could not be read */
	DUE_PLAN,      /* the plan's own wake_ms */
	DUE_PAUSE,     /* what failed may be tried again */
	DUE_OFTEN,     /* leases may run out, a driver may let a device go */
	DUE_HOLD_JOBS, /* the job owner's lease */
	DUE_BEAT,      /* the farm is to hear of this host */
	DUE_REAP,      /* frames of workers that fell silent */
	DUE_PING,      /* systemd's watchdog */
	DUE_TRIM,      /* what a pass needed goes back to the kernel */
	N_DUE,
};

struct keep;

struct runner {
	struct invocation *in;
	struct session *session;
	char *source; /* the specs, as a path that others can use */
	struct in_force force;
	struct control *control;
	struct source_watch *watch;
	GPtrArray *remotes; /* run_source.c's */
	char *told;         /* the commit that was announced last, by this controller or another */
	guint hear_source;  /* a fetch is due */
	GArray *asking;     /* run_asked.c's */
	struct progress *progress;
	GMainLoop *loop;
	gboolean is_busy, look_again, is_ending;
	gboolean wants_reload;     /* SIGHUP */
	gboolean has_source_moved; /* since the revision was read, for all that the watch knows */
	gboolean has_passed;       /* since the timer was set */
	guint n_failed;      /* failed or skipped actions of the last pass */
	gboolean has_leases; /* the last pass saw frames that run */
	gboolean looks_often; /* leases may run out, a driver may let a device go, and nobody says so */
	gint64 wake_ms;    /* the last plan has something due so long after it; 0: nothing */
	guint pass_source;
	GSource *due_source;     /* the timer */
	gint64 due_us[N_DUE];    /* of the monotonic clock; 0: not due */
	char *seen_commit;       /* read last, valid or not */
	gint64 retry_ms;   /* next pause; 0: nothing is being retried */
	char *last_plan;   /* text of the plan that was printed last: one that stays is said once */
	struct run_metrics *metrics; /* run_metrics.c; NULL before the first pass */
	const char *expected; /* a client has shown the plan of this digest: no other one is carried out; NULL: whatever it is */
	gboolean is_other;    /* and it was another one */
	GString *recorded; /* output of a pass that a client asked for; NULL else */
	gboolean record_json;
	struct keep *keep;
	GQueue watchers; /* struct control_request: wait for events */
};

/* -- run.c: the loop -- */

/* "Look again", from whatever noticed something. */
void run_look(gpointer runner);
/* The same where a pause after failures does not count: another revision, another decision. */
void run_look_at_source(gpointer runner);

/* Watches the sources of the settings. */
gboolean run_watch(struct runner *r, GError **error);

/* -- run_due.c: the one timer -- */

void run_due_start(struct runner *r);
void run_due_stop(struct runner *r);
/* From now; 0: not any more. */
void run_due_in(struct runner *r, enum due due, gint64 in_ms);
void run_due_while(struct runner *r, enum due due, gboolean goes_on, gint64 in_ms);
void run_due_after_pass(struct runner *r);

/* -- run_reload.c: SIGHUP -- */

/* Reads the host's own settings once more. Between two passes. */
void run_reload(struct runner *r);

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

/* -- run_source.c: mirrors of remote repositories -- */

void run_source_start(struct runner *r);
/* Before the session ends, whose mirrors they are. */
void run_source_stop(struct runner *r);
/* Now, all of them; nothing where the specs are on this machine. */
void run_source_fetch(struct runner *r);
/* TRUE: one of them cannot be fetched; why, and since when (ms since 1970). */
gboolean run_source_is_fetching(const struct runner *r);
/* Of a mirror that was never fetched the reason is that, not that it is empty. */
void run_source_explain(const struct runner *r, GError **error);
/* A revision has come into force. */
void run_source_accepted(struct runner *r, gboolean is_first);
/* Nothing is in force yet: what was when the host was last up. */
void run_take_good(struct runner *r);
gboolean run_source_is_away(const struct runner *r, const char **ret_why, gint64 *ret_since_ms);

/* -- run_asked.c: `cleave reconcile` -- */

void run_asked(struct runner *r, struct control_request *request, const char *format, gboolean waits);
/* A fetch has ended. */
void run_asked_fetched(struct runner *r);
struct pass_report;
void run_asked_after(struct runner *r, const struct pass_report *report);
void run_asked_without_pass(struct runner *r);
void run_asked_end(struct runner *r);

/* -- run_control.c -- */

void run_answer_requests(struct runner *r);

/* -- run_decide.c -- */

/* TRUE: the request was about a decision for this host alone, and is answered. */
gboolean run_answer_local(struct runner *r, struct control_request *request);

/* -- run_kept.c: what passes found and did -- */

void run_keep_pass(struct runner *r, const struct pass_report *report);
/* Answers those who wait for events, where there are newer ones. */
void run_tell_watchers(struct runner *r);
/* FALSE: it is not a request for these. */
gboolean run_answer_kept(struct runner *r, struct control_request *request);
void run_kept_close(struct runner *r);
