/* Is an image file whole? Decoded to its last byte, with every checksum it has.
 *
 * In: an open file and what it should be. Out: what it is, or the sentence that says where it is
 * damaged. Called by the worker for each frame it made, and by the job owner for frames whose "done"
 * is only a claim. Memory is bounded by one row, tile, strip or compressed block, never by the image
 * (a progressive JPEG alone is held whole, up to a limit).
 *
 * What a change of one byte is caught by: PNG: a CRC over each chunk, so all. OpenEXR: the table of chunks
 * and the compression; the header's texts and numbers, and pixels that are stored as they are (NONE, the
 * quantized ones of B44), have no second copy. TIFF with DEFLATE: a checksum a strip; else TIFF and JPEG
 * have none: cuts, and data that cannot be decoded, are caught. */
#pragma once
#include <glib.h>

struct image_expected {
	const char *format;  /* a row of the table: "PNG" */
	guint width, height; /* pixels; 0 = any */
	guint channels;      /* 1 grey, 3 colour, 4 colour and alpha; 0 = any */
	guint bits;          /* per channel: 8, 16 (half in OpenEXR), 32 (float); 0 = any */
};

struct image_facts {
	const char *format;
	guint width, height;
	guint channels;       /* 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, as decoded; of OpenEXR those
			       * that are judged as its picture, 0 when it has no colour at all */
	guint bits;           /* per channel, as decoded: 8, 16 or 32 */
	gboolean is_float;    /* 16 bits are half, 32 are float */
	guint n_all_channels; /* of all layers and parts together */
	guint n_layers;       /* 1, but in OpenEXR */
	gboolean is_black;    /* every colour sample is 0 (alpha is not asked) */
	gboolean is_constant; /* every pixel equals the first one */
	gboolean is_nan;      /* a sample of any layer is NaN or infinite */
};

/* ERROR_INVALID: damaged, not as expected, or of a format that cannot be verified. Reads with pread. */
gboolean image_check_fd(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error);
/* By path below `dir_fd`, which the error names. */
gboolean image_check(int dir_fd, const char *path, const struct image_expected *expected, struct image_facts *ret,
		     GError **error);
/* Whether frames of this format can be verified at all. */
gboolean image_format_is_known(const char *format);

/* Sets format, channels and bits of *ret as a task says them: colour mode "BW", "RGB", "RGBA" or "", depth "8",
 * "16", "32" or "". What Blender does not promise for the format is not asked. */
void image_expect(const char *format, const char *color_mode, const char *color_depth, struct image_expected *ret);

/* Where decoded pixels go, for thumbnails: rows in any order, each pixel of the picture once, in 8-bit sRGB
 * over black. Pixel i of the row stands at x + i * step. */
struct image_sink {
	/* Once, before the first row. FALSE stops the reader, with *error set. */
	gboolean (*begin)(void *data, guint width, guint height, GError **error);
	void (*row)(void *data, guint y, guint x, guint step, const guint8 *rgb, guint n);
	void *data;
};

/* image_check_fd() that also hands the pixels out. */
gboolean image_decode_fd(int fd, const struct image_expected *expected, const struct image_sink *sink,
			 struct image_facts *ret, GError **error);
/* The format that the file's name says; NULL for none. An .exr is OPEN_EXR. */
const char *image_format_of_name(const char *path);
