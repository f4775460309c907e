/* Render jobs, frame by frame: what is whole is kept; what the store has is put back; what is queued
 * with the right key goes on; the rest is rendered. All as sets of frames, never frame lists. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include <string.h>

struct job_plan {
	struct builder *b;
	const struct object *o;
	const struct renderjob_spec *want;
	const struct renderjob_status *have;
	const struct farm_spec *farm;
	struct key_groups groups;
	const char *scene; /* the digest its frames are keyed with */
	const char *digest; /* of groups */
	guint64 n_whole, n_wanted, n_waiting, n_failed, n_new;
	const char *failure; /* of the first failed frames */
	const char *scene_problem, *scene_message; /* why nothing can be rendered; NULL = it can */
	struct frame_set foreign, lost;
};

static struct frame_set frames_with_key(struct arena *a, const struct list *list, const char *key)
{
	struct frame_set all = { 0 };
	for (guint i = 0; i < list->n; i++) {
		const struct job_frames *f = LIST_AT(*list, struct job_frames, i);
		if (!key || (f->key && strcmp(f->key, key) == 0))
			all = frames_union(a, &all, &f->frames);
	}
	return all;
}

static struct action *act_on_frames(struct job_plan *j, enum verb verb, const char *reason, struct frame_set frames,
                                    const char *key)
{
	struct action *act = builder_act(j->b, verb, j->o, KIND_RENDERJOB, j->o->id, reason);
	act->frames = frames;
	act->count = frames_count(&frames);
	act->key = key;
	return act;
}

/* Takes from `rest` what the list has under the key, and returns it. */
static struct frame_set take(struct job_plan *j, struct frame_set *rest, const struct list *list, const char *key)
{
	struct arena *a = j->b->arena;
	struct frame_set there = frames_with_key(a, list, key), taken = frames_common(a, rest, &there);
	*rest = frames_minus(a, rest, &there);
	return taken;
}

/* -- one group of frames with one key ------------------------------------------------------------- */

/* Why frames are rendered, in the order a person asks: damaged, other values, never rendered, gone. */
static const char *render_reason(struct job_plan *j, const struct frame_set *frames, const char *key)
{
	struct arena *a = j->b->arena;
	struct frame_set damaged = frames_with_key(a, &j->have->damaged, NULL);
	struct frame_set known = frames_with_key(a, &j->have->rendered, key);
	struct frame_set other = frames_with_key(a, &j->have->rendered, NULL);
	struct frame_set standing = frames_with_key(a, &j->have->whole, NULL);
	if (frames_overlap(frames, &damaged))
		return "are not what was verified any more";
	if (frames_overlap(frames, &standing))
		return "were rendered with other values";
	if (frames_overlap(frames, &known))
		return "are gone";
	if (frames_overlap(frames, &other))
		return "were rendered with other values";
	return "were never rendered";
}

/* Frames that were there and are not: whether they come back by themselves is for `heal`. Where a whole
 * frame of another key stands, cleave itself replaced them: they are not lost. */
static struct frame_set not_healed(struct job_plan *j, const struct frame_set *rest, const char *key)
{
	struct arena *a = j->b->arena;
	struct frame_set was_there = frames_with_key(a, &j->have->rendered, key);
	struct frame_set replaced = frames_with_key(a, &j->have->whole, NULL);
	gboolean was_complete = j->have->completed && strcmp(j->have->completed, j->digest) == 0;
	if (j->want->heal == HEAL_ALWAYS || (j->want->heal == HEAL_UNTIL_COMPLETE && !was_complete))
		return (struct frame_set){ 0 };
	was_there = frames_minus(a, &was_there, &replaced);
	return frames_common(a, rest, &was_there);
}

/* A Redis that came back from an old snapshot, or a worker that died before its commit: the queue would
 * render again what is there. What runs is left to its worker. */
static void plan_cancel_done(struct job_plan *j, const struct key_group *g, const struct frame_set *done)
{
	struct arena *a = j->b->arena;
	struct frame_set queued = frames_with_key(a, &j->have->queued, g->key), both = frames_common(a, done, &queued);
	if (!both.n_runs)
		return;
	struct action *act = act_on_frames(j, VERB_CANCEL_FRAMES, "need no rendering any more", both, g->key);
	act->effect = EFFECT_CANCEL;
}

