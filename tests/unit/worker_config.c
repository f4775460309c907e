/* The worker's command line and environment. */
#include "base/error.h"
#include "worker/config.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static gboolean parse(struct config *c, const char *line, GError **error)
{
	g_autofree char *text = g_strconcat("cleave-worker ", line, NULL);
	g_auto(GStrv) argv = NULL;
	assert_true(g_shell_parse_argv(text, NULL, &argv, NULL));
	/* GOption moves the pointers about. */
	g_autofree char **copy = g_memdup2(argv, (g_strv_length(argv) + 1) * sizeof(char *));
	return config_parse(c, (int)g_strv_length(argv), copy, error);
}

static void command_line(void **state)
{
	struct config c;
	(void)state;
	assert_true(parse(&c,
			  "--redis redis://h --mount shots=/mnt/shots --mount frames=/mnt/a=b --name w.1 --label a "
			  "--label b --blender /opt/blender --lease 90s --recycle 7 --once",
			  NULL));
	assert_string_equal(c.redis_url, "redis://h");
	assert_string_equal(g_hash_table_lookup(c.mounts, "shots"), "/mnt/shots");
	assert_string_equal(g_hash_table_lookup(c.mounts, "frames"), "/mnt/a=b");
	assert_string_equal(c.name, "w.1");
	assert_string_equal(c.labels[1], "b");
	assert_string_equal(c.blenders[0], "/opt/blender");
	assert_int_equal(c.lease_ms, 90000);
	assert_int_equal(c.n_recycle, 7);
	assert_true(c.once);
	config_clear(&c);
}

static void environment(void **state)
{
	static const char *const variables[][2] = {
		{ "CLEAVE_REDIS", "redis://env" }, { "CLEAVE_REDIS_PASSWORD_FILE", "/p" },
		{ "CLEAVE_MOUNTS", "a=/a,b=/b" },  { "CLEAVE_BLENDER", "/env/blender" },
		{ "CLEAVE_WORKER_NAME", "env1" },  { "CLEAVE_LEASE", "5s" },
		{ "CLEAVE_LABELS", "x,y" },
	};
	struct config c;
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(variables); i++)
		g_setenv(variables[i][0], variables[i][1], TRUE);
	assert_true(parse(&c, "--name given", NULL));
	assert_string_equal(c.redis_url, "redis://env");
	assert_string_equal(c.redis_password_file, "/p");
	assert_string_equal(g_hash_table_lookup(c.mounts, "b"), "/b");
	assert_string_equal(c.blenders[0], "/env/blender");
	assert_string_equal(c.name, "given");
	assert_int_equal(c.lease_ms, 5000);
	assert_string_equal(c.labels[1], "y");
	config_clear(&c);
	for (guint i = 0; i < G_N_ELEMENTS(variables); i++)
		g_unsetenv(variables[i][0]);
}

static void defaults(void **state)
{
	struct config c;
	(void)state;
	assert_true(parse(&c, "--redis redis://h", NULL));
	assert_string_equal(c.blenders[0], "blender");
	assert_int_equal(c.lease_ms, 30000);
	assert_int_equal(c.n_recycle, 500);
	assert_true(g_str_has_prefix(c.name, g_get_host_name()));
	assert_null(c.labels[0]);
	assert_false(c.once);
	assert_string_equal(c.cache, "/var/cache/cleave");
	assert_true(c.cache_bytes == (guint64)20 << 30 && c.fetch_limit_bytes == (guint64)64 << 30);
	assert_true(c.is_warm && c.sandbox == SANDBOX_AUTO && !c.cold_check_percent && !c.blender_memory_bytes && !c.max_celsius);
	config_clear(&c);
}

