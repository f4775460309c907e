/* What becomes of frames that fail and of workers that fail them; stragglers; who is woken when. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/backlog.h"
#include "queue/crew.h"
#include "queue/lease.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct capabilities any = { 0 };
static const struct job_meta quick = { .chunk = 1, .n_retries = 9, .backoff_ms = 1 };

static void enqueue(struct bench *b, const char *job, const char *text, struct job_meta meta)
{
	guint64 n_added;
	struct backlog_part part = { "k", { 0 }, &queue_fixture_task };
	assert_null(frames_parse(b->a, text, &part.frames, NULL));
	assert_true(backlog_enqueue(b->r, &b->by, job, &meta, &part, 1, &n_added, NULL));
}

static struct lease *take_with(struct bench *b, const char *worker, const struct capabilities *can, gint64 ttl_ms)
{
	struct lease *lease;
	assert_true(lease_take(b->r, b->a, worker, can, ttl_ms, &lease, NULL));
	return lease;
}

static struct lease *take(struct bench *b, const char *worker)
{
	return take_with(b, worker, &any, 60000);
}

static struct lease *take_soon(struct bench *b, const char *worker)
{
	struct lease *lease = NULL;
	for (int i = 0; i < 2000 && !(lease = take(b, worker)); i++)
		g_usleep(2000);
	assert_non_null(lease);
	return lease;
}

static enum lease_failed fails(struct bench *b, const struct lease *l, gint64 frame, enum lease_failure how)
{
	enum lease_failed outcome;
	assert_true(lease_fail(b->r, l->token, frame, "it broke", how, &outcome, NULL));
	return outcome;
}

static gboolean commit(struct bench *b, const struct lease *l, gint64 frame, double seconds)
{
	gboolean is_accepted;
	assert_true(lease_commit(b->r, l->token, frame, seconds, &is_accepted, NULL));
	return is_accepted;
}

static struct backlog *show(struct bench *b, const char *job)
{
	return backlog_show(b->r, b->a, job, NULL);
}

static const struct crew_member *member(struct bench *b, const char *name)
{
	struct crew_member *all;
	guint n;
	assert_true(crew_list(b->r, b->a, &all, &n, NULL));
	for (guint i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	fail_msg("no worker %s", name);
	return NULL;
}

static void another_worker_first(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1", quick);
	struct lease *l = take(&b, "w1");
	assert_null(take(&b, "w2"));
	assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	g_usleep(5000);
	assert_null(take(&b, "w1"));
	l = take(&b, "w2");
	assert_non_null(l);
	assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	g_usleep(10000);
	/* Both had it: better one of them than nobody. */
	assert_non_null(take(&b, "w1"));
	bench_free(&b);
}

static void alone_it_tries_itself(void **state)
{
	struct bench b = bench_new(state);
	static const char *const labels[] = { "pool:render", NULL };
	const struct capabilities fit = { .labels = labels };
	struct job_meta meta = quick;
	meta.labels = labels;
	enqueue(&b, "p/a", "1", meta);
	assert_null(take(&b, "unfit"));
	struct lease *l = take_with(&b, "w1", &fit, 60000);
	assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	g_usleep(5000);
	/* The other one could not do it, and one that left is no other one. */
	assert_non_null(l = take_with(&b, "w1", &fit, 60000));
	assert_null(take_with(&b, "w2", &fit, 60000));
	assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	g_usleep(10000);
	assert_null(take_with(&b, "w1", &fit, 60000));
	assert_true(crew_leave(b.r, "w2", NULL));
	assert_non_null(take_with(&b, "w1", &fit, 60000));
	bench_free(&b);
}

