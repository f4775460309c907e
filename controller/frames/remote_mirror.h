/* Files of a bucket that are needed as files, as scenes and their textures: kept in the local folder, where they
 * were. Called by the worker before Blender opens them, and by the job owner for inputs that it digests. */
#pragma once
#include "frames/remote.h"

/* Makes the local folder have what the bucket has under this path, in which `*` stands for anything in one name:
 * fetches what is not there or differs, removes what the bucket has no more. `limit`: bytes of one file, 0 none.
 * NULL for `r`: nothing is done. Nothing there is no error: who reads the files says so. */
gboolean remote_mirror(struct remote *r, int root_fd, struct digest_cache *cache, const char *pattern, guint64 limit,
		       GError **error);
