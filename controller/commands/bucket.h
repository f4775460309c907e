/* Roots that are buckets, for commands that look below a root themselves. Each person has a local folder of their own
 * for it below their cache: the controller's is the controller's. */
#pragma once
#include "frames/remote.h"

struct farm_root;

/* NULL with an error: no access key, no folder. Asks nobody yet. remote_free(). */
struct remote *bucket_open(const struct farm_root *root, GError **error);
/* The digest of an object. */
gboolean bucket_digest(const struct farm_root *root, const char *path, char ret[SHA256_HEX_SIZE], GError **error);
/* Writes the marker; `ret_was_marked`: it was there already, with this root's name. */
gboolean bucket_mark(const struct farm_root *root, gboolean *ret_was_marked, GError **error);
