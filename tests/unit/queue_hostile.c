/* What a function is told may be anything: it refuses before it changes anything. And no call holds Redis for long,
 * however much there is to do. */
#include "base/arena.h"
#include "queue/lease.h"
#include "queue/plain.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const none[] = { NULL };
static const struct capabilities can = { .blenders = none, .labels = none };

static void enqueue(struct bench *b, gint64 last, gint64 chunk)
{
	guint64 n_added;
	const struct job_meta meta = { .chunk = chunk, .n_retries = 3 };
	struct backlog_part part = { "k", frames_range(b->a, 1, last), &queue_fixture_task };
	assert_true(backlog_enqueue(b->r, &b->by, "p/a", &meta, &part, 1, &n_added, NULL));
}

static struct lease *take(struct bench *b, const char *worker)
{
	struct lease *lease;
	assert_true(lease_take(b->r, b->a, worker, &can, 60000, &lease, NULL));
	assert_non_null(lease);
	return lease;
}

static void assert_refused(char *said, const char *why)
{
	if (!strstr(said, why))
		fail_msg("it answered %s", said);
	g_free(said);
}

static void times_without_end(void **state)
{
	static const char *const times[] = { "", "x", "0", "-1", "1e300", "inf", "nan", "4294967296" };
	struct bench b = bench_new(state);
	enqueue(&b, 3, 1);
	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		assert_refused(redis_fixture_ask(b.f, "FCALL", "cleave_lease", "0", "w", times[i], "{}", "", NULL), "a lease stands for 1 to");
	struct lease *l = take(&b, "w");
	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		assert_refused(redis_fixture_ask(b.f, "FCALL", "cleave_extend", "0", l->token, times[i], "", NULL), "a lease stands for 1 to");
	struct backlog *all = backlog_show(b.r, b.a, "p/a", NULL);
	assert_string_equal(frames_format(b.a, &all->queued[0].frames), "2-3");
	assert_int_equal(all->n_running, 1);
	assert_true(all->running[0].left_ms > 50000 && all->running[0].left_ms <= 60000);
	bench_free(&b);
}

/* They would be read for every other worker's sake, too. */
static void capabilities_of_any_kind(void **state)
{
	static const char *const said[] = { "", "5", "\"x\"", "null", "{", "{\"labels\":1}", "{\"labels\":[{}]}",
		                            "{\"blenders\":\"3\"}", "{\"blenders\":[1]}", "{\"jobs\":null}" };
	struct bench b = bench_new(state);
	enum lease_failed how;
	enqueue(&b, 3, 1);
	for (guint i = 0; i < G_N_ELEMENTS(said); i++)
		assert_refused(redis_fixture_ask(b.f, "FCALL", "cleave_lease", "0", "evil", "1000", said[i], "", NULL), " of a worker are a ");
	struct lease *l = take(&b, "w");
	g_autofree char *kept = redis_fixture_ask(b.f, "HKEYS", "cleave:can", NULL);
	assert_string_equal(kept, "w");
	assert_true(lease_fail(b.r, l->token, 1, "no paint", FAILURE_RETRY, &how, NULL));
	assert_int_equal(how, LEASE_QUEUED_AGAIN);
	bench_free(&b);
}

/* A frame that was committed half would be counted as running for ever. */
static void seconds_of_any_kind(void **state)
{
	static const char *const took[] = { "", "x", "nan", "inf", "-5" };
	struct bench b = bench_new(state);
	enqueue(&b, G_N_ELEMENTS(took), G_N_ELEMENTS(took));
	struct lease *l = take(&b, "w");
	for (guint i = 0; i < G_N_ELEMENTS(took); i++) {
		g_autofree char *frame = g_strdup_printf("%u", i + 1);
		g_autofree char *said = redis_fixture_ask(b.f, "FCALL", "cleave_commit", "0", l->token, frame, took[i], NULL);
		assert_string_equal(said, "1");
	}
	g_autofree char *counts = redis_fixture_ask(b.f, "HLEN", "cleave:counts", NULL);
	g_autofree char *leases = redis_fixture_ask(b.f, "ZCARD", "cleave:leases", NULL);
	assert_string_equal(counts, "0");
	assert_string_equal(leases, "0");
	bench_free(&b);
}

/* Many large leases that ran out at once: a call for each of them. */
static void many_frames_come_back(void **state)
{
	struct bench b = bench_new(state);
	guint n;
	enqueue(&b, 25000, 10000);
	struct lease *all[] = { take(&b, "w1"), take(&b, "w2") };
	assert_true(backlog_holds(backlog_show(b.r, b.a, "p/a", NULL), all[0]->token));
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		g_free(redis_fixture_ask(b.f, "ZADD", "cleave:leases", "1", all[i]->token, NULL));
	for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
		assert_true(lease_reap(b.r, &n, NULL));
		assert_int_equal(n, 1);
	}
	assert_true(lease_reap(b.r, &n, NULL));
	assert_int_equal(n, 0);
	struct backlog *left = backlog_show(b.r, b.a, "p/a", NULL);
	assert_false(backlog_holds(left, all[0]->token));
	assert_int_equal(frames_count(&left->queued[0].frames), 25000);
	bench_free(&b);
}

/* Others' items in the list of plain workers are looked through once, and not at all when they are too many. */
static void long_lists(void **state)
{
	static const char list[] = "queue:blender";
	struct bench b = bench_new(state);
	struct plain_window w;
	enqueue(&b, 1, 1);
	struct lease *l = take(&b, "plain.x");
	struct plain_task t = { .id = l->token, .job = l->job, .key = l->key, .frames = l->frames, .task = l->task, .payload = "x" };
	assert_true(plain_push(b.r, &b.by, list, &t, 1, NULL));
	g_free(redis_fixture_ask(b.f, "EVAL", "for i = 1, 19999 do redis.call('LPUSH', KEYS[1], 'o' .. i) end", "1", list, NULL));
	assert_true(plain_show(b.r, b.a, list, &w, NULL));
	assert_true(w.n == 1 && w.tasks[0].is_listed);
	g_free(redis_fixture_ask(b.f, "LREM", list, "0", "x", NULL));
	assert_true(plain_show(b.r, b.a, list, &w, NULL));
	assert_false(w.tasks[0].is_listed);
	g_free(redis_fixture_ask(b.f, "LPUSH", list, "o", "o", NULL));
	assert_true(plain_show(b.r, b.a, list, &w, NULL));
	assert_true(w.tasks[0].is_listed);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_without_end),     cmocka_unit_test(capabilities_of_any_kind),
		cmocka_unit_test(seconds_of_any_kind),   cmocka_unit_test(many_frames_come_back),
		cmocka_unit_test(long_lists),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
