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
#include "spec/form.h"
#include <stddef.h>

/* The C member each type fills stands behind it. */
enum field_type {
	FIELD_STRING,     /* const char *, NULL = absent */
	FIELD_BOOL,       /* gboolean */
	FIELD_INT,        /* gint64 */
	FIELD_DECIMAL,    /* gint64, millionths */
	FIELD_BYTES,      /* guint64 */
	FIELD_DURATION,   /* gint64, milliseconds */
	FIELD_ENUM,       /* int, index into .names; an empty word at 0 stands for "not said" */
	FIELD_FRAMES,     /* struct frame_set */
	FIELD_RESOLUTION, /* struct resolution */
	FIELD_STRINGS,    /* struct strings */
	FIELD_STRUCT,     /* the struct itself, embedded; keys in .fields */
	FIELD_LIST,       /* struct list of items described by .fields */
	FIELD_MAP,        /* struct list; each item's first member is its key (const char *) */
	FIELD_TEMPLATE,   /* const struct node *: keys of .fields, none required, kept as written */
};

/* Metadata labels, and every map of words (FIELD_MAP). */
struct label {
	const char *key, *value;
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
	FIELD_FILE = 1 << 3,      /* a file: absolute on the host, relative in the commit's tree */
	FIELD_LATER = 1 << 4,     /* does not act yet: any value but the default is warned of */
	FIELD_PARTIAL = 1 << 5,   /* FIELD_STRUCT: no defaults, nothing required (observed values) */
	/* A struct or item written as one value (or list) instead of a map gives this row that value. A
	 * table with no other row has no long form: labels are such a map. */
	FIELD_SHORTHAND = 1 << 6,
	FIELD_ORDERED = 1 << 7, /* FIELD_LIST of items with names: their order says something as well */
	/* FIELD_INT, FIELD_BOOL of a status: 0 is a value like others, and -1 stands for what the machine does not
	 * tell; fields_set_untold() sets it before anything is observed or read. */
	FIELD_UNTOLD = 1 << 8,
	/* Follows from other objects and from what was observed, and is never written by people: no key of the language.
	 * Filled in while a plan is made, read back from the machine, shown and compared like all others. */
	FIELD_DERIVED = 1 << 9,
	/* With FIELD_LATER: the object is what it says without this key too, so that it is reconciled all the same. */
	FIELD_ASIDE = 1 << 11,
	/* FIELD_STRUCT: where it is not written at all there is none of it, and nothing in it is missed. */
	FIELD_WHOLE = 1 << 12,
	FIELD_KEY = 1 << 10, /* FIELD_INT, the first row of a list's items: they are told apart by it, as others by their name */
};

/* Of which of the Controller's `paths` a path on the host is. */
enum host_place { PLACE_ANY, PLACE_IMAGES, PLACE_KERNELS, PLACE_ROMS, PLACE_SHARES, PLACE_OUTPUTS, PLACE_SECRETS, N_HOST_PLACES };
extern const struct name_table host_place_names;

struct field {
	const char *name;
	enum field_type type;
	gsize offset;
	const char *doc;
	gboolean required;
	const char *def;                /* default, as it would be written; NULL = absent */
	gint64 min, max;                /* integers, millionths, bytes, milliseconds; length of text; both 0 = any */
	gint64 unit;                    /* bytes: the least unit that may be written (KiB, MiB); 0 = any */
	enum form_id form;              /* strings: what they must look like; 0 = one line of text */
	const struct name_table *names; /* FIELD_ENUM */
	const struct field *fields;     /* FIELD_STRUCT, _LIST, _MAP, _TEMPLATE; ends with a row without name */
	gsize item_size;                /* FIELD_LIST, _MAP */
	enum effect on_change;
	unsigned flags; /* enum field_flags */
	enum host_place place; /* strings: a path on the host, where it is absolute */
};

extern const struct field label_fields[];

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
/* The row that one value (or list) stands for when it is written instead of the map, or NULL. */
const struct field *table_shorthand(const struct field *table, gboolean is_list);
/* Whether the value may be written as a map. */
gboolean table_has_long_form(const struct field *table);
gboolean field_is_scalar(const struct field *f);
/* Whether the value says something: it is neither absent nor the row's default. */
gboolean field_is_said(const struct field *f, const void *object);
/* Names of the rows that do not act yet (FIELD_LATER without FIELD_ASIDE) and say something, as "disks, gpus and 3 more"; NULL when there are
 * none. Below structs the path is given. */
const char *fields_not_acting(struct arena *a, const struct field *table, const void *object);

/* The text of a scalar value (not STRUCT, LIST, MAP, STRINGS), or NULL when it is absent. */
char *field_scalar_text(struct arena *a, const struct field *f, const void *object);
/* Whether the value is what decode leaves when the key is not given and the row has no default. */
gboolean field_is_absent(const struct field *f, const void *object);
/* Rows with FIELD_UNTOLD, also those in structs: nothing is told of them yet. */
void fields_set_untold(const struct field *table, void *object);
void field_set_untold(const struct field *f, void *object);
