/* Whether a path of this host lies in one of some folders, by its name and by where its links lead. Called by observe/ and
 * reconcile.c before what it names is read. */
#pragma once
#include "host/tree.h"

/* NULL: it does, or no folder is given. Else why not, as the end of a sentence. `is_remote`: the path itself may be a file
 * server's, which may not answer: of it the link is read, and only the folders above it are followed. */
const char *host_path_outside(struct arena *a, const struct host_tree *t, const char *const *folders, guint n, const char *path,
                              gboolean is_remote);
