/* Cells on a dark ground, each with its frame's number in digits of 3 x 5 dots, twice as large. */
#include "base/error.h"
#include "frames/thumbnail.h"
#include <png.h>
#include <string.h>

enum {
	GAP = 4, /* around each cell */
	DOT = 2, /* pixels of a digit's dot */
	DIGIT_WIDTH = 3,
	DIGIT_HEIGHT = 5,
	LABEL_HEIGHT = DIGIT_HEIGHT * DOT + 2 * GAP,
};

struct colour {
	guint8 rgb[3];
};

static const struct colour ground = { { 24, 24, 24 } }, empty = { { 44, 44, 44 } }, ink = { { 200, 200, 200 } };
static const struct colour crosses[] = {
	[CONTACT_MISSING] = { { 110, 110, 110 } },
	[CONTACT_DAMAGED] = { { 220, 60, 50 } },
};

/* A row of three dots an octal digit, from above; the tenth is the minus. */
static const guint16 digits[] = { 075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717, 000700 };

struct contact {
	guint n, columns, width, height; /* of a picture */
	guint all_width, all_height;
	guint8 *rgb;
};

static void set(struct contact *s, guint x, guint y, struct colour c)
{
	if (x < s->all_width && y < s->all_height)
		memcpy(s->rgb + ((gsize)y * s->all_width + x) * 3, c.rgb, 3);
}

static void fill(struct contact *s, guint x, guint y, guint width, guint height, struct colour c)
{
	for (guint j = 0; j < height; j++)
		for (guint i = 0; i < width; i++)
			set(s, x + i, y + j, c);
}

struct contact *contact_new(guint n, guint columns, guint width, guint height)
{
	struct contact *s = g_new0(struct contact, 1);
	guint rows = (n + columns - 1) / columns;
	*s = (struct contact){ .n = n,
		             .columns = columns,
		             .width = width,
		             .height = height,
		             .all_width = columns * (width + GAP) + GAP,
		             .all_height = rows * (height + LABEL_HEIGHT + GAP) + GAP };
	s->rgb = g_malloc((gsize)s->all_width * s->all_height * 3);
	fill(s, 0, 0, s->all_width, s->all_height, ground);
	return s;
}

void contact_free(struct contact *s)
{
	if (!s)
		return;
	g_free(s->rgb);
	g_free(s);
}

static guint cell_x(const struct contact *s, guint cell)
{
	return GAP + cell % s->columns * (s->width + GAP);
}

static guint cell_y(const struct contact *s, guint cell)
{
	return GAP + cell / s->columns * (s->height + LABEL_HEIGHT + GAP);
}

static void draw_digit(struct contact *s, guint x, guint y, guint digit)
{
	for (guint j = 0; j < DIGIT_HEIGHT; j++)
		for (guint i = 0; i < DIGIT_WIDTH; i++)
			if (digits[digit] >> ((DIGIT_HEIGHT - 1 - j) * 3 + (DIGIT_WIDTH - 1 - i)) & 1)
				fill(s, x + i * DOT, y + j * DOT, DOT, DOT, ink);
}

static void draw_number(struct contact *s, guint cell, gint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
	guint x = cell_x(s, cell), y = cell_y(s, cell) + s->height + GAP, end = x + s->width;
	for (const char *c = text; *c && x + DIGIT_WIDTH * DOT <= end; c++, x += (DIGIT_WIDTH + 1) * DOT)
		draw_digit(s, x, y, *c == '-' ? 10 : (guint)(*c - '0'));
}

void contact_put(struct contact *s, guint cell, gint64 number, const struct thumbnail *t)
{
	guint x = cell_x(s, cell) + (s->width - MIN(t->width, s->width)) / 2;
	guint y = cell_y(s, cell) + (s->height - MIN(t->height, s->height)) / 2;
	for (guint j = 0; j < MIN(t->height, s->height); j++)
		memcpy(s->rgb + ((gsize)(y + j) * s->all_width + x) * 3, t->rgb + (gsize)j * t->width * 3,
		       (gsize)MIN(t->width, s->width) * 3);
	draw_number(s, cell, number);
}

void contact_cross(struct contact *s, guint cell, gint64 number, enum contact_mark mark)
{
	guint x = cell_x(s, cell), y = cell_y(s, cell);
	fill(s, x, y, s->width, s->height, empty);
	for (guint i = 0; i < s->width; i++) {
		guint at = i * (s->height - 1) / MAX(s->width - 1, 1u);
		set(s, x + i, y + at, crosses[mark]);
		set(s, x + i, y + s->height - 1 - at, crosses[mark]);
	}
	draw_number(s, cell, number);
}

/* -- PNG -------------------------------------------------------------------------------------------------- */

static void on_write(png_structp png, png_bytep bytes, png_size_t size)
{
	g_byte_array_append(png_get_io_ptr(png), bytes, (guint)size);
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void write_png(const struct contact *s, png_structp png, png_infop info, GByteArray *out)
{
	png_set_write_fn(png, out, on_write, on_flush);
	png_set_IHDR(png, info, s->all_width, s->all_height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
	             PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (guint y = 0; y < s->all_height; y++)
		png_write_row(png, s->rgb + (gsize)y * s->all_width * 3);
	png_write_end(png, info);
}

/* Nothing of this frame is used after a longjmp but its parameters, which are not changed. */
static gboolean write_guarded(const struct contact *s, png_structp png, png_infop info, GByteArray *out)
{
	if (setjmp(png_jmpbuf(png)))
		return FALSE;
	write_png(s, png, info, out);
	return TRUE;
}

GByteArray *contact_png(const struct contact *s, GError **error)
{
	GByteArray *out = g_byte_array_new();
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	gboolean ok = info && write_guarded(s, png, info, out);
	png_destroy_write_struct(&png, &info);
	if (ok)
		return out;
	g_byte_array_unref(out);
	fail(error, ERROR_FAILED, "the sheet cannot be written as a PNG of %ux%u pixels", s->all_width, s->all_height);
	return NULL;
}
