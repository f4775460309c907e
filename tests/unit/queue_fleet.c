/* Hosts as their controllers tell them: who acts as which, what is told, and programs of other versions. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/fleet.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ONE "1111aaaa 0123abcd"
#define TWO "2222bbbb 0123abcd"
#define ONE_ELSEWHERE "1111aaaa 99999999"

static struct fleet_claim claim(struct redis *r, struct arena *a, const char *who, gint64 ttl_ms)
{
	struct fleet_claim c;
	assert_true(fleet_claim(r, a, "h1", who, ttl_ms, &c, NULL));
	return c;
}

static struct fleet_host only_host(struct redis *r, struct arena *a)
{
	struct fleet_host *hosts;
	guint n;
	assert_true(fleet_list(r, a, &hosts, &n, NULL));
	assert_int_equal(n, 1);
	return hosts[0];
}

static void first_come_holds_it(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	assert_true(claim(r, a, ONE, 60000).is_mine);
	struct fleet_claim second = claim(r, a, TWO, 60000);
	assert_false(second.is_mine);
	assert_string_equal(second.holder, ONE);
	assert_true(second.left_ms > 50000 && second.left_ms <= 60000);
	assert_false(claim(r, a, ONE_ELSEWHERE, 60000).is_mine);
	assert_true(claim(r, a, ONE, 150).is_mine); /* renewed, for a moment */
	g_usleep(200000);
	assert_true(claim(r, a, TWO, 60000).is_mine);
	/* Leaving what is somebody else's changes nothing. */
	assert_true(fleet_leave(r, "h1", ONE, NULL));
	assert_false(claim(r, a, ONE, 60000).is_mine);
	assert_true(fleet_leave(r, "h1", TWO, NULL));
	assert_true(claim(r, a, ONE, 60000).is_mine);
	redis_free(r);
}

