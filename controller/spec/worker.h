/* Worker: a cleave-worker as it registered. Status only. */
#pragma once
#include "spec/field.h"

struct worker_status {
	const char *host, *boot_id, *blender, *job;
	gint64 silent_ms; /* since its last heartbeat, by Redis's clock */
};

extern const struct field worker_status_fields[];
