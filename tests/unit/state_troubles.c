/* state/troubles: pauses double up to a minute, five heals of a field within ten minutes are enough, and both outlive the
 * process. */
#include "state/troubles.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char *dir;

static int setup(void **state)
{
	(void)state;
	dir = g_dir_make_tmp("cleave-troubles.XXXXXX", NULL);
	return dir ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	g_autofree char *file = g_build_filename(dir, "troubles.json", NULL);
	g_unlink(file);
	g_rmdir(dir);
	g_clear_pointer(&dir, g_free);
	return 0;
}

static void pauses_double(void **state)
{
	static const gint64 pauses[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	(void)state;
	struct troubles *t = troubles_load(dir);
	for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
		assert_int_equal(troubles_failed(t, "VM", "a", "start-vm", "no room", 5000), i + 1);
		assert_int_equal(troubles_at(t, 0)->until_ms, 5000 + pauses[i]);
	}
	for (guint i = 0; i < 100; i++)
		troubles_failed(t, "VM", "b", "start-vm", "no room", 5000);
	assert_int_equal(troubles_count(t), 2);
	assert_int_equal(troubles_at(t, 1)->until_ms, 65000);
	troubles_settled(t, "VM", "a", "stop-vm");
	assert_int_equal(troubles_count(t), 2);
	troubles_settled(t, "VM", "a", "start-vm");
	assert_int_equal(troubles_count(t), 1);
	troubles_free(t);
}

static gboolean heal(struct troubles *t, const char *after, gint64 at_ms)
{
	return troubles_healed(t, "VM", "a", "memory", "2GiB", after, "libvirt's last event: defined", at_ms);
}

static void five_heals_are_enough(void **state)
{
	(void)state;
	struct troubles *t = troubles_load(dir);
	for (gint64 i = 0; i < 4; i++)
		assert_false(heal(t, "4GiB", 1000 * i));
	assert_false(heal(t, "4GiB", 3000)); /* another step of the same pass */
	assert_false(heal(t, "8GiB", 4000)); /* a commit wants it otherwise */
	assert_false(troubles_healed(t, "VM", "b", "memory", "2GiB", "4GiB", NULL, 4000));
	assert_false(troubles_healed(t, "VM", "a", "vcpus", "2", "4", NULL, 4000));
	assert_int_equal(troubles_count(t), 0);
	assert_true(heal(t, "4GiB", 5000));
	assert_int_equal(troubles_count(t), 1);
	const struct trouble *one = troubles_at(t, 0);
	assert_null(one->verb);
	assert_int_equal(one->until_ms, 0);
	assert_string_equal(one->why, "memory was put back from 2GiB to 4GiB 5 times within 10m, at 00:00:00, 00:00:01, 00:00:02, "
	                              "00:00:03, 00:00:05 (UTC); libvirt's last event: defined");
	assert_true(troubles_clear_object(t, "VM", "a"));
	assert_false(troubles_clear_object(t, "VM", "a"));
	assert_false(heal(t, "4GiB", 6000)); /* counted anew */
	troubles_free(t);
}

static void old_heals_do_not_count(void **state)
{
	(void)state;
	struct troubles *t = troubles_load(dir);
	for (gint64 i = 0; i < 20; i++)
		assert_false(heal(t, "4GiB", i * (HEALS_WITHIN_MS / 4 + 1)));
	troubles_free(t);
}

static void a_restart_forgets_nothing(void **state)
{
	g_autoptr(GError) error = NULL;
	(void)state;
	struct troubles *t = troubles_load(dir);
	troubles_failed(t, "Host", "h1", "load-modules", "a \"quoted\" \xff reason", 1000);
	for (gint64 i = 0; i < 4; i++)
		heal(t, "4GiB", i);
	assert_true(troubles_save(t, &error));
	troubles_free(t);
	t = troubles_load(dir);
	assert_int_equal(troubles_count(t), 1);
	assert_string_equal(troubles_at(t, 0)->verb, "load-modules");
	assert_int_equal(troubles_at(t, 0)->until_ms, 2000);
	assert_int_equal(troubles_failed(t, "Host", "h1", "load-modules", "again", 1000), 2);
	assert_true(heal(t, "4GiB", 5));
	assert_true(troubles_save(t, &error));
	troubles_free(t);
	t = troubles_load(dir);
	assert_int_equal(troubles_count(t), 2);
	troubles_clear(t);
	assert_int_equal(troubles_count(t), 0);
	assert_false(heal(t, "4GiB", 6));
	assert_true(troubles_save(t, &error));
	troubles_free(t);
	t = troubles_load(dir);
	assert_int_equal(troubles_count(t), 0);
	troubles_free(t);
}

static void a_broken_file_is_none(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{\"troubles\":7}", "{\"troubles\":[1,{\"kind\":\"VM\"}]}",
		"{\"troubles\":[{\"kind\":\"VM\",\"id\":\"a\",\"verb\":\"start-vm\",\"why\":\"x\",\"n\":-1,\"until\":5}]}",
		"{\"heals\":[{\"kind\":\"VM\",\"id\":\"a\",\"field\":5,\"at\":1}]}",
	};
	(void)state;
	g_autofree char *file = g_build_filename(dir, "troubles.json", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_true(g_file_set_contents(file, texts[i], -1, NULL));
		struct troubles *t = troubles_load(dir);
		assert_int_equal(troubles_count(t), 0);
		troubles_free(t);
	}
}

static void it_is_bounded(void **state)
{
	(void)state;
	struct troubles *t = troubles_load(dir);
	for (guint i = 0; i < TROUBLES_KEPT + 50; i++) {
		g_autofree char *id = g_strdup_printf("vm%u", i);
		troubles_failed(t, "VM", id, "start-vm", "no room", 1000);
	}
	assert_int_equal(troubles_count(t), TROUBLES_KEPT);
	assert_string_equal(troubles_at(t, 0)->id, "vm50");
	troubles_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pauses_double, setup, teardown),
		cmocka_unit_test_setup_teardown(five_heals_are_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(old_heals_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_file_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
