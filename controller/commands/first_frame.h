/* The first thing to look at of a job: where its first frame lies, and a small picture of it. */
#pragma once
#include "plan/plan.h"

/* Prints both paths, once a frame of the job is whole. FALSE: none is, so far. `before` is called before the first line.
 * The picture lies in the user's cache folder, or where that cannot be written, in the one for temporary files. */
gboolean first_frame_show(const struct plan *p, const char *job, void (*before)(void *user), void *user);
