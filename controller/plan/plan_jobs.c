/* Render jobs: which scene a job renders, whether it can, and what is said of it; and the jobs that are not
 * wanted any more. Its frames: plan_frames.c. */
#include "base/arena.h"
#include "plan/plan_job.h"
#include "spec/limits.h"
#include <string.h>

/* An order that was not said is the one that is usual. */
static void say_order(struct renderjob_spec *job)
{
	if (job->order == ORDER_UNSAID)
		job->order = ORDER_FORWARD;
}

static void plan_update(struct job_plan *j)
{
	struct renderjob_spec before = j->have->queue.values, after = *j->want;
	struct scope_limit *limits;
	guint n_limits = limits_of(j->b->arena, j->farm, j->o, &limits);
	gboolean is_same_queue = j->have->queue.rank == farm_queue_rank(j->farm, j->want->queue);
	gboolean has_limits = g_strcmp0(j->have->queue.limits, limits_text(j->b->arena, limits, n_limits)) == 0;
	say_order(&before);
	say_order(&after);
	after.is_paused = j->is_suspended;
	struct changes c = diff_structs(j->b->arena, renderjob_fields, &before, &after, FIELD_IN_QUEUE);
	if (!j->have->queue.known || (!c.n && is_same_queue && has_limits) || !j->n_waiting)
		return;
	struct action *act = builder_act(j->b, VERB_UPDATE_JOB, j->o, KIND_RENDERJOB, j->o->id,
	                                 c.n             ? "the queue knows other values"
	                                 : is_same_queue ? "the Farm's limits are others now"
	                                                 : "is in another queue now");
	act->changes = c;
	act->values = arena_memdup(j->b->arena, &after, sizeof after);
}

static const char *told_done(struct job_plan *j)
{
	const struct renderjob_spec *said = j->o->spec;
	guint64 n_waived = frames_count(&said->frames) - j->n_wanted;
	const char *waived = n_waived ? arena_printf(j->b->arena, ", %" G_GUINT64_FORMAT " waived", n_waived) : "";
	const char *undeclared = job_tell_undeclared(j);
	/* Nothing is to be rendered, and all is as it was asked for: it is said, and stalls nothing. */
	const char *changed = j->problem && g_str_has_suffix(j->problem, "Changed")
	                          ? arena_printf(j->b->arena, "; %s since: `cleave repin %s` renders it anew", j->problem, j->o->id) : "";
	return arena_printf(j->b->arena, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " frames%s%s%s%s", j->n_whole, j->n_wanted, waived,
	                    changed, undeclared ? "; UndeclaredInputs: " : "", undeclared ? undeclared : "");
}

static void judge_job(struct job_plan *j)
{
	struct builder *b = j->b;
	struct arena *a = b->arena;
	const char *done = told_done(j);
	if (j->problem && (j->n_new || j->n_waiting || j->n_failed))
		builder_judge(b, j->o, IS_STALLED, j->problem, j->problem_message);
	else if (j->foreign.n_runs)
		builder_judge(b, j->o, IS_STALLED, "OutputOccupied",
		              arena_printf(a, "%s; files that cleave did not make stand at frames %s; move them away", done,
		                           frames_format(a, &j->foreign)));
	else if (j->lost.n_runs)
		builder_judge(b, j->o, IS_STALLED, "FramesLost",
		              arena_printf(a, "%s; frames %s were complete and are gone or damaged; `heal: always` brings them back",
		                           done, frames_format(a, &j->lost)));
	else if (j->n_failed)
		builder_judge(b, j->o, IS_STALLED, "FramesFailed",
		              arena_printf(a, "%s; %" G_GUINT64_FORMAT " failed: %s; mend the scene and `cleave repin` it, or raise `retries` to try again", done,
		                           j->n_failed, j->failure ? j->failure : "no reason given"));
	else if (j->n_whole == j->n_wanted)
		builder_judge(b, j->o, IS_READY, "Complete", done);
	else if (j->n_after && !j->n_waiting && !j->n_new)
		builder_judge(b, j->o, IS_RECONCILING, "WaitsForJob",
		              arena_printf(a, "%s; the others wait for %s", done, j->waits_for));
	else
		builder_judge(b, j->o, IS_RECONCILING, "Rendering", done);
}

static void plan_complete(struct job_plan *j)
{
	if (j->n_whole != j->n_wanted || (j->have->completed && strcmp(j->have->completed, j->digest) == 0))
		return;
	struct action *act = builder_act(j->b, VERB_COMPLETE_JOB, j->o, KIND_RENDERJOB, j->o->id, "all frames are whole");
	act->digest = j->digest;
}

