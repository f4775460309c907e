/* What follows each pass of `cleave run`: it is written down and told to others. A row each, in this order; none of them
 * changes what the pass did, and one that fails says so and holds nothing up. */
#include "commands/run.h"

/* The farm hears of it: other hosts' `get` shows this one's objects. */
static void tell_farm(struct runner *r, const struct pass_report *report)
{
	session_tell(r->session, report->plan, r->force.wanted.tree.commit);
}

static void (*const after[])(struct runner *r, const struct pass_report *report) = {
	run_keep_pass,
	tell_farm,
};

void run_after_pass(struct runner *r, const struct pass_report *report)
{
	for (guint i = 0; i < G_N_ELEMENTS(after); i++)
		after[i](r, report);
}
