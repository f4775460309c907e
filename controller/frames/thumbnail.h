/* A small picture of a frame, and many of them on one sheet.
 *
 * In: open image files of any format that frames can have. Out: 8-bit sRGB, and a PNG. Each image is decoded
 * whole, as for verifying: what is damaged gives no thumbnail. Called by `cleave sheet`. */
#pragma once
#include <glib.h>

struct thumbnail {
	guint width, height;
	guint8 *rgb; /* rows from above; thumbnail_clear() */
};

/* Scaled down to fit into width x height, never up; each pixel is the mean of those that it stands for. */
gboolean thumbnail_make(int fd, const char *format, guint width, guint height, struct thumbnail *ret, GError **error);
void thumbnail_clear(struct thumbnail *t);

/* -- the sheet -- */

struct contact;

enum contact_mark { CONTACT_MISSING, CONTACT_DAMAGED };

/* `n` cells, `columns` side by side, each with room for a picture of width x height and its number beneath. */
struct contact *contact_new(guint n, guint columns, guint width, guint height);
/* The picture in the middle of its cell. */
void contact_put(struct contact *s, guint cell, gint64 number, const struct thumbnail *t);
/* A crossed cell: grey for what is not there, red for what is not whole. */
void contact_cross(struct contact *s, guint cell, gint64 number, enum contact_mark mark);
/* The PNG; g_byte_array_unref(). */
GByteArray *contact_png(const struct contact *s, GError **error);
void contact_free(struct contact *s);
