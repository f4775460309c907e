/* Drained VMs: their workers begin nothing, whoever else works on; and the clock of it is Redis's. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/backlog.h"
#include "queue/crew.h"
#include "queue/drain.h"
#include "queue/lease.h"
#include "queue/notice.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define R1 "0d6b8a1c-5f0e-5c4f-9b1a-000000000001"
#define R2 "0d6b8a1c-5f0e-5c4f-9b1a-000000000002"

static void enqueue(struct bench *b, const char *text)
{
	guint64 n_added;
	struct backlog_part part = { .key = "k", .task = &queue_fixture_task };
	const struct job_meta meta = { .chunk = 4 };
	assert_null(frames_parse(b->a, text, &part.frames, NULL));
	assert_true(backlog_enqueue(b->r, &b->by, "p/a", &meta, &part, 1, &n_added, NULL));
}

static gboolean take(struct bench *b, const char *worker, const char *uuid, struct lease **ret, GError **error)
{
	const struct crew_member m = { .name = worker, .uuid = uuid };
	const struct capabilities can = { .vm_uuid = uuid };
	assert_true(crew_report(b->r, &m, NULL));
	return lease_take(b->r, b->a, worker, &can, 60000, ret, error);
}

static void drained_vm_takes_nothing(void **state)
{
	struct bench b = bench_new(state);
	struct lease *lease = NULL;
	g_autoptr(GError) problem = NULL;
	enqueue(&b, "1-8");
	assert_true(drain_set(b.r, R1, "memory: 24 GiB → 32 GiB", NULL));
	assert_false(take(&b, "w1", R1, &lease, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_string_equal(problem->message, "Redis: its VM is drained: memory: 24 GiB → 32 GiB");
	assert_true(take(&b, "w2", R2, &lease, NULL) && lease);
	assert_true(take(&b, "bare", NULL, &lease, NULL) && lease);
	assert_true(drain_clear(b.r, R1, NULL));
	assert_true(drain_clear(b.r, R1, NULL));
	enqueue(&b, "11");
	assert_true(take(&b, "w1", R1, &lease, NULL) && lease);
	bench_free(&b);
}

/* The frame in hand may be committed, the next one is not begun, and the rest goes to others. */
static void drained_in_the_middle_of_a_lease(void **state)
{
	struct bench b = bench_new(state);
	struct lease *lease = NULL;
	g_autoptr(GError) problem = NULL;
	gboolean is_held = FALSE, is_accepted = FALSE;
	gint64 frame = 1;
	enqueue(&b, "1-4");
	assert_true(take(&b, "w1", R1, &lease, NULL) && lease);
	assert_true(lease_extend(b.r, lease->token, 60000, &frame, &is_held, NULL) && is_held);
	assert_true(drain_set(b.r, R1, "why", NULL));
	assert_true(lease_extend(b.r, lease->token, 60000, NULL, &is_held, NULL) && is_held);
	assert_true(lease_commit(b.r, lease->token, 1, 0, &is_accepted, NULL) && is_accepted);
	frame = 2;
	assert_false(lease_extend(b.r, lease->token, 60000, &frame, &is_held, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_true(lease_give_back(b.r, lease->token, NULL));
	assert_true(take(&b, "w2", R2, &lease, NULL) && lease);
	assert_string_equal(frames_format(b.a, &lease->frames), "2-4");
	bench_free(&b);
}

static void recorded_once(void **state)
{
	struct bench b = bench_new(state);
	struct drained *first, *again;
	guint n;
	g_autoptr(GError) problem = NULL;
	gint64 now_ms = g_get_real_time() / 1000;
	assert_true(drain_list(b.r, b.a, &first, &n, NULL));
	assert_int_equal(n, 0);
	assert_true(drain_set(b.r, R2, "one", NULL) && drain_set(b.r, R1, "a", NULL));
	assert_true(drain_list(b.r, b.a, &first, &n, NULL));
	assert_int_equal(n, 2);
	assert_string_equal(first[0].uuid, R1);
	assert_string_equal(first[1].reason, "one");
	assert_true(first[1].since_ms >= now_ms && first[1].since_ms < now_ms + 10000);
	g_usleep(20000);
	assert_true(drain_set(b.r, R2, "two\nlines", NULL));
	assert_true(drain_list(b.r, b.a, &again, &n, NULL));
	assert_int_equal(again[1].since_ms, first[1].since_ms);
	assert_string_equal(again[1].reason, "two lines");
	assert_false(drain_set(b.r, "R1", "no UUID", &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID));
	bench_free(&b);
}

static gpointer drain_later(gpointer data)
{
	const struct bench *b = data;
	struct redis *r = redis_new(b->f->url, NULL, 2000, NULL);
	g_usleep(200000);
	assert_true(drain_set(r, R1, "why", NULL));
	redis_free(r);
	return NULL;
}

/* Told at once, both ways: whoever waits for an idle VM to be drained does not wait for a timer. */
static void waiting_worker_hears_of_it(void **state)
{
	struct bench b = bench_new(state);
	struct lease *lease = NULL;
	gboolean is_woken;
	assert_true(take(&b, "w1", R1, &lease, NULL) && !lease);
	gint64 before = g_get_monotonic_time();
	GThread *thread = g_thread_new("later", drain_later, &b);
	assert_true(lease_wait(b.r, "w1", 20000, -1, &is_woken, NULL) && is_woken);
	assert_true(g_get_monotonic_time() - before < 5000000);
	g_thread_join(thread);
	assert_false(take(&b, "w1", R1, &lease, NULL));
	/* Said again, nobody is woken again. */
	assert_true(drain_set(b.r, R1, "why", NULL));
	assert_true(lease_wait(b.r, "w1", 50, -1, &is_woken, NULL) && !is_woken);
	assert_true(drain_clear(b.r, R1, NULL));
	assert_true(lease_wait(b.r, "w1", 20000, -1, &is_woken, NULL) && is_woken);
	bench_free(&b);
}

static void count_look(gpointer looks)
{
	++*(int *)looks;
}

static gboolean past(gpointer is_late)
{
	*(gboolean *)is_late = TRUE;
	return G_SOURCE_REMOVE;
}

/* How many there are once `n` came, or after a while. */
static int looks_after(const int *looks, int n, guint ms)
{
	gboolean is_late = FALSE;
	guint timer = g_timeout_add(ms, past, &is_late);
	while (*looks < n && !is_late)
		g_main_context_iteration(NULL, TRUE);
	if (!is_late)
		g_source_remove(timer);
	return *looks;
}

/* Who drained it looks again at once when a worker says that it is done, and once only. */
static void drained_worker_is_noticed(void **state)
{
	struct bench b = bench_new(state);
	struct crew_member m = { .name = "w1", .uuid = R1, .state = "rendering" };
	int looks = 0;
	assert_true(crew_report(b.r, &m, NULL));
	struct notice *n = notice_new(b.f->url, NULL, count_look, &looks, NULL);
	assert_int_equal(looks_after(&looks, 1, 5000), 1);
	assert_true(crew_report(b.r, &m, NULL));
	assert_int_equal(looks_after(&looks, 2, 300), 1);
	m.state = "drained";
	assert_true(crew_report(b.r, &m, NULL));
	assert_int_equal(looks_after(&looks, 2, 5000), 2);
	assert_true(crew_report(b.r, &m, NULL));
	assert_int_equal(looks_after(&looks, 3, 300), 2);
	notice_free(n);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drained_vm_takes_nothing),
		cmocka_unit_test(drained_in_the_middle_of_a_lease),
		cmocka_unit_test(recorded_once),
		cmocka_unit_test(waiting_worker_hears_of_it),
		cmocka_unit_test(drained_worker_is_noticed),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
