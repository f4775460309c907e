/* UUIDs and numbers that follow from names: the same name gives the same one, on every host and for ever. */
#pragma once
#include <glib.h>

struct arena;

/* UUID of version 5 (RFC 9562) in cleave's own name space. */
char *uuid_of_name(struct arena *a, const char *name);
/* The first `size` bytes (at most 64) of a digest of the name in that name space. */
void uuid_digest(GChecksumType type, const char *name, guint8 *ret, gsize size);
