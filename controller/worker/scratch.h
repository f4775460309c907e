/* The temporary folder of one Blender: its scripts, which it may read, and its own, which it alone may write.
 *
 * Removed with it; what a worker that was killed left behind is removed by the next one that makes such a folder: a lock
 * that ends with the process tells which those are. Called by child.c. */
#pragma once
#include "worker/sandbox.h"

struct scratch {
	int lock_fd;
	char *folder;  /* ours, with the folders below; NULL: none was made */
	char *scripts; /* warm.py and what it imports */
	char *own;     /* its TMPDIR and HOME */
	char *output;  /* in that: the files of an order */
};

/* scratch_remove() in any case. */
gboolean scratch_make(struct scratch *s, const struct sandbox *sandbox, GError **error);
void scratch_remove(struct scratch *s);
/* Removes the files of the order before. It may be a stranger's folder by now: nothing is followed, and nothing below
 * touched. */
void scratch_clear_output(const struct scratch *s);
