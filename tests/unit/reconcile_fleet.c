/* A host among others, as a session tells and hears it: a Redis that loses what it was told, another that takes the host,
 * and neighbours that tell nonsense. */
#include "base/arena.h"
#include "queue/fleet.h"
#include "queue/redis.h"
#include "reconcile_session.h"
#include "redis_fixture.h"
#include "source_fixture.h"
#include "spec/load.h"
#include <string.h>

#define OTHER "2222bbbb 0123abcd"

struct ctx {
	struct redis_fixture *f;
	char *dir;
	struct arena *arena;
	struct settings settings;
	struct session *session;
	struct redis *other;
};

static struct ctx begin(void **state)
{
	struct ctx x = { .f = redis_fixture_of(state), .dir = temp_folder(), .arena = arena_new() };
	g_free(redis_fixture_ask(x.f, "FLUSHALL", NULL));
	x.other = redis_new(x.f->url, NULL, 2000, NULL);
	return x;
}

static void tell_pass(struct ctx *x)
{
	const struct plan p = { .host = "h1", .revision = "main@sha1:1", .have = objects_new(x->arena) };
	session_tell(x->session, &p, "1");
}

static void open_session(struct ctx *x)
{
	x->settings = (struct settings){ .specs = x->dir, .specs_given = TRUE, .host = "h1", .libvirt = "none", .redis = x->f->url, .root = "/",
		                         .state = x->dir, .lib = "/", .acts = TRUE };
	x->session = session_new(&x->settings);
	session_reach_redis(x->session, objects_new(x->arena));
	assert_null(session_claim_host(x->session));
	tell_pass(x);
}

static void end(struct ctx *x)
{
	session_free(x->session);
	redis_free(x->other);
	arena_free(x->arena);
	temp_remove(x->dir);
}

/* What the others know of h1's revision. */
static const char *told(struct ctx *x)
{
	struct fleet_host *hosts;
	guint n;
	assert_true(fleet_list(x->other, x->arena, &hosts, &n, NULL));
	return n == 1 ? hosts[0].revision : NULL;
}

static void test_lost_is_told_again(void **state)
{
	struct ctx x = begin(state);
	open_session(&x);
	assert_string_equal(told(&x), "main@sha1:1");
	g_free(redis_fixture_ask(x.f, "FLUSHALL", NULL));
	assert_null(told(&x));
	assert_true(session_beat(x.session)); /* look again */
	tell_pass(&x);
	assert_non_null(told(&x));
	assert_string_equal(told(&x), "main@sha1:1");
	assert_false(session_beat(x.session));
	end(&x);
}

/* Its time ran out during an action, and another took the host: no further action follows. */
static void test_taken_ends_the_pass(void **state)
{
	struct ctx x = begin(state);
	struct fleet_claim c;
	open_session(&x);
	assert_false(session_is_taken(x.session));
	g_free(redis_fixture_ask(x.f, "HSET", "cleave:host:h1", "deadline", "1", NULL));
	assert_true(fleet_claim(x.other, x.arena, "h1", OTHER, 60000, &c, NULL));
	assert_true(c.is_mine);
	assert_true(session_beat(x.session));
	assert_true(session_is_taken(x.session));
	end(&x);
}

static void tell(struct ctx *x, const char *host, const char *have)
{
	struct fleet_claim c;
	assert_true(fleet_claim(x->other, x->arena, host, OTHER, 60000, &c, NULL));
	assert_true(fleet_tell(x->other, host, OTHER, "{}", have, NULL));
}

#define HOST(name) "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: " name "}\nstatus: {observedAt: 2026-01-01T00:00:00Z}\n"

/* One that cannot be read, and one that speaks of others, take nothing from the rest. */
static void test_nonsense(void **state)
{
	struct ctx x = begin(state);
	g_autoptr(GPtrArray) notes = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	open_session(&x);
	tell(&x, "h2", HOST("h2"));
	tell(&x, "h3", HOST("h3"));
	g_free(redis_fixture_ask(x.f, "HSET", "cleave:host:h3", "have", "AAAA", NULL));
	tell(&x, "a0", HOST("h2") "---\n" HOST("a0"));
	struct objects *all = session_observe_farm(x.session, x.arena, objects_new(x.arena), notes, &error);
	if (!all)
		fail_msg("%s", error->message);
	assert_null(objects_get(all, KIND_HOST, "a0.h2"));
	assert_int_equal(all->by_kind[KIND_HOST]->len, 2); /* each its own, once */
	assert_non_null(objects_get(all, KIND_HOST, "a0"));
	gboolean is_said = FALSE;
	for (guint i = 0; i < notes->len; i++)
		is_said |= strstr(notes->pdata[i], "what host h3 told cannot be read") != NULL;
	assert_true(is_said);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_is_told_again),
		cmocka_unit_test(test_taken_ends_the_pass),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
