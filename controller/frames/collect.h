/* Clearing up after an attempt that is over.
 *
 * In: a token whose lease is gone for good (its worker can write no more) and the manifest. Out: its
 * staging folder is empty of what nobody needs, and removed when empty. Called by the job owner, after
 * it delivered what it wants of that attempt. */
#pragma once
#include <glib.h>

struct manifest_view;

struct collected {
	guint removed; /* never verified: cut-off renders, partial copies, logs */
	guint stored;  /* verified content that is not wanted now, and displaced content */
	guint kept;    /* wanted, still to be delivered; the folder stays */
};

/* For each file: a displaced one (deliver.h) goes to the store; content of an accepted frame record goes
 * to the store or, when its sha256 is in `wanted` (a set of strings, may be NULL), stays; the rest is
 * removed. Called again after a crash it goes on. A token without a folder is fine. */
gboolean frame_collect(int root_fd, const char *job_dir, const char *token, const struct manifest_view *v,
		       GHashTable *wanted, struct collected *ret, GError **error);
