/* Nodes to typed values by a field table. All problems are collected; what is wrong keeps its zero. */
#pragma once
#include "base/problem.h"
#include "spec/field.h"

/* The largest spec that a Farm may have defaults for, in bytes. */
enum { DECODE_TEMPLATE_MAX = 4096 };

struct node;

/* Of one table. */
enum { DECODE_ROWS_MAX = 128 };

/* Fills `object` (zeroed) from the map `node` (NULL = empty map) by `table`. `at` places problems of
 * missing keys when there is no node. `is_observed`: defaults, requiredness and limits are left aside;
 * they are for what people want, not for what is there. Texts are not copied: those of the nodes (and a
 * template's nodes, but no others) must live as long as the object.
 * Returns how many files of the commit the value names (FIELD_FILE, relative). */
guint decode_struct(struct arena *a, const struct field *table, const struct node *node, struct place at,
                   gboolean is_observed, void *object, struct problems *problems);
