/* JPEG and TIFF: what is read, what is judged, what is refused, and which damages are found. Nothing of the
 * libraries' own messages reaches stderr. */
#include "frames/image.h"
#include "frames_files.h"
#include <jpeglib.h>
#include <sys/mman.h>
#include <tiffio.h>

enum { WIDTH = 48, HEIGHT = 32 };

enum pattern { PICTURE, BLACK, GREY };

struct picture {
	const char *format;
	guint channels, bits;
	int compression; /* TIFF */
	gboolean is_tiled, is_planar, is_float, is_progressive;
	enum pattern pattern;
	guint n_images; /* TIFF: directories */
};

static struct test_root root;

static double value_at(const struct picture *p, guint x, guint y, guint c)
{
	if (p->pattern == BLACK)
		return c == 3 ? x / 48.0 : 0;
	return p->pattern == GREY ? 0.5 : ((x * 3 + y * 5 + c * 40 + (x * 7 + y * 13) % 5) % 256) / 255.0;
}

static void fill_row(const struct picture *p, guint x, guint y, guint n, guint channel, guint channels, void *to)
{
	for (guint i = 0; i < n; i++)
		for (guint c = 0; c < channels; c++) {
			double v = x + i < WIDTH && y < HEIGHT ? value_at(p, x + i, y, channel + c) : 0;
			guint at = i * channels + c;
			if (p->is_float)
				((float *)to)[at] = (float)v;
			else if (p->bits == 16)
				((guint16 *)to)[at] = (guint16)(v * 65535);
			else
				((guint8 *)to)[at] = (guint8)(v * 255);
		}
}

/* -- writing --------------------------------------------------------------------------------------------- */

static GBytes *make_jpeg(const struct picture *p)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &bytes, &size);
	jpeg.image_width = WIDTH;
	jpeg.image_height = HEIGHT;
	jpeg.input_components = (int)p->channels;
	jpeg.in_color_space = p->channels == 1 ? JCS_GRAYSCALE : p->channels == 3 ? JCS_RGB : JCS_CMYK;
	jpeg_set_defaults(&jpeg);
	if (p->is_progressive)
		jpeg_simple_progression(&jpeg);
	jpeg_start_compress(&jpeg, TRUE);
	for (guint y = 0; y < HEIGHT; y++) {
		guint8 row[WIDTH * 4], *rows[] = { row };
		fill_row(p, 0, y, WIDTH, 0, p->channels, row);
		jpeg_write_scanlines(&jpeg, rows, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	return g_bytes_new_with_free_func(bytes, size, free, bytes);
}

static void set_tags(TIFF *tiff, const struct picture *p)
{
	TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDTH);
	TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, HEIGHT);
	TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, (int)p->channels);
	TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, (int)p->bits);
	TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, p->is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
	TIFFSetField(tiff, TIFFTAG_COMPRESSION, p->compression);
	TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, p->channels >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
	TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, p->is_planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
	if (p->channels % 2 == 0) {
		uint16_t alpha[] = { EXTRASAMPLE_ASSOCALPHA };
		TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, alpha);
	}
	if (p->is_tiled) {
		TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 32);
		TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
	} else {
		TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 10);
	}
}

static void write_tiles(TIFF *tiff, const struct picture *p, guint channels)
{
	guint sample = p->bits / 8;
	for (guint y = 0; y < HEIGHT; y += 16)
		for (guint x = 0; x < WIDTH; x += 32)
			for (guint c = 0; c < p->channels; c += channels) {
				guint32 tile[32 * 16 * 4];
				for (guint i = 0; i < 16; i++)
					fill_row(p, x, y + i, 32, c, channels, (guchar *)tile + i * 32 * channels * sample);
				TIFFWriteTile(tiff, tile, x, y, 0, (uint16_t)c);
			}
}

static void write_rows(TIFF *tiff, const struct picture *p, guint channels)
{
	for (guint c = 0; c < p->channels; c += channels)
		for (guint y = 0; y < HEIGHT; y++) {
			guint32 row[WIDTH * 4];
			fill_row(p, 0, y, WIDTH, c, channels, row);
			TIFFWriteScanline(tiff, row, y, (uint16_t)c);
		}
}

