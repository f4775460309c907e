/* What a row says of itself, in words: shared by explain, the JSON Schema and the reference, so that all
 * three say the same. Texts are static or from the arena. */
#pragma once
#include "spec/kinds.h"

/* "a size", "one of a, b or c", "a list of maps". */
const char *describe_type(struct arena *a, const struct field *f);
/* "size", "word", "list"; for a narrow column. */
const char *describe_type_short(const struct field *f);
/* A value as it would be written, or NULL where the type says enough. */
const char *describe_example(struct arena *a, const struct field *f);
/* "64MiB to 16TiB, in MiB or a larger unit", or NULL. */
const char *describe_limits(struct arena *a, const struct field *f);
/* "vm-restart"; NULL: a change costs nothing. */
const char *describe_effect(const struct field *f);
/* All of the above and the row's own sentence, as one paragraph. */
const char *describe_paragraph(struct arena *a, const struct field *f);

/* Whether a map without this row is refused: it is required, or something inside it is. */
gboolean describe_is_needed(const struct field *f);
gboolean describe_table_is_needed(const struct field *table);
/* The kind whose spec a template's rows are. */
const struct kind *describe_template_kind(const struct field *f);

#define NOT_YET "Does not act yet in this version."
