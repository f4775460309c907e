/* Status-only kinds: a worker as it registered, and the revision a controller works with. */
#pragma once
#include "spec/field.h"

/* A worker that was not heard for so long is taken for gone. */
enum { WORKER_SILENT_MS = 120000 };
/* One that was not heard for so long, and for half a lease, has missed a heartbeat: something is wrong with it. */
enum { WORKER_QUIET_MS = 15000 };

struct worker_card {
	const char *address;
	guint64 memory_bytes;
	gint64 celsius, watts; /* 0: not told */
};

struct worker_status {
	const char *host, *boot_id;
	const char *vm, *uuid;       /* of the VM it runs in; the SMBIOS UUID, in lower case */
	struct strings gpus;         /* that it sees, as "10de:2231 NVIDIA RTX A5000" */
	struct list cards;           /* of struct worker_card: the same ones, measured */
	const char *version;         /* of cleave */
	const char *state, *detail;  /* starting, idle, rendering, waiting, drained; and why */
	const char *blender;         /* version; NULL: none has answered */
	const char *job;             /* in hand */
	struct strings labels, devices;
	gint64 silent_ms; /* since its last heartbeat, by Redis's clock */
};

struct revision_status {
	const char *source;  /* where the controller reads its specs */
	const char *applied; /* the revision in force, as source/ writes it */
	const char *commit;  /* its commit; NULL for a directory */
	const char *refused; /* a newer one that is not valid; NULL = none */
	const char *trouble; /* why: the first problem, with its place */
	const char *reason;  /* the same in one word; NULL: InvalidSpecs */
	const char *away;    /* why the remote repository cannot be fetched; NULL: it can, or there is none */
	const char *away_since; /* RFC 3339 */
};

/* How an object stands: what `get` adds to its status. */
struct condition {
	const char *type; /* Ready, Reconciling or Stalled */
	const char *status, *reason;
	const char *message; /* may be NULL */
	const char *revision;
	const char *last_transition; /* RFC 3339, UTC: since when type and reason are these; NULL: not known */
	const char *ready_revision;  /* at which it was Ready last, or is; NULL: not known */
};

extern const struct field condition_fields[];
extern const struct field worker_status_fields[];
extern const struct field revision_status_fields[];