/* Takes from `rest` what is there: whole, verified but not delivered, or in the store. */
static void plan_present(struct job_plan *j, const struct key_group *g, struct frame_set *rest)
{
	struct arena *a = j->b->arena;
	struct frame_set before = *rest;
	struct frame_set whole = take(j, rest, &j->have->whole, g->key);
	j->n_whole += frames_count(&whole);
	struct frame_set staged = take(j, rest, &j->have->staged, g->key);
	if (staged.n_runs)
		act_on_frames(j, VERB_DELIVER_FRAMES, "are verified, not delivered", staged, g->key);
	struct frame_set stored = take(j, rest, &j->have->stored, g->key);
	if (stored.n_runs)
		act_on_frames(j, VERB_PUT_BACK_FRAMES, "are in the store", stored, g->key);
	struct frame_set done = frames_minus(a, &before, rest);
	plan_cancel_done(j, g, &done);
}

static void plan_group(struct job_plan *j, const struct key_group *g)
{
	struct arena *a = j->b->arena;
	struct frame_set rest = g->frames, foreign = take(j, &rest, &j->have->foreign, NULL);
	j->foreign = frames_union(a, &j->foreign, &foreign);
	plan_present(j, g, &rest);
	/* Raising `retries` is how a person says: try them again. */
	struct frame_set failed = { 0 };
	if (!j->have->queue.known || j->want->retries <= j->have->queue.values.retries)
		failed = take(j, &rest, &j->have->failed, g->key);
	j->n_failed += frames_count(&failed);
	struct frame_set queued = take(j, &rest, &j->have->queued, g->key);
	struct frame_set running = take(j, &rest, &j->have->running, g->key);
	j->n_waiting += frames_count(&queued) + frames_count(&running);
	struct frame_set lost = not_healed(j, &rest, g->key);
	rest = frames_minus(a, &rest, &lost);
	j->lost = frames_union(a, &j->lost, &lost);
	j->n_new += frames_count(&rest);
	if (!rest.n_runs || j->scene_problem)
		return;
	struct action *act = act_on_frames(j, VERB_ENQUEUE_FRAMES, render_reason(j, &rest, g->key), rest, g->key);
	act->effect = EFFECT_RENDER;
	act->expect = "neither whole nor queued";
	act->values = &g->values;
}

/* -- the job --------------------------------------------------------------------------------------- */

/* What waits or runs under a key that is not the frame's any more. */
static void plan_cancel(struct job_plan *j)
{
	struct arena *a = j->b->arena;
	const struct list *lists[] = { &j->have->queued, &j->have->running };
	/* Given up ones under another key are forgotten when they are queued anew; those cut off, here. */
	struct frame_set failed = frames_with_key(a, &j->have->failed, NULL);
	struct frame_set unwanted = frames_minus(a, &failed, &j->want->frames);
	for (guint l = 0; l < G_N_ELEMENTS(lists); l++)
		for (guint i = 0; i < lists[l]->n; i++) {
			const struct job_frames *f = LIST_AT(*lists[l], struct job_frames, i);
			struct frame_set left = f->frames;
			for (guint g = 0; g < j->groups.n; g++)
				if (f->key && strcmp(j->groups.items[g].key, f->key) == 0)
					left = frames_minus(a, &left, &j->groups.items[g].frames);
			unwanted = frames_union(a, &unwanted, &left);
		}
	if (!unwanted.n_runs)
		return;
	struct action *act = act_on_frames(j, VERB_CANCEL_FRAMES, "are not wanted with these values any more", unwanted, NULL);
	act->effect = EFFECT_CANCEL;
}

static void plan_update(struct job_plan *j)
{
	struct renderjob_spec before = j->have->queue.values;
	int rank = farm_queue_rank(j->farm, j->want->queue);
	struct changes c = diff_structs(j->b->arena, renderjob_fields, &before, j->want, FIELD_IN_QUEUE);
	if (!j->have->queue.known || (!c.n && j->have->queue.rank == rank) || !j->n_waiting)
		return;
	struct action *act = builder_act(j->b, VERB_UPDATE_JOB, j->o, KIND_RENDERJOB, j->o->id,
	                                 c.n ? "the queue knows other values" : "is in another queue now");
	act->changes = c;
	act->values = j->want;
}

static void judge_job(struct job_plan *j)
{
	struct builder *b = j->b;
	struct arena *a = b->arena;
	const char *done = arena_printf(a, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " frames", j->n_whole, j->n_wanted);
	if (j->scene_problem && (j->n_new || j->n_waiting || j->n_failed))
		builder_judge(b, j->o, IS_STALLED, j->scene_problem, j->scene_message);
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
		              arena_printf(a, "%s; %" G_GUINT64_FORMAT " failed: %s; raise `retries` to try them again", done,
		                           j->n_failed, j->failure ? j->failure : "no reason given"));
	else if (j->n_whole == j->n_wanted)
		builder_judge(b, j->o, IS_READY, "Complete", done);
	else
		builder_judge(b, j->o, IS_RECONCILING, j->want->suspend ? "Suspended" : "Rendering", done);
}