static void told_is_heard(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	struct fleet_condition conditions[] = { { "VM", "v", "Stalled", "NoRoom", "too \"large\"\n", "2026-01-02T03:04:05Z" },
						{ "Host", "h1", "Ready", "Ready", NULL, NULL } };
	struct fleet_host h = { .machine = "1111aaaa", .version = "1.2", .revision = "main@sha1:abc", .commit = "abc",
				.observed_at = "2026-01-02T03:04:05Z", .conditions = conditions, .n_conditions = 2 };
	g_autofree char *told = fleet_write(&h);
	const char *have;
	assert_true(claim(r, a, ONE, 60000).is_mine);
	assert_true(fleet_tell(r, "h1", ONE, told, "kind: Host\n", &problem));
	assert_true(fleet_tell(r, "h1", ONE, NULL, NULL, NULL)); /* what was told stays */
	struct fleet_host back = only_host(r, a);
	assert_string_equal(back.name, "h1");
	assert_string_equal(back.holder, ONE);
	assert_string_equal(back.revision, "main@sha1:abc");
	assert_true(back.silent_ms >= 0 && back.silent_ms < 5000);
	assert_int_equal(back.n_conditions, 2);
	assert_string_equal(back.conditions[0].message, "too \"large\" "); /* a line, as it is shown */
	assert_null(back.conditions[1].message);
	assert_true(fleet_have(r, a, "h1", &have, NULL));
	assert_string_equal(have, "kind: Host\n");
	assert_true(fleet_have(r, a, "h2", &have, NULL));
	assert_null(have);
	/* Who does not act as the host tells nothing of it. */
	assert_false(fleet_tell(r, "h1", TWO, "{}", NULL, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_string_equal(only_host(r, a).revision, "main@sha1:abc");
	/* It goes, and what it told stays. */
	assert_true(fleet_leave(r, "h1", ONE, NULL));
	assert_string_equal(only_host(r, a).holder, "");
	assert_string_equal(only_host(r, a).version, "1.2");
	redis_free(r);
}

static void too_much_is_cut(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	enum { MANY = 20000 };
	g_autofree struct fleet_condition *all = g_new0(struct fleet_condition, MANY);
	g_autofree char *long_message = g_strnfill(500, 'x');
	for (guint i = 0; i < MANY; i++)
		all[i] = (struct fleet_condition){ "VM", "a-name-of-some-length", "Ready", "Ready", long_message, "2026-01-02T03:04:05Z" };
	struct fleet_host h = { .version = "1", .conditions = all, .n_conditions = 5000 };
	g_autofree char *without_messages = fleet_write(&h);
	assert_true(strlen(without_messages) <= FLEET_TEXT_BYTES);
	h.n_conditions = MANY;
	g_autofree char *fewer = fleet_write(&h);
	assert_true(strlen(fewer) <= FLEET_TEXT_BYTES);
	assert_true(claim(r, a, ONE, 60000).is_mine);
	assert_true(fleet_tell(r, "h1", ONE, without_messages, NULL, NULL));
	struct fleet_host back = only_host(r, a);
	assert_true(back.is_cut);
	assert_int_equal(back.n_conditions, 5000);
	assert_null(back.conditions[0].message);
	assert_true(fleet_tell(r, "h1", ONE, fewer, NULL, NULL));
	assert_true(only_host(r, a).n_conditions >= 2500);
	/* An observation that does not shrink enough is refused before it is sent. */
	g_autoptr(GString) noise = g_string_new(NULL);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	while (noise->len < 4 * FLEET_TEXT_BYTES)
		g_string_append_printf(noise, "%08x", g_rand_int(rand));
	assert_false(fleet_tell(r, "h1", ONE, NULL, noise->str, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID));
	redis_free(r);
}

/* Another version's words, and somebody else's keys. */
static void unknown_is_passed_over(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct fleet_host *hosts;
	guint n;
	assert_true(claim(r, a, ONE, 60000).is_mine);
	assert_true(fleet_tell(r, "h1", ONE,
			       "{\"version\":\"9\\u001b[31m\\n\",\"mood\":[1],\"revision\":7,\"conditions\":[{\"kind\":\"Moon\",\"name\":\"m\",\"type\":\"Odd\","
			       "\"reason\":\"R\",\"extra\":{}},{\"kind\":\"VM\"},3]}", NULL, NULL));
	struct fleet_host h = only_host(r, a);
	assert_string_equal(h.version, "9 [31m "); /* nothing of it steers a terminal */
	assert_null(h.revision);
	assert_int_equal(h.n_conditions, 1);
	assert_true(fleet_tell(r, "h1", ONE, "no JSON", NULL, NULL));
	assert_int_equal(only_host(r, a).n_conditions, 0);
	g_free(redis_fixture_ask(f, "SET", "cleave:host:h2", "a string", NULL));
	g_free(redis_fixture_ask(f, "ZADD", "cleave:hosts", "1", "h2", NULL));
	assert_true(fleet_list(r, a, &hosts, &n, NULL));
	assert_int_equal(n, 2);
	assert_string_equal(hosts[1].name, "h2");
	g_free(redis_fixture_ask(f, "HSET", "cleave:host:h1", "have", "bm90IHppcHBlZA==", NULL));
	const char *have;
	assert_false(fleet_have(r, a, "h1", &have, NULL));
	redis_free(r);
}

/* -- versions ------------------------------------------------------------------------------------ */

/* A library of another version that has all that this program calls here, or (is_alone) nothing but its version. */
static void load_version(struct redis_fixture *f, int version, int oldest, gboolean is_alone)
{
	g_autofree char *text = g_strdup_printf(
		"#!lua name=cleave\n"
		"local function say(name, f) redis.register_function{function_name='cleave_'..name,callback=f,flags={'no-writes'}} end\n"
		"say('version', function() return %d end)\n"
		"say('oldest', function() return %d end)\n%s",
		version, oldest,
		is_alone ? "" : "say('owner', function() return {'newer', '1'} end)\n"
				"say('host_claim', function(k, a) return {a[2], a[3], '99'} end)\n");
	g_autofree char *answer = redis_fixture_ask(f, "FUNCTION", "LOAD", "REPLACE", text, NULL);
	assert_string_equal(answer, "cleave");
}

/* Functions outlive an emptied Redis. */
static struct redis_fixture *without_functions(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	g_free(redis_fixture_ask(f, "FUNCTION", "FLUSH", NULL));
	return f;
}

static int version_there(struct redis_fixture *f)
{
	g_autofree char *answer = redis_fixture_ask(f, "FCALL", "cleave_version", "0", NULL);
	const char *digits = strpbrk(answer, "0123456789");
	return digits ? (int)g_ascii_strtoll(digits, NULL, 10) : -1;
}

static void newer_functions_stay(void **state)
{
	struct redis_fixture *f = without_functions(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	struct owner owner;
	load_version(f, 99, 1, FALSE);
	assert_true(owner_show(r, a, &owner, NULL)); /* served by the newer ones */
	assert_string_equal(owner.holder, "newer");
	assert_true(claim(r, a, ONE, 60000).is_mine);
	/* One that they dropped is asked for: nothing is loaded back. */
	assert_false(owner_release(r, "x", &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(problem->message, "newer functions of cleave, without cleave_disown"));
	assert_int_equal(version_there(f), 99);
	redis_free(r);
}

static void too_old_a_program_stops(void **state)
{
	struct redis_fixture *f = without_functions(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL), *other = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	struct owner owner;
	struct fleet_claim c;
	for (int i = 0; i < 2; i++) /* the first one connects */
		assert_true(owner_show(r, a, &owner, NULL));
	load_version(f, 99, 98, FALSE);
	for (int i = 0; i < 2; i++) { /* not the first time alone */
		g_clear_error(&problem);
		assert_false(owner_show(other, a, &owner, &problem));
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
		assert_non_null(strstr(problem->message, "version 99, which serve programs from version 98 on"));
	}
	/* Who was connected before hears it with the next heartbeat, and stops as well. */
	assert_true(owner_show(r, a, &owner, NULL));
	assert_false(fleet_claim(r, a, "h1", ONE, 60000, &c, NULL));
	assert_false(owner_show(r, a, &owner, NULL));
	assert_int_equal(version_there(f), 99);
	redis_free(other);
	redis_free(r);
}

/* Two programs found no functions, and the older one loaded its own last. */
static void older_functions_are_replaced(void **state)
{
	struct redis_fixture *f = without_functions(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	assert_true(claim(r, a, ONE, 60000).is_mine);
	int ours = version_there(f);
	g_free(redis_fixture_ask(f, "FUNCTION", "LOAD", "REPLACE",
				 "#!lua name=cleave\nlocal function say(name, f) redis.register_function{function_name='cleave_'..name,"
				 "callback=f,flags={'no-writes'}} end\nsay('version', function() return 1 end)\n"
				 "say('host_claim', function(k, a) return {a[2], a[3], '1'} end)\n", NULL));
	assert_int_equal(version_there(f), 1);
	assert_true(claim(r, a, ONE, 60000).is_mine);
	assert_int_equal(version_there(f), ours);
	redis_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_come_holds_it),
		cmocka_unit_test(told_is_heard),
		cmocka_unit_test(too_much_is_cut),
		cmocka_unit_test(unknown_is_passed_over),
		cmocka_unit_test(newer_functions_stay),
		cmocka_unit_test(too_old_a_program_stops),
		cmocka_unit_test(older_functions_are_replaced),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
