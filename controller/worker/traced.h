/* The files that Blender used for a frame besides the .blend: what was in them goes into the job's manifest.
 *
 * In: the paths that Blender told. Out: a record for each content that was not recorded yet, and one digest of all.
 * One for the worker's life. Called by make.c. */
#pragma once
#include "frames/manifest.h"
#include "worker/worker.h"

struct scene;

struct traced *traced_new(void);
void traced_free(struct traced *t);
/* The scene was read again: what a file held before does not matter any more. */
void traced_forget(struct traced *t);

/* The inputs that the task declares are what they were when it was queued. ERROR_REFUSED "InputsChanged …". */
gboolean traced_check(struct worker *w, const struct task *task, GError **error);
/* Writes records and *ret_sum, "" when there is no input. ERROR_FAILED when a file changed while Blender had it. */
gboolean traced_record(struct worker *w, struct manifest *m, const char *job, const struct scene *scene,
		       const char *const *opened, char ret_sum[SHA256_HEX_SIZE], GError **error);
