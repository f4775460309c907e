/* What the records of a manifest say, ready to be asked. In: records in any order. Out: the lookups of
 * manifest.h. Called by manifest_read.c alone. */
#pragma once
#include "frames/manifest.h"

struct manifest_index {
	struct arena *arena;    /* the records */
	GStringChunk *strings;  /* their strings */
	GHashTable *frames;     /* set of struct frame_entry */
	GHashTable *superseded; /* set of struct attempt */
	GHashTable *contents;   /* sha256 → struct frame_record, of all frames; made when first asked for */
	GHashTable *pins;       /* scene → record */
	GHashTable *inputs;     /* file → record, the latest */
	GHashTable *first_inputs; /* file → record, the earliest */
	struct record *pin, *complete;
	guint64 n_frames, n_superseded;
	double seconds;      /* of renders that say how long they took */
	guint64 n_timed;     /* how many these are */
	guint64 n_added, n_kept; /* records that were read; those that still say something */
	gint64 latest_us;
};

void index_init(struct manifest_index *x);
void index_clear(struct manifest_index *x);
/* Copies the record; its strings must be in x->strings. */
void index_add(struct manifest_index *x, const struct record *r);
/* All that still says something, in no order; a superseded frame's record comes with the one that voids it. */
typedef gboolean index_each_fn(const struct record *r, gpointer user, GError **error);
gboolean index_each(const struct manifest_index *x, index_each_fn *each, gpointer user, GError **error);
const struct record *index_any_content(struct manifest_index *x, const char *sha256);
gboolean index_knows(const struct manifest_index *x, gint64 frame);
const struct record *index_next(const struct manifest_index *x, gint64 frame, const struct record *after);
/* The frame's failed attempts, latest first. */
const struct record *index_next_failure(const struct manifest_index *x, gint64 frame, const struct record *after);
const struct record *index_seen(const struct manifest_index *x, gint64 frame, const char *file);
