/* What kind of Redis there is, and one that does not let its user ask. */
#include "base/arena.h"
#include "queue/health.h"
#include "redis_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct health health_of(struct arena *a, const char *url)
{
	struct health h;
	struct redis *r = redis_new(url, NULL, 2000, NULL);
	health_read(r, a, &h);
	redis_free(r);
	return h;
}

static void settings_show(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	SCOPED_ARENA(a);
	g_free(redis_fixture_ask(f, "CONFIG", "SET", "save", "", "appendonly", "no", "maxmemory-policy", "noeviction", NULL));
	struct health h = health_of(a, f->url);
	g_autofree char *info = redis_fixture_ask(f, "INFO", "server", NULL);
	g_autofree char *line = g_strdup_printf("redis_version:%s", h.version);
	assert_non_null(strstr(info, line));
	assert_string_equal(h.eviction, "noeviction");
	assert_string_equal(h.persistence, "none");
	g_free(redis_fixture_ask(f, "CONFIG", "SET", "save", "3600 1", "maxmemory-policy", "allkeys-lru", NULL));
	h = health_of(a, f->url);
	assert_string_equal(h.eviction, "allkeys-lru");
	assert_string_equal(h.persistence, "rdb");
	g_free(redis_fixture_ask(f, "CONFIG", "SET", "appendonly", "yes", NULL));
	assert_string_equal(health_of(a, f->url).persistence, "aof");
	g_free(redis_fixture_ask(f, "CONFIG", "SET", "save", "", "appendonly", "no", "maxmemory-policy", "noeviction", NULL));
}

static void what_is_not_allowed_is_absent(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	SCOPED_ARENA(a);
	g_free(redis_fixture_ask(f, "ACL", "SETUSER", "cleave", "on", ">secret", "~*", "&*", "+@all", "-config", NULL));
	g_autofree char *with_user = g_strdup_printf("redis+unix://cleave:secret@%s", f->socket_path);
	struct health h = health_of(a, with_user);
	assert_non_null(h.version);
	assert_non_null(h.eviction);
	assert_null(h.persistence); /* no append-only file; of snapshots nothing is told */
	g_free(redis_fixture_ask(f, "ACL", "SETUSER", "cleave", "-info", NULL));
	h = health_of(a, with_user);
	assert_null(h.version);
	assert_null(h.eviction);
	assert_null(h.persistence);
	g_free(redis_fixture_ask(f, "ACL", "DELUSER", "cleave", NULL));
}

static void away_is_absent(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	assert_null(health_of(a, "redis+unix:///nonexistent/redis.sock").version);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(settings_show), cmocka_unit_test(what_is_not_allowed_is_absent),
		                            cmocka_unit_test(away_is_absent) };
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
