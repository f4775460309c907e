/* The readers' rows, averaged. Sums are of encoded values: what is bright in a float image is cut off before it
 * is averaged, so that one firefly does not make its surroundings white. */
#include "frames/thumbnail.h"
#include "base/error.h"
#include "frames/image.h"

struct box {
	guint most_width, most_height; /* room for the result */
	guint from_width, from_height; /* of the image */
	guint width, height;
	guint64 *sums; /* red, green, blue and how many, for each pixel */
};

static gboolean on_begin(void *data, guint width, guint height, GError **error)
{
	struct box *b = data;
	(void)error;
	b->from_width = width;
	b->from_height = height;
	b->width = MIN(width, b->most_width);
	b->height = (guint)MAX((guint64)height * b->width / width, 1);
	if (b->height > b->most_height) {
		b->height = MIN(height, b->most_height);
		b->width = (guint)MAX((guint64)width * b->height / height, 1);
	}
	g_free(b->sums);
	b->sums = g_new0(guint64, (gsize)b->width * b->height * 4);
	return TRUE;
}

static void on_row(void *data, guint y, guint x, guint step, const guint8 *rgb, guint n)
{
	struct box *b = data;
	guint64 *row = b->sums + (guint64)y * b->height / b->from_height * b->width * 4;
	for (guint i = 0; i < n; i++) {
		guint64 *pixel = row + ((guint64)x + (guint64)i * step) * b->width / b->from_width * 4;
		for (guint c = 0; c < 3; c++)
			pixel[c] += rgb[i * 3 + c];
		pixel[3]++;
	}
}

gboolean thumbnail_make(int fd, const char *format, guint width, guint height, struct thumbnail *ret, GError **error)
{
	struct box b = { .most_width = width, .most_height = height };
	const struct image_sink sink = { on_begin, on_row, &b };
	const struct image_expected expected = { .format = format };
	struct image_facts facts;
	gboolean ok = image_decode_fd(fd, &expected, &sink, &facts, error);
	if (ok) {
		gsize n = (gsize)b.width * b.height;
		*ret = (struct thumbnail){ b.width, b.height, g_malloc(n * 3) };
		for (gsize i = 0; i < n * 3; i++)
			ret->rgb[i] = (guint8)(b.sums[i / 3 * 4 + i % 3] / MAX(b.sums[i / 3 * 4 + 3], 1u));
	}
	g_free(b.sums);
	return ok;
}

void thumbnail_clear(struct thumbnail *t)
{
	g_free(t->rgb);
	*t = (struct thumbnail){ 0 };
}
