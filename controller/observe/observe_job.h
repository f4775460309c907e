/* One render job while it is looked at. Private to observe/: observe_jobs.c looks at queue and scene,
 * observe_frames.c at the frames. */
#pragma once
#include "frames/inspect.h"
#include "frames/move.h"
#include "observe/observe.h"
#include "spec/farm.h"
#include "spec/frame_key.h"

struct looking {
	struct arena *arena;
	const struct observe_input *in;
	const struct farm_spec *farm;
	const struct renderjob_spec *job;
	struct inspection inspection;
	const char **templates; /* of each output, below the root */
	guint n_outputs;
	struct move_place *places; /* where the job's frames have been: first where they are wanted, then other roots */
	guint n_places;
};

/* Fills in the lists of what is on disk. `of`: what its frames are keyed with. */
gboolean observe_frames(const struct looking *l, const struct key_digests *of, struct renderjob_status *status, GError **error);
/* The listed inputs, or those that Blender opened, against what is recorded of them. What cannot be read is told. */
void observe_inputs(const struct looking *l, struct renderjob_status *status);
/* Fills in the places; l->inspection has to be there. */
void observe_places(struct looking *l, const char *own_root);
/* A whole file to copy from, for a file that is not there. */
gboolean observe_elsewhere(const struct looking *l, gint64 frame, const char *key, const char *visible);
/* As the job owner: reads on in the job's visible frames, before they are looked at. */
void observe_sweep(const struct looking *l, const char *job);
