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
	const char *scene; /* the digest its frames are keyed with */
	const char *digest; /* of groups */
	guint64 n_whole, n_wanted, n_waiting, n_failed, n_new;
	const char *failure; /* of the first failed frames */
	const char *scene_problem, *scene_message; /* why nothing can be rendered; NULL = it can */
	struct frame_set foreign, lost;
};

/* The frames that a list of struct job_frames has under the key; NULL: under any. */
struct frame_set job_frames_of(struct arena *a, const struct list *list, const char *key);
struct action *job_act(struct job_plan *j, enum verb verb, const char *reason, struct frame_set frames, const char *key);

/* What is done about the frames of each group: keep, deliver, put back, render, cancel. Fills in the counts. */
void job_plan_frames(struct job_plan *j);
