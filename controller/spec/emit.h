/* Objects as YAML documents; reading them again gives equal objects. */
#pragma once
#include "spec/kinds.h"

enum emit_parts { EMIT_SPEC = 1 << 0, EMIT_STATUS = 1 << 1 };

/* Appends the object as one document ("---" first). Objects without the part are left out whole. */
void emit_object(GString *out, const struct object *o, unsigned parts);
/* All objects, in the order of kinds and ids. */
void emit_objects(GString *out, const struct objects *objects, unsigned parts);
