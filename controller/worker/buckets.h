/* Roots of this worker that are buckets: each has a local folder below the cache, which stands where a mounted
 * root's folder would. Called by loop.c, frame.c and scene.c; for other roots all of it does nothing. */
#pragma once
#include "frames/remote.h"

struct worker;
struct config;
struct buckets;

/* The local folder of a bucket; g_free(). */
char *bucket_folder(const char *cache, const char *name, const char *url);
struct buckets *buckets_new(const struct config *c);
void buckets_free(struct buckets *b);
/* Every bucket has to prove itself again. */
void buckets_begin(struct buckets *b);

/* The bucket of that root. NULL without an error: the root is a folder. ERROR_AWAY: no access key, no folder. */
struct remote *worker_bucket(const struct worker *w, const char *root, GError **error);
/* As worker_open_root(), for a bucket alone; -1 also when the root is none, without an error then. */
int worker_open_bucket(const struct worker *w, const char *root, const char *marker, GError **error);
/* The scene in the local folder. A copy of the right content is not asked for again. */
gboolean worker_bring(const struct worker *w, int root_fd, const char *root, const char *path, const char *sha256,
		      GError **error);
/* The files that ROOT:patterns mean, of roots that are buckets. */
gboolean worker_bring_inputs(const struct worker *w, const char *const *patterns, GError **error);
