/* Leases: taking, committing, failing, running out, being revoked; and what an emptied Redis does to them. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/backlog.h"
#include "queue/lease.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const labels[] = { "pool:render", NULL };
static const char *const blenders[] = { "3.4.1", "4.2.3", NULL };
static const struct capabilities can = { .blenders = blenders, .labels = labels };

static struct frame_set frames(struct bench *b, const char *text)
{
	struct frame_set set;
	assert_null(frames_parse(b->a, text, &set, NULL));
	return set;
}

static void enqueue(struct bench *b, const char *job, const char *key, const char *text, struct job_meta meta)
{
	guint64 n_added;
	struct backlog_part part = { key, frames(b, text), &queue_fixture_task };
	assert_true(backlog_enqueue(b->r, &b->by, job, &meta, &part, 1, &n_added, NULL));
}

static struct lease *take(struct bench *b, const char *worker, gint64 ttl_ms)
{
	struct lease *lease;
	assert_true(lease_take(b->r, b->a, worker, &can, ttl_ms, &lease, NULL));
	return lease;
}

/* Frames that failed wait a little. */
static struct lease *take_again(struct bench *b, const char *worker)
{
	struct lease *lease = NULL;
	for (int i = 0; i < 2000 && !(lease = take(b, worker, 60000)); i++)
		g_usleep(2000);
	return lease;
}

#define assert_frames(b, set, text) assert_string_equal(frames_format((b)->a, (set)), text)

static gboolean commit(struct bench *b, const struct lease *l, gint64 frame)
{
	gboolean is_accepted;
	assert_true(lease_commit(b->r, l->token, frame, 0, &is_accepted, NULL));
	return is_accepted;
}

static enum lease_failed fails(struct bench *b, const struct lease *l, gint64 frame, enum lease_failure how)
{
	enum lease_failed outcome;
	assert_true(lease_fail(b->r, l->token, frame, "bad \xff luck", how, &outcome, NULL));
	return outcome;
}

/* Are these the frames that wait, under whatever key? */
static gboolean waits(struct bench *b, const char *job, const char *text)
{
	struct backlog *log = backlog_show(b->r, b->a, job, NULL);
	struct frame_set all = { 0 }, expected = frames(b, text);
	for (guint i = 0; i < log->n_queued; i++)
		all = frames_union(b->a, &all, &log->queued[i].frames);
	return frames_equal(&all, &expected);
}

static void chunks_of_a_stepped_range(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "k", "1-21:2,100", (struct job_meta){ .chunk = 4 });
	struct lease *l = take(&b, "w", 60000);
	assert_string_equal(l->job, "p/a");
	assert_string_equal(l->key, "k");
	assert_null(l->problem);
	assert_string_equal(l->task.scene_path, "a.blend");
	assert_frames(&b, &l->frames, "1-7:2");
	assert_frames(&b, &take(&b, "w", 60000)->frames, "9-15:2");
	assert_frames(&b, &take(&b, "w", 60000)->frames, "17-21:2,100");
	assert_null(take(&b, "w", 60000));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_int_equal(log->n_queued, 0);
	assert_int_equal(log->n_running, 3);
	assert_string_equal(log->running[0].worker, "w");
	assert_true(log->running[0].left_ms > 50000 && log->running[0].left_ms <= 60000);
	bench_free(&b);
}

static void commit_frame_by_frame(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "k", "1-3", (struct job_meta){ .chunk = 3 });
	struct lease *l = take(&b, "w", 60000);
	assert_true(commit(&b, l, 2));
	assert_true(commit(&b, l, 2)); /* the first answer may have been lost */
	assert_false(commit(&b, l, 4));
	assert_true(commit(&b, l, 1));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_frames(&b, &log->running[0].frames, "3");
	assert_true(commit(&b, l, 3));
	/* A finished job leaves nothing behind. */
	guint n;
	struct backlog_count *counts;
	assert_true(backlog_list(b.r, b.a, &counts, &n, NULL));
	assert_int_equal(n, 0);
	g_autofree char *keys = redis_fixture_ask(b.f, "KEYS", "cleave:job:*", NULL);
	assert_string_equal(keys, "");
	bench_free(&b);
}

