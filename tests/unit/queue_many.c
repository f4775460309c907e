/* Many jobs looked at in one go: each is what a look at it alone says, whatever is wrong with another. */
#include "base/arena.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_JOBS = 300 }; /* more than are asked for at once */

struct asked {
	const char *jobs[N_JOBS];
	struct backlog *got[N_JOBS];
};

static gint64 frames_of(guint job)
{
	return job % 7 == 0 ? 0 : job;
}

/* Every seventh job is not in the queue. */
static void enqueue_all(struct bench *b, struct asked *all)
{
	const struct job_meta meta = { .chunk = 5 };
	guint64 n_added;
	for (guint i = 0; i < N_JOBS; i++) {
		all->jobs[i] = arena_printf(b->a, "p/j%u", i);
		struct backlog_part part = { "k", frames_range(b->a, 1, frames_of(i)), &queue_fixture_task };
		if (frames_of(i))
			assert_true(backlog_enqueue(b->r, &b->by, all->jobs[i], &meta, &part, 1, &n_added, NULL));
	}
}

static void assert_is(const struct backlog *b, const char *job, gint64 n_frames)
{
	assert_non_null(b);
	assert_string_equal(b->job, job);
	assert_int_equal(b->n_queued, n_frames ? 1 : 0);
	assert_int_equal(n_frames ? (gint64)frames_count(&b->queued[0].frames) : 0, n_frames);
	assert_int_equal(b->meta.chunk, n_frames ? 5 : 0);
}

static void each_is_its_own(void **state)
{
	struct bench b = bench_new(state);
	struct asked *all = arena_alloc(b.a, sizeof *all);
	enqueue_all(&b, all);
	assert_true(backlog_show_many(b.r, b.a, all->jobs, N_JOBS, all->got));
	for (guint i = 0; i < N_JOBS; i++)
		assert_is(all->got[i], all->jobs[i], frames_of(i));
	assert_true(backlog_show_many(b.r, b.a, NULL, 0, NULL));
	bench_free(&b);
}

/* Keys of one job are somebody else's. */
static void one_that_cannot_be_read(void **state)
{
	struct bench b = bench_new(state);
	struct asked *all = arena_alloc(b.a, sizeof *all);
	g_autoptr(GError) error = NULL;
	enqueue_all(&b, all);
	g_free(redis_fixture_ask(b.f, "DEL", "cleave:todo:p/j5", NULL));
	g_free(redis_fixture_ask(b.f, "SET", "cleave:todo:p/j5", "mine", NULL));
	assert_true(backlog_show_many(b.r, b.a, all->jobs, N_JOBS, all->got));
	assert_null(all->got[5]);
	assert_is(all->got[4], all->jobs[4], 4);
	assert_is(all->got[6], all->jobs[6], 6);
	assert_null(backlog_show(b.r, b.a, all->jobs[5], &error));
	assert_non_null(strstr(error->message, "looking at p/j5 in the queue"));
	bench_free(&b);
}

/* Nothing is known then, also of those that came first; and the next call connects again. */
static void a_server_that_ends(void **state)
{
	struct bench b = bench_new(state);
	struct asked *all = arena_alloc(b.a, sizeof *all);
	enqueue_all(&b, all);
	redis_fixture_stop(b.f);
	assert_false(backlog_show_many(b.r, b.a, all->jobs, N_JOBS, all->got));
	assert_false(backlog_show_many(b.r, b.a, all->jobs, N_JOBS, all->got));
	redis_fixture_start(b.f);
	assert_is(backlog_show(b.r, b.a, all->jobs[1], NULL), all->jobs[1], 0);
	assert_true(backlog_show_many(b.r, b.a, all->jobs, N_JOBS, all->got));
	assert_is(all->got[299], all->jobs[299], 0);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_is_its_own), cmocka_unit_test(one_that_cannot_be_read),
		                            cmocka_unit_test(a_server_that_ends) };
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
