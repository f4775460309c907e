/* Says it: plans, outcomes, objects and problems as text, JSON and YAML. Pure: appends to a string;
 * who calls prints.
 *
 * The JSON stream has one object a line, {"type": "version|drift|action|progress|outcome|summary"}. */
#pragma once
#include "apply/outcome.h"
#include "base/problem.h"
#include "plan/plan.h"
#include "spec/status.h"

struct report_style {
	gboolean colour;
	guint columns; /* of the terminal: plans are wrapped to it; 0: there is none, lines are as long as they are */
};

/* Appends the text with no line longer than that, but for words that are. */
void report_wrap(GString *out, const char *text, guint columns);

/* -- text ---------------------------------------------------------------------------------------- */

void report_plan_text(GString *out, const struct plan *p, struct report_style style);
/* What its renders may take, from what frames took before; beside the plan, never of it. */
void report_estimate_text(GString *out, const struct plan *p);
void report_outcome_text(GString *out, const struct plan *p, const struct outcome *o, struct report_style style);
void report_summary_text(GString *out, const struct plan *p, const struct outcomes *o, struct report_style style);
/* Field by field, what would change: `cleave diff`. Returns the number of differences. */
guint report_diff_text(GString *out, const struct plan *p, struct report_style style);
/* Of a VM of this host that is not stalled: it waits, or goes on with less than its spec says. */
gboolean report_is_worth_saying(const struct plan *p, const struct verdict *v);
/* Frames of a job that are whole and wanted; for progress. FALSE when the plan does not know the job. */
gboolean report_job_progress(const struct plan *p, const char *id, guint64 *ret_whole, guint64 *ret_wanted);

/* The Farm's roots as they were observed: `cleave root list`. */
void report_roots_text(GString *out, const struct plan *p);
void report_roots_json(GString *out, const struct plan *p);

/* -- JSON ----------------------------------------------------------------------------------------- */

void report_plan_json(GString *out, const struct plan *p);
void report_outcome_json(GString *out, const struct plan *p, const struct outcome *o);
void report_summary_json(GString *out, const struct plan *p, const struct outcomes *o);
void report_progress_json(GString *out, const char *job, guint64 n_whole, guint64 n_wanted);
void report_objects_json(GString *out, const struct objects *objects, unsigned parts);

/* -- problems -------------------------------------------------------------------------------------- */

/* Finds the bytes of a file that a problem speaks of; NULL when it is not known. */
typedef const char *(*report_find_text)(void *user, const char *path, gsize *ret_size);

void report_problems_text(GString *out, const struct problems *problems, report_find_text find, void *user);
/* The first line of a stream; report_plan_json() begins with it. */
void report_version_json(GString *out, const struct plan *p);
/* What was approved just now, and what it lets go on. */
void report_approval_json(GString *out, const char *digest, const struct strings *items);
/* One approval that is kept. */
void report_approved_json(GString *out, const char *digest, const char *host, const char *revision, const char *by, const char *at, gboolean has_begun);
/* What a person has decided about a VM, and was done. */
void report_decision_json(GString *out, const char *decision, const char *vm);
/* What was decided for this host alone, of an object (KIND/NAME; "": of the revision). */
void report_decided_json(GString *out, const char *decision, const char *object);
/* A commit that was pushed; `commit` NULL: it was so already. */
void report_change_json(GString *out, const char *commit, const char *branch, const char *path);
void report_problems_json(GString *out, const struct problems *problems);
/* Lines for a job of GitHub Actions: each stands at its place in the merge request. */
void report_problems_github(GString *out, const struct problems *problems);
/* One SARIF 2.1.0 log, for code scanning. */
void report_problems_sarif(GString *out, const struct problems *problems);
