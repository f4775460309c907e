/* One value of a row from its text: numbers with units, words of a table, texts of a form. */
#pragma once
#include "spec/field.h"

/* Writes the value at `v`. NULL, or what would be right (static, or from the arena); then `v` is as it was.
 * A string is not copied. `is_observed`: what is there has no limits. */
const char *text_decode(struct arena *a, const struct field *f, const char *text, gboolean is_observed, void *v);
