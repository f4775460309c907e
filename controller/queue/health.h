/* What kind of Redis this is: its version, and what it does with what it holds. */
#pragma once
#include "queue/redis.h"

struct arena;

struct health {
	const char *version;     /* "7.0.15"; NULL: it does not tell (its user may not ask) */
	const char *eviction;    /* maxmemory-policy; NULL: not told */
	const char *persistence; /* "aof", "rdb" or "none"; NULL: not told */
};

/* What Redis does not tell is NULL, also when it does not answer. */
void health_read(struct redis *r, struct arena *a, struct health *ret);
