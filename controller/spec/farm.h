/* Farm: what all objects share. Exactly one. */
#pragma once
#include "spec/field.h"

struct node;

struct farm_redis {
	const char *url, *guest_url, *password_file;
};

struct farm_root {
	const char *name, *path;
};

struct farm_queue {
	const char *name;
	gboolean is_default;
};

struct farm_defaults {
	const struct node *vm, *job; /* NULL when not given */
};

struct farm_spec {
	struct farm_redis redis;
	struct list roots;  /* struct farm_root, by name */
	struct list queues; /* struct farm_queue, most urgent first */
	gint64 lease_ms;
	struct farm_defaults defaults;
};

enum plane_state { PLANE_LEFT_OUT, PLANE_OK, PLANE_AWAY };
extern const struct name_table plane_state_names;

struct farm_root_status {
	const char *name;
	gboolean mounted;
	const char *reason; /* when it is not mounted */
};

struct farm_status {
	int redis; /* enum plane_state */
	const char *redis_reason;
	const char *job_owner; /* host of the controller that reconciles the jobs; NULL = nobody */
	struct list roots;     /* struct farm_root_status */
};

extern const struct field farm_fields[];
extern const struct field farm_status_fields[];

/* The root of that name, or NULL. */
const struct farm_root *farm_root_find(const struct farm_spec *farm, const char *name);
/* Rank of a queue, 0 = most urgent; NULL = the default queue. -1 when there is none of that name. */
int farm_queue_rank(const struct farm_spec *farm, const char *name);