static void retries_until_they_are_used_up(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "k", "5", (struct job_meta){ .chunk = 3, .n_retries = 2, .backoff_ms = 1 });
	assert_int_equal(fails(&b, take_again(&b, "w"), 5, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_int_equal(fails(&b, take_again(&b, "w"), 5, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	struct lease *last = take_again(&b, "w");
	assert_int_equal(fails(&b, last, 5, FAILURE_RETRY), LEASE_GIVEN_UP);
	assert_int_equal(fails(&b, last, 5, FAILURE_RETRY), LEASE_SUPERSEDED);
	assert_null(take(&b, "w", 60000));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_int_equal(log->n_failed, 1);
	assert_int_equal(log->failed[0].frame, 5);
	assert_int_equal(log->failed[0].n_tries, 3);
	assert_string_equal(log->failed[0].reason, "bad \xef\xbf\xbd luck");
	assert_string_equal(log->failed[0].worker, "w");
	assert_string_equal(log->failed[0].key, "k");
	assert_string_equal(log->failed[0].cause, "poison");
	assert_string_equal(log->failed[0].workers, "w");
	/* Queueing it again starts afresh. */
	enqueue(&b, "p/a", "k", "5", (struct job_meta){ .chunk = 3, .n_retries = 2, .backoff_ms = 1 });
	assert_int_equal(backlog_show(b.r, b.a, "p/a", NULL)->n_failed, 0);
	assert_int_equal(fails(&b, take(&b, "w", 60000), 5, FAILURE_FINAL), LEASE_GIVEN_UP);
	assert_int_equal(backlog_show(b.r, b.a, "p/a", NULL)->failed[0].n_tries, 1);
	bench_free(&b);
}

static void lease_runs_out(void **state)
{
	struct bench b = bench_new(state);
	guint n;
	gboolean is_held;
	enqueue(&b, "p/a", "k", "1-4", (struct job_meta){ .chunk = 4, .n_retries = 0 });
	struct lease *l = take(&b, "w", 100);
	assert_true(commit(&b, l, 1));
	assert_true(lease_extend(b.r, l->token, 150, NULL, &is_held, NULL) && is_held);
	g_usleep(100000);
	assert_true(lease_reap(b.r, &n, NULL));
	assert_int_equal(n, 0);
	g_usleep(100000);
	assert_true(lease_reap(b.r, &n, NULL));
	assert_int_equal(n, 1);
	/* The frame in hand counts as tried (here its last time), the others do not. */
	assert_true(waits(&b, "p/a", "3-4"));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_int_equal(log->n_failed, 1);
	assert_int_equal(log->failed[0].frame, 2);
	assert_string_equal(log->failed[0].reason, "worker w was not heard of any more");
	assert_false(commit(&b, l, 2));
	assert_false(commit(&b, l, 3));
	assert_true(commit(&b, l, 1));
	assert_true(lease_extend(b.r, l->token, 150, NULL, &is_held, NULL) && !is_held);
	bench_free(&b);
}

static void second_worker_takes_over(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "k", "1-4", (struct job_meta){ .chunk = 4, .n_retries = 1 });
	struct lease *dead = take(&b, "w1", 50);
	g_usleep(80000);
	struct lease *l = take(&b, "w2", 60000);
	assert_frames(&b, &l->frames, "1-4");
	assert_false(commit(&b, dead, 1));
	assert_true(commit(&b, l, 1));
	bench_free(&b);
}

static void giving_back_counts_no_try(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "k", "1-9:2", (struct job_meta){ .chunk = 4, .n_retries = 0 });
	for (int i = 0; i < 3; i++)
		assert_true(lease_give_back(b.r, take(&b, "w", 60000)->token, NULL));
	assert_true(waits(&b, "p/a", "1-9:2"));
	assert_true(lease_give_back(b.r, "0-0", NULL));
	bench_free(&b);
}

static void revoked_by_cancel(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_held;
	gint64 frame = 2;
	enqueue(&b, "p/a", "k", "1-20", (struct job_meta){ .chunk = 4 });
	struct lease *l = take(&b, "w", 60000);
	struct frame_set some = frames(&b, "2-10:2");
	assert_true(backlog_cancel(b.r, &b.by, "p/a", &some, NULL));
	assert_true(waits(&b, "p/a", "5-9:2,11-20"));
	assert_false(commit(&b, l, 2));
	assert_true(commit(&b, l, 1));
	assert_true(lease_extend(b.r, l->token, 60000, &frame, &is_held, NULL) && !is_held);
	frame = 3;
	assert_true(lease_extend(b.r, l->token, 60000, &frame, &is_held, NULL) && is_held);
	assert_true(backlog_cancel(b.r, &b.by, "p/a", NULL, NULL));
	assert_true(lease_extend(b.r, l->token, 60000, NULL, &is_held, NULL) && !is_held);
	assert_int_equal(fails(&b, l, 3, FAILURE_RETRY), LEASE_SUPERSEDED);
	assert_null(take(&b, "w", 60000));
	bench_free(&b);
}

static void replaced_by_another_key(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "old", "1-10", (struct job_meta){ .chunk = 2 });
	struct lease *l = take(&b, "w", 60000);
	/* The same again: nothing is added, nothing is revoked. */
	enqueue(&b, "p/a", "old", "1-10", (struct job_meta){ .chunk = 2 });
	assert_true(waits(&b, "p/a", "3-10"));
	enqueue(&b, "p/a", "new", "2-5", (struct job_meta){ .chunk = 9 });
	assert_true(commit(&b, l, 1));
	assert_false(commit(&b, l, 2));
	struct lease *next = take(&b, "w", 60000);
	assert_string_equal(next->key, "new");
	assert_frames(&b, &next->frames, "2-5");
	next = take(&b, "w", 60000);
	assert_string_equal(next->key, "old");
	assert_frames(&b, &next->frames, "6-10");
	bench_free(&b);
}

