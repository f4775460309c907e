/* Which attempts' folders in staging nobody writes to any more. Whether their leases are gone, the queue knows.
 *
 * Called by observe/ as the job owner; what becomes of the files: collect.c. */
#pragma once
#include <glib.h>

struct arena;
struct remote;

/* `remote`: the root is a bucket, whose objects tell; NULL: a folder. Tokens, sorted (const char *, in the arena), whose folder and files were last changed at least `age_us` before now; at
 * most `most`. A host's wrong clock makes it later or, by as much as it is wrong, earlier: ask the queue as well. */
gboolean abandoned_tokens(struct arena *a, int root_fd, struct remote *remote, const char *job_dir, gint64 age_us, guint most, GPtrArray *ret,
			  GError **error);
