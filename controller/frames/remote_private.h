/* What the files of remote*.c share. Private to them. */
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

/* What this process did is seen at once; NULL: the object went. */
void remote_note(struct remote *r, const char *path, const struct s3_facts *facts);
/* remote_fetch() that tells what came. */
gboolean remote_take(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit,
		     struct s3_facts *ret, GError **error);
/* Whether the server keeps to conditions is asked at the first write that depends on it. */
gboolean remote_know_conditions(struct remote *r, GError **error);
