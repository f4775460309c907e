/* Names of volumes: what they prove, and what is none of them. */
#include "base/arena.h"
#include "spec/volume.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SUM "9f2c61d0a57b4e8892d1f0c3b6a5e47788990011223344556677889900aabbcc"

static void a_name_says_whose_it_is(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const char *vm, *disk, *name = volume_name(a, "f", "worker.01", "sys", SUM, FORMAT_QCOW2);
	assert_true(g_str_has_prefix(name, "worker.01.sys."));
	assert_true(g_str_has_suffix(name, ".qcow2"));
	assert_true(volume_is_named(name) && !volume_is_image(name) && !volume_is_part(name));
	assert_int_equal(volume_format(name), FORMAT_QCOW2);
	assert_true(volume_is_of(name, "f", "worker.01", "sys"));
	assert_true(volume_owner(a, name, "f", &vm, &disk));
	assert_string_equal(vm, "worker.01");
	assert_string_equal(disk, "sys");
	assert_false(volume_owner(a, name, "g", &vm, &disk));
	assert_false(volume_is_of(name, "f", "worker", "01.sys"));
	assert_true(volume_is_named(arena_printf(a, "%s" VOLUME_PART, name)));
	assert_true(volume_is_part(arena_printf(a, "%s" VOLUME_PART, name)));
}

static void whatever_differs_is_another_volume(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const char *const names[] = {
		volume_name(a, "f", "v", "d", SUM, FORMAT_RAW),  volume_name(a, "g", "v", "d", SUM, FORMAT_RAW),
		volume_name(a, "f", "w", "d", SUM, FORMAT_RAW),  volume_name(a, "f", "v", "e", SUM, FORMAT_RAW),
		volume_name(a, "f", "v", "d", NULL, FORMAT_RAW), volume_name(a, "f", "v", "d", SUM, FORMAT_QCOW2),
		volume_name(a, "f", "v.d", "e", SUM, FORMAT_RAW), volume_name(a, "f", "v", "d.e", SUM, FORMAT_RAW),
	};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		for (guint k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	assert_string_equal(volume_name(a, "f", "v", "d", NULL, FORMAT_UNSAID), volume_name(a, "f", "v", "d", NULL, FORMAT_RAW));
}

static void long_names_fit_a_file(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	g_autofree char *vm = g_strnfill(128, 'v'), *disk = g_strnfill(128, 'd'), *other = g_strnfill(127, 'd');
	const char *name = volume_name(a, "f", vm, disk, SUM, FORMAT_QCOW2), *found_vm, *found_disk;
	assert_true(strlen(name) + strlen(VOLUME_PART) <= 255);
	assert_true(volume_is_of(name, "f", vm, disk));
	assert_string_not_equal(name, volume_name(a, "f", vm, other, SUM, FORMAT_QCOW2));
	/* Nothing that is not known to be ours is taken for ours. */
	assert_false(volume_owner(a, name, "f", &found_vm, &found_disk));
}

static void images_are_told_apart(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	const char *name = volume_image_name(a, SUM, FORMAT_RAW), *vm, *disk;
	assert_string_equal(name, "cleave-image-9f2c61d0a57b.raw");
	assert_true(volume_is_named(name) && volume_is_image(name));
	assert_false(volume_owner(a, name, "f", &vm, &disk));
}

static void others_are_none_of_them(void **state)
{
	static const char *const names[] = { "", ".raw", "debian.raw", "a.b.raw", "a.b.0123456789abcdeg.raw", "a.b.0123456789abcdef.img",
		                             "b.0123456789abcdef.raw", "a.b.0123456789abcde.raw", "cleave-image-9f2c.raw", ".part", "a.b.0123456789ABCDEF.raw" };
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (volume_is_named(names[i]))
			fail_msg("%s is taken for a volume of cleave's", names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_says_whose_it_is), cmocka_unit_test(whatever_differs_is_another_volume),
		cmocka_unit_test(long_names_fit_a_file),   cmocka_unit_test(images_are_told_apart),
		cmocka_unit_test(others_are_none_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