static void most_urgent_first(void **state)
{
	struct bench b = bench_new(state);
	static const char *const order[] = { "p/vip", "p/high", "p/b", "p/a", "p/a" };
	enqueue(&b, "p/a", "k", "1-5", (struct job_meta){ .chunk = 1, .rank = 1 });
	enqueue(&b, "p/b", "k", "1", (struct job_meta){ .chunk = 1, .rank = 1 });
	enqueue(&b, "p/high", "k", "1", (struct job_meta){ .chunk = 1, .rank = 1, .priority = 90 });
	enqueue(&b, "p/vip", "k", "1", (struct job_meta){ .chunk = 1 });
	enqueue(&b, "p/paused", "k", "1", (struct job_meta){ .chunk = 1, .priority = 99, .is_paused = TRUE });
	/* p/a is before p/b by name, but has a frame running already. */
	struct job_meta first = { .chunk = 1, .rank = 0, .priority = 1 };
	assert_true(backlog_update(b.r, &b.by, "p/a", &first, NULL));
	assert_string_equal(take(&b, "w", 60000)->job, "p/a");
	first = (struct job_meta){ .chunk = 1, .rank = 1 };
	assert_true(backlog_update(b.r, &b.by, "p/a", &first, NULL));
	for (guint i = 0; i < G_N_ELEMENTS(order); i++)
		assert_string_equal(take(&b, "w", 60000)->job, order[i]);
	struct job_meta go_on = { .chunk = 1 };
	enqueue(&b, "p/a", "k", "9", first);
	assert_true(backlog_update(b.r, &b.by, "p/paused", &go_on, NULL));
	assert_string_equal(take(&b, "w", 60000)->job, "p/paused");
	assert_false(backlog_update(b.r, &b.by, "p/unknown", &go_on, NULL));
	bench_free(&b);
}

static void only_for_capable_workers(void **state)
{
	struct bench b = bench_new(state);
	static const char *const other[] = { "pool:render", "gpu", NULL };
	enqueue(&b, "p/a", "k", "1", (struct job_meta){ .chunk = 1, .requires = other });
	enqueue(&b, "p/b", "k", "1", (struct job_meta){ .chunk = 1, .blender = "4.1" });
	enqueue(&b, "p/c", "k", "1", (struct job_meta){ .chunk = 1, .blender = "4" });
	enqueue(&b, "p/d", "k", "1", (struct job_meta){ .chunk = 1, .requires = labels, .blender = "3.4.1" });
	assert_string_equal(take(&b, "w", 60000)->job, "p/c");
	assert_string_equal(take(&b, "w", 60000)->job, "p/d");
	assert_null(take(&b, "w", 60000));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_string_equal(log->meta.requires[1], "gpu");
	assert_null(log->meta.requires[2]);
	bench_free(&b);
}

static void emptied_redis(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_held;
	enqueue(&b, "p/a", "k", "1-4", (struct job_meta){ .chunk = 4 });
	struct lease *l = take(&b, "w", 60000);
	g_free(redis_fixture_ask(b.f, "FLUSHALL", NULL));
	assert_false(commit(&b, l, 1));
	assert_int_equal(fails(&b, l, 2, FAILURE_RETRY), LEASE_SUPERSEDED);
	assert_true(lease_extend(b.r, l->token, 1000, NULL, &is_held, NULL) && !is_held);
	assert_true(lease_give_back(b.r, l->token, NULL));
	assert_null(take(&b, "w", 60000));
	struct owner o;
	assert_true(owner_acquire(b.r, b.a, "test", 600000, &o, NULL));
	b.by.fence = o.fence;
	enqueue(&b, "p/a", "k", "1-4", (struct job_meta){ .chunk = 4 });
	/* The serial began again; the token does not. */
	struct lease *next = take(&b, "w", 60000);
	assert_string_not_equal(next->token, l->token);
	assert_false(commit(&b, l, 1));
	assert_true(commit(&b, next, 1));
	bench_free(&b);
}

