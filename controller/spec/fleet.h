/* The farm's hosts as their controllers told Redis: rows of the Farm's status. */
#pragma once
#include "spec/field.h"

struct farm_status;

/* A host that was not heard for so long is away: nothing is known of it. */
enum { HOST_AWAY_MS = 90000 };

/* How an object of the host stands, by its own controller. */
struct farm_host_condition {
	const char *kind, *name; /* a job's: project/name */
	const char *type, *reason, *message, *since;
};

struct farm_host_status {
	const char *name, *machine_id;
	const char *version; /* of cleave; NULL: it has told nothing yet */
	const char *revision, *commit, *observed_at;
	gint64 silent_ms; /* since it was heard, by Redis's clock */
	struct list conditions; /* struct farm_host_condition */
};

extern const struct field farm_host_fields[];

/* NULL: it was not heard of, or Redis was not asked. */
const struct farm_host_status *farm_host_find(const struct farm_status *farm, const char *name);
const struct farm_host_condition *farm_host_condition(const struct farm_host_status *host, const char *kind, const char *name);
