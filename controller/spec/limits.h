/* Which of the Farm's limits hold for a job.
 *
 * In: the Farm, a job with its labels. Out: what the queue counts it towards, and the same as a text, which tells
 * whether the queue knows them already. */
#pragma once
#include <glib.h>

struct arena;
struct farm_spec;
struct object;

struct scope_limit {
	const char *scope; /* "project:nimbus", "label:artist=mei" */
	gint64 n_frames;
};

/* In the Farm's order; returns how many. */
guint limits_of(struct arena *a, const struct farm_spec *farm, const struct object *job, struct scope_limit **ret);
/* "project:nimbus=20, label:artist=mei=5"; NULL when there are none. */
const char *limits_text(struct arena *a, const struct scope_limit *limits, guint n);
