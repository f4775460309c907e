/* The job owner, and fencing of what it changes. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/backlog.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct task_output output = { .path_template = "#.png", .format = "PNG" };
static const struct task task = { .scene_root = "s",
				  .scene_path = "a.blend",
				  .scene_sha256 = "0",
				  .engine = "CYCLES",
				  .device = "CPU",
				  .output_root = "f", .outputs = &output,
 .n_outputs = 1 };
static const struct job_meta meta = { .chunk = 5, .n_retries = 1 };

static struct owner own(struct redis *r, struct arena *a, const char *name, gint64 ttl_ms)
{
	struct owner o;
	assert_true(owner_acquire(r, a, name, ttl_ms, &o, NULL));
	return o;
}

static gboolean enqueue(struct redis *r, struct arena *a, gint64 fence, gint64 epoch, GError **error)
{
	guint64 n_added;
	struct backlog_part part = { "k", frames_range(a, 1, 10), &task };
	struct authority by = { fence, epoch };
	return backlog_enqueue(r, &by, "p/a", &meta, &part, 1, &n_added, error);
}

static void one_owner_at_a_time(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct owner first = own(r, a, "one", 60000);
	assert_true(first.is_mine);
	struct owner other = own(r, a, "two", 60000);
	assert_false(other.is_mine);
	assert_string_equal(other.holder, "one");
	assert_true(own(r, a, "one", 150).fence == first.fence);
	g_usleep(200000);
	other = own(r, a, "two", 60000);
	assert_true(other.is_mine);
	assert_true(other.fence > first.fence);
	/* Releasing what is somebody else's changes nothing. */
	assert_true(owner_release(r, "one", NULL));
	assert_false(own(r, a, "one", 1000).is_mine);
	assert_true(owner_release(r, "two", NULL));
	struct owner again = own(r, a, "one", 1000);
	assert_true(again.is_mine && again.fence > other.fence);
	redis_free(r);
}

static void fence_survives_an_emptied_redis(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	gint64 before = own(r, a, "one", 60000).fence;
	g_free(redis_fixture_ask(f, "FLUSHALL", NULL));
	assert_true(own(r, a, "one", 60000).fence > before);
	before = own(r, a, "one", 60000).fence;
	redis_fixture_stop(f);
	redis_fixture_start(f);
	assert_true(own(r, a, "one", 60000).fence > before);
	redis_free(r);
}

static void former_owner_changes_nothing(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	struct owner first = own(r, a, "one", 60000);
	assert_true(enqueue(r, a, first.fence, 0, NULL));
	assert_true(owner_release(r, "one", NULL));
	struct owner second = own(r, a, "two", 60000);
	assert_false(enqueue(r, a, first.fence, 0, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_string_equal(problem->message, "queueing frames of p/a: Redis: the job owner is two now");
	struct authority old = { first.fence, 0 };
	assert_false(backlog_cancel(r, &old, "p/a", NULL, NULL));
	assert_false(backlog_update(r, &old, "p/a", &meta, NULL));
	assert_true(enqueue(r, a, second.fence, 0, NULL));
	g_free(redis_fixture_ask(f, "FLUSHALL", NULL));
	g_clear_error(&problem);
	assert_false(enqueue(r, a, second.fence, 0, &problem));
	assert_string_equal(problem->message, "queueing frames of p/a: Redis: the job owner is nobody now");
	redis_free(r);
}

static void older_revision_undoes_nothing(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	gint64 fence = own(r, a, "one", 60000).fence;
	assert_true(enqueue(r, a, fence, 7, NULL));
	assert_true(enqueue(r, a, fence, 7, NULL));
	assert_false(enqueue(r, a, fence, 6, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_string_equal(problem->message,
			    "queueing frames of p/a: Redis: revision number 6 is older than 7, already acted on; if the "
			    "branch was rewritten, `redis-cli DEL cleave:epoch` lets it pass");
	assert_true(enqueue(r, a, fence, 0, NULL));
	struct authority old = { fence, 6 }, now = { fence, 8 };
	assert_false(backlog_cancel(r, &old, "p/a", NULL, NULL));
	assert_true(backlog_cancel(r, &now, "p/a", NULL, NULL));
	assert_false(enqueue(r, a, fence, 7, NULL));
	redis_free(r);
}

/* What is written beside the frames carries no fence; it is asked for before. */
static void older_revision_writes_no_files(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	gint64 first = own(r, a, "one", 60000).fence;
	assert_true(owner_pass(r, first, 7, NULL, NULL));
	assert_true(owner_pass(r, first, 0, NULL, NULL));
	assert_false(owner_pass(r, first, 6, NULL, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(problem->message, "revision number 6 is older than 7"));
	assert_false(enqueue(r, a, first, 6, NULL));
	assert_true(owner_release(r, "one", NULL));
	gint64 second = own(r, a, "two", 60000).fence;
	assert_false(owner_pass(r, first, 8, NULL, NULL));
	assert_true(owner_pass(r, second, 7, NULL, NULL));
	redis_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_owner_at_a_time),
		cmocka_unit_test(fence_survives_an_emptied_redis),
		cmocka_unit_test(former_owner_changes_nothing),
		cmocka_unit_test(older_revision_undoes_nothing),
		cmocka_unit_test(older_revision_writes_no_files),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
