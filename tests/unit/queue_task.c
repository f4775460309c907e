/* Tasks and addresses: what needs no server. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/redis.h"
#include "queue/task.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SHOT                                                                                                           \
	"{\"device\":\"CPU\",\"engine\":\"CYCLES\",\"outputRoot\":\"frames\","                                         \
	"\"outputs\":[{\"format\":\"PNG\",\"path\":\"a/####.png\"}],\"scenePath\":\"a.blend\",\"sceneRoot\":\"shots\"," \
	"\"sceneSha256\":\"00\"}"
#define ONE "\"outputs\":[{\"format\":\"PNG\",\"path\":\"a/#.png\"}],"

static void task_round_trip(void **state)
{
	SCOPED_ARENA(a);
	struct task task;
	(void)state;
	const char *full =
		"{\"arguments\":[\"--verbose\",\"2\"],\"blender\":\"3.4.1\",\"blenderFile\":\"/b.tar.xz\","
		"\"blenderSha256\":\"cd\",\"camera\":\"Cam\",\"checkBlack\":\"reject\",\"checkMissingAssets\":\"warn\","
		"\"denoise\":\"none\",\"device\":\"OPTIX\",\"engine\":\"CYCLES\",\"height\":1080,"
		"\"inputs\":[\"shots:tex/*.png\"],\"inputsMode\":\"files\",\"inputsSha256\":\"ef\",\"memoryLimit\":1048576,"
		"\"outputRoot\":\"frames\",\"outputs\":[{\"codec\":\"ZIP\",\"colorDepth\":\"16\",\"colorMode\":\"RGB\","
		"\"format\":\"OPEN_EXR\",\"name\":\"beauty\",\"path\":\"b.####.exr\"},{\"format\":\"PNG\","
		"\"name\":\"mask\",\"node\":\"File Output\",\"path\":\"m.####.png\"}],\"samples\":256,"
		"\"sceneBlend\":\"shot/main.blend\",\"sceneName\":\"Main\",\"sceneSha256\":\"ab\","
		"\"sceneUrl\":\"https://a.example/é.zip\",\"scripts\":1,\"threads\":4,\"timeLimitMs\":1800000,"
		"\"viewLayers\":[\"fg\",\"bg\"],\"width\":1920}";
	const char *texts[] = { full, SHOT };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_true(task_decode(a, texts[i], &task, NULL));
		g_autofree char *again = task_encode(&task);
		assert_string_equal(again, texts[i]);
	}
	assert_string_equal(task.camera, "");
	assert_int_equal(task.samples, 0);
}

static void task_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "{", "the task is not JSON: string or '}' expected near end of file" },
		{ "[]", "the task is not a JSON object" },
		{ "{}", "the task's outputs are not a list of 1 to 64" },
		{ "{\"outputs\":[7]}", "the task is not a JSON object" },
		{ "{\"outputs\":[{\"path\":\"a\"}]}", "the task has no format" },
		{ "{" ONE "\"sceneRoot\":\"a\"}", "the task has no sceneSha256" },
		{ "{" ONE "\"sceneSha256\":\"\"}", "the task's sceneSha256 is not a text" },
		{ "{" ONE "\"sceneRoot\":7}", "the task's sceneRoot is not a text" },
		{ "{" ONE "\"sceneSha256\":\"00\",\"inputs\":7}", "the task's inputs is not a list" },
		{ "{" ONE "\"sceneSha256\":\"00\",\"inputs\":[7]}", "the task's inputs is not a list of texts" },
	};
	SCOPED_ARENA(a);
	struct task task;
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) problem = NULL;
		assert_false(task_decode(a, cases[i][0], &task, &problem));
		assert_string_equal(problem->message, cases[i][1]);
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID));
	}
}

static void task_unknown_field(void **state)
{
	SCOPED_ARENA(a);
	struct task task;
	g_autoptr(GError) problem = NULL;
	g_autofree char *text = g_strconcat("{\"fur\":1,", &SHOT[1], NULL);
	(void)state;
	assert_false(task_decode(a, text, &task, &problem));
	assert_string_equal(problem->message, "the task has fur, which this worker does not know; it is too old");
	g_clear_error(&problem);
	g_autofree char *negative = g_strconcat("{\"samples\":-1,", &SHOT[1], NULL);
	assert_false(task_decode(a, negative, &task, &problem));
	assert_string_equal(problem->message, "the task's samples is not a whole number from 0");
}

static void address_read(void **state)
{
	/* URL, host or socket, port, user, password, database */
	static const struct {
		const char *url, *where;
		int port;
		const char *user, *password;
		int db;
	} cases[] = {
		{ "redis://h", "h", 6379, NULL, NULL, 0 },
		{ "redis://h/", "h", 6379, NULL, NULL, 0 },
		{ "redis://10.20.0.5:7000/3", "10.20.0.5", 7000, NULL, NULL, 3 },
		{ "redis://[::1]:7000/3", "::1", 7000, NULL, NULL, 3 },
		{ "redis://u:p%40ss@h:1/0", "h", 1, "u", "p@ss", 0 },
		{ "redis://:secret@h", "h", 6379, NULL, "secret", 0 },
		{ "redis+unix:///run/redis.sock", "/run/redis.sock", 0, NULL, NULL, 0 },
		{ "redis+unix:///run/redis.sock?db=5", "/run/redis.sock", 0, NULL, NULL, 5 },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct redis_address a;
		assert_true(redis_address_parse(cases[i].url, NULL, &a, NULL));
		assert_string_equal(a.host ? a.host : a.socket_path, cases[i].where);
		assert_int_equal(a.port, cases[i].port);
		assert_int_equal(g_strcmp0(a.user, cases[i].user), 0);
		assert_int_equal(g_strcmp0(a.password, cases[i].password), 0);
		assert_int_equal(a.db, cases[i].db);
		redis_address_clear(&a);
	}
}

