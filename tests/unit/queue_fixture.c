#include "queue_fixture.h"
#include "base/arena.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct task_output output = { .path_template = "#.png", .format = "PNG" };
const struct task queue_fixture_task = { .scene_root = "s",
	                                 .scene_path = "a.blend",
	                                 .scene_sha256 = "0",
	                                 .engine = "CYCLES",
	                                 .device = "CPU",
	                                 .output_root = "f", .outputs = &output,
 .n_outputs = 1 };

struct bench bench_new(void **state)
{
	struct bench b = { .f = redis_fixture_of(state), .a = arena_new() };
	struct owner o;
	b.r = redis_new(b.f->url, NULL, 2000, NULL);
	assert_true(owner_acquire(b.r, b.a, "test", 600000, &o, NULL));
	b.by.fence = o.fence;
	return b;
}

void bench_free(struct bench *b)
{
	redis_free(b->r);
	arena_free(b->a);
}
