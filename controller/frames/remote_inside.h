/* A bucket as a root, from inside. Private to remote.c and remote_segments.c. */
#pragma once
#include "frames/remote.h"

struct remote {
	struct s3 *s3;
	char *local;
	char *marker;
	gboolean is_proven;   /* in this pass */
	GHashTable *listings; /* folder, "*" in front when deep → (path → struct s3_facts *) */
	GHashTable *known;    /* "ETAG SIZE" → SHA-256 */
	GHashTable *fetched;  /* path of a segment → ETag of the local copy */
	const char *weakness;
};

/* remote_fetch(), and what the object was when it came. */
gboolean remote_fetch_facts(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit,
			    struct s3_facts *ret, GError **error);
/* Whether the server keeps to conditions is found out at the first write that depends on it. */
gboolean remote_know_conditions(struct remote *r, GError **error);
