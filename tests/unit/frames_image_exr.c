/* OpenEXR: every shape and compression read, what is judged as its picture, and which damages are found. */
#include "exr_fixture.h"
#include "frames/image.h"
#include "frames_files.h"
#include <sys/mman.h>
#include <sys/resource.h>

/* AddressSanitizer itself takes terabytes of addresses. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED TRUE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED TRUE
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED FALSE
#endif

static const struct exr_shape plain = { .width = 48, .height = 32, .compression = 3, .n_parts = 1 };

static struct test_root root;

static void make(const struct exr_shape *shape, char **ret, gsize *ret_size)
{
	g_autofree char *path = g_build_filename(root.path, "x.exr", NULL);
	unlink(path);
	exr_write(path, shape);
	assert_true(g_file_get_contents(path, ret, ret_size, NULL));
}

static gboolean check_bytes(const char *bytes, gsize size, const struct image_expected *expected,
                            struct image_facts *ret, GError **error)
{
	SCOPED_FD(fd) = memfd_create("frame", MFD_CLOEXEC);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return image_check_fd(fd, expected, ret, error);
}

static gboolean is_whole(const char *bytes, gsize size)
{
	struct image_facts facts;
	g_autoptr(GError) error = NULL;
	gboolean ok = check_bytes(bytes, size, &(struct image_expected){ .format = "OPEN_EXR" }, &facts, &error);
	if (!ok)
		assert_true(error->domain == CLEAVE_ERROR && *error->message);
	return ok;
}

static struct image_facts facts_of_shape(const struct exr_shape *shape)
{
	g_autofree char *bytes = NULL;
	gsize size;
	struct image_facts facts = { 0 };
	g_autoptr(GError) error = NULL;
	make(shape, &bytes, &size);
	if (!check_bytes(bytes, size, &(struct image_expected){ "OPEN_EXR", 48, 32, 0, 0 }, &facts, &error))
		fail_msg("%s tiles %d parts %u: %s", exr_compressions[shape->compression], shape->tiles, shape->n_parts,
		         error->message);
	return facts;
}

static void every_shape_is_read(void **state)
{
	(void)state;
	for (guint compression = 0; compression < n_exr_compressions; compression++)
		for (int tiles = EXR_LINES; tiles <= EXR_MIPMAP; tiles++)
			for (guint parts = 1; parts <= 2; parts++)
				for (int more = 0; more < 4; more++) {
					struct exr_shape s = plain;
					s.compression = compression;
					s.tiles = (enum exr_tiles)tiles;
					s.n_parts = parts;
					s.is_float = more & 1;
					s.has_layers = more & 2;
					s.has_lines_from_below = tiles == EXR_LINES && more & 1;
					struct image_facts f = facts_of_shape(&s);
					assert_int_equal(f.channels, 4);
					assert_int_equal(f.bits, s.is_float ? 32 : 16);
					assert_true(f.is_float && !f.is_black && !f.is_constant && !f.is_nan);
					assert_int_equal(f.n_layers, parts * (s.has_layers ? 3 : 1));
					assert_int_equal(f.n_all_channels, parts * (s.has_layers ? 8 : 4));
				}
}

static void the_picture_is_judged(void **state)
{
	(void)state;
	struct exr_shape s = plain;
	for (int layers = 0; layers <= 1; layers++)
		for (int tiles = EXR_LINES; tiles <= EXR_MIPMAP; tiles++) {
			s.has_layers = layers;
			s.tiles = (enum exr_tiles)tiles;
			s.pattern = EXR_BLACK; /* alpha and other layers are not */
			struct image_facts f = facts_of_shape(&s);
			assert_true(f.is_black && !f.is_constant && !f.is_nan);
			s.pattern = EXR_GREY;
			f = facts_of_shape(&s);
			assert_true(!f.is_black && f.is_constant && !f.is_nan);
			s.pattern = EXR_NAN;
			f = facts_of_shape(&s);
			assert_true(!f.is_black && !f.is_constant && f.is_nan);
			s.pattern = EXR_NAN_IN_LAYER;
			f = facts_of_shape(&s);
			assert_int_equal(f.is_nan, layers);
		}
	s = plain;
	s.is_grey = TRUE;
	assert_int_equal(facts_of_shape(&s).channels, 1);
	s.is_luminance = TRUE; /* Y alone; RY and BY have a quarter of the samples */
	struct image_facts f = facts_of_shape(&s);
	assert_true(f.channels == 1 && f.n_all_channels == 3 && !f.is_black);
	s.pattern = EXR_BLACK;
	assert_true(facts_of_shape(&s).is_black);
}

