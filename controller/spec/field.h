/* One row a key of the language. A row knows everything about its key; the readers (decode, check,
 * defaults, emit, diff) are loops over rows with one switch on the type.
 *
 * A new key is a member of the struct and a row; a new kind is a file with tables and a row in
 * kinds[] (spec/kinds.c). */
#pragma once
#include "base/frameset.h"
#include "base/names.h"
#include "base/units.h"
#include "spec/effect.h"
#include <stddef.h>

/* The C member each type fills stands behind it. */
enum field_type {
	FIELD_STRING,     /* const char *, NULL = absent */
	FIELD_BOOL,       /* gboolean */
	FIELD_INT,        /* gint64 */
	FIELD_BYTES,      /* guint64 */
	FIELD_DURATION,   /* gint64, milliseconds */
	FIELD_ENUM,       /* int, index into .names */
	FIELD_FRAMES,     /* struct frame_set */
	FIELD_RESOLUTION, /* struct resolution */
	FIELD_STRINGS,    /* struct strings */
	FIELD_STRUCT,     /* the struct itself, embedded; keys in .fields */
	FIELD_LIST,       /* struct list of items described by .fields */
	FIELD_MAP,        /* struct list; each item's first member is its key (const char *) */
	FIELD_TEMPLATE,   /* const struct node *: keys of .fields, none required, kept as written */
};

struct strings {
	const char **items;
	guint n;
};

struct list {
	void *items;
	guint n;
};
#define LIST_AT(list, type, i) (&((type *)(list).items)[i])

/* Readers that look at some rows only. */
enum field_flags {
	FIELD_IN_DOMAIN = 1 << 0, /* read back from libvirt's definition and compared with it */
	FIELD_IN_KEY = 1 << 1,    /* decides pixels: part of the frame key */
	FIELD_IN_QUEUE = 1 << 2,  /* carried by the job in Redis; changing it renders nothing again */
	FIELD_PATH = 1 << 3,      /* an absolute path on the host */
	FIELD_NAME = 1 << 4,      /* an object's name */
	FIELD_PARTIAL = 1 << 5,   /* FIELD_STRUCT: no defaults, nothing required (observed values) */
};

struct field {
	const char *name;
	enum field_type type;
	gsize offset;
	const char *doc;
	gboolean required;
	const char *def;                /* default, as it would be written; NULL = absent */
	gint64 min, max;                /* integers, bytes, milliseconds; length of text; both 0 = any */
	gint64 multiple_of;             /* bytes; 0 = any */
	const struct name_table *names; /* FIELD_ENUM */
	const struct field *fields;     /* FIELD_STRUCT, _LIST, _MAP, _TEMPLATE; ends with a row without name */
	gsize item_size;                /* FIELD_LIST, _MAP */
	const char *(*check)(struct arena *a, const char *text); /* scalars and strings: NULL or what would be right */
	enum effect on_change;
	unsigned flags; /* enum field_flags */
};

/* The offset of a member, with its C type checked at compile time. */
#define IN(tag, member, ctype)                                                                     \
	.offset = offsetof(struct tag, member) +                                                   \
	          0 * sizeof(char[__builtin_types_compatible_p(ctype, __typeof__(((struct tag *)0)->member)) \
	                              ? 1                                                          \
	                              : -1])
#define ITEMS(table, tag) .fields = (table), .item_size = sizeof(struct tag)
#define FIELD_AT(f, object) ((void *)((char *)(object) + (f)->offset))
#define FIELD_AT_CONST(f, object) ((const void *)((const char *)(object) + (f)->offset))

#define FIELDS_EACH(f, table) for (const struct field *f = (table); f->name; f++)

/* The row called `name`, or NULL. */
const struct field *field_find(const struct field *table, const char *name);

/* The text of a scalar value (not STRUCT, LIST, MAP, STRINGS), or NULL when it is absent. */
char *field_scalar_text(struct arena *a, const struct field *f, const void *object);
/* Whether the value is what decode leaves when the key is not given and the row has no default. */
gboolean field_is_absent(const struct field *f, const void *object);