static void plan_known_job(struct job_plan *j)
{
	struct builder *b = j->b;
	job_find_problem(j);
	j->groups = frame_key_groups(b->arena, j->want, &j->of);
	j->digest = frame_key_groups_digest(b->arena, &j->groups);
	j->n_wanted = frames_count(&j->want->frames);
	if (j->have->failed.n)
		j->failure = LIST_AT(j->have->failed, struct job_frames, 0)->detail;
	job_plan_frames(j);
	job_plan_pins(j);
	if (!j->n_new || j->problem || j->is_suspended)
		plan_update(j);
	plan_complete(j);
	judge_job(j);
}

/* The first of the job's roots that is not there: NULL when all are. */
static const struct farm_root_status *missing_root(struct job_plan *j, const struct farm_status *farm)
{
	const struct strings paths = renderjob_paths(j->b->arena, j->want);
	for (guint t = 0; t < paths.n; t++) {
		const char *root, *path;
		if (!root_path_split(j->b->arena, paths.items[t], &root, &path))
			continue;
		for (guint i = 0; i < farm->roots.n; i++) {
			const struct farm_root_status *r = LIST_AT(farm->roots, struct farm_root_status, i);
			if (!r->mounted && strcmp(r->name, root) == 0)
				return r;
		}
	}
	return NULL;
}

static void plan_job(struct builder *b, const struct object *o, const struct object *farm, const struct farm_status *seen)
{
	const struct object *have = objects_get(b->in->have, KIND_RENDERJOB, o->id);
	struct job_plan j = { .b = b, .o = o, .want = job_without_waived(b->arena, o->spec), .have = have ? have->status : NULL,
		              .farm = farm->spec, .is_suspended = builder_suspension(b, o) != NULL };
	if (builder_judge_later(b, o))
		return;
	const struct farm_root_status *missing = missing_root(&j, seen);
	const char *outside = plan_path_refused(b, o);
	if (outside) {
		builder_judge_settled(b, o, "PathNotAllowed", outside);
		builder_refused(b);
	} else if (seen->redis == PLANE_LEFT_OUT) {
		builder_judge(b, o, IS_RECONCILING, "RedisLeftOut", "Redis was not looked at");
	} else if (seen->redis == PLANE_AWAY) {
		builder_judge_unseen(b, o, "RedisAway", seen->redis_reason);
	} else if (missing) {
		builder_judge(b, o, IS_STALLED, "RootNotMounted", missing->reason);
	} else if (!j.have) {
		builder_judge(b, o, IS_RECONCILING, "NotObserved", NULL);
	} else if (j.have->trouble) {
		builder_judge(b, o, IS_STALLED, "NotReadable", j.have->trouble);
	} else {
		j.of = frame_key_digests(j.want, j.have);
		if (!j.of.scene)
			builder_judge(b, o, IS_STALLED, "SceneMissing", j.have->scene.reason);
		else if (!job_is_changing(&j))
			plan_known_job(&j);
	}
}

/* Jobs of the queue that the specs do not know any more: what waits is cancelled, frames stay. */
static void plan_gone_jobs(struct builder *b)
{
	OBJECTS_EACH (o, b->in->have, KIND_RENDERJOB) {
		const struct renderjob_status *s = o->status;
		if (!s || objects_get(b->in->want, KIND_RENDERJOB, o->id))
			continue;
		struct frame_set queued = job_frames_of(b->arena, &s->queued, NULL);
		struct frame_set running = job_frames_of(b->arena, &s->running, NULL);
		struct frame_set failed = job_frames_of(b->arena, &s->failed, NULL);
		struct frame_set waiting = frames_union(b->arena, &queued, &running);
		struct frame_set all = frames_union(b->arena, &waiting, &failed);
		const char *absent = objects_absent(b->in->want, KIND_RENDERJOB, o->id);
		if (all.n_runs && absent)
			builder_note(b, KIND_RENDERJOB, o->id, arena_printf(b->arena, "goes on: it may be of the source %s, of which this host has nothing to go by", absent));
		if (!all.n_runs || absent)
			continue;
		struct action *act = builder_act(b, VERB_CANCEL_FRAMES, NULL, KIND_RENDERJOB, o->id, "the job is not in the specs any more");
		act->frames = all;
		act->count = frames_count(&all);
		act->effect = EFFECT_CANCEL;
	}
}

void plan_jobs(struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	const struct object *have = farm ? objects_get(b->in->have, KIND_FARM, farm->id) : NULL;
	if (!have || !have->status) {
		OBJECTS_EACH (o, b->in->want, KIND_RENDERJOB)
			builder_judge(b, o, IS_RECONCILING, "NotObserved", NULL);
		return;
	}
	const struct farm_status *seen = have->status;
	guint before = b->actions->len;
	OBJECTS_EACH (o, b->in->want, KIND_RENDERJOB)
		plan_job(b, o, farm, seen);
	if (seen->redis == PLANE_OK)
		plan_gone_jobs(b);
	plan_plain(b, farm, seen);
	/* Another host's controller owns the jobs: its plan acts, this one only tells. */
	if (seen->job_owner && strcmp(seen->job_owner, b->in->host) != 0)
		g_array_set_size(b->actions, before);
}