static void assert_refused(const struct exr_shape *shape, const struct image_expected *expected, const char *sentence)
{
	g_autofree char *bytes = NULL;
	gsize size;
	struct image_facts facts;
	GError *error = NULL;
	make(shape, &bytes, &size);
	assert_false(check_bytes(bytes, size, expected, &facts, &error));
	test_assert_error(&error, ERROR_INVALID, sentence);
}

static void what_is_not_as_asked(void **state)
{
	(void)state;
	struct exr_shape s = plain;
	assert_refused(&s, &(struct image_expected){ "OPEN_EXR", 48, 33, 0, 0 }, "is 48x32 pixels, should be 48x33");
	assert_refused(&s, &(struct image_expected){ "OPEN_EXR", 48, 32, 4, 32 }, "has 16 bits a channel, should have 32");
	assert_refused(&s, &(struct image_expected){ "OPEN_EXR", 48, 32, 3, 16 }, "is RGBA, should be RGB");
	s.is_cropped = TRUE;
	assert_refused(&s, &(struct image_expected){ .format = "OPEN_EXR" }, "not those of the picture's frame");
	s = plain;
	s.tiles = EXR_RIPMAP;
	assert_refused(&s, &(struct image_expected){ .format = "OPEN_EXR" }, "has ripmap levels");
	s.tiles = EXR_LINES;
	s.compression = 2;
	s.is_deep = TRUE;
	assert_refused(&s, &(struct image_expected){ .format = "OPEN_EXR" }, "is a deep image");
}

/* -- damage ---------------------------------------------------------------------------------------------- */

static gsize header_end(const char *bytes, gsize size)
{
	gsize at = 8;
	while (bytes[at]) {
		gint32 length;
		at += strlen(bytes + at) + 1;
		at += strlen(bytes + at) + 1;
		memcpy(&length, bytes + at, 4);
		at += 4 + (gsize)GINT32_FROM_LE(length);
		assert_true(at < size);
	}
	return at + 1;
}

static guint64 first_chunk(const char *bytes, gsize table)
{
	guint64 at;
	memcpy(&at, bytes + table, 8);
	return GUINT64_FROM_LE(at);
}

static guint count_caught(char *bytes, gsize size, gsize from, guint n, guint seed)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	guint caught = 0;
	for (guint i = 0; i < n; i++) {
		gsize at = (gsize)g_rand_int_range(random, (gint32)from, (gint32)size);
		char change = (char)g_rand_int_range(random, 1, 256);
		bytes[at] ^= change;
		caught += !is_whole(bytes, size);
		bytes[at] ^= change;
	}
	return caught;
}

/* Of 400 changes of one byte in the pixels, what each compression has to find at least: those with a checksum
 * all but the padding between their blocks, which no pixel depends on. */
static void changes_of_a_byte(void **state)
{
	(void)state;
	static const guint least[] = { [2] = 396, [3] = 392, [5] = 392, [4] = 20, [8] = 150, [9] = 150, [1] = 20 };
	for (guint c = 0; c < n_exr_compressions; c++) {
		struct exr_shape s = plain;
		s.compression = c;
		g_autofree char *bytes = NULL;
		gsize size;
		make(&s, &bytes, &size);
		gsize table = header_end(bytes, size), pixels = first_chunk(bytes, table);
		guint caught = count_caught(bytes, size, pixels, 400, c), tables = count_caught(bytes, pixels, table, 0, c);
		g_autofree char *copy = g_memdup2(bytes, size);
		for (gsize at = table; at < pixels; at++, tables++) {
			copy[at] ^= 0x11;
			if (is_whole(copy, size))
				fail_msg("%s: byte %zu of the table", exr_compressions[c], at - table);
			copy[at] ^= 0x11;
		}
		print_message("# %-5s %5zu bytes: %u of 400 changes in the pixels found, %u of %u in the table\n",
		              exr_compressions[c], size, caught, tables, tables);
		assert_true(caught >= (c < G_N_ELEMENTS(least) ? least[c] : 0));
	}
}