static void plan_complete(struct job_plan *j)
{
	if (j->n_whole != j->n_wanted || (j->have->completed && strcmp(j->have->completed, j->digest) == 0))
		return;
	struct action *act = builder_act(j->b, VERB_COMPLETE_JOB, j->o, KIND_RENDERJOB, j->o->id, "all frames are whole");
	act->digest = j->digest;
}

static void plan_pin(struct job_plan *j)
{
	if (j->want->scene.sha256 || j->have->scene.pinned)
		return;
	struct action *act = builder_act(j->b, VERB_PIN_SCENE, j->o, KIND_RENDERJOB, j->o->id, "the scene has no digest yet");
	act->digest = j->scene;
}

/* Rendering needs the scene as it was pinned; keeping and putting back does not. */
static const char *find_scene_problem(struct job_plan *j, const char **ret_message)
{
	const struct job_scene_status *s = &j->have->scene;
	if (!s->found) {
		*ret_message = s->reason ? s->reason : "the scene cannot be read";
		return "SceneMissing";
	}
	if (strcmp(s->found, j->scene) != 0) {
		*ret_message = arena_printf(j->b->arena,
		                            "%s is not the scene this job was pinned to (%.12s…) any more; save it under a new "
		                            "name, or take it by writing scene.sha256: %s",
		                            j->want->scene.file, j->scene, s->found);
		return "SceneChanged";
	}
	return NULL;
}

static void plan_frames(struct job_plan *j)
{
	struct builder *b = j->b;
	j->scene_problem = find_scene_problem(j, &j->scene_message);
	j->groups = frame_key_groups(b->arena, j->want, j->scene);
	j->digest = frame_key_groups_digest(b->arena, &j->groups);
	j->n_wanted = frames_count(&j->want->frames);
	if (j->have->failed.n)
		j->failure = LIST_AT(j->have->failed, struct job_frames, 0)->detail;
	for (guint i = 0; i < j->groups.n; i++)
		plan_group(j, &j->groups.items[i]);
	if (j->n_new && !j->scene_problem)
		plan_pin(j);
	else
		plan_update(j);
	plan_cancel(j);
	plan_complete(j);
	judge_job(j);
}

/* The first of the job's roots that is not there: NULL when all are. */
static const struct farm_root_status *missing_root(struct job_plan *j, const struct farm_status *farm)
{
	const char *texts[] = { j->want->output, j->want->scene.file };
	for (guint t = 0; t < G_N_ELEMENTS(texts); t++) {
		const char *root, *path;
		if (!root_path_split(j->b->arena, texts[t], &root, &path))
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
	struct job_plan j = { .b = b, .o = o, .want = o->spec, .have = have ? have->status : NULL,
		              .farm = farm->spec };
	if (builder_judge_later(b, o))
		return;
	const struct farm_root_status *missing = missing_root(&j, seen);
	if (seen->redis == PLANE_LEFT_OUT) {
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
		const struct job_scene_status *s = &j.have->scene;
		j.scene = renderjob_scene_sha256(j.want, j.have);
		if (!j.scene)
			builder_judge(b, o, IS_STALLED, "SceneMissing", s->reason);
		else
			plan_frames(&j);
	}
}

/* Jobs of the queue that the specs do not know any more: what waits is cancelled, frames stay. */
static void plan_gone_jobs(struct builder *b)
{
	OBJECTS_EACH (o, b->in->have, KIND_RENDERJOB) {
		const struct renderjob_status *s = o->status;
		if (!s || objects_get(b->in->want, KIND_RENDERJOB, o->id))
			continue;
		struct frame_set queued = frames_with_key(b->arena, &s->queued, NULL);
		struct frame_set running = frames_with_key(b->arena, &s->running, NULL);
		struct frame_set failed = frames_with_key(b->arena, &s->failed, NULL);
		struct frame_set waiting = frames_union(b->arena, &queued, &running);
		struct frame_set all = frames_union(b->arena, &waiting, &failed);
		if (!all.n_runs)
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
	/* Another host's controller owns the jobs: its plan acts, this one only tells. */
	if (seen->job_owner && strcmp(seen->job_owner, b->in->host) != 0)
		g_array_set_size(b->actions, before);
}
