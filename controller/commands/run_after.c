/* What follows each pass of `cleave run`: it is written down and told to others. A row each, in this order; none of them
 * changes what the pass did, and one that fails says so and holds nothing up. */
#include "commands/run.h"

static void (*const after[])(struct runner *r, const struct pass_report *report) = {
	run_asked_after,
	NULL,
};

void run_after_pass(struct runner *r, const struct pass_report *report)
{
	for (guint i = 0; i < G_N_ELEMENTS(after) && after[i]; i++)
		after[i](r, report);
}
