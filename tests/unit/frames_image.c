/* Every damage of a PNG must be found, and no whole one refused. */
#include "frames/image.h"
#include "frames_files.h"
#include <png.h>
#include <sys/mman.h>
#include <zlib.h>

struct picture {
	guint width, height;
	int colour, bits;
	gboolean is_interlaced, has_text;
	enum { PATTERN_NOISE, PATTERN_BLACK, PATTERN_GREY, PATTERN_CLEAR } pattern;
};

static void append_bytes(png_structp png, png_bytep bytes, png_size_t size)
{
	g_byte_array_append(png_get_io_ptr(png), bytes, (guint)size);
}

static void append_flush(png_structp png)
{
	(void)png;
}

static void set_palette(png_structp png, png_infop info)
{
	png_color colours[256];
	png_byte alpha[4] = { 0, 64, 128, 255 };
	for (guint i = 0; i < 256; i++)
		colours[i] = (png_color){ (png_byte)i, (png_byte)(i * 7), (png_byte)(255 - i) };
	png_set_PLTE(png, info, colours, 256);
	png_set_tRNS(png, info, alpha, 4, NULL);
}

static void set_text(png_structp png, png_infop info)
{
	char key[] = "Comment", note[] = "frame 12, SQ010_SH0040", long_key[] = "Scene", long_note[400];
	memset(long_note, 'x', sizeof long_note - 1);
	long_note[sizeof long_note - 1] = '\0';
	png_text text[] = { { .compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = note },
			    { .compression = PNG_TEXT_COMPRESSION_zTXt, .key = long_key, .text = long_note } };
	png_set_text(png, info, text, 2);
	png_set_pHYs(png, info, 2835, 2835, PNG_RESOLUTION_METER);
	png_set_gAMA(png, info, 0.45455);
}

static void fill_row(guchar *row, gsize size, const struct picture *p, GRand *random)
{
	for (gsize i = 0; i < size; i++)
		row[i] = p->pattern == PATTERN_NOISE  ? (guchar)g_rand_int(random)
			 : p->pattern == PATTERN_GREY ? 0x55
						      : 0;
	/* black with varying alpha */
	for (gsize i = 3; p->pattern == PATTERN_CLEAR && i < size; i += 4)
		row[i] = (guchar)i;
}