static GBytes *make_tiff(const struct picture *p)
{
	g_autofree char *path = g_build_filename(root.path, "x.tif", NULL), *bytes = NULL;
	gsize size;
	TIFFErrorHandler old = TIFFSetWarningHandler(NULL); /* it warns of its own old number of DEFLATE */
	TIFF *tiff = TIFFOpen(path, "w");
	for (guint i = 0; i < MAX(p->n_images, 1u); i++) {
		set_tags(tiff, p);
		if (p->is_tiled)
			write_tiles(tiff, p, p->is_planar ? 1 : p->channels);
		else
			write_rows(tiff, p, p->is_planar ? 1 : p->channels);
		TIFFWriteDirectory(tiff);
	}
	TIFFClose(tiff);
	TIFFSetWarningHandler(old);
	assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	return g_bytes_new_take(g_steal_pointer(&bytes), size);
}

static GBytes *make(const struct picture *p)
{
	return p->format[0] == 'J' ? make_jpeg(p) : make_tiff(p);
}

/* -- reading --------------------------------------------------------------------------------------------- */

static gboolean check_bytes(const void *bytes, gsize size, const struct image_expected *expected,
                            struct image_facts *ret, GError **error)
{
	SCOPED_FD(fd) = memfd_create("frame", MFD_CLOEXEC);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return image_check_fd(fd, expected, ret, error);
}

static gboolean is_whole(const char *format, const void *bytes, gsize size)
{
	struct image_facts facts;
	g_autoptr(GError) error = NULL;
	gboolean ok = check_bytes(bytes, size, &(struct image_expected){ .format = format }, &facts, &error);
	if (!ok)
		assert_true(error->domain == CLEAVE_ERROR && *error->message);
	return ok;
}

#define TIFF_OF(...) { .format = "TIFF", __VA_ARGS__ }
#define JPEG_OF(...) { .format = "JPEG", .bits = 8, __VA_ARGS__ }
static const struct picture pictures[] = {
	JPEG_OF(.channels = 1),
	JPEG_OF(.channels = 3),
	JPEG_OF(.channels = 3, .is_progressive = TRUE),
	TIFF_OF(.channels = 3, .bits = 8, .compression = COMPRESSION_NONE),
	TIFF_OF(.channels = 4, .bits = 8, .compression = COMPRESSION_LZW),
	TIFF_OF(.channels = 3, .bits = 8, .compression = COMPRESSION_PACKBITS),
	TIFF_OF(.channels = 3, .bits = 8, .compression = COMPRESSION_ADOBE_DEFLATE),
	TIFF_OF(.channels = 4, .bits = 16, .compression = COMPRESSION_DEFLATE),
	TIFF_OF(.channels = 1, .bits = 8, .compression = COMPRESSION_LZW),
	TIFF_OF(.channels = 2, .bits = 16, .compression = COMPRESSION_LZW),
	TIFF_OF(.channels = 3, .bits = 32, .is_float = TRUE, .compression = COMPRESSION_ADOBE_DEFLATE),
	TIFF_OF(.channels = 3, .bits = 8, .is_tiled = TRUE, .compression = COMPRESSION_LZW),
	TIFF_OF(.channels = 4, .bits = 16, .is_tiled = TRUE, .is_planar = TRUE, .compression = COMPRESSION_ADOBE_DEFLATE),
	TIFF_OF(.channels = 3, .bits = 8, .is_planar = TRUE, .compression = COMPRESSION_NONE),
};

static void every_shape_is_read_and_judged(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(pictures); i++)
		for (int pattern = PICTURE; pattern <= GREY; pattern++) {
			struct picture p = pictures[i];
			p.pattern = (enum pattern)pattern;
			g_autoptr(GBytes) bytes = make(&p);
			struct image_facts f;
			g_autoptr(GError) error = NULL;
			const struct image_expected expected = { p.format, WIDTH, HEIGHT, p.channels, p.bits };
			if (!check_bytes(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &expected, &f, &error))
				fail_msg("picture %u: %s", i, error->message);
			assert_int_equal(f.is_float, p.is_float);
			assert_int_equal(f.is_black, pattern == BLACK);
			assert_int_equal(f.is_constant, pattern == GREY || (pattern == BLACK && p.channels < 4));
		}
}

static void assert_refused(const struct picture *p, const struct image_expected *expected, const char *sentence)
{
	g_autoptr(GBytes) bytes = make(p);
	struct image_facts facts;
	GError *error = NULL;
	assert_false(check_bytes(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), expected, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, sentence);
}

