/* Plain workers' tasks: what they are told, how each one is judged, and that nobody else's items are touched. */
#include "queue/plain.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char list[] = "queue:blender";
static const struct job_meta meta = { .chunk = 2, .n_retries = 3 };
static const char *const only[] = { "p/a", NULL };

static struct plain_task lease_one(struct bench *b, const char *payload)
{
	struct lease *l;
	const struct capabilities can = { .jobs = only };
	assert_true(lease_take(b->r, b->a, "plain.x", &can, PLAIN_LEASE_MS, &l, NULL));
	assert_non_null(l);
	struct plain_task t = { .id = l->token, .job = l->job, .key = l->key, .frames = l->frames, .task = l->task, .payload = payload };
	return t;
}

static struct plain_window show(struct bench *b)
{
	struct plain_window w;
	g_autoptr(GError) problem = NULL;
	if (!plain_show(b->r, b->a, list, &w, &problem))
		fail_msg("%s", problem->message);
	return w;
}

static void enqueue(struct bench *b, const char *job)
{
	guint64 n_added;
	struct task task = queue_fixture_task;
	task.time_limit_ms = 5000;
	struct backlog_part part = { "k", frames_range(b->a, 1, 8), &task };
	assert_true(backlog_enqueue(b->r, &b->by, job, &meta, &part, 1, &n_added, NULL));
}

static void only_named_jobs(void **state)
{
	struct bench b = bench_new(state);
	struct lease *l;
	const struct capabilities can = { .jobs = only };
	enqueue(&b, "p/b");
	assert_true(lease_take(b.r, b.a, "plain.x", &can, 1000, &l, NULL));
	assert_null(l);
	enqueue(&b, "p/a");
	assert_true(lease_take(b.r, b.a, "plain.x", &can, 1000, &l, NULL));
	assert_string_equal(l->job, "p/a");
	bench_free(&b);
}

/* Each with its own job's task, although an answer tells a task once; the last ask gets what is left. */
static void several_at_once(void **state)
{
	enum { WANTED = 6, LEFT = 2 };
	struct bench b = bench_new(state);
	const struct capabilities can = { 0 };
	struct lease *l[PLAIN_WINDOW_MAX];
	struct task other = queue_fixture_task;
	struct backlog_part part = { "k", frames_range(b.a, 1, 8), &other };
	guint64 n_added;
	guint n, n_of_b = 0;
	other.samples = queue_fixture_task.samples + 1;
	enqueue(&b, "p/a");
	assert_true(backlog_enqueue(b.r, &b.by, "p/b", &meta, &part, 1, &n_added, NULL));
	assert_true(lease_take_several(b.r, b.a, "plain.x", &can, PLAIN_LEASE_MS, WANTED, l, &n, NULL));
	assert_int_equal(n, WANTED);
	assert_true(lease_take_several(b.r, b.a, "plain.x", &can, PLAIN_LEASE_MS, PLAIN_WINDOW_MAX, l + WANTED, &n, NULL));
	assert_int_equal(n, LEFT);
	for (guint i = 0; i < WANTED + LEFT; i++) {
		gboolean is_b = strcmp(l[i]->job, "p/b") == 0;
		n_of_b += is_b ? 1 : 0;
		assert_null(l[i]->problem);
		assert_int_equal(l[i]->task.samples, queue_fixture_task.samples + (is_b ? 1 : 0));
		assert_int_equal(frames_count(&l[i]->frames), meta.chunk);
	}
	assert_int_equal(n_of_b, (WANTED + LEFT) / 2);
	assert_true(lease_take_several(b.r, b.a, "plain.x", &can, PLAIN_LEASE_MS, 1, l, &n, NULL));
	assert_int_equal(n, 0);
	g_autofree char *waiting = redis_fixture_ask(b.f, "ZCARD", "cleave:waiting", NULL);
	assert_string_equal(waiting, "0");
	bench_free(&b);
}

static void payload_is_literal(void **state)
{
	struct bench b = bench_new(state);
	struct plain_task t = { .id = "1-2", .frames = frames_range(b.a, 3, 5), .task = queue_fixture_task };
	t.task.samples = 256;
	g_autofree char *payload = plain_payload(&t, "shot.blend", "http://h/shot.zip", "/s/frame_#####");
	assert_string_equal(payload, "{\"id\":\"1-2\",\"blend\":\"shot.blend\",\"frames\":\"3,4,5\",\"samples\":256,"
	                             "\"device\":\"CPU\",\"src\":\"http://h/shot.zip\",\"output\":\"/s/frame_#####\",\"extra\":[]}");
	g_autofree char *worker = plain_worker("queue:a b/c");
	assert_string_equal(worker, "plain.queue-a-b-c");
	bench_free(&b);
}