static GByteArray *make_png(const struct picture *p)
{
	GByteArray *out = g_byte_array_new();
	g_autoptr(GRand) random = g_rand_new_with_seed(7);
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_set_write_fn(png, out, append_bytes, append_flush);
	png_set_compression_buffer_size(png, 600); /* several IDAT chunks */
	png_set_IHDR(png, info, p->width, p->height, p->bits, p->colour,
		     p->is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	if (p->colour == PNG_COLOR_TYPE_PALETTE)
		set_palette(png, info);
	if (p->has_text)
		set_text(png, info);
	png_write_info(png, info);
	gsize size = png_get_rowbytes(png, info);
	g_autofree guchar *pixels = g_malloc(size * p->height);
	g_autofree png_bytep *rows = g_new(png_bytep, p->height);
	for (guint y = 0; y < p->height; y++) {
		rows[y] = pixels + y * size;
		fill_row(rows[y], size, p, random);
	}
	png_write_image(png, rows);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return out;
}

static gboolean check_bytes(const guchar *bytes, gsize size, const struct image_expected *expected,
			    struct image_facts *ret, GError **error)
{
	SCOPED_FD(fd) = memfd_create("frame", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return image_check_fd(fd, expected, ret, error);
}

static gboolean is_whole(const guchar *bytes, gsize size)
{
	struct image_facts facts;
	g_autoptr(GError) error = NULL;
	gboolean ok = check_bytes(bytes, size, &(struct image_expected){ .format = "PNG" }, &facts, &error);
	if (!ok) /* each refusal says something */
		assert_true(error->domain == CLEAVE_ERROR && *error->message);
	return ok;
}

static const struct picture small = {
	.width = 24, .height = 16, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .bits = 8, .has_text = TRUE
};

static void test_whole(void **state)
{
	(void)state;
	static const struct {
		struct picture picture;
		guint channels, bits;
	} cases[] = {
		{ { 64, 40, PNG_COLOR_TYPE_RGB, 8, FALSE, TRUE, PATTERN_NOISE }, 3, 8 },
		{ { 64, 40, PNG_COLOR_TYPE_RGB_ALPHA, 8, FALSE, FALSE, PATTERN_NOISE }, 4, 8 },
		{ { 33, 21, PNG_COLOR_TYPE_RGB_ALPHA, 16, FALSE, TRUE, PATTERN_NOISE }, 4, 16 },
		{ { 33, 21, PNG_COLOR_TYPE_RGB, 16, TRUE, FALSE, PATTERN_NOISE }, 3, 16 },
		{ { 33, 21, PNG_COLOR_TYPE_GRAY, 8, FALSE, FALSE, PATTERN_NOISE }, 1, 8 },
		{ { 33, 21, PNG_COLOR_TYPE_GRAY, 1, FALSE, FALSE, PATTERN_NOISE }, 1, 8 },
		{ { 33, 21, PNG_COLOR_TYPE_GRAY, 2, TRUE, FALSE, PATTERN_NOISE }, 1, 8 },
		{ { 33, 21, PNG_COLOR_TYPE_GRAY_ALPHA, 8, FALSE, FALSE, PATTERN_NOISE }, 2, 8 },
		{ { 33, 21, PNG_COLOR_TYPE_PALETTE, 8, FALSE, FALSE, PATTERN_NOISE }, 4, 8 },
		{ { 1, 1, PNG_COLOR_TYPE_RGB, 8, TRUE, FALSE, PATTERN_NOISE }, 3, 8 },
		{ { 3, 2, PNG_COLOR_TYPE_RGB_ALPHA, 8, TRUE, TRUE, PATTERN_NOISE }, 4, 8 },
		{ { 1, 300, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, PATTERN_NOISE }, 3, 8 },
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct picture *p = &cases[i].picture;
		g_autoptr(GByteArray) png = make_png(p);
		struct image_facts facts;
		g_autoptr(GError) error = NULL;
		if (!check_bytes(png->data, png->len, &(struct image_expected){ "PNG", p->width, p->height, 0, 0 }, &facts,
				 &error))
			fail_msg("case %u: %s", i, error->message);
		assert_int_equal(facts.width, p->width);
		assert_int_equal(facts.height, p->height);
		assert_int_equal(facts.channels, cases[i].channels);
		assert_int_equal(facts.bits, cases[i].bits);
		assert_string_equal(facts.format, "PNG");
	}
}

static void test_black_and_constant(void **state)
{
	(void)state;
	static const struct {
		struct picture picture;
		gboolean is_black, is_constant;
	} cases[] = {
		{ { 64, 40, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, PATTERN_NOISE }, FALSE, FALSE },
		{ { 64, 40, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, PATTERN_BLACK }, TRUE, TRUE },
		{ { 64, 40, PNG_COLOR_TYPE_RGB, 16, TRUE, FALSE, PATTERN_BLACK }, TRUE, TRUE },
		{ { 64, 40, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, PATTERN_GREY }, FALSE, TRUE },
		{ { 64, 40, PNG_COLOR_TYPE_GRAY, 8, TRUE, FALSE, PATTERN_GREY }, FALSE, TRUE },
		{ { 64, 40, PNG_COLOR_TYPE_RGB_ALPHA, 8, FALSE, FALSE, PATTERN_CLEAR }, TRUE, FALSE },
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) png = make_png(&cases[i].picture);
		struct image_facts facts;
		assert_true(
			check_bytes(png->data, png->len, &(struct image_expected){ .format = "PNG" }, &facts, NULL));
		assert_int_equal(facts.is_black, cases[i].is_black);
		assert_int_equal(facts.is_constant, cases[i].is_constant);
	}
}

static guint32 big_endian(const guchar *p)
{
	return (guint32)p[0] << 24 | (guint32)p[1] << 16 | (guint32)p[2] << 8 | p[3];
}

static void test_each_chunk_damaged(void **state)
{
	(void)state;
	g_autoptr(GByteArray) png = make_png(&small);
	guint n_chunks = 0;
	for (guint at = 8; at < png->len;) {
		guint size = big_endian(png->data + at);
		const guint places[] = {
			at, at + 3, at + 4, at + 7, at + 8, at + 8 + size / 2, at + 8 + size, at + 11 + size
		};
		for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
			png->data[places[i]] ^= 0x20;
			assert_false(is_whole(png->data, png->len));
			png->data[places[i]] ^= 0x20;
		}
		at += size + 12;
		n_chunks++;
	}
	assert_true(n_chunks >= 8); /* IHDR, gAMA, pHYs, tEXt, zTXt, several IDAT, IEND */
	assert_true(is_whole(png->data, png->len));
}

