/* What a worker tells the queue that it can do.
 *
 * In: its settings, and what was found of roots, GPUs and Blenders. Out: labels that jobs may require. Called by loop.c
 * and start.c. */
#pragma once
#include "worker/worker.h"

/* There is a place for Blenders that are fetched. */
gboolean skills_can_install(const struct worker *w);
/* The given labels, and root:NAME, gpu:MODEL and device:KIND of what was found. Before the first Blender has told its
 * devices, those are taken from the GPUs: it fails where it does not have what it is told to use. g_strfreev(). */
char **skills_labels(const struct worker *w);
/* Has the heartbeat report them. */
void skills_tell(struct worker *w);