static void a_tasks_life(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a");
	struct plain_task tasks[] = { lease_one(&b, "{\"id\":1}"), lease_one(&b, "{\"id\":2}") };
	g_free(redis_fixture_ask(b.f, "LPUSH", list, "not JSON", NULL));
	assert_true(plain_push(b.r, &b.by, list, tasks, 2, NULL));
	struct plain_window w = show(&b);
	assert_int_equal(w.n, 2);
	assert_string_equal(w.tasks[0].id, tasks[0].id);
	assert_true(ABS(w.now_ms - w.tasks[0].pushed_ms) < 5000);
	assert_int_equal(plain_judge(&w, 0), PLAIN_WAITING);
	assert_int_equal(plain_room(&w), 0);
	/* BRPOP: the foreign item comes first, as it stood there first. */
	g_autofree char *foreign = redis_fixture_ask(b.f, "RPOP", list, NULL), *item = redis_fixture_ask(b.f, "RPOP", list, NULL);
	assert_string_equal(foreign, "not JSON");
	assert_string_equal(item, "{\"id\":1}");
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_LEFT);
	w.tasks[0].left_ms = w.now_ms;
	assert_true(plain_note(b.r, &b.by, list, &w.tasks[0], NULL));
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_TAKEN);
	g_autofree char *hash = g_strconcat("job:", tasks[0].id, NULL);
	g_free(redis_fixture_ask(b.f, "HSET", hash, "status", "running", NULL));
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_BEGUN);
	assert_int_equal(plain_room(&w), PLAIN_SPARE); /* one runs, one waits */
	g_free(redis_fixture_ask(b.f, "HSET", hash, "status", "error:no paint", NULL));
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_FAILED);
	assert_string_equal(plain_reason(&w.tasks[0]), "no paint");
	assert_true(lease_give_back(b.r, tasks[0].id, NULL));
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_REVOKED);
	gboolean was_unread;
	assert_true(plain_drop(b.r, &b.by, list, &w.tasks[0], TRUE, &was_unread, NULL));
	assert_false(was_unread);
	assert_int_equal(show(&b).n, 2); /* somebody had it: it stays known */
	assert_true(plain_drop(b.r, &b.by, list, &w.tasks[0], FALSE, &was_unread, NULL));
	assert_true(plain_drop(b.r, &b.by, list, &w.tasks[1], TRUE, &was_unread, NULL));
	assert_true(was_unread);
	assert_int_equal(show(&b).n, 0);
	bench_free(&b);
}

/* One that is not the owner any more puts nothing into the list, a second time least of all. */
static void former_owners(void **state)
{
	struct bench b = bench_new(state);
	g_autoptr(GError) problem = NULL;
	enqueue(&b, "p/a");
	struct plain_task t = lease_one(&b, "x");
	struct authority former = { b.by.fence - 1, 0 };
	assert_false(plain_push(b.r, &former, list, &t, 1, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	g_autofree char *n = redis_fixture_ask(b.f, "LLEN", list, NULL);
	assert_string_equal(n, "0");
	bench_free(&b);
}

/* People's keys of these names may be anything. */
static void foreign_keys(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a");
	struct plain_task t = lease_one(&b, "x");
	assert_true(plain_push(b.r, &b.by, list, &t, 1, NULL));
	g_autofree char *hash = g_strconcat("job:", t.id, NULL);
	g_free(redis_fixture_ask(b.f, "DEL", list, hash, NULL));
	g_free(redis_fixture_ask(b.f, "SET", list, "a text", NULL));
	g_free(redis_fixture_ask(b.f, "SET", hash, "a text", NULL));
	struct plain_window w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_LOST);
	gboolean was_unread;
	assert_true(plain_drop(b.r, &b.by, list, &w.tasks[0], FALSE, &was_unread, NULL));
	g_free(redis_fixture_ask(b.f, "HSET", "cleave:plain:queue:blender", "1-1", "no record", NULL));
	w = show(&b);
	assert_int_equal(plain_judge(&w, 0), PLAIN_REVOKED);
	bench_free(&b);
}

static void judged_by_time(void **state)
{
	struct plain_task t[] = { { .is_held = TRUE, .status = "queued", .is_listed = TRUE, .pushed_ms = 1000 },
		                  { .is_held = TRUE, .status = "queued", .pushed_ms = 1000, .left_ms = 2000 } };
	struct plain_window alone = { t, 1, 1000 + PLAIN_UNUSED_MS }, both = { t, 2, 2000 + PLAIN_TAKEN_MS };
	(void)state;
	assert_int_equal(plain_judge(&alone, 0), PLAIN_WAITING);
	alone.now_ms++;
	assert_int_equal(plain_judge(&alone, 0), PLAIN_UNUSED);
	assert_int_equal(plain_room(&alone), 0);
	assert_int_equal(plain_judge(&both, 0), PLAIN_WAITING); /* somebody takes from the list */
	assert_int_equal(plain_judge(&both, 1), PLAIN_TAKEN);
	both.now_ms++;
	assert_int_equal(plain_judge(&both, 1), PLAIN_LOST);
	t[1].status = "running";
	t[1].task.time_limit_ms = 1000;
	t[1].began_ms = both.now_ms - 1;
	assert_int_equal(plain_judge(&both, 1), PLAIN_LATE); /* it has no frame: no time at all */
	t[1].task.time_limit_ms = 0;
	assert_int_equal(plain_judge(&both, 1), PLAIN_RUNNING);
	t[1].status = "";
	assert_int_equal(plain_judge(&both, 1), PLAIN_LOST);
	t[1].status = "done";
	assert_int_equal(plain_judge(&both, 1), PLAIN_DONE);
}

static void window_is_bounded(void **state)
{
	struct plain_task t[PLAIN_WINDOW_MAX + 10];
	struct plain_window w = { t, 0, 1000 };
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(t); i++)
		t[i] = (struct plain_task){ .is_held = TRUE, .status = "running", .began_ms = 1, .left_ms = 1 };
	assert_int_equal(plain_room(&w), PLAIN_SPARE);
	w.n = 10;
	assert_int_equal(plain_room(&w), 10 + PLAIN_SPARE);
	w.n = PLAIN_WINDOW_MAX - 3;
	assert_int_equal(plain_room(&w), 3);
	w.n = PLAIN_WINDOW_MAX + 10;
	assert_int_equal(plain_room(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_named_jobs), cmocka_unit_test(several_at_once), cmocka_unit_test(payload_is_literal), cmocka_unit_test(a_tasks_life),
		cmocka_unit_test(former_owners),   cmocka_unit_test(foreign_keys),       cmocka_unit_test(judged_by_time),
		cmocka_unit_test(window_is_bounded),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