static void address_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "rediss://h", "rediss:// needs TLS" }, { "http://h", "a Redis URL is" },
		{ "h:6379", "a Redis URL is" },          { "", "a Redis URL is" },
		{ "redis:///1", "names no host" },       { "redis://h/x", "the database" },
		{ "redis://h/-1", "the database" },      { "redis+unix://run/x", "names no socket" },
		{ "redis+unix:///x?d=1", "only db=" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct redis_address a;
		g_autoptr(GError) problem = NULL;
		assert_false(redis_address_parse(cases[i][0], NULL, &a, &problem));
		assert_non_null(strstr(problem->message, cases[i][1]));
	}
}

static void password_from_file(void **state)
{
	g_autofree char *path = NULL;
	struct redis_address a;
	(void)state;
	int fd = g_file_open_tmp("cleave-pass-XXXXXX", &path, NULL);
	assert_true(fd >= 0 && g_close(fd, NULL));
	assert_true(g_file_set_contents(path, "geheim\n", -1, NULL));
	assert_true(redis_address_parse("redis://u:other@h", path, &a, NULL));
	assert_string_equal(a.password, "geheim");
	redis_address_clear(&a);
	/* A place for a password, and none in it. */
	assert_true(g_file_set_contents(path, "", 0, NULL));
	assert_true(redis_address_parse("redis://u:other@h", path, &a, NULL));
	assert_string_equal(a.password, "other");
	redis_address_clear(&a);
	assert_true(redis_address_parse("redis://h", path, &a, NULL));
	assert_null(a.password);
	redis_address_clear(&a);
	g_unlink(path);
	assert_false(redis_address_parse("redis://h", path, &a, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_round_trip),    cmocka_unit_test(task_refused),
		cmocka_unit_test(task_unknown_field), cmocka_unit_test(address_read),
		cmocka_unit_test(address_refused),    cmocka_unit_test(password_from_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