static void waits_before_it_is_tried_again(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_woken;
	enqueue(&b, "p/a", "1", (struct job_meta){ .chunk = 1, .n_retries = 9, .backoff_ms = 300 });
	assert_int_equal(fails(&b, take(&b, "w1"), 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_null(take(&b, "w1"));
	const struct backlog *log = show(&b, "p/a");
	assert_int_equal(log->n_tried, 1);
	assert_true(log->tried[0].due_ms > 0 && log->tried[0].due_ms <= 300);
	assert_string_equal(log->tried[0].tries[0].worker, "w1");
	assert_string_equal(log->tried[0].tries[0].reason, "it broke");
	assert_string_equal(frames_format(b.a, &log->queued[0].frames), "1");
	/* Nobody tells the worker: it wakes when the frame is due. */
	gint64 before = g_get_monotonic_time();
	assert_true(lease_wait(b.r, "w1", 20000, -1, &is_woken, NULL) && is_woken);
	assert_true(g_get_monotonic_time() - before < 5000000);
	struct lease *l = take_soon(&b, "w1");
	/* The second pause is five times as long. */
	assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	log = show(&b, "p/a");
	assert_true(log->tried[0].due_ms > 1000 && log->tried[0].due_ms <= 1500);
	/* The job's end takes all of it along. */
	assert_true(backlog_cancel(b.r, &b.by, "p/a", NULL, NULL));
	g_autofree char *keys = redis_fixture_ask(b.f, "KEYS", "cleave:*p/a", NULL);
	g_autofree char *due = redis_fixture_ask(b.f, "ZCARD", "cleave:due", NULL);
	assert_string_equal(keys, "");
	assert_string_equal(due, "0");
	bench_free(&b);
}

static void poison_is_told(void **state)
{
	struct bench b = bench_new(state);
	static const char *const workers[] = { "w1", "w2", "w3" };
	enqueue(&b, "p/a", "1", quick);
	for (guint i = 0; i < 3; i++) {
		struct lease *l = take_soon(&b, workers[i]);
		/* The next one is there, so that this one does not get it again. */
		if (i < 2)
			assert_null(take(&b, workers[i + 1]));
		assert_int_equal(fails(&b, l, 1, FAILURE_RETRY), i < 2 ? LEASE_QUEUED_AGAIN : LEASE_GIVEN_UP);
	}
	const struct backlog *log = show(&b, "p/a");
	assert_string_equal(log->failed[0].cause, "poison");
	assert_string_equal(log->failed[0].workers, "w1, w2, w3");
	assert_int_equal(log->failed[0].n_tries, 3);
	assert_int_equal(log->n_tried, 0);
	/* None of them is bad: it failed everywhere. */
	assert_string_equal(member(&b, "w1")->resting, "");
	bench_free(&b);
}

/* Three frames of a job that "good" renders fail on "bad". */
static void break_worker(struct bench *b, const char *range)
{
	enqueue(b, "p/a", range, quick);
	struct lease *l = take(b, "good");
	gint64 first = l->frames.runs[0].first;
	assert_true(commit(b, l, first, 0.1));
	for (gint64 frame = first + 1; frame <= first + 3; frame++) {
		l = take(b, "bad");
		assert_int_equal(l->frames.runs[0].first, frame);
		assert_int_equal(fails(b, l, frame, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	}
}

static void bad_worker_rests(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_woken;
	break_worker(&b, "1-9");
	assert_null(take(&b, "bad"));
	const struct crew_member *bad = member(&b, "bad");
	assert_string_equal(bad->resting, "3 frames failed on it of jobs that succeed elsewhere");
	assert_true(bad->resting_ms > 50000 && bad->resting_ms <= 60000);
	assert_string_equal(member(&b, "good")->resting, "");
	/* Its failures count against no frame. */
	assert_int_equal(show(&b, "p/a")->n_tried, 0);
	assert_non_null(take(&b, "good"));
	/* It wakes when its rest is over. */
	g_free(redis_fixture_ask(b.f, "EVAL",
				 "local t = redis.call('TIME') redis.call('HSET', 'cleave:rest', 'bad', string.format('%.0f',"
				 " t[1] * 1000 + t[2] / 1000 + 200) .. ' 1 x')", "0", NULL));
	gint64 before = g_get_monotonic_time();
	assert_true(lease_wait(b.r, "bad", 20000, -1, &is_woken, NULL) && is_woken);
	assert_true(g_get_monotonic_time() - before < 5000000);
	struct lease *l = take_soon(&b, "bad");
	/* The next time it would be longer; a success forgets it. */
	assert_true(commit(&b, l, l->frames.runs[0].first, 0));
	g_autofree char *rest = redis_fixture_ask(b.f, "HEXISTS", "cleave:rest", "bad", NULL);
	assert_string_equal(rest, "0");
	bench_free(&b);
}

static void a_success_forgives(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1-9", quick);
	assert_true(commit(&b, take(&b, "good"), 1, 0));
	assert_int_equal(fails(&b, take(&b, "w"), 2, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_int_equal(fails(&b, take(&b, "w"), 3, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_true(commit(&b, take(&b, "w"), 4, 0));
	assert_int_equal(fails(&b, take(&b, "w"), 5, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_string_equal(member(&b, "w")->resting, "");
	bench_free(&b);
}

static void an_hour_forgives(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1", (struct job_meta){ .chunk = 1, .n_retries = 1, .backoff_ms = 1 });
	assert_int_equal(fails(&b, take(&b, "w"), 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	g_free(redis_fixture_ask(b.f, "EVAL",
				 "local t = cjson.decode(redis.call('HGET', 'cleave:tries:p/a', '1'))"
				 " t.tries[1].t = t.tries[1].t - 3600001"
				 " redis.call('HSET', 'cleave:tries:p/a', '1', cjson.encode(t))", "0", NULL));
	assert_int_equal(fails(&b, take_soon(&b, "w"), 1, FAILURE_RETRY), LEASE_QUEUED_AGAIN);
	assert_int_equal(fails(&b, take_soon(&b, "w"), 1, FAILURE_RETRY), LEASE_GIVEN_UP);
	bench_free(&b);
}

static void too_small_a_card(void **state)
{
	struct bench b = bench_new(state);
	const struct capabilities small = { .vram_bytes = 8 * GiB }, same = small, large = { .vram_bytes = 24 * GiB };
	enqueue(&b, "p/a", "1-2", (struct job_meta){ .chunk = 1, .n_retries = 0 });
	struct lease *l = take_with(&b, "small", &small, 60000);
	struct lease *taken = take_with(&b, "large", &large, 60000);
	assert_int_equal(fails(&b, l, 1, FAILURE_VRAM), LEASE_QUEUED_AGAIN);
	assert_true(show(&b, "p/a")->tried[0].vram_above == 8 * GiB);
	assert_null(take_with(&b, "same", &same, 60000));
	assert_true(commit(&b, taken, 2, 0));
	l = take_with(&b, "large", &large, 60000);
	assert_non_null(l);
	assert_int_equal(fails(&b, l, 1, FAILURE_VRAM), LEASE_GIVEN_UP);
	const struct backlog_failed *f = &show(&b, "p/a")->failed[0];
	assert_string_equal(f->cause, "vram");
	assert_int_equal(f->n_tries, 0);
	assert_string_equal(f->reason, "needs more GPU memory than the 24.0 GiB of large, and no worker for it has more: "
				       "it broke");
	bench_free(&b);
}

/* -- stragglers ------------------------------------------------------------------------------------ */

static void age(struct bench *b, const struct lease *l)
{
	g_autofree char *key = g_strconcat("cleave:lease:", l->token, NULL);
	g_free(redis_fixture_ask(b->f, "HSET", key, "begun", "1", NULL));
}

static struct lease *straggle(struct bench *b, double seconds)
{
	enqueue(b, "p/a", "1-3", (struct job_meta){ .chunk = 2 });
	struct lease *slow = take(b, "slow"), *fast = take(b, "fast");
	assert_true(commit(b, fast, 3, seconds));
	age(b, slow);
	return slow;
}

static void straggler_is_rendered_twice(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_held;
	gint64 frame = 1;
	struct lease *slow = straggle(&b, 0.3);
	assert_true(lease_extend(b.r, slow->token, 60000, &frame, &is_held, NULL) && is_held);
	assert_null(take(&b, "fast")); /* it has just been begun */
	age(&b, slow);
	assert_null(take(&b, "slow"));
	struct lease *second = take(&b, "fast");
	assert_string_equal(frames_format(b.a, &second->frames), "1");
	assert_null(take(&b, "third")); /* not a third time */
	assert_int_equal(show(&b, "p/a")->n_running, 2);
	assert_true(commit(&b, second, 1, 0.3));
	/* The other lease is over; what it had not begun is queued. */
	assert_true(lease_extend(b.r, slow->token, 60000, NULL, &is_held, NULL) && !is_held);
	assert_false(commit(&b, slow, 1, 99));
	assert_string_equal(frames_format(b.a, &take(&b, "fast")->frames), "2");
	bench_free(&b);
}

static void either_may_win(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_held;
	struct lease *slow = straggle(&b, 0.3);
	struct lease *second = take(&b, "fast");
	assert_non_null(second);
	assert_true(commit(&b, slow, 1, 40));
	assert_true(lease_extend(b.r, second->token, 60000, NULL, &is_held, NULL) && !is_held);
	assert_false(commit(&b, second, 1, 0.3));
	/* One that fails leaves the frame to the other. */
	age(&b, slow);
	second = take(&b, "fast");
	assert_string_equal(frames_format(b.a, &second->frames), "2");
	assert_int_equal(fails(&b, second, 2, FAILURE_FINAL), LEASE_QUEUED_AGAIN);
	assert_true(commit(&b, slow, 2, 40));
	g_autofree char *counts = redis_fixture_ask(b.f, "EXISTS", "cleave:counts", NULL);
	assert_string_equal(counts, "0");
	bench_free(&b);
}

static void nobody_knows_how_long(void **state)
{
	struct bench b = bench_new(state);
	straggle(&b, 0);
	assert_null(take(&b, "fast"));
	bench_free(&b);
}

/* -- recovery -------------------------------------------------------------------------------------- */

static gpointer take_and_die(gpointer data)
{
	struct bench *b = data, own = *b;
	own.a = arena_new();
	own.r = redis_new(b->f->url, NULL, 2000, NULL);
	g_usleep(100000);
	/* Only "dead" can take it at first. */
	static const char *const labels[] = { "dead", NULL };
	const struct capabilities can = { .labels = labels };
	struct job_meta meta = quick;
	meta.labels = labels;
	enqueue(&own, "p/a", "1", meta);
	(void)take_with(&own, "dead", &can, 500);
	(void)backlog_update(own.r, &own.by, "p/a", &quick, NULL);
	bench_free(&own);
	return NULL;
}

/* The only one left waits for ten minutes; the lease that runs out is half a second long and was not there when it
 * began to wait. */
static void waiting_worker_recovers_the_dead(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_woken = FALSE;
	struct lease *l = NULL;
	assert_null(take(&b, "w"));
	gint64 before = g_get_monotonic_time();
	GThread *thread = g_thread_new("dead", take_and_die, &b);
	while (!l && g_get_monotonic_time() - before < 10000000) {
		assert_true(lease_wait(b.r, "w", 600000, -1, &is_woken, NULL) && is_woken);
		l = take(&b, "w");
	}
	g_thread_join(thread);
	assert_non_null(l);
	assert_true(g_get_monotonic_time() - before < 100000 + 500000 + 1000000);
	bench_free(&b);
}

/* -- what was there before ------------------------------------------------------------------------- */

static void old_workers_are_served(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1-3", (struct job_meta){ .chunk = 3, .n_retries = 5, .backoff_ms = 1 });
	g_autofree char *lease = redis_fixture_ask(b.f, "FCALL", "cleave_lease", "0", "old", "60000",
						   "{\"blenders\":[\"3.4.1\"],\"labels\":[]}", "", NULL);
	assert_non_null(strstr(lease, "1:3:1:k"));
	g_autofree char *token = g_strndup(lease, strspn(lease, "0123456789-"));
	g_autofree char *done = redis_fixture_ask(b.f, "FCALL", "cleave_commit", "0", token, "1", NULL);
	g_autofree char *again = redis_fixture_ask(b.f, "FCALL", "cleave_fail", "0", token, "2", "x", "1", NULL);
	g_autofree char *never = redis_fixture_ask(b.f, "FCALL", "cleave_fail", "0", token, "3", "x", "0", NULL);
	assert_string_equal(done, "1");
	assert_string_equal(again, "1");
	assert_string_equal(never, "2");
	bench_free(&b);
}

/* A lease of version 2 knows neither its frames nor their number, and nothing was counted. */
static void old_leases_are_mended(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1-3", (struct job_meta){ .chunk = 3 });
	struct lease *l = take(&b, "w");
	g_autofree char *key = g_strconcat("cleave:lease:", l->token, NULL);
	g_free(redis_fixture_ask(b.f, "HDEL", key, "n", "frames", "since", "limits", NULL));
	g_free(redis_fixture_ask(b.f, "DEL", "cleave:counts", NULL));
	g_autofree char *wrong = redis_fixture_ask(b.f, "FCALL", "cleave_recount", "0", "1", NULL);
	g_autofree char *still = redis_fixture_ask(b.f, "FCALL", "cleave_recount", "0", NULL);
	assert_string_equal(wrong, "2");
	assert_string_equal(still, "0");
	assert_true(commit(&b, l, 2, 0));
	assert_true(lease_give_back(b.r, l->token, NULL));
	assert_string_equal(frames_format(b.a, &show(&b, "p/a")->queued[0].frames), "1-3:2");
	bench_free(&b);
}

static void what_runs_is_told(void **state)
{
	struct bench b = bench_new(state);
	gboolean is_held;
	gint64 frame = 2;
	enqueue(&b, "p/a", "1-4", (struct job_meta){ .chunk = 3 });
	struct lease *l = take(&b, "w");
	assert_false(show(&b, "p/a")->running[0].is_begun);
	assert_true(lease_extend(b.r, l->token, 60000, &frame, &is_held, NULL) && is_held);
	const struct backlog_running *r = &show(&b, "p/a")->running[0];
	assert_true(r->is_begun && r->hand == 2 && r->progress < 0 && r->hand_ms >= 0 && r->age_ms >= r->hand_ms);
	assert_true(lease_progress(b.r, l->token, 60000, 2, 0.25, &is_held, NULL) && is_held);
	assert_true(show(&b, "p/a")->running[0].progress == 0.25);
	assert_true(lease_progress(b.r, l->token, 60000, 4, 0.5, &is_held, NULL) && !is_held);
	assert_true(commit(&b, l, 2, 1.5));
	assert_false(show(&b, "p/a")->running[0].is_begun);
	assert_int_equal(show(&b, "p/a")->frame_ms, 1500);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_worker_first),
		cmocka_unit_test(alone_it_tries_itself),
		cmocka_unit_test(waits_before_it_is_tried_again),
		cmocka_unit_test(poison_is_told),
		cmocka_unit_test(bad_worker_rests),
		cmocka_unit_test(a_success_forgives),
		cmocka_unit_test(an_hour_forgives),
		cmocka_unit_test(too_small_a_card),
		cmocka_unit_test(straggler_is_rendered_twice),
		cmocka_unit_test(either_may_win),
		cmocka_unit_test(nobody_knows_how_long),
		cmocka_unit_test(waiting_worker_recovers_the_dead),
		cmocka_unit_test(old_workers_are_served),
		cmocka_unit_test(old_leases_are_mended),
		cmocka_unit_test(what_runs_is_told),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
