/* Which files of a root's store may go, and making them go.
 *
 * In: the manifests of the jobs that are wanted, with their wanted keys, and the root's rules. Out: names and bytes, and
 * their removal. Never goes what a wanted key needs, nor what is there for less than `keep`. What nobody knows any more
 * (jobs that are not in the specs, content that others put in a frame's place) goes when `keep` is over. Called by
 * observe/ and apply/, which both find out anew, as the job owner. */
#pragma once
#include <glib.h>

struct manifest_view;
struct remote;

struct clear_rules {
	guint64 max_bytes; /* of what no wanted key needs; 0: any */
	gint64 keep_ms;
	guint n_keys;      /* superseded keys that are kept of a frame */
	gint64 now_us;     /* since 1970 */
};

struct clearing;

struct clearing *clearing_new(void);
void clearing_free(struct clearing *c);
typedef gboolean clear_wanted_fn(gpointer user, gint64 frame, const char *key);
/* A wanted job's manifest in this root. */
void clearing_add_job(struct clearing *c, const struct manifest_view *v, guint n_keys, clear_wanted_fn *is_wanted,
		      gpointer user);

struct clear_store {
	guint64 n_files, bytes; /* all of the store */
	guint64 n_clear, clear_bytes;
};
/* Looks; with `removes` also removes, at most `most` files a call, the oldest first. No store: nothing. `remote`: the
 * root is a bucket; NULL: a folder. */
gboolean clearing_run(struct clearing *c, int root_fd, struct remote *remote, const struct clear_rules *rules, gboolean removes, guint most,
		      struct clear_store *ret, GError **error);