static void test_each_bit_damaged(void **state)
{
	(void)state;
	g_autoptr(GByteArray) png = make_png(&small);
	for (guint i = 0; i < png->len; i++)
		for (guint bit = 0; bit < 8; bit++) {
			png->data[i] ^= (guchar)(1u << bit);
			if (is_whole(png->data, png->len))
				fail_msg("bit %u of byte %u", bit, i);
			png->data[i] ^= (guchar)(1u << bit);
		}
}

static void test_random_damages(void **state)
{
	(void)state;
	struct picture p = { 320, 200, PNG_COLOR_TYPE_RGB, 8, FALSE, TRUE, PATTERN_NOISE };
	g_autoptr(GByteArray) png = make_png(&p);
	g_autoptr(GRand) random = g_rand_new_with_seed(20240601);
	for (guint i = 0; i < 400; i++) {
		guint at = (guint)g_rand_int_range(random, 0, (gint32)png->len);
		guchar change = (guchar)g_rand_int_range(random, 1, 256);
		png->data[at] ^= change;
		assert_false(is_whole(png->data, png->len));
		png->data[at] ^= change;
	}
	assert_true(is_whole(png->data, png->len));
}

static void test_cut_and_extended(void **state)
{
	(void)state;
	g_autoptr(GByteArray) png = make_png(&small);
	for (guint size = 0; size < png->len; size++)
		assert_false(is_whole(png->data, size));
	struct picture p = { 320, 200, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, PATTERN_NOISE };
	g_autoptr(GByteArray) big = make_png(&p);
	for (guint size = 0; size < big->len; size += 997)
		assert_false(is_whole(big->data, size));
	guint len = png->len;
	const guchar extra[] = { 0, 0, 0, 0, 'I' };
	for (guint n = 1; n <= sizeof extra; n++) {
		g_byte_array_append(png, extra, n);
		assert_false(is_whole(png->data, png->len));
		g_byte_array_set_size(png, len);
	}
	g_byte_array_append(png, big->data, big->len);
	assert_false(is_whole(png->data, png->len));
}

/* Writes a chunk with a right CRC. */
static void append_chunk(GByteArray *out, const char *type, const guchar *data, guint size)
{
	guint32 length = GUINT32_TO_BE(size);
	g_byte_array_append(out, (const guchar *)&length, 4);
	guint start = out->len;
	g_byte_array_append(out, (const guchar *)type, 4);
	if (size)
		g_byte_array_append(out, data, size);
	guint32 crc = GUINT32_TO_BE((guint32)crc32_z(0, out->data + start, out->len - start));
	g_byte_array_append(out, (const guchar *)&crc, 4);
}

/* 8 x 8 grey, with the given compressed rows. */
static GByteArray *make_by_hand(guint n_rows, const char *extra_chunk, const char *extra_data, gboolean is_after)
{
	GByteArray *out = g_byte_array_new();
	const guchar head[] = { 0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0 };
	guchar rows[20 * 9] = { 0 }, packed[256];
	uLongf packed_size = sizeof packed;
	assert_int_equal(compress(packed, &packed_size, rows, n_rows * 9), Z_OK);
	g_byte_array_append(out, (const guchar *)"\x89PNG\r\n\x1a\n", 8);
	append_chunk(out, "IHDR", head, sizeof head);
	if (extra_chunk && !is_after)
		append_chunk(out, extra_chunk, (const guchar *)extra_data, (guint)strlen(extra_data));
	append_chunk(out, "IDAT", packed, (guint)packed_size);
	if (extra_chunk && is_after)
		append_chunk(out, extra_chunk, (const guchar *)extra_data, (guint)strlen(extra_data));
	append_chunk(out, "IEND", NULL, 0);
	return out;
}

