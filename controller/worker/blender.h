/* One warm Blender: a child that renders frame after frame and keeps the scene between them.
 *
 * In: orders. Out: image files in a folder of its own, or the sentence that says why not. It dies with the worker's
 * main thread, which must be the one that starts it. Called by loop.c and make.c. */
#pragma once
#include "worker/order.h"
#include "worker/sandbox.h"

struct blender;

struct blender_setup {
	const char *program;
	const char *const *variables; /* "NAME=VALUE", added to its environment where that does not say them already */
	const struct sandbox *sandbox;
	const char *const *readable;  /* files and folders it may read; NULL-terminated */
	const char *const *arguments; /* NULL: none */
	gboolean runs_scripts;
};

/* Waits until it says hello, a minute at most. What `setup` points at is used only meanwhile, but for the sandbox. */
struct blender *blender_start(const struct blender_setup *setup, GError **error);
/* Kills it, if it still lives, and removes its temporary folder. */
void blender_stop(struct blender *b);

const char *blender_version(const struct blender *b);
const char *const *blender_devices(const struct blender *b); /* "CPU", "OPTIX", …; NULL-terminated */
/* Frames since it was started. */
int blender_n_frames(const struct blender *b);
/* It was started as this task needs it; NULL: any task. */
gboolean blender_suits(const struct blender *b, const struct task *task);
/* It holds much more memory than after its scene was read, or a frame went wrong: what it leaks is its own. */
gboolean blender_is_worn(const struct blender *b);
/* The folder of the files that were ordered last; only as long as `b`. */
const char *blender_folder(const struct blender *b);
/* Absolute paths of the files that the scene used for the last frame; NULL: none is known. */
const char *const *blender_opened(const struct blender *b);
/* What it printed since the last order, the last 64 KiB. */
const char *blender_printed(const struct blender *b);

enum render_end {
	RENDER_DONE,        /* the answer says how; what was written is still to be verified */
	RENDER_FAILED,      /* the answer says why; start another Blender */
	RENDER_INTERRUPTED, /* one of the descriptors became readable; start another Blender */
};
/* The task's time limit bounds the frame, and reading the scene before it, each; `folder` of the order is set here.
 * Interrupted when one of `stop_fds` becomes readable. answer_clear() the answer in any case. */
enum render_end blender_render(struct blender *b, const struct order *o, const int stop_fds[2], struct answer *ret);