static void lost_library_and_restart(void **state)
{
	struct bench b = bench_new(state);
	g_autoptr(GError) problem = NULL;
	guint n;
	g_free(redis_fixture_ask(b.f, "FUNCTION", "FLUSH", NULL));
	enqueue(&b, "p/a", "k", "1-4", (struct job_meta){ .chunk = 4 });
	/* An older library is replaced on the next connection. */
	g_free(redis_fixture_ask(b.f, "FUNCTION", "LOAD", "REPLACE",
				 "#!lua name=cleave\nredis.register_function{function_name='cleave_version',"
				 "callback=function() return 0 end,flags={'no-writes'}}",
				 NULL));
	struct redis *other = redis_new(b.f->url, NULL, 2000, NULL);
	assert_true(lease_reap(other, &n, NULL));
	redis_free(other);
	redis_fixture_stop(b.f);
	assert_false(lease_reap(b.r, &n, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	assert_non_null(strstr(problem->message, "does not answer: "));
	redis_fixture_start(b.f);
	assert_true(lease_reap(b.r, &n, NULL));
	/* Restarted between two calls: repeated on a new connection. */
	redis_fixture_stop(b.f);
	redis_fixture_start(b.f);
	assert_true(lease_reap(b.r, &n, NULL));
	bench_free(&b);
}

static gpointer enqueue_later(gpointer data)
{
	struct bench *b = data;
	struct bench own = *b;
	own.a = arena_new();
	own.r = redis_new(b->f->url, NULL, 2000, NULL);
	g_usleep(100000);
	enqueue(&own, "p/a", "k", "1-10", (struct job_meta){ .chunk = 5, .requires = labels });
	bench_free(&own);
	return NULL;
}

static void idle_worker_is_woken(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_woken;
	struct lease *lease;
	static const char *const none[] = { NULL };
	const struct capabilities nothing = { .blenders = none, .labels = none };
	/* One worker that is not capable and three that are: two chunks wake two of these. */
	assert_true(lease_take(b.r, b.a, "unfit", &nothing, 1000, &lease, NULL) && !lease);
	assert_null(take(&b, "w1", 1000));
	assert_null(take(&b, "w2", 1000));
	assert_null(take(&b, "w3", 1000));
	assert_true(lease_wait(b.r, "w1", 50, -1, &is_woken, NULL) && !is_woken);
	gint64 before = g_get_monotonic_time();
	GThread *thread = g_thread_new("later", enqueue_later, &b);
	g_autoptr(GError) problem = NULL;
	int n_woken = 0;
	static const char *const workers[] = { "unfit", "w1", "w2", "w3" };
	g_thread_join(thread);
	for (guint i = 0; i < G_N_ELEMENTS(workers); i++) {
		assert_true(lease_wait(b.r, workers[i], 50, -1, &is_woken, &problem));
		n_woken += is_woken;
		assert_false(i == 0 && is_woken);
	}
	assert_int_equal(n_woken, 2);
	assert_true(g_get_monotonic_time() - before < 5000000);
	bench_free(&b);
}

static void waiting_worker_is_woken_at_once(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_woken;
	assert_null(take(&b, "w1", 1000));
	gint64 before = g_get_monotonic_time();
	GThread *thread = g_thread_new("later", enqueue_later, &b);
	assert_true(lease_wait(b.r, "w1", 20000, -1, &is_woken, NULL) && is_woken);
	assert_true(g_get_monotonic_time() - before < 5000000);
	g_thread_join(thread);
	assert_non_null(take(&b, "w1", 1000));
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_a_stepped_range),
		cmocka_unit_test(commit_frame_by_frame),
		cmocka_unit_test(retries_until_they_are_used_up),
		cmocka_unit_test(lease_runs_out),
		cmocka_unit_test(second_worker_takes_over),
		cmocka_unit_test(giving_back_counts_no_try),
		cmocka_unit_test(revoked_by_cancel),
		cmocka_unit_test(replaced_by_another_key),
		cmocka_unit_test(most_urgent_first),
		cmocka_unit_test(only_for_capable_workers),
		cmocka_unit_test(emptied_redis),
		cmocka_unit_test(lost_library_and_restart),
		cmocka_unit_test(idle_worker_is_woken),
		cmocka_unit_test(waiting_worker_is_woken_at_once),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
