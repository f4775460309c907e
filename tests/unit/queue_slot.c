/* Slots by which hosts take turns, and what hosts say of themselves. */
#include "apply/turn.h"
#include "base/arena.h"
#include "base/error.h"
#include "observe/observe.h"
#include "queue/redis.h"
#include "queue/slot.h"
#include "redis_fixture.h"
#include "spec/farm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static gboolean take(struct redis *r, const char *host, gint64 n, gint64 ttl_ms)
{
	gboolean has = FALSE;
	assert_true(slot_take(r, host, n, ttl_ms, &has, NULL));
	return has;
}

static gboolean keep(struct redis *r, const char *host, gint64 ttl_ms)
{
	gboolean has = FALSE;
	assert_true(slot_keep(r, host, ttl_ms, &has, NULL));
	return has;
}

static void as_many_as_may(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct slots s;
	assert_true(take(r, "h1", 2, 60000));
	assert_true(take(r, "h2", 2, 60000));
	assert_false(take(r, "h3", 2, 60000));
	assert_true(take(r, "h1", 2, 60000));
	/* Fewer are let now: who has one keeps it. */
	assert_true(take(r, "h2", 1, 60000));
	assert_true(slots_read(r, a, &s, NULL));
	assert_int_equal(s.n_holders, 2);
	assert_true(slot_leave(r, "h1", NULL));
	assert_true(slot_leave(r, "h1", NULL));
	assert_true(take(r, "h3", 2, 60000));
	assert_false(keep(r, "h1", 60000));
	redis_free(r);
}

static void who_is_silent_loses_it(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct slots s;
	assert_true(take(r, "h1", 1, 150));
	assert_true(keep(r, "h1", 150));
	g_usleep(200000);
	assert_true(slots_read(r, a, &s, NULL));
	assert_int_equal(s.n_holders, 0);
	assert_true(take(r, "h2", 1, 60000));
	assert_false(keep(r, "h1", 60000));
	assert_false(take(r, "h1", 1, 60000));
	redis_free(r);
}

/* An action may take longer than a slot lasts. */
static void held_while_an_action_takes_long(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	SCOPED_ARENA(a);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	struct objects *want = objects_new(a);
	struct object farm = { .kind = &kinds[KIND_FARM], .meta = { .name = "f" }, .id = "f" };
	objects_add(want, &farm);
	struct action restart = { .verb = VERB_STOP_VM, .kind = KIND_VM, .id = "v", .needs_slot = TRUE }, other = { .verb = VERB_DEFINE_VM };
	const struct plan p = { .host = "h1", .want = want, .actions = &restart, .n_actions = 1 },
	                  none = { .host = "h1", .want = want, .actions = &other, .n_actions = 1 };
	const struct apply_input in = { .plan = &p, .redis = r }, quiet = { .plan = &none, .redis = r };
	assert_int_equal(turn_hold(&quiet, 20), 0);
	assert_true(take(r, "h1", 1, 300));
	guint source = turn_hold(&in, 20);
	assert_int_not_equal(source, 0);
	for (gint64 end_us = g_get_monotonic_time() + 500000; g_get_monotonic_time() < end_us;)
		g_main_context_iteration(NULL, TRUE);
	assert_false(take(r, "h2", 1, 60000));
	assert_true(g_source_remove(source));
	redis_free(r);
}

static void what_hosts_say(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct slots s;
	assert_true(slot_say(r, "h1", "main@sha1:1 2", TRUE, NULL));
	assert_true(slot_say(r, "h1", "main@sha1:3", FALSE, NULL));
	assert_true(slot_say(r, "h1", "main@sha1:1 2", TRUE, NULL));
	assert_true(slots_read(r, a, &s, NULL));
	assert_int_equal(s.n_hosts, 1);
	assert_string_equal(s.hosts[0].host, "h1");
	assert_string_equal(s.hosts[0].revision, "main@sha1:1 2");
	assert_true(s.hosts[0].is_ready);
	/* It died after it had said so. */
	g_free(redis_fixture_ask(f, "ZADD", "cleave:hosts", "1000", "h1", NULL));
	assert_true(slots_read(r, a, &s, NULL));
	assert_false(s.hosts[0].is_ready);
	assert_string_equal(s.hosts[0].revision, "main@sha1:1 2");
	g_free(redis_fixture_ask(f, "ZADD", "cleave:hosts", "9999999999999", "h1", NULL));
	assert_true(slots_read(r, a, &s, NULL));
	assert_true(s.hosts[0].is_ready);
	redis_free(r);
}

/* Who renewed its slot last stands last in Redis: what was seen would differ with each pass of anybody. */
static void observed_in_order_of_names(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	const struct observe_input in = { .host = "h1", .redis = r };
	const struct farm_spec farm = { .policy = { .rollout = { .hosts_at_once = 3 } } };
	struct farm_status seen = { .redis = PLANE_OK };
	assert_true(take(r, "h3", 3, 10000) && take(r, "h1", 3, 60000) && take(r, "h2", 3, 30000));
	observe_rollout(a, &in, &farm, &seen);
	assert_int_equal(seen.rollout.slots.n, 3);
	for (guint i = 0; i < 3; i++)
		assert_string_equal(seen.rollout.slots.items[i], arena_printf(a, "h%u", i + 1));
	redis_free(r);
}

static void redis_away_is_said(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 500, NULL);
	g_autoptr(GError) error = NULL;
	gboolean has = FALSE;
	redis_fixture_stop(f);
	assert_false(slot_take(r, "h1", 1, 60000, &has, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_AWAY));
	assert_false(has);
	redis_fixture_start(f);
	redis_free(r);
}

static int empty(void **state)
{
	g_free(redis_fixture_ask(redis_fixture_of(state), "FLUSHALL", NULL));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_many_as_may, empty),
		cmocka_unit_test_setup(who_is_silent_loses_it, empty),
		cmocka_unit_test_setup(held_while_an_action_takes_long, empty),
		cmocka_unit_test_setup(what_hosts_say, empty),
		cmocka_unit_test_setup(observed_in_order_of_names, empty),
		cmocka_unit_test_setup(redis_away_is_said, empty),
	};
	return cmocka_run_group_tests_name("slots", tests, redis_fixture_setup, redis_fixture_teardown);
}
