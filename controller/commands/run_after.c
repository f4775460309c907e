/* What follows each pass of `cleave run`: it is written down and told to others. A row each, in this order; none of them
 * changes what the pass did, and one that fails says so and holds nothing up. */
#include "base/log.h"
#include "commands/run.h"

/* The farm hears of it: other hosts' `get` shows this one's objects. */
static void tell_farm(struct runner *r, const struct pass_report *report)
{
	session_tell(r->session, report->plan, r->force.wanted.tree.commit);
}

static void tell_turn(struct runner *r, const struct pass_report *report)
{
	g_autoptr(GError) error = NULL;
	if (!session_tell_turn(r->session, report->plan, &error))
		log_warning("rollout", "others are not told how this host stands: %s", error->message);
}

static void (*const after[])(struct runner *r, const struct pass_report *report) = {
	run_keep_pass,
	tell_farm,
	tell_turn,
	run_measure,
	run_asked_after,
};

void run_after_pass(struct runner *r, const struct pass_report *report)
{
	for (guint i = 0; i < G_N_ELEMENTS(after); i++)
		after[i](r, report);
}
