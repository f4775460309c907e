/* A queue to work with: a Redis of the test's own, emptied, and a job owner who may enqueue. */
#pragma once
#include "queue/backlog.h"
#include "redis_fixture.h"

struct arena;

struct bench {
	struct redis_fixture *f;
	struct redis *r;
	struct arena *a;
	struct authority by;
};

/* Skips the test when there is no redis-server. */
struct bench bench_new(void **state);
void bench_free(struct bench *b);
/* What is rendered; nobody reads the scene. */
extern const struct task queue_fixture_task;
