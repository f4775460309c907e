/* Objects as YAML documents; reading them again gives equal objects. */
#pragma once
#include "spec/kinds.h"

struct condition;

enum emit_parts {
	EMIT_SPEC = 1 << 0,
	EMIT_STATUS = 1 << 1,
	EMIT_ORIGINS = 1 << 2, /* with a comment where each value of the spec came from */
};

/* Appends the object as one document ("---" first). Objects without the part are left out whole. */
void emit_object(GString *out, const struct object *o, unsigned parts);
/* The same, with its condition in the status, which is there then in any case. */
void emit_object_standing(GString *out, const struct object *o, const struct condition *condition, unsigned parts);
/* All objects, in the order of kinds and ids. */
void emit_objects(GString *out, const struct objects *objects, unsigned parts);

/* What is wanted, expanded: the objects of that kind and id (either may be NULL), and the Farm without
 * the defaults, which lie below the others' values already. Read again, they are equal. */
struct objects *emit_select(struct arena *a, const struct objects *all, const struct kind *kind, const char *id);