static void cuts_and_more(void **state)
{
	(void)state;
	for (guint c = 0; c < n_exr_compressions; c++)
		for (int tiles = EXR_LINES; tiles <= EXR_MIPMAP; tiles++) {
			struct exr_shape s = plain;
			s.compression = c;
			s.tiles = (enum exr_tiles)tiles;
			s.n_parts = 1 + c % 2;
			g_autofree char *bytes = NULL;
			gsize size;
			make(&s, &bytes, &size);
			g_autoptr(GRand) random = g_rand_new_with_seed(c);
			for (guint i = 0; i < 200; i++)
				assert_false(is_whole(bytes, (gsize)g_rand_int_range(random, 0, (gint32)size)));
			assert_false(is_whole(bytes, size - 1));
			g_autofree char *longer = g_malloc0(size + 1);
			memcpy(longer, bytes, size);
			assert_true(is_whole(longer, size));
			assert_false(is_whole(longer, size + 1));
		}
}

/* Half of the file overwritten with zeros, as lost pages leave it. To B44 zeros are black blocks, and to PIZ a
 * code like another: both decode them. */
static void holes(void **state)
{
	(void)state;
	for (guint c = 1; c < n_exr_compressions; c++) {
		struct exr_shape s = plain;
		s.compression = c;
		g_autofree char *bytes = NULL;
		gsize size;
		make(&s, &bytes, &size);
		g_autofree char *holed = g_memdup2(bytes, size);
		memset(holed + size / 2, 0, size - size / 2);
		if (is_whole(holed, size) != (c == 4 || c == 6 || c == 7))
			fail_msg("%s", exr_compressions[c]);
	}
}

static void set_int(char *bytes, gsize at, gint32 value)
{
	gint32 le = GINT32_TO_LE(value);
	memcpy(bytes + at, &le, 4);
}

/* A header that claims a huge picture costs no memory. */
static void huge_headers(void **state)
{
	(void)state;
	struct rlimit old, little = { .rlim_cur = (rlim_t)2 << 30 };
	getrlimit(RLIMIT_AS, &old);
	little.rlim_max = old.rlim_max;
	for (int tiles = EXR_LINES; tiles <= EXR_RIPMAP; tiles++)
		for (guint k = 0; k < 4; k++) {
			static const gint32 sides[] = { 65535, 1 << 20, G_MAXINT32, -5 };
			struct exr_shape s = plain;
			s.tiles = (enum exr_tiles)tiles;
			g_autofree char *bytes = NULL;
			gsize size;
			make(&s, &bytes, &size);
			for (gsize at = 0; at + 40 < size; at++)
				if (memcmp(bytes + at, "dataWindow\0box2i\0", 17) == 0 ||
				    memcmp(bytes + at, "displayWindow\0box2i\0", 20) == 0) {
					gsize box = at + strlen(bytes + at) + 1 + 6 + 4;
					set_int(bytes, box + 8, sides[k]);
					set_int(bytes, box + 12, sides[k]);
				}
			if (!IS_SANITIZED)
				setrlimit(RLIMIT_AS, &little);
			assert_false(is_whole(bytes, size));
			setrlimit(RLIMIT_AS, &old);
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
		cmocka_unit_test(every_shape_is_read), cmocka_unit_test(the_picture_is_judged),
		cmocka_unit_test(what_is_not_as_asked), cmocka_unit_test(changes_of_a_byte),
		cmocka_unit_test(cuts_and_more),       cmocka_unit_test(holes),
		cmocka_unit_test(huge_headers),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
