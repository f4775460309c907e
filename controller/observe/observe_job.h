/* One render job while it is looked at. Private to observe/: observe_jobs.c looks at queue and scene,
 * observe_frames.c at the frames. */
#pragma once
#include "frames/inspect.h"
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
};

/* Fills in the lists of what is on disk. `of`: what its frames are keyed with. */
gboolean observe_frames(const struct looking *l, const struct key_digests *of, struct renderjob_status *status, GError **error);
/* The listed inputs, or those that Blender opened, against what is recorded of them. What cannot be read is told. */
void observe_inputs(const struct looking *l, struct renderjob_status *status);
