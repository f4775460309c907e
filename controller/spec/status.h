/* Status-only kinds: a worker as it registered, and the revision a controller works with. */
#pragma once
#include "spec/field.h"

struct worker_status {
	const char *host, *boot_id, *blender, *job;
	gint64 silent_ms; /* since its last heartbeat, by Redis's clock */
};

struct revision_status {
	const char *source;  /* where the controller reads its specs */
	const char *applied; /* the revision in force, as source/ writes it */
	const char *commit;  /* its commit; NULL for a directory */
	const char *refused; /* a newer one that is not valid; NULL = none */
	const char *trouble; /* why: the first problem, with its place */
};

/* How an object stands: what `get` adds to its status. */
struct condition {
	const char *type; /* Ready, Reconciling or Stalled */
	const char *status, *reason;
	const char *message; /* may be NULL */
	const char *revision;
};

extern const struct field condition_fields[];
extern const struct field worker_status_fields[];
extern const struct field revision_status_fields[];
