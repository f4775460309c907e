/* One render job while it is looked at. Private to observe/: observe_jobs.c looks at queue and scene,
 * observe_frames.c at the frames. */
#pragma once
#include "frames/inspect.h"
#include "observe/observe.h"
#include "spec/renderjob.h"

struct looking {
	struct arena *arena;
	const struct observe_input *in;
	const struct renderjob_spec *job;
	struct inspection inspection;
	const char *output; /* below the root */
};

/* Fills in the lists of what is on disk. `scene`: the digest its frames are keyed with. */
gboolean observe_frames(const struct looking *l, const char *scene, struct renderjob_status *status, GError **error);
