/* TIFF: every strip and tile decoded, and no warning of libtiff's let pass.
 *
 * Only what Blender and its libraries write is read: one picture; NONE, LZW, DEFLATE or PACKBITS; grey or
 * RGB with or without alpha; 8, 16 or 32 (float) bits. A strip in DEFLATE has a checksum, the others have
 * not: then cuts, and data that cannot be decoded, are caught. libtiff's handlers are set for the one
 * handle, so that nothing is printed and threads do not meet. */
#include "base/error.h"
#include "frames/image_reader.h"
#include <stdio.h>
#include <string.h>
#include <tiffio.h>
#include <zlib.h>

struct decoder {
	int fd;
	gint64 at, size;
	TIFF *tiff;
	const struct image_expected *expected;
	struct image_pixels pixels;
	guint16 planes; /* 1, or a plane for each channel */
	guint block_width, block_height;
	gboolean is_tiled;
	guchar *block; /* of all planes of one strip or tile */
	gsize row_size;   /* of one plane of one row of it */
	gsize block_size; /* of one plane of it */
	guchar *row;      /* of interleaved samples, where there are planes */
	GError *error;
};

/* -- libtiff's side -------------------------------------------------------------------------------------- */

static int on_message(TIFF *tiff, void *data, const char *module, const char *format, va_list ap)
{
	(void)tiff;
	struct decoder *d = data;
	g_autofree char *text = g_strdup_vprintf(format, ap);
	if (!d->error)
		fail(&d->error, ERROR_INVALID, "cannot be decoded: %s: %s", module ? module : "TIFF", text);
	return 1;
}

static tmsize_t on_read(thandle_t handle, void *to, tmsize_t size)
{
	struct decoder *d = handle;
	gint64 n = CLAMP(d->size - d->at, 0, size);
	if (n > 0 && !image_pread(d->fd, to, (gsize)n, (guint64)d->at, d->error ? NULL : &d->error))
		return -1;
	d->at += n;
	return n;
}

static tmsize_t on_write(thandle_t handle, void *from, tmsize_t size)
{
	(void)handle, (void)from, (void)size;
	return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
	struct decoder *d = handle;
	gint64 base = whence == SEEK_END ? d->size : whence == SEEK_CUR ? d->at : 0;
	if (offset > G_MAXINT64 - (guint64)base)
		return (toff_t)-1;
	d->at = base + (gint64)offset;
	return (toff_t)d->at;
}

static int on_close(thandle_t handle)
{
	(void)handle;
	return 0;
}

static toff_t on_size(thandle_t handle)
{
	return (toff_t)((struct decoder *)handle)->size;
}

/* "m": without memory mapping, which would fault on a file that shrinks. */
static gboolean begin(struct decoder *d)
{
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
	TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)IMAGE_MAX_BLOCK);
	TIFFOpenOptionsSetErrorHandlerExtR(options, on_message, d);
	TIFFOpenOptionsSetWarningHandlerExtR(options, on_message, d);
	d->tiff = TIFFClientOpenExt("image", "rm", d, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
	TIFFOpenOptionsFree(options);
	return d->tiff && !d->error;
}

/* -- what it should be ----------------------------------------------------------------------------------- */

static guint16 tag(const struct decoder *d, ttag_t which)
{
	uint16_t value = 0;
	return TIFFGetFieldDefaulted(d->tiff, which, &value) ? value : 0;
}

/* Which of the values it has, in words for the error when it is none of them. */
static gboolean is_supported(struct decoder *d)
{
	static const guint16 compressions[] = { COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_PACKBITS,
		                                COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE };
	guint16 compression = tag(d, TIFFTAG_COMPRESSION), photometric = tag(d, TIFFTAG_PHOTOMETRIC);
	gboolean is_known = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(compressions); i++)
		is_known |= compressions[i] == compression;
	if (!is_known)
		return fail(&d->error, ERROR_INVALID, "has the compression %u, with which frames are not written", compression);
	if (photometric != PHOTOMETRIC_MINISBLACK && photometric != PHOTOMETRIC_RGB)
		return fail(&d->error, ERROR_INVALID, "is neither grey nor RGB (photometric %u)", photometric);
	return TRUE;
}

