/* An OpenEXR, JPEG or TIFF file, by its first bytes; anything else by all three readers. Rows that are handed out
 * must lie in the picture, and all of it must have come when the file is whole. (PNG: png.c) */
#include "base/error.h"
#include "frames/image.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct canvas {
	guint width, height;
	guint64 n_pixels;
};

static gboolean on_begin(void *data, guint width, guint height, GError **error)
{
	(void)error;
	*(struct canvas *)data = (struct canvas){ width, height, 0 };
	return TRUE;
}

static void on_row(void *data, guint y, guint x, guint step, const guint8 *rgb, guint n)
{
	struct canvas *c = data;
	g_assert(y < c->height && n > 0 && x + (guint64)(n - 1) * step < c->width);
	guint sum = 0;
	for (guint i = 0; i < n * 3; i++)
		sum += rgb[i]; /* each may be read */
	g_assert(sum <= n * 3 * 255);
	c->n_pixels += n;
}

static void check(const char *format, int fd)
{
	struct canvas canvas = { 0 };
	const struct image_sink sink = { on_begin, on_row, &canvas };
	struct image_facts facts = { 0 };
	/* as a worker asks: the size is known, so that an input cannot keep the machine busy with a large one */
	for (guint side = 0; side <= 48; side += 48) {
		const struct image_expected expected = { .format = format, .width = side, .height = side * 2 / 3 };
		g_autoptr(GError) error = NULL;
		if (image_decode_fd(fd, &expected, &sink, &facts, &error))
			g_assert(facts.channels <= 4 && facts.bits >= 8 && facts.bits <= 32 &&
			         (facts.channels == 0 || canvas.n_pixels == (guint64)facts.width * facts.height));
		else
			g_assert(error && error->domain == CLEAVE_ERROR);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *format, *magic;
		size_t n;
	} formats[] = { { "OPEN_EXR", "\x76\x2f\x31\x01", 4 }, { "JPEG", "\xff\xd8", 2 }, { "TIFF", "II*\0", 4 }, { "TIFF", "MM\0*", 4 } };
	guint known = G_N_ELEMENTS(formats);
	for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
		if (size >= formats[i].n && memcmp(data, formats[i].magic, formats[i].n) == 0)
			known = i;
	int fd = memfd_create("image", MFD_CLOEXEC);
	g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	for (guint i = 0; i < 3; i++)
		if (known == G_N_ELEMENTS(formats) || i == MIN(known, 2u))
			check(formats[i].format, fd);
	close(fd);
	return 0;
}
