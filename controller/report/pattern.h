/* What the decoder takes of sizes, times, resolutions and frames, as regular expressions of the subset
 * that PCRE and ECMA 262 share: JSON Schema knows no other way to bound a number inside a text.
 *
 * Exact: a range is a pattern over decimal digits, one for each unit. All are from the arena. */
#pragma once
#include "spec/field.h"

/* Decimal numbers from `low` to `high` without leading zeros, as "[1-9]|1[0-2]"; in need of brackets. */
const char *pattern_of_numbers(struct arena *a, guint64 low, guint64 high);

const char *pattern_of_size(struct arena *a, const struct field *f);
const char *pattern_of_time(struct arena *a, const struct field *f);
const char *pattern_of_resolution(struct arena *a);
/* Without what no pattern can know: that ranges go up and do not overlap. */
const char *pattern_of_frames(struct arena *a);
/* The furthest frame from 0 that has a number. */
gint64 pattern_frame_max(void);
