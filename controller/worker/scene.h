/* The scene of a task as a file that Blender can open: on a root, fetched by its URL, or out of an archive.
 *
 * In: a task. Out: the path of the right .blend, whose bytes (or whose archive's) are those that the job was queued
 * for. What is fetched or unpacked lies in the cache and stays there while a scene is open. Called by frame.c. */
#pragma once
#include "queue/task.h"
#include "worker/worker.h"

struct cache_entry;

struct scene {
	char *path;   /* absolute, of the .blend */
	char *folder; /* absolute: the root, or the cache's entry; nothing of the scene's own lies outside. Only read. */
	struct cache_entry *entry; /* NULL: it lies on a root as it is */
	struct file_facts facts;   /* of the .blend in the cache */
};

/* May take long; ends early when the worker shall stop or its lease is lost. Errors say what it means for the frames:
 * ERROR_AWAY, the root is not there now; ERROR_NOT_FOUND, this worker has no such root; ERROR_REFUSED, it is not what
 * was queued, and another try gives the same; ERROR_TIMEOUT, interrupted; others, another try or worker may do better. */
gboolean scene_open(struct worker *w, const struct task *t, struct scene *ret, GError **error);
/* It still is what scene_open() gave: after each frame, since a scene may be saved over meanwhile. Errors likewise. */
gboolean scene_check(struct worker *w, const struct task *t, const struct scene *s, GError **error);
/* Also for one that was never opened, if it is zeroed. */
void scene_close(struct scene *s);
