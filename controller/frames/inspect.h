/* What the job owner sees of one frame: at its visible path, in staging, in the store.
 *
 * In: the root, the manifest and a path. Out: values for observe; nothing is changed. The usual case
 * costs one look at the file's facts and no reading. */
#pragma once
#include "frames/digest.h"
#include "frames/s3.h"

struct manifest_view;
struct record;
struct remote;

enum frame_state {
	FRAME_MISSING, /* nothing is there */
	FRAME_WHOLE,   /* verified content of this frame, of whichever key */
	FRAME_DAMAGED, /* cleave put a frame there; this is not it any more (cut, overwritten) */
	FRAME_FOREIGN, /* what cleave did not put there, or no regular file: never to be touched */
};

struct inspection {
	int root_fd;
	const char *job_dir;
	const struct manifest_view *view;
	struct digest_cache *cache; /* may be NULL */
	gboolean is_sweep;          /* read the file even where `seen` or the cache could answer */
	struct remote *remote;      /* the root is a bucket; NULL: a folder */
};

struct frame_sight {
	enum frame_state state;
	const char *key;             /* WHOLE: the key of what is visible; the wanted one if it is among several */
	const struct record *record; /* WHOLE: its frame record */
	gboolean was_read;           /* `digest.sha256` comes from reading, else from the `seen` record */
	gboolean should_record;      /* a `seen` record of this sight spares the next reading; only WHOLE, DAMAGED */
	struct file_digest digest;   /* facts: all but MISSING; sha256: "" where it was not needed */
	char etag[S3_ETAG_SIZE];     /* in a bucket: instead of the facts, of which only the size is told */
};

/* `wanted_key` may be NULL. Fails on I/O errors: what cannot be read is not missing. */
gboolean frame_inspect(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible,
		       struct frame_sight *ret, GError **error);
/* The `seen` record for a sight with should_record; strings belong to the view and the caller. A DAMAGED
 * one matters after a sweep: without it the next pass would believe the older `seen` again. */
struct record frame_seen_record(const struct frame_sight *sight, gint64 frame, const char *visible);

/* A verified record of (frame, key) whose content is still in staging/<token>/, or NULL. By name and
 * size; frame_deliver() reads the content, and says ERROR_INVALID when it is damaged. `visible` may be
 * NULL: any output of the frame. */
const struct record *frame_staged(const struct inspection *in, gint64 frame, const char *key, const char *visible);
/* A verified record of (frame, key) whose content is in the store, or NULL. By name and size;
 * frame_put_back() reads the content. */
const struct record *frame_kept(const struct inspection *in, gint64 frame, const char *key, const char *visible);
