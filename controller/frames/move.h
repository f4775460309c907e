/* Frames that are whole at another path than the wanted one: the job's `output` was changed.
 *
 * In: the places where the job's frames have been (its roots, each with its manifest) and a wanted (frame, key, path).
 * Out: the file to copy from, and the copy made visible; nothing is rendered, and the old file stays. It is a copy, or
 * shares blocks where the file system clones: a hard link would share every later damage. */
#pragma once
#include "frames/inspect.h"

struct manifest;

struct move_place {
	const char *root; /* its name, for people */
	struct inspection look;
};

struct move_source {
	const struct move_place *place;
	const struct record *record;
};

/* A whole file of (frame, key) elsewhere than at (own, visible); FALSE when there is none. `any_name`: the frame has one
 * file only, so that it may have had any name; else it must have the same one in another folder. */
gboolean move_find(const struct move_place *places, guint n, const struct move_place *own, gint64 frame, const char *key,
		   const char *visible, gboolean any_name, struct move_source *ret);
/* Copies it to `visible` below own's root: staged, checked, recorded in `m` (own's manifest; no render time, which was
 * spent once), delivered. Called again after a crash it goes on. ERROR_INVALID when the source is damaged by now. */
gboolean move_copy(const struct move_source *from, const struct move_place *own, const char *visible, struct manifest *m,
		   GError **error);
