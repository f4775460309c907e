/* What has to hold of limits, whatever is wanted and there. */
#pragma once
#include "plan/plan.h"

/* Budgets are kept; what was approved is the plan without them; nothing disruptive is done while all windows are closed, or
 * while nobody knows whose turn it is. `want` is as before afterwards. */
void limits_check(struct arena *a, struct objects *want, const struct objects *have);
