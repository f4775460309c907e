/* One warm Blender: a child that renders frame after frame and keeps the scene between them.
 *
 * In: orders. Out: an image file at the path ordered, or the sentence that says why not. It dies with the
 * worker's main thread, which must be the one that starts it. Called by loop.c and frame.c. */
#pragma once
#include "worker/order.h"

struct blender;

/* Waits until it says hello, a minute at most. `variables` ("NAME=VALUE", NULL-terminated) are added to its
 * environment where that does not say them already. */
struct blender *blender_start(const char *program, const char *const *variables, GError **error);
/* Kills it, if it still lives, and removes its temporary folder. */
void blender_stop(struct blender *b);

const char *blender_version(const struct blender *b);
const char *const *blender_devices(const struct blender *b); /* "CPU", "OPTIX", …; NULL-terminated */
/* Frames since it was started. */
int blender_n_frames(const struct blender *b);

enum render_end {
	RENDER_DONE,        /* the answer says how; what was written is still to be verified */
	RENDER_FAILED,      /* the answer says why; start another Blender */
	RENDER_INTERRUPTED, /* one of the descriptors became readable; start another Blender */
};
/* The task's time limit bounds the frame, and reading the scene before it, each. Interrupted when one of
 * `stop_fds` becomes readable. answer_clear() the answer in any case. */
enum render_end blender_render(struct blender *b, const struct order *o, const int stop_fds[2], struct answer *ret);
