/* A job's frames, group by group: what is whole is kept; what the store has is put back; what is queued
 * with the right key goes on; the rest is rendered. All as sets of frames, never frame lists. */
#include "base/arena.h"
#include "plan/plan_job.h"
#include <string.h>

struct frame_set job_frames_of(struct arena *a, const struct list *list, const char *key)
{
	struct frame_set all = { 0 };
	for (guint i = 0; i < list->n; i++) {
		const struct job_frames *f = LIST_AT(*list, struct job_frames, i);
		if (!key || (f->key && strcmp(f->key, key) == 0))
			all = frames_union(a, &all, &f->frames);
	}
	return all;
}

struct action *job_act(struct job_plan *j, enum verb verb, const char *reason, struct frame_set frames, const char *key)
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
	struct frame_set there = job_frames_of(a, list, key), taken = frames_common(a, rest, &there);
	*rest = frames_minus(a, rest, &there);
	return taken;
}

/* -- one group of frames with one key ------------------------------------------------------------- */

/* Frames that were there and are not: whether they come back by themselves is for `heal`. Where a whole
 * frame of another key stands, cleave itself replaced them: they are not lost. */
static struct frame_set not_healed(struct job_plan *j, const struct frame_set *rest, const char *key)
{
	struct arena *a = j->b->arena;
	struct frame_set was_there = job_frames_of(a, &j->have->rendered, key);
	struct frame_set replaced = job_frames_of(a, &j->have->whole, NULL);
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
	struct frame_set queued = job_frames_of(a, &j->have->queued, g->key), both = frames_common(a, done, &queued);
	if (!both.n_runs)
		return;
	struct action *act = job_act(j, VERB_CANCEL_FRAMES, "need no rendering any more", both, g->key);
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
		job_act(j, VERB_DELIVER_FRAMES, "are verified, not delivered", staged, g->key);
	struct frame_set stored = take(j, rest, &j->have->stored, g->key);
	if (stored.n_runs)
		job_act(j, VERB_PUT_BACK_FRAMES, "are in the store", stored, g->key);
	struct frame_set elsewhere = take(j, rest, &j->have->elsewhere, g->key);
	if (elsewhere.n_runs)
		job_act(j, VERB_COPY_FRAMES, "are whole at another path; the files there stay", elsewhere, g->key);
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
	struct frame_set back = job_changed_back(j, &failed);
	failed = frames_minus(a, &failed, &back);
	rest = frames_union(a, &rest, &back);
	j->n_failed += frames_count(&failed);
	struct frame_set queued = take(j, &rest, &j->have->queued, g->key);
	struct frame_set running = take(j, &rest, &j->have->running, g->key);
	j->n_waiting += frames_count(&queued) + frames_count(&running);
	struct frame_set lost = not_healed(j, &rest, g->key);
	rest = frames_minus(a, &rest, &lost);
	j->lost = frames_union(a, &j->lost, &lost);
	struct frame_set waiting = job_waiting(j, &rest);
	rest = frames_minus(a, &rest, &waiting);
	j->n_new += frames_count(&rest);
	if (rest.n_runs && !j->problem)
		job_plan_render(j, g, rest);
}

/* -- all groups ---------------------------------------------------------------------------------- */

/* What waits or runs under a key that is not the frame's any more. */
static void plan_cancel(struct job_plan *j)
{
	struct arena *a = j->b->arena;
	const struct list *lists[] = { &j->have->queued, &j->have->running };
	/* Given up ones under another key are forgotten when they are queued anew; those cut off, here. */
	struct frame_set failed = job_frames_of(a, &j->have->failed, NULL);
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
	struct action *act = job_act(j, VERB_CANCEL_FRAMES, "are not wanted with these values any more", unwanted, NULL);
	act->effect = EFFECT_CANCEL;
}

void job_plan_frames(struct job_plan *j)
{
	for (guint i = 0; i < j->groups.n; i++)
		plan_group(j, &j->groups.items[i]);
	plan_cancel(j);
}
