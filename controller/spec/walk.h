/* Visits a typed value by its field table: emit (YAML), JSON and key texts are visitors. */
#pragma once
#include "spec/field.h"

/* Members may be NULL. `key` is NULL for list items. */
struct visitor {
	void (*scalar)(void *user, const char *key, const struct field *f, const char *text);
	void (*begin)(void *user, const char *key, gboolean is_list);
	void (*end)(void *user, gboolean is_list);
};

/* Visits each row whose flags include all of `mask` (0 = all) and whose value is not absent. With
 * `skip_defaults`, values equal to the row's default are left out as well. Below a struct or list
 * that matched, every row is visited; rows of a struct that did not match are visited as if they stood
 * beside it. What may be written as one value instead of a map (FIELD_SHORTHAND) is visited so. */
void walk_struct(const struct field *table, const void *object, unsigned mask, gboolean skip_defaults,
                 const struct visitor *v, void *user);
