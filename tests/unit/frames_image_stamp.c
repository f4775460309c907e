/* What an image says of its frame and scene: texts of PNG, JPEG and OpenEXR, and what is none. */
#include "frames/image_stamp.h"
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct image_stamp stamp_of(const char *bytes, gsize size)
{
	struct image_stamp s;
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("cleave-stamp-XXXXXX", &path, NULL);
	assert_true(fd >= 0);
	g_unlink(path);
	assert_int_equal(write(fd, bytes, size), size);
	image_stamp_read(fd, &s);
	close(fd);
	return s;
}
#define STAMP_OF(text) stamp_of(text, sizeof(text) - 1)

static void assert_stamp(struct image_stamp s, gint64 frame, const char *scene)
{
	assert_true(s.has_frame);
	assert_int_equal(s.frame, frame);
	assert_string_equal(s.scene, scene);
	image_stamp_clear(&s);
}

#define PNG "\x89PNG\r\n\x1a\n"
#define JPEG "\xff\xd8"
#define EXR "\x76\x2f\x31\x01\x02\0\0\0"

static void texts_are_read(void **state)
{
	(void)state;
	assert_stamp(STAMP_OF(PNG "\0\0\0\x0d" "tEXt" "File\0/a.blend" "cccc" "\0\0\0\x09" "tEXt" "Frame\0" "012" "cccc"), 12,
		     "/a.blend");
	assert_stamp(STAMP_OF(JPEG "\xff\xfe\0\x15" "Blender:Frame:-0003" "\xff\xfe\0\x17" "Blender:File:/a.blend"), -3, "/a.blend");
}

static void what_says_nothing(void **state)
{
	static const char cut[] = PNG "\0\0\0\x7f" "tEXt" "Frame\0" "1";
	(void)state;
	struct image_stamp s = stamp_of(cut, sizeof cut - 1);
	assert_false(s.has_frame);
	s = STAMP_OF("BM");
	assert_false(s.has_frame);
	s = STAMP_OF(PNG "\0\0\0\0" "IDAT" "cccc" "\0\0\0\x09" "tEXt" "Frame\0" "012" "cccc");
	assert_false(s.has_frame); /* only before the pixels */
	s = STAMP_OF(PNG "\0\0\0\x09" "tEXt" "Frame\0" "x12" "cccc");
	assert_false(s.has_frame);
	assert_null(s.scene);
}

static void attributes_of_exr(void **state)
{
	(void)state;
	assert_stamp(STAMP_OF(EXR "File\0string\0\x08\0\0\0/a.blend" "lines\0lineOrder\0\x01\0\0\0\0" "Frame\0string\0\x03\0\0\0" "042" "\0"),
		     42, "/a.blend");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(what_says_nothing),
		cmocka_unit_test(attributes_of_exr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
