/* Thumbnails of every kind of image, and the sheet they go to. */
#include "exr_fixture.h"
#include "frames/image.h"
#include "frames/thumbnail.h"
#include "frames_files.h"
#include <png.h>

static struct test_root root;

/* Left half red, right half blue, in grey-less RGBA with alpha `alpha` on the right. */
static void write_png(const char *path, guint width, guint height, gboolean is_interlaced, guint8 alpha)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	png_init_io(png, file);
	png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB_ALPHA,
	             is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
	             PNG_FILTER_TYPE_DEFAULT);
	g_autofree guint8 *pixels = g_malloc0((gsize)width * height * 4);
	g_autofree png_bytep *rows = g_new(png_bytep, height);
	for (guint y = 0; y < height; y++) {
		rows[y] = pixels + (gsize)y * width * 4;
		for (guint x = 0; x < width; x++) {
			rows[y][x * 4 + (x < width / 2 ? 0 : 2)] = 255;
			rows[y][x * 4 + 3] = x < width / 2 ? 255 : alpha;
		}
	}
	png_write_info(png, info);
	png_write_image(png, rows);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	fclose(file);
}

static gboolean make(const char *name, const char *format, guint width, guint height, struct thumbnail *ret)
{
	SCOPED_FD(fd) = root_openat(root.fd, name, O_RDONLY, 0);
	assert_true(fd >= 0);
	return thumbnail_make(fd, format, width, height, ret, NULL);
}

static const guint8 *pixel(const struct thumbnail *t, guint x, guint y)
{
	return t->rgb + (y * t->width + x) * 3;
}

static void assert_pixel(const struct thumbnail *t, guint x, guint y, guint8 red, guint8 green, guint8 blue)
{
	const guint8 *p = pixel(t, x, y);
	if (p[0] != red || p[1] != green || p[2] != blue)
		fail_msg("%u,%u is %u %u %u", x, y, p[0], p[1], p[2]);
}

static void boxes(void **state)
{
	(void)state;
	g_autofree char *path = g_build_filename(root.path, "a.png", NULL);
	for (int is_interlaced = 0; is_interlaced <= 1; is_interlaced++) {
		struct thumbnail t;
		write_png(path, 100, 40, is_interlaced, 51);
		assert_true(make("a.png", "PNG", 20, 20, &t));
		assert_true(t.width == 20 && t.height == 8); /* the shape stays */
		assert_pixel(&t, 0, 0, 255, 0, 0);
		assert_pixel(&t, 9, 7, 255, 0, 0);
		assert_pixel(&t, 10, 0, 0, 0, 51); /* over black */
		assert_pixel(&t, 19, 7, 0, 0, 51);
		thumbnail_clear(&t);
		assert_true(make("a.png", "PNG", 1, 20, &t));
		assert_true(t.width == 1 && t.height == 1);
		assert_pixel(&t, 0, 0, 127, 0, 25); /* the mean */
		thumbnail_clear(&t);
		assert_true(make("a.png", "PNG", 500, 10, &t));
		assert_true(t.width == 25 && t.height == 10);
		thumbnail_clear(&t);
		assert_true(make("a.png", "PNG", 500, 500, &t)); /* never larger */
		assert_true(t.width == 100 && t.height == 40);
		thumbnail_clear(&t);
	}
}

/* 0.25 in linear light is 137 of 255 in sRGB. */
static void linear_light(void **state)
{
	(void)state;
	g_autofree char *path = g_build_filename(root.path, "a.exr", NULL);
	for (int tiles = EXR_LINES; tiles <= EXR_MIPMAP; tiles++)
		for (int layers = 0; layers <= 1; layers++) {
			struct exr_shape s = { .width = 48, .height = 32, .compression = 3, .n_parts = 1, .tiles = (enum exr_tiles)tiles,
				               .has_layers = layers, .pattern = EXR_GREY };
			struct thumbnail t;
			exr_write(path, &s);
			assert_true(make("a.exr", "OPEN_EXR", 12, 12, &t));
			assert_true(t.width == 12 && t.height == 8);
			for (guint i = 0; i < 96; i++)
				assert_pixel(&t, i % 12, i / 12, 137, 137, 137);
			thumbnail_clear(&t);
		}
}

static void damaged(void **state)
{
	(void)state;
	struct thumbnail t;
	g_autofree char *path = g_build_filename(root.path, "b.png", NULL), *bytes = NULL;
	gsize size;
	write_png(path, 100, 40, FALSE, 255);
	assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	test_write(&root, "cut.png", bytes, size - 20);
	assert_false(make("cut.png", "PNG", 20, 20, &t));
}

static void sheets(void **state)
{
	(void)state;
	struct thumbnail t, all;
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(root.path, "c.png", NULL);
	write_png(path, 40, 20, FALSE, 255);
	assert_true(make("c.png", "PNG", 40, 20, &t));
	struct contact *sheet = contact_new(5, 2, 40, 20);
	contact_put(sheet, 0, -12, &t);
	contact_cross(sheet, 3, 1234567890123, CONTACT_MISSING); /* wider than its cell */
	contact_cross(sheet, 4, 4, CONTACT_DAMAGED);
	g_autoptr(GByteArray) png = contact_png(sheet, &error);
	assert_non_null(png);
	test_write(&root, "sheet.png", png->data, png->len);
	assert_true(make("sheet.png", "PNG", 1000, 1000, &all));
	assert_true(all.width == 2 * 44 + 4 && all.height == 3 * (20 + 18 + 4) + 4);
	assert_pixel(&all, 4, 4, 255, 0, 0);    /* the picture */
	assert_pixel(&all, 43, 23, 0, 0, 255);
	assert_pixel(&all, 48, 46, 110, 110, 110); /* the corner of a cross */
	assert_pixel(&all, 4, 88, 220, 60, 50);
	assert_pixel(&all, 0, 0, 24, 24, 24);
	thumbnail_clear(&t);
	thumbnail_clear(&all);
	contact_free(sheet);
}

static int begin(void **state)
{
	(void)state;
	root = test_root_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_root_free(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes),
		cmocka_unit_test(linear_light),
		cmocka_unit_test(damaged),
		cmocka_unit_test(sheets),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
