/* plan --from REV, and plans of several hosts that were observed. */
#pragma once
#include "commands/command.h"
#include "report/merge.h"

/* Whether --from, --to or several observations are given. */
gboolean plan_is_of_many(const struct invocation *in);
/* Returns the exit code. */
int plan_many(struct invocation *in);
/* As -o says (plan.c). */
void plan_write(GString *out, const struct invocation *in, const struct report_plans *plans);
gboolean plan_has_refused_vm(const struct plan *p);
/* Whether it is refused: where changes are asked for, also what rules took out, and what nothing but approvals is left of. */
gboolean plan_is_refused(const struct invocation *in, const struct plan *p, guint n_actions);

/* Observations in a text that holds one after the other: kinds come in their order, so that a step back begins the next.
 * Copies; g_ptr_array_unref(). */
GPtrArray *plan_split_observations(const char *text);
