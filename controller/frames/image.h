/* Is an image file whole? Decoded to its last byte, with every checksum it has.
 *
 * In: an open file and what it should be. Out: what it is, or the sentence that says where it is
 * damaged. Called by the worker for each frame it made, and by the job owner for frames whose "done"
 * is only a claim. Memory is bounded by one row and the reader's buffer, never by the image. */
#pragma once
#include <glib.h>

struct image_expected {
	const char *format;  /* a row of the table: "PNG" */
	guint width, height; /* pixels; 0 = any */
};

struct image_facts {
	const char *format;
	guint width, height;
	guint channels;       /* 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, as decoded */
	guint bits;           /* per channel, as decoded: 8 or 16 */
	gboolean is_black;    /* every colour sample is 0 (alpha is not asked) */
	gboolean is_constant; /* every pixel equals the first one */
};

/* ERROR_INVALID: damaged, not as expected, or of a format that cannot be verified. Reads with pread. */
gboolean image_check_fd(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error);
/* By path below `dir_fd`, which the error names. */
gboolean image_check(int dir_fd, const char *path, const struct image_expected *expected, struct image_facts *ret,
		     GError **error);
/* Whether frames of this format can be verified at all. */
gboolean image_format_is_known(const char *format);

/* The readers behind the table's rows; they fill all facts but `format`, and check the expected size
 * before they decode. */
gboolean image_png_check(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error);

/* For the readers. */
gboolean image_size_check(const struct image_expected *expected, guint width, guint height, GError **error);
