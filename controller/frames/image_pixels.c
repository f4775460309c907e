/* What rows of decoded pixels say of the picture, and their way to a sink. One place for all formats. */
#include "frames/image_reader.h"
#include <math.h>
#include <string.h>

static const gsize sample_sizes[] = { [PIXEL_8] = 1, [PIXEL_16] = 2, [PIXEL_FLOAT] = 4 };

gboolean pixels_begin(struct image_pixels *p, GError **error)
{
	p->facts->is_black = p->facts->is_constant = p->facts->channels > 0;
	if (!p->sink)
		return TRUE;
	p->rgb = g_malloc_n(p->facts->width, 3);
	return p->sink->begin(p->sink->data, p->facts->width, p->facts->height, error);
}

void pixels_clear(struct image_pixels *p)
{
	g_clear_pointer(&p->rgb, g_free);
}

gboolean pixels_have_nan(const float *samples, gsize n)
{
	for (gsize i = 0; i < n; i++)
		if (!isfinite(samples[i]))
			return TRUE;
	return FALSE;
}

/* Alpha is the last channel of an even number of them. */
static guint n_colours(guint channels)
{
	return channels - (channels % 2 == 0 ? 1 : 0);
}

static gboolean is_row_black(const struct image_pixels *p, const struct pixel_row *row)
{
	guint channels = p->facts->channels, colours = n_colours(channels);
	gsize size = sample_sizes[p->sample];
	static const guchar zero[3 * sizeof(float)];
	for (guint i = 0; i < row->n; i++) {
		const guchar *pixel = (const guchar *)row->samples + i * channels * size;
		if (p->sample != PIXEL_FLOAT && memcmp(pixel, zero, colours * size) != 0)
			return FALSE;
		for (guint c = 0; c < colours && p->sample == PIXEL_FLOAT; c++)
			if (((const float *)row->samples)[i * channels + c] != 0) /* -0 is black */
				return FALSE;
	}
	return TRUE;
}

static gboolean is_row_constant(struct image_pixels *p, const struct pixel_row *row)
{
	gsize pixel = p->facts->channels * sample_sizes[p->sample];
	const guchar *bytes = row->samples;
	if (!p->is_begun)
		memcpy(p->first, bytes, pixel);
	p->is_begun = TRUE;
	return memcmp(bytes, p->first, pixel) == 0 && memcmp(bytes, bytes + pixel, (row->n - 1) * pixel) == 0;
}

/* sRGB's own curve (IEC 61966-2-1). */
static guint8 encode_linear(float v)
{
	if (!(v > 0)) /* NaN as well */
		return 0;
	if (v >= 1)
		return 255;
	float encoded = v <= 0.0031308f ? 12.92f * v : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
	return (guint8)lrintf(encoded * 255);
}

/* Floats are linear with alpha multiplied in (OpenEXR); integers are encoded, and alpha is apart (PNG). */
static guint8 sample_8bit(const struct image_pixels *p, const void *samples, gsize at, gsize alpha_at)
{
	if (p->sample == PIXEL_FLOAT)
		return encode_linear(((const float *)samples)[at]);
	gboolean has_alpha = p->facts->channels % 2 == 0;
	if (p->sample == PIXEL_16) {
		const guint16 *s = samples;
		return (guint8)(((guint32)s[at] >> 8) * (has_alpha ? s[alpha_at] >> 8 : 255) / 255);
	}
	const guint8 *s = samples;
	return (guint8)((guint)s[at] * (has_alpha ? s[alpha_at] : 255) / 255);
}

static void hand_out(struct image_pixels *p, const struct pixel_row *row)
{
	guint channels = p->facts->channels, colours = n_colours(channels);
	for (guint i = 0; i < row->n; i++)
		for (guint c = 0; c < 3; c++) {
			gsize pixel = (gsize)i * channels;
			p->rgb[i * 3 + c] =
				sample_8bit(p, row->samples, pixel + (c < colours ? c : 0), pixel + channels - 1);
		}
	p->sink->row(p->sink->data, row->y, row->x, row->step, p->rgb, row->n);
}

void pixels_row(struct image_pixels *p, const struct pixel_row *row)
{
	struct image_facts *f = p->facts;
	if (row->n == 0 || f->channels == 0)
		return;
	if (f->is_constant)
		f->is_constant = is_row_constant(p, row);
	if (f->is_black)
		f->is_black = is_row_black(p, row);
	if (p->sample == PIXEL_FLOAT && !f->is_nan)
		f->is_nan = pixels_have_nan(row->samples, (gsize)row->n * f->channels);
	if (p->sink)
		hand_out(p, row);
}