/* The chunk before the pixels, and after them. */
static void assert_by_hand(guint n_rows, const char *chunk, const char *data, gboolean before, gboolean after)
{
	for (gboolean is_after = FALSE; is_after <= TRUE; is_after++) {
		g_autoptr(GByteArray) png = make_by_hand(n_rows, chunk, data, is_after);
		if (is_whole(png->data, png->len) != (is_after ? after : before))
			fail_msg("%u rows, chunk %s, after %d", n_rows, chunk, is_after);
	}
}

static void test_right_checksums_wrong_content(void **state)
{
	(void)state;
	assert_by_hand(8, NULL, NULL, TRUE, TRUE);
	assert_by_hand(7, NULL, NULL, FALSE, FALSE);
	assert_by_hand(0, NULL, NULL, FALSE, FALSE);
	assert_by_hand(9, NULL, NULL, FALSE, FALSE);
	assert_by_hand(8, "ABCD", "an unknown critical chunk", FALSE, FALSE);
	/* after the end of the pixels' stream no decoder looks at it */
	assert_by_hand(8, "IDAT", "not a zlib stream", FALSE, TRUE);
	/* what does not touch the pixels is no damage */
	assert_by_hand(8, "iCCP", "odd profile", TRUE, TRUE);
	assert_by_hand(8, "abCd", "private", TRUE, TRUE);
}

static void test_sentences(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	struct image_facts facts = { 0 };
	const struct image_expected any = { .format = "PNG" };
	g_autoptr(GByteArray) png = make_png(&small);
	test_write(&r, "whole.png", png->data, png->len);
	test_write(&r, "cut.png", png->data, 100);
	test_text(&r, "empty.png", "");
	test_text(&r, "text.png", "GIF89a..................");
	assert_true(image_check(r.fd, "whole.png", &any, &facts, &error));
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "PNG", 24, 17, 0, 0 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "whole.png: is 24x16 pixels, should be 24x17");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "PNG", 1920, 0, 4, 8 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "is 24x16 pixels, should be 1920x16");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "IRIS", 0, 0, 0, 0 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "format IRIS cannot be verified as frames (these can: PNG");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "WEBP", 0, 0, 0, 0 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "WebP has no checksum");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "FFMPEG", 0, 0, 0, 0 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "a movie has no frames of its own");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "PNG", 24, 16, 3, 8 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "whole.png: is RGBA, should be RGB");
	assert_false(image_check(r.fd, "whole.png", &(struct image_expected){ "PNG", 24, 16, 4, 16 }, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "whole.png: has 8 bits a channel, should have 16");
	assert_false(image_check(r.fd, "empty.png", &any, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "empty.png: is empty (0 bytes)");
	assert_false(image_check(r.fd, "cut.png", &any, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "is cut off at byte 100");
	assert_false(image_check(r.fd, "text.png", &any, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "is not a PNG file");
	png->data[png->len - 20] ^= 1;
	test_write(&r, "rot.png", png->data, png->len);
	assert_false(image_check(r.fd, "rot.png", &any, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "is damaged (CRC)");
	assert_false(image_check(r.fd, "none.png", &any, &facts, &error));
	test_assert_error(&error, ERROR_NOT_FOUND, "none.png cannot be opened");
	assert_int_equal(symlinkat("whole.png", r.fd, "link.png"), 0);
	assert_false(image_check(r.fd, "link.png", &any, &facts, &error));
	g_clear_error(&error);
	assert_false(image_check(r.fd, ".", &any, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, "not a regular file");
	assert_true(image_format_is_known("PNG"));
	assert_false(image_format_is_known("png "));
	test_root_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_black_and_constant),
		cmocka_unit_test(test_each_chunk_damaged),
		cmocka_unit_test(test_each_bit_damaged),
		cmocka_unit_test(test_random_damages),
		cmocka_unit_test(test_cut_and_extended),
		cmocka_unit_test(test_right_checksums_wrong_content),
		cmocka_unit_test(test_sentences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
