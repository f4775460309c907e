/* Files to objects: envelope, defaults, decode, and (for wanted objects) references and rules. */
#pragma once
#include "spec/kinds.h"

struct spec_file {
	const char *path, *bytes;
	gsize size;
	const char *blob_id; /* of the bytes; NULL = unknown, which is never kept in a cache */
	const char *source;  /* the source that it is of, whose name and a colon then begin its path; NULL: the main one */
};

/* What people want. All problems are added; with errors the result is for messages only.
 * Objects have .spec. Returned sorted, never NULL. */
struct objects *spec_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems);

struct spec_cache;

/* The same, with what an earlier load left in `cache` (NULL: nothing is kept): files that it knows need no
 * bytes. Objects may be shared with other loads and live as long as `a`. Files whose blob_id is NULL are
 * never known. */
struct objects *spec_load_cached(struct arena *a, struct spec_cache *cache, const struct spec_file *files, guint n_files,
                                 struct problems *problems);

/* What is there, as `observe -o yaml` writes it: objects with .status, .spec ignored. */
struct objects *status_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems);
