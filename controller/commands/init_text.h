/* Specs as people write them: block style, two spaces, without what is not said. */
#pragma once
#include "spec/field.h"

struct arena;

/* Appends "spec:" and what `object` says by `table`, of which only what was observed counts (FIELD_PARTIAL).
 * `first` stands below "spec:", whole lines; may be NULL. Texts that look like a secret are left out. */
void init_write_spec(GString *out, const struct field *table, const void *object, const char *first);
/* A text as a scalar that every YAML reader takes for that text. */
void init_write_text(GString *out, const char *text);
