/* One render job while it is planned. Private to plan/: plan_jobs.c judges the job, plan_frames.c plans its frames. */
#pragma once
#include "plan/builder.h"
#include "spec/farm.h"

struct job_plan {
	struct builder *b;
	const struct object *o;
	const struct renderjob_spec *want;
	const struct renderjob_status *have;
	const struct farm_spec *farm;
	struct key_groups groups;
	struct key_digests of; /* what its frames are keyed with */
	const char *digest; /* of groups */
	guint64 n_whole, n_wanted, n_waiting, n_failed, n_new;
	const char *failure; /* of the first failed frames */
	const char *problem, *problem_message; /* why nothing can be rendered; NULL = it can */
	struct frame_set foreign, lost;
	gboolean is_suspended; /* itself, or the Farm */
	guint64 n_after; /* that wait for another job */
	const char *waits_for; /* its id */
};

/* The frames that a list of struct job_frames has under the key; NULL: under any. */
struct frame_set job_frames_of(struct arena *a, const struct list *list, const char *key);
struct action *job_act(struct job_plan *j, enum verb verb, const char *reason, struct frame_set frames, const char *key);

/* Renders frames of the group: an action for each reason that some of them have (plan_render.c). */
void job_plan_render(struct job_plan *j, const struct key_group *g, struct frame_set rest);
/* Of frames that would be rendered, those that have to wait for another job (plan_after.c). */
struct frame_set job_waiting(struct job_plan *j, const struct frame_set *rest);
/* The spec without the frames that were waived; itself when none were. */
const struct renderjob_spec *job_without_waived(struct arena *a, const struct renderjob_spec *job);
/* What is done about the frames of each group: keep, deliver, put back, render, cancel. Fills in the counts. */
void job_plan_frames(struct job_plan *j);

/* TRUE, and judged, while a file that the job follows is being written or cannot be read: which keys are wanted is
 * not known. */
gboolean job_is_changing(struct job_plan *j);
/* Finds .problem: rendering needs scene and inputs as they were pinned; keeping and putting back does not. */
void job_find_problem(struct job_plan *j);
/* Of these frames, which were given up because scene or inputs were others for a while, those that can be tried again
 * now that both are what they should be. */
struct frame_set job_changed_back(struct job_plan *j, const struct frame_set *failed);
/* Records what is rendered from now on, beside the frames. */
void job_plan_pins(struct job_plan *j);
/* Files that Blender opened and the spec does not name: told, and where `inputs` says which there are, as a
 * phrase for the condition; else NULL. */
const char *job_tell_undeclared(struct job_plan *j);