static void words_sizes_and_lists(void **state)
{
	struct config c;
	(void)state;
	g_setenv("CLEAVE_BLENDER", "/opt/blender-4.2/blender,/opt/blender-3.6/blender", TRUE);
	g_setenv("CLEAVE_COLD_CHECK", "5", TRUE);
	assert_true(parse(&c, "--redis redis://h --sandbox bubblewrap --warm off --cache-size 3GiB --blender-memory 2GiB --max-gpu-temp 0", NULL));
	g_unsetenv("CLEAVE_BLENDER");
	g_unsetenv("CLEAVE_COLD_CHECK");
	assert_string_equal(c.blenders[1], "/opt/blender-3.6/blender");
	assert_int_equal(c.sandbox, SANDBOX_BUBBLEWRAP);
	assert_false(c.is_warm);
	assert_int_equal(c.cold_check_percent, 5);
	assert_true(c.cache_bytes == (guint64)3 << 30 && c.blender_memory_bytes == (guint64)2 << 30);
	assert_int_equal(c.max_celsius, 0);
	config_clear(&c);
}

static void reference_has_all(void **state)
{
	(void)state;
	g_autofree char *table = config_reference();
	assert_non_null(strstr(table, "\n| `--cache-size SIZE` | `CLEAVE_CACHE_SIZE` | 20GiB | "));
	assert_non_null(strstr(table, "\n| | `CLEAVE_SYSFS` | /sys | "));
}

static char *settings_with(const char *text)
{
	char *path = NULL;
	int fd = g_file_open_tmp("cleave-settings-XXXXXX", &path, NULL);
	assert_true(fd >= 0 && g_close(fd, NULL));
	assert_true(g_file_set_contents(path, text, -1, NULL));
	return path;
}

/* The command line before the environment before the file. */
static void settings_file(void **state)
{
	struct config c;
	(void)state;
	g_autofree char *path = settings_with("# by cleave\n\nCLEAVE_REDIS=redis://file:6379/1\n"
					      "CLEAVE_REDIS_PASSWORD_FILE = /etc/cleave/redis.pass\n"
					      "CLEAVE_VM=render-1\nCLEAVE_VM_UUID=0D6B8A1C-0000\n"
					      "CLEAVE_LABELS=\"pool:render,fast\"\nCLEAVE_MOUNTS=a=/a,b=/b c\n"
					      "CLEAVE_SLOTS=4\nCLEAVE_MAX_GPU_TEMP=85\nCLEAVE_LEASE=9s\n"
					      "CLEAVE_BLENDER=\nCLEAVE_OF_TOMORROW=1\n");
	g_autofree char *line = g_strdup_printf("--settings %s --slot 3 --lease 7s", path);
	g_setenv("CLEAVE_REDIS", "redis://environment", TRUE);
	assert_true(parse(&c, line, NULL));
	g_unsetenv("CLEAVE_REDIS");
	assert_string_equal(c.redis_url, "redis://environment");
	assert_string_equal(c.redis_password_file, "/etc/cleave/redis.pass");
	assert_string_equal(c.name, "render-1.3");
	assert_string_equal(c.vm, "render-1");
	assert_null(c.vm_uuid);
	assert_string_equal(c.vm_uuid_otherwise, "0D6B8A1C-0000");
	assert_string_equal(c.labels[1], "fast");
	assert_string_equal(g_hash_table_lookup(c.mounts, "b"), "/b c");
	assert_int_equal(c.max_celsius, 85);
	assert_int_equal(c.lease_ms, 7000);
	assert_string_equal(c.blenders[0], "blender");
	assert_int_equal(c.slot, 3);
	config_clear(&c);
	g_unlink(path);
}

static void settings_that_are_none(void **state)
{
	static const char *const texts[] = { "CLEAVE_VM=a\nCLEAVE_REDIS\n", "\nexport A=1\n", "1A=2", "=x" };
	static const int lines[] = { 2, 2, 1, 1 };
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct config c;
		g_autoptr(GError) problem = NULL;
		g_autofree char *path = settings_with(texts[i]);
		g_autofree char *line = g_strdup_printf("--settings %s", path);
		g_autofree char *place = g_strdup_printf("%s:%d: a setting is KEY=VALUE, not \"", path, lines[i]);
		assert_false(parse(&c, line, &problem));
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_USAGE));
		assert_true(g_str_has_prefix(problem->message, place));
		config_clear(&c);
		g_unlink(path);
	}
}

