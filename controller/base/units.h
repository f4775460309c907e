/* Sizes and times as people write them: a number and a unit, never a bare number.
 *
 * Parsing returns NULL on success, else the sentence that says what would be right (static or from
 * the arena); formatting gives the shortest exact form, so that parse(format(x)) = x. */
#pragma once
#include <glib.h>

struct arena;

#define KiB (G_GUINT64_CONSTANT(1) << 10)
#define MiB (G_GUINT64_CONSTANT(1) << 20)
#define GiB (G_GUINT64_CONSTANT(1) << 30)
#define TiB (G_GUINT64_CONSTANT(1) << 40)

/* "24GiB" → bytes. Units: B, KiB, MiB, GiB, TiB. */
const char *bytes_parse(struct arena *a, const char *text, guint64 *ret_bytes);
char *bytes_format(struct arena *a, guint64 bytes);
/* For people: one digit behind the point of the largest unit, as "1.4GiB". */
char *bytes_about(struct arena *a, guint64 bytes);
/* The unit that a size is written in, in bytes; 0 when it has none. */
guint64 bytes_unit(const char *text);
/* "MiB" of 1048576. */
const char *bytes_unit_name(guint64 bytes);

/* "30m", "500ms" → milliseconds: one number and one unit of ms, s, m, h, d. */
const char *duration_parse(struct arena *a, const char *text, gint64 *ret_ms);
char *duration_format(struct arena *a, gint64 ms);
/* For people: its two largest units, as "3m20s", "2d4h", "45s". */
char *duration_about(struct arena *a, gint64 ms);

/* "0.42" → millionths. No sign, no exponent, six digits after the point at most. */
const char *decimal_parse(struct arena *a, const char *text, gint64 *ret_millionths);
char *decimal_format(struct arena *a, gint64 millionths);

struct resolution {
	guint width, height; /* pixels; 0 = not given */
};

/* "1920x1080". */
const char *resolution_parse(struct arena *a, const char *text, struct resolution *ret);
char *resolution_format(struct arena *a, struct resolution r);

/* A decimal integer without sign tricks: "12", "-3"; no spaces, hex, underscores or leading zeros. */
const char *integer_parse(struct arena *a, const char *text, gint64 *ret);
