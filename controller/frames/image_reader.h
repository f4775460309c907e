/* For the readers behind the table's rows (image.c), and between them.
 *
 * A reader checks sizes before it decodes, fills all facts but `format`, and tells each row of pixels to
 * pixels_row(), which judges it. C++ includes this, too. */
#pragma once
#include "frames/image.h"
#ifdef __cplusplus
extern "C" {
#endif

/* `sink` may be NULL. */
typedef gboolean image_reader(int fd, const struct image_expected *expected, const struct image_sink *sink,
			      struct image_facts *ret, GError **error);
image_reader image_png_check, image_exr_check, image_jpeg_check, image_tiff_check;

/* More than Blender can render: what claims it is damaged. */
#define IMAGE_MAX_SIDE 65536
/* Memory that one row, tile, strip or block may take. */
#define IMAGE_MAX_BLOCK ((gsize)1 << 30)

/* FALSE when it is not as asked, or of an impossible size. */
gboolean image_size_check(const struct image_expected *expected, guint width, guint height, GError **error);
gboolean image_depth_check(const struct image_expected *expected, const struct image_facts *facts, GError **error);

/* Reads `size` bytes at `at`; ERROR_INVALID where the file ends before. */
gboolean image_pread(int fd, void *to, gsize size, guint64 at, GError **error);
gint64 image_file_size(int fd);

/* -- pixels (image_pixels.c) -- */

enum pixel_sample { PIXEL_8, PIXEL_16, PIXEL_FLOAT };

/* All zero but `facts`, `sink` and `sample` at the start; `facts` has width, height and channels. */
struct image_pixels {
	struct image_facts *facts; /* is_black, is_constant and is_nan are kept up */
	const struct image_sink *sink;
	enum pixel_sample sample;
	guchar first[16]; /* the first pixel */
	gboolean is_begun;
	guint8 *rgb; /* a row for the sink */
};

struct pixel_row {
	guint y, x, step, n; /* as the sink's */
	const void *samples; /* interleaved, in the machine's byte order; n * channels of them */
};

/* Before the first row. */
gboolean pixels_begin(struct image_pixels *p, GError **error);
void pixels_row(struct image_pixels *p, const struct pixel_row *row);
gboolean pixels_have_nan(const float *samples, gsize n);
void pixels_clear(struct image_pixels *p);

#ifdef __cplusplus
}
#endif