static void misuse(void **state)
{
	static const char *const cases[][2] = {
		{ "", "say where Redis is: --redis redis://host:6379/0, or CLEAVE_REDIS" },
		{ "--redis redis://h --mount shots", "a mount is NAME=/DIRECTORY or NAME=s3://BUCKET/PREFIX, not \"shots\"" },
		{ "--redis redis://h --mount shots=rel", "a mount is NAME=/DIRECTORY or NAME=s3://BUCKET/PREFIX, not \"shots=rel\"" },
		{ "--redis redis://h --s3-credentials a=/k", "--s3-credentials: the root a is no bucket" },
		{ "--redis redis://h --mount a=s3://b --s3-credentials a=k", "--s3-credentials is NAME=/FILE, not \"a=k\"" },
		{ "--redis redis://h --mount =/x", "a mount is NAME=/DIRECTORY or NAME=s3://BUCKET/PREFIX, not \"=/x\"" },
		{ "--redis redis://h --mount a=/x --mount a=/y", "the root of \"a=/y\" is mounted twice" },
		{ "--redis redis://h --lease 30", "--lease: " },
		{ "--redis redis://h --lease 10ms", "--lease is at least 1s" },
		{ "--redis redis://h --name a/b", "--name: \"a/b\" has more than" },
		{ "--redis redis://h --recycle 0", "--recycle is a number from 1 to 2147483647, not \"0\"" },
		{ "--redis redis://h now", "\"now\" is no option; see --help" },
		{ "--nope", "Unknown option --nope" },
		{ "--redis redis://h --slots 2 --slot 3", "--slot is a number from 1 to 2, not \"3\"" },
		{ "--redis redis://h --slots 0", "--slots is a number from 1 to 256" },
		{ "--redis redis://h --max-gpu-temp 30", "--max-gpu-temp is a number from 40 to 110" },
		{ "--redis redis://h --sandbox chroot", "--sandbox is one of auto, bubblewrap, none, not \"chroot\"" },
		{ "--redis redis://h --cache-size 3", "--cache-size: " },
		{ "--redis redis://h --cache-size 3KiB", "--cache-size is at least 1MiB" },
		{ "--redis redis://h --cache here", "--cache is an absolute path" },
		{ "--redis redis://h --cold-check 101", "--cold-check is a number from 0 to 100" },
		{ "--settings /nowhere/worker.env", "settings: Failed to open file" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct config c;
		g_autoptr(GError) problem = NULL;
		assert_false(parse(&c, cases[i][0], &problem));
		if (!g_str_has_prefix(problem->message, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], problem->message);
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_USAGE));
		config_clear(&c);
	}
}

/* As a VM's settings say it: how each bucket is reached stands in its URL, its key has a file of its own. */
static void buckets(void **state)
{
	static const char url[] = "s3://farm/shots?endpoint=https://s3.example&region=asia";
	struct config c;
	(void)state;
	g_setenv("CLEAVE_MOUNTS", "frames=s3://farm,shots=s3://farm/shots?endpoint=https://s3.example&region=asia", TRUE);
	g_setenv("CLEAVE_S3_CREDENTIALS", "shots=/etc/cleave/s3-shots.keys", TRUE);
	assert_true(parse(&c, "--redis redis://h", NULL));
	assert_string_equal(g_hash_table_lookup(c.buckets, "frames"), "s3://farm");
	assert_string_equal(g_hash_table_lookup(c.buckets, "shots"), url);
	assert_string_equal(g_hash_table_lookup(c.credentials, "shots"), "/etc/cleave/s3-shots.keys");
	assert_null(g_hash_table_lookup(c.credentials, "frames"));
	config_clear(&c);
	g_unsetenv("CLEAVE_MOUNTS");
	g_unsetenv("CLEAVE_S3_CREDENTIALS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_line),
		cmocka_unit_test(environment),
		cmocka_unit_test(defaults),
		cmocka_unit_test(words_sizes_and_lists),
		cmocka_unit_test(reference_has_all),
		cmocka_unit_test(settings_file),
		cmocka_unit_test(settings_that_are_none),
		cmocka_unit_test(buckets),
		cmocka_unit_test(misuse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
