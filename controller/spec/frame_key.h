/* The frame key: a digest of the declared values that decide a frame's pixels.
 *
 * "k1-" and 32 hex digits of SHA-256 over the canonical text below; the frame number stands beside
 * the key, not in the hash, so that a range of frames with the same values shares one key and a
 * job's state stays ranges. Format k1: a line "k1", "scene SHA256", "inputs SHA256" where inputs count, then
 * "field value" for each FIELD_IN_KEY row of renderjob_fields that is not absent, in table order, then
 * "output.field value" for those of each of `outputs`, in order of their names. */
#pragma once
#include "spec/renderjob.h"

struct arena;

/* What a job's frames are keyed with besides its spec: as it is declared and observed. */
struct key_digests {
	const char *scene;
	const char *inputs; /* NULL: they do not count */
};

/* Frames of a job that share all values that decide pixels. */
struct key_group {
	struct frame_set frames;
	const char *key;
	struct renderjob_spec values; /* the job's, with overrides applied */
};

struct key_groups {
	struct key_group *items;
	guint n;
};

struct key_digests frame_key_digests(const struct renderjob_spec *job, const struct renderjob_status *status);
/* The canonical text, for tests and `why`. */
char *frame_key_text(struct arena *a, const struct renderjob_spec *values, const struct key_digests *of);
/* The job's frames grouped by key, in order of each group's first frame. */
struct key_groups frame_key_groups(struct arena *a, const struct renderjob_spec *job, const struct key_digests *of);
/* A digest of groups: which frames with which keys. Equal exactly when frames and keys are. */
char *frame_key_groups_digest(struct arena *a, const struct key_groups *g);
/* Whether the groups (`user`, a struct key_groups) want the frame with this key. */
gboolean frame_key_is_wanted(gpointer user, gint64 frame, const char *key);