static void what_is_refused(void **state)
{
	(void)state;
	const struct image_expected jpeg = { .format = "JPEG" }, tiff = { .format = "TIFF" };
	assert_refused(&pictures[1], &(struct image_expected){ "JPEG", 48, 31, 0, 0 }, "is 48x32 pixels, should be 48x31");
	assert_refused(&pictures[1], &(struct image_expected){ "JPEG", 48, 32, 1, 8 }, "is RGB, should be grey");
	assert_refused(&pictures[3], &(struct image_expected){ "TIFF", 48, 32, 3, 16 }, "has 8 bits a channel, should have 16");
	assert_refused(&pictures[1], &tiff, "cannot be decoded");
	assert_refused(&pictures[3], &jpeg, "cannot be decoded: Not a JPEG file");
	assert_refused(&(struct picture)JPEG_OF(.channels = 4), &jpeg, "has 4 components");
	struct picture p = pictures[3];
	p.n_images = 2;
	assert_refused(&p, &tiff, "holds several images");
	p = pictures[3];
	p.is_tiled = TRUE;
	p.compression = COMPRESSION_JPEG;
	assert_refused(&p, &tiff, "has the compression 7");
}

/* How many of 400 changes of one byte are found. Without checksums there is no more to find: the tests hold
 * what is reached, with room for another version of a library. */
static guint count_changes(const struct picture *p, guint seed)
{
	g_autoptr(GBytes) made = make(p);
	gsize size = g_bytes_get_size(made);
	g_autofree guchar *bytes = g_memdup2(g_bytes_get_data(made, NULL), size);
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	guint caught = 0;
	for (guint i = 0; i < 400; i++) {
		gsize at = (gsize)g_rand_int_range(random, 0, (gint32)size);
		guchar change = (guchar)g_rand_int_range(random, 1, 256);
		bytes[at] ^= change;
		caught += !is_whole(p->format, bytes, size);
		bytes[at] ^= change;
	}
	assert_true(is_whole(p->format, bytes, size));
	print_message("# %s%s%s %u channels, %u bits, compression %d, %zu bytes: %u of 400 changes found\n", p->format,
	              p->is_tiled ? " tiled" : "", p->is_planar ? " planar" : "", p->channels, p->bits, p->compression,
	              size, caught);
	return caught;
}

static void changes_of_a_byte(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(pictures); i++) {
		gboolean has_checksum = pictures[i].compression == COMPRESSION_ADOBE_DEFLATE ||
		                        pictures[i].compression == COMPRESSION_DEFLATE;
		guint caught = count_changes(&pictures[i], i);
		assert_true(caught > (has_checksum ? 300 : 5)); /* the rest are tags, as of resolution */
	}
}

/* Each byte of each of the four strips in DEFLATE, but the bits that fill up the last one before the checksum. */
static void every_byte_with_a_checksum(void **state)
{
	(void)state;
	g_autoptr(GBytes) made = make(&pictures[6]);
	gsize size = g_bytes_get_size(made);
	g_autofree guchar *bytes = g_memdup2(g_bytes_get_data(made, NULL), size);
	guint32 tags;
	guint missed = 0;
	memcpy(&tags, bytes + 4, 4);
	for (gsize at = 0; at < GUINT32_FROM_LE(tags); at++) {
		bytes[at] ^= 0x11;
		missed += is_whole("TIFF", bytes, size) ? 1 : 0;
		bytes[at] ^= 0x11;
	}
	assert_true(missed <= 4);
}

static void cuts_and_more(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(pictures); i++) {
		g_autoptr(GBytes) made = make(&pictures[i]);
		gsize size;
		const guchar *bytes = g_bytes_get_data(made, &size);
		g_autoptr(GRand) random = g_rand_new_with_seed(i);
		for (guint k = 0; k < 250; k++)
			assert_false(is_whole(pictures[i].format, bytes, (gsize)g_rand_int_range(random, 0, (gint32)size)));
		assert_false(is_whole(pictures[i].format, bytes, size - 1));
		g_autofree guchar *longer = g_malloc0(size + 1);
		memcpy(longer, bytes, size);
		assert_int_equal(is_whole(pictures[i].format, longer, size + 1), pictures[i].format[0] == 'T');
	}
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
		cmocka_unit_test(every_shape_is_read_and_judged), cmocka_unit_test(what_is_refused),
		cmocka_unit_test(changes_of_a_byte),		  cmocka_unit_test(every_byte_with_a_checksum),
		cmocka_unit_test(cuts_and_more),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