static gboolean is_sample_supported(struct decoder *d, const struct image_facts *facts)
{
	gboolean is_colour = tag(d, TIFFTAG_PHOTOMETRIC) == PHOTOMETRIC_RGB;
	if (facts->channels != (is_colour ? 3u : 1u) && facts->channels != (is_colour ? 4u : 2u))
		return fail(&d->error, ERROR_INVALID, "has %u channels", facts->channels);
	if (facts->is_float ? facts->bits != 32 : facts->bits != 8 && facts->bits != 16)
		return fail(&d->error, ERROR_INVALID, "has %u bits a channel", facts->bits);
	return TRUE;
}

static gboolean read_facts(struct decoder *d, struct image_facts *facts)
{
	uint32_t width = 0, height = 0;
	if (!TIFFGetField(d->tiff, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(d->tiff, TIFFTAG_IMAGELENGTH, &height))
		return fail(&d->error, ERROR_INVALID, "has no size");
	facts->width = width;
	facts->height = height;
	facts->channels = tag(d, TIFFTAG_SAMPLESPERPIXEL);
	facts->bits = tag(d, TIFFTAG_BITSPERSAMPLE);
	facts->is_float = tag(d, TIFFTAG_SAMPLEFORMAT) == SAMPLEFORMAT_IEEEFP;
	if (!is_supported(d) || !is_sample_supported(d, facts))
		return FALSE;
	if (!TIFFLastDirectory(d->tiff))
		return fail(&d->error, ERROR_INVALID, "holds several images");
	return image_size_check(d->expected, width, height, &d->error) && image_depth_check(d->expected, facts, &d->error);
}

/* -- pixels ---------------------------------------------------------------------------------------------- */

static gboolean plan_blocks(struct decoder *d, const struct image_facts *facts)
{
	uint32_t width = facts->width, height = 0;
	d->is_tiled = TIFFIsTiled(d->tiff);
	d->planes = tag(d, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE ? (guint16)facts->channels : 1;
	if (d->is_tiled) {
		TIFFGetField(d->tiff, TIFFTAG_TILEWIDTH, &width);
		TIFFGetField(d->tiff, TIFFTAG_TILELENGTH, &height);
	} else {
		TIFFGetFieldDefaulted(d->tiff, TIFFTAG_ROWSPERSTRIP, &height);
		height = MIN(height, facts->height);
	}
	guint64 row = (guint64)width * (facts->bits / 8) * (facts->channels / d->planes);
	if (width == 0 || height == 0 || row * height > IMAGE_MAX_BLOCK / 4)
		return fail(&d->error, ERROR_INVALID, "has strips or tiles of %ux%u pixels", width, height);
	d->block_width = width;
	d->block_height = height;
	d->row_size = row;
	d->block_size = row * height;
	d->block = g_malloc0_n(d->planes, d->block_size);
	d->row = g_malloc_n(width, sizeof(float) * facts->channels);
	return TRUE;
}

/* libtiff takes a strip for read as soon as it is full, before the stream's checksum. */
static gboolean is_stream_whole(const guchar *packed, gsize size)
{
	z_stream z = { .next_in = (Bytef *)packed, .avail_in = (uInt)size };
	guchar out[16 * 1024];
	int result = inflateInit(&z);
	while (result == Z_OK) {
		z.next_out = out;
		z.avail_out = sizeof out;
		result = inflate(&z, Z_NO_FLUSH);
	}
	inflateEnd(&z);
	return result == Z_STREAM_END;
}

static gboolean check_stream(struct decoder *d, guint32 index)
{
	guint16 compression = tag(d, TIFFTAG_COMPRESSION);
	if (compression != COMPRESSION_ADOBE_DEFLATE && compression != COMPRESSION_DEFLATE)
		return TRUE;
	guint64 size = TIFFGetStrileByteCount(d->tiff, index);
	if (size > (guint64)d->size || size > G_MAXUINT32)
		return fail(&d->error, ERROR_INVALID, "is cut off");
	g_autofree guchar *packed = g_malloc(size);
	tmsize_t n = d->is_tiled ? TIFFReadRawTile(d->tiff, index, packed, (tmsize_t)size) :
	                           TIFFReadRawStrip(d->tiff, index, packed, (tmsize_t)size);
	if (d->error)
		return FALSE;
	if (n != (tmsize_t)size || !is_stream_whole(packed, size))
		return fail(&d->error, ERROR_INVALID, "strip or tile %u is damaged (checksum)", index);
	return TRUE;
}

static gboolean read_block(struct decoder *d, guint x, guint y, guint n_rows)
{
	gsize wanted = d->is_tiled ? d->block_size : d->row_size * n_rows;
	for (guint16 plane = 0; plane < d->planes; plane++) {
		guchar *to = d->block + plane * d->block_size;
		guint32 index = d->is_tiled ? TIFFComputeTile(d->tiff, x, y, 0, plane) :
		                              TIFFComputeStrip(d->tiff, y, plane);
		if (!check_stream(d, index))
			return FALSE;
		tmsize_t n = d->is_tiled ? TIFFReadEncodedTile(d->tiff, index, to, (tmsize_t)wanted) :
		                           TIFFReadEncodedStrip(d->tiff, index, to, (tmsize_t)wanted);
		if (d->error)
			return FALSE;
		if (n != (tmsize_t)wanted)
			return fail(&d->error, ERROR_INVALID, "cannot be decoded at row %u, column %u", y, x);
	}
	return TRUE;
}

/* Row `y` of the block, interleaved. */
static const void *row_of(const struct decoder *d, const struct image_facts *facts, guint y)
{
	gsize sample = facts->bits / 8, stride = d->row_size;
	if (d->planes == 1)
		return d->block + y * stride;
	for (guint c = 0; c < d->planes; c++)
		for (guint x = 0; x < d->block_width; x++)
			memcpy(d->row + (x * d->planes + c) * sample,
			       d->block + c * d->block_size + y * stride + x * sample, sample);
	return d->row;
}

static gboolean read_blocks(struct decoder *d, struct image_facts *facts)
{
	for (guint y = 0; y < facts->height; y += d->block_height)
		for (guint x = 0; x < facts->width; x += d->block_width) {
			guint n_rows = MIN(d->block_height, facts->height - y);
			if (!read_block(d, x, y, n_rows))
				return FALSE;
			for (guint i = 0; i < n_rows; i++) {
				const struct pixel_row row = { .y = y + i,
					                       .x = x,
					                       .step = 1,
					                       .n = MIN(d->block_width, facts->width - x),
					                       .samples = row_of(d, facts, i) };
				pixels_row(&d->pixels, &row);
			}
		}
	return TRUE;
}

static gboolean decode(struct decoder *d, struct image_facts *facts)
{
	if (!begin(d) || !read_facts(d, facts) || !plan_blocks(d, facts))
		return FALSE;
	d->pixels.facts = facts;
	d->pixels.sample = facts->is_float ? PIXEL_FLOAT : facts->bits == 16 ? PIXEL_16 : PIXEL_8;
	return pixels_begin(&d->pixels, &d->error) && read_blocks(d, facts);
}

gboolean image_tiff_check(int fd, const struct image_expected *expected, const struct image_sink *sink,
			  struct image_facts *ret, GError **error)
{
	struct decoder d = { .fd = fd, .size = image_file_size(fd), .expected = expected, .pixels.sink = sink };
	struct image_facts facts = *ret;
	gboolean ok = decode(&d, &facts) && !d.error;
	if (d.tiff)
		TIFFClose(d.tiff);
	pixels_clear(&d.pixels);
	g_free(d.block);
	g_free(d.row);
	if (ok) {
		*ret = facts;
		return TRUE;
	}
	if (!d.error)
		fail(&d.error, ERROR_INVALID, "cannot be decoded");
	g_propagate_error(error, d.error);
	return FALSE;
}
