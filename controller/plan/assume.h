/* What would be there if earlier specs were fully applied: an observation made of specs alone, so that a plan says what
 * a commit changes without a host.
 *
 * The machine is one that can be all that both revisions say: their cards, pools, images, secrets and scenes are there,
 * nobody else uses them, and workers are idle. VMs and cards become what they are by plans of the earlier specs, carried
 * out on that machine until nothing is left; jobs are complete. What only a host knows (which other functions a card has,
 * what the store still holds of frames) is not in it. Pure. */
#pragma once
#include "plan/plan.h"

struct assume_input {
	const char *host;
	const char *revision;         /* of .from */
	const struct objects *from;   /* fully applied */
	const struct objects *to;     /* what will be looked at */
	const char *job_owner;        /* whose controller reconciles the jobs */
};

/* Takes out of `want` what was to end by itself before that time (ms since 1970), a Host's `state` and suspensions: assume()'s own
 * clock is of a day long ago. Its objects are replaced, not changed. */
void assume_over(struct arena *a, struct objects *want, gint64 now_ms);
/* As session_observe() would give it for .to, on that host. */
struct objects *assume(struct arena *a, const struct assume_input *in);
/* Of `want` what concerns one host: the Farm, the Host, what names it here or in `other`, and jobs where it owns them.
 * Objects are shared. */
struct objects *assume_part(struct arena *a, const struct objects *want, const struct objects *other, const char *host, gboolean owns_jobs);
/* Names of all hosts that either speaks of, in order; each once. */
struct strings assume_hosts(struct arena *a, const struct objects *from, const struct objects *to);
