/* Where each value of an emitted object came from, as a comment at the end of its line.
 *
 * libyaml's emitter writes no comments. The emitter's events are told here as well: they say how many
 * lines there will be and what stands in each, and the comments are put behind the finished lines. */
#pragma once
#include "spec/kinds.h"

struct origins;

struct origins *origins_new(const struct object *o);
void origins_free(struct origins *o);

/* What comes next: the line that stands for the object itself, values of the spec, or neither. */
enum origins_part { ORIGINS_OF_NOTHING, ORIGINS_OF_OBJECT, ORIGINS_OF_SPEC };
void origins_begin_part(struct origins *o, enum origins_part part);
/* As the emitter's visitor is called; `key` is NULL for list items and the document itself. */
void origins_scalar(struct origins *o, const char *key, const struct field *f);
void origins_begin(struct origins *o, const char *key, gboolean is_list);
void origins_end(struct origins *o);

/* Appends `text`, the emitted document with its "---", and the comments. */
void origins_append(const struct origins *o, GString *out, const char *text);
