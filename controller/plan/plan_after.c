/* `after`: frames that wait for another job, whole or each for its own. What is whole counts, as it was observed:
 * nothing of the other job's plan does. */
#include "base/arena.h"
#include "plan/plan_job.h"
#include <string.h>

/* The frames of the other job that are there as its spec wants them now, without those that are waived: nobody waits
 * for these. FALSE: it could not be looked at. */
static gboolean frames_of_other(struct job_plan *j, const struct object *other, struct frame_set *ret_wanted,
                                struct frame_set *ret_whole)
{
	struct arena *a = j->b->arena;
	const struct renderjob_spec *want = job_without_waived(a, other->spec);
	const struct object *have = objects_get(j->b->in->have, KIND_RENDERJOB, other->id);
	const struct renderjob_status *s = have ? have->status : NULL;
	*ret_wanted = want->frames;
	*ret_whole = (struct frame_set){ 0 };
	const struct key_digests of = s && !s->trouble ? frame_key_digests(want, s) : (struct key_digests){ 0 };
	if (!of.scene)
		return FALSE;
	struct key_groups groups = frame_key_groups(a, want, &of);
	for (guint i = 0; i < groups.n; i++) {
		struct frame_set there = job_frames_of(a, &s->whole, groups.items[i].key);
		struct frame_set its = frames_common(a, &groups.items[i].frames, &there);
		*ret_whole = frames_union(a, ret_whole, &its);
	}
	return TRUE;
}

static struct frame_set waits_for(struct job_plan *j, const struct job_after *after, const struct frame_set *rest)
{
	struct arena *a = j->b->arena;
	const char *id = renderjob_after_id(a, j->want, after);
	const struct object *other = objects_get(j->b->in->want, KIND_RENDERJOB, id);
	struct frame_set wanted, whole;
	/* Dangling names are refused when the specs are read. */
	if (!other)
		return (struct frame_set){ 0 };
	gboolean is_seen = frames_of_other(j, other, &wanted, &whole);
	struct frame_set missing = frames_minus(a, &wanted, &whole);
	if (is_seen && !missing.n_runs)
		return (struct frame_set){ 0 };
	return after->need == NEED_FRAMES ? frames_common(a, rest, &missing) : *rest;
}

struct frame_set job_waiting(struct job_plan *j, const struct frame_set *rest)
{
	struct arena *a = j->b->arena;
	struct frame_set all = { 0 };
	for (guint i = 0; i < j->want->after.n; i++) {
		const struct job_after *after = LIST_AT(j->want->after, struct job_after, i);
		struct frame_set some = waits_for(j, after, rest);
		if (some.n_runs && !j->waits_for)
			j->waits_for = renderjob_after_id(a, j->want, after);
		all = frames_union(a, &all, &some);
	}
	j->n_after += frames_count(&all);
	return all;
}

const struct renderjob_spec *job_without_waived(struct arena *a, const struct renderjob_spec *job)
{
	if (!job->waive.n_runs)
		return job;
	struct renderjob_spec *rest = arena_memdup(a, job, sizeof *job);
	rest->frames = frames_minus(a, &job->frames, &job->waive);
	return rest;
}
