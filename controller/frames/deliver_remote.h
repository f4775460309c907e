/* deliver.h and collect.h for a root that is a bucket.
 *
 * The steps: the staged object is there before its manifest line; what is visible is copied into the store
 * under the ETag it was seen with; then the content is put at its visible name, only where there is nothing or
 * that very ETag; at last the staged object goes. Each leaves a state from which another call goes on. */
#pragma once
#include "frames/collect.h"
#include "frames/deliver.h"

gboolean remote_deliver(const struct delivery *d, enum delivered *ret, GError **error);
gboolean remote_put_back(const struct delivery *d, enum delivered *ret, GError **error);
gboolean remote_collect(struct remote *r, int root_fd, const char *job_dir, const char *token,
			const struct manifest_view *v, GHashTable *wanted, struct collected *ret, GError **error);
/* The tokens that staging has objects of; char *. g_ptr_array_unref(). */
GPtrArray *remote_tokens(struct remote *r, const char *job_dir, GError **error);
