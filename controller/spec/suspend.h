/* `suspend`: what people halt for a while, on Farm, Host, GPU, VM and RenderJob alike. One table of rows; who inherits
 * what from whom is spec/resolve.h's. Pure. */
#pragma once
#include "spec/field.h"

struct object;

struct suspend_spec {
	const char *reason;       /* NULL: not suspended */
	const char *until;        /* RFC 3339; NULL: until the key is taken out */
	const char *by, *since;   /* who, and when; NULL: not told */
};

extern const struct field suspend_fields[];

/* The row of a kind's table; `doc` says what it means there. */
#define SUSPEND_ROW(tag, text) \
	{ "suspend", FIELD_STRUCT, IN(tag, suspend, struct suspend_spec), .fields = suspend_fields, .flags = FIELD_WHOLE, \
	  .doc = (text) }

/* What the object itself says; NULL: nothing. */
const struct suspend_spec *suspend_own(const struct object *o);
