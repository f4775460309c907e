/* Which fields of two values of one table differ, and what the difference costs. */
#pragma once
#include "spec/field.h"

struct change {
	const char *field;  /* dotted path; list items in brackets, map items by key */
	const char *before; /* NULL = absent */
	const char *after;  /* NULL = absent */
	enum effect effect;
};

struct changes {
	struct change *items;
	guint n;
};

/* Compares rows whose flags include `mask` (0 = all). Returned in table order, texts from the arena. */
struct changes diff_structs(struct arena *a, const struct field *table, const void *before, const void *after,
                            unsigned mask);
/* Tells them apart from other changes: 16 hexadecimal digits; NULL of none. */
char *changes_digest(struct arena *a, const struct changes *c);
/* The dearest effect among the changes; EFFECT_NONE when there are none. */
enum effect changes_effect(const struct changes *c);
