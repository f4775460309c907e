/* One loop over rows, one switch on the type. */
#include "spec/decode.h"
#include "base/arena.h"
#include "spec/node.h"
#include <string.h>

enum strictness {
	FOR_SPEC,     /* required keys, defaults, limits */
	FOR_DEFAULTS, /* limits; what is missing comes from the object */
	AS_OBSERVED,  /* limits are for what people want, not for what is there */
};

struct decoder {
	struct arena *arena;
	struct problems *problems;
	enum strictness strictness;
};

static void decode_fields(struct decoder *d, const struct field *table, const struct node *node, struct place at,
                          void *object);

static void wrong(struct decoder *d, const struct node *n, const struct field *f, const char *right)
{
	if (n->is_default) /* said where the Farm's defaults were checked */
		return;
	if (n->type == NODE_SCALAR)
		problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: `%.80s`: %s", f->name, n->text, right);
	else
		problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: %s", f->name, right);
}

/* -- scalars --------------------------------------------------------------------------------- */

/* "1 to 512", in the row's own unit. */
static const char *range_text(struct decoder *d, const struct field *f)
{
	struct arena *a = d->arena;
	if (f->type == FIELD_BYTES)
		return arena_printf(a, "%s to %s", bytes_format(a, (guint64)f->min), bytes_format(a, (guint64)f->max));
	if (f->type == FIELD_DURATION)
		return arena_printf(a, "%s to %s", duration_format(a, f->min), duration_format(a, f->max));
	return arena_printf(a, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, f->min, f->max);
}

static const char *check_range(struct decoder *d, const struct field *f, gint64 value)
{
	if (d->strictness != AS_OBSERVED && (f->min || f->max) && (value < f->min || value > f->max))
		return arena_printf(d->arena, "must be %s", range_text(d, f));
	return NULL;
}

static const char *decode_integer(struct decoder *d, const struct field *f, const char *text, void *v)
{
	gint64 value = 0;
	const char *right = f->type == FIELD_DURATION ? duration_parse(d->arena, text, &value)
	                                              : integer_parse(d->arena, text, &value);
	if (!right)
		right = check_range(d, f, value);
	if (!right)
		*(gint64 *)v = value;
	return right;
}

static const char *decode_bytes(struct decoder *d, const struct field *f, const char *text, void *v)
{
	guint64 value = 0;
	const char *right = bytes_parse(d->arena, text, &value);
	if (!right)
		right = check_range(d, f, value > G_MAXINT64 ? G_MAXINT64 : (gint64)value);
	if (!right && d->strictness != AS_OBSERVED && f->multiple_of && value % (guint64)f->multiple_of != 0)
		right = arena_printf(d->arena, "must be a multiple of %s", bytes_format(d->arena, (guint64)f->multiple_of));
	if (!right)
		*(guint64 *)v = value;
	return right;
}

static const char *decode_enum(struct decoder *d, const struct field *f, const char *text, void *v)
{
	int value = name_value(f->names, text);
	if (value < 0) {
		g_autofree char *list = name_list(f->names);
		const char *near = name_suggest(text, f->names->names, f->names->n);
		return near ? arena_printf(d->arena, "must be %s; did you mean %s?", list, near)
		            : arena_printf(d->arena, "must be %s", list);
	}
	*(int *)v = value;
	return NULL;
}

static const char *check_string(struct decoder *d, const struct field *f, const char *text)
{
	if (!*text)
		return "must not be empty";
	if (f->max && strlen(text) > (gsize)f->max)
		return arena_printf(d->arena, "must have %" G_GINT64_FORMAT " characters at most", f->max);
	for (const char *c = text; *c; c++)
		if ((guchar)*c < 0x20 || *c == 0x7f)
			return "must be one line without control characters";
	return f->check ? f->check(d->arena, text) : NULL;
}

static const char *decode_string(struct decoder *d, const struct field *f, const char *text, void *v)
{
	const char *right = d->strictness == AS_OBSERVED ? NULL : check_string(d, f, text);
	if (!right)
		*(const char **)v = text; /* nodes and rows live at least as long as the object */
	return right;
}

static const char *decode_bool(const char *text, void *v)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return "write true or false";
	*(gboolean *)v = text[0] == 't';
	return NULL;
}

/* NULL, or what would be right. */
static const char *decode_text(struct decoder *d, const struct field *f, const char *text, void *v)
{
	switch (f->type) {
	case FIELD_STRING: return decode_string(d, f, text, v);
	case FIELD_BOOL: return decode_bool(text, v);
	case FIELD_INT:
	case FIELD_DURATION: return decode_integer(d, f, text, v);
	case FIELD_BYTES: return decode_bytes(d, f, text, v);
	case FIELD_ENUM: return decode_enum(d, f, text, v);
	case FIELD_FRAMES: return frames_parse(d->arena, text, v, NULL);
	case FIELD_RESOLUTION: return resolution_parse(d->arena, text, v);
	default: g_assert_not_reached();
	}
}

static void decode_scalar(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	if (n->type != NODE_SCALAR) {
		wrong(d, n, f, "must be one value, not a list or map");
		return;
	}
	if (node_is_null(n)) {
		if (!n->is_default)
			problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: has no value; leave the key out instead", f->name);
		return;
	}
	const char *right = decode_text(d, f, n->text, v);
	if (right)
		wrong(d, n, f, right);
}

/* -- lists and maps --------------------------------------------------------------------------- */

static void decode_strings(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct strings *s = v;
	if (n->type != NODE_LIST) {
		wrong(d, n, f, "must be a list, as [a, b]");
		return;
	}
	s->items = ARENA_ARRAY(d->arena, const char *, n->n);
	for (guint i = 0; i < n->n; i++) {
		struct field item = *f;
		item.type = FIELD_STRING;
		const char *text = NULL;
		decode_scalar(d, &item, &n->items[i], &text);
		if (text)
			s->items[s->n++] = text;
	}
}

static void decode_items(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct list *list = v;
	gboolean is_map = f->type == FIELD_MAP;
	if (n->type != (is_map ? NODE_MAP : NODE_LIST)) {
		wrong(d, n, f, is_map ? "must be a map of names" : "must be a list");
		return;
	}
	list->n = n->n;
	list->items = arena_alloc(d->arena, n->n * f->item_size);
	for (guint i = 0; i < n->n; i++) {
		void *item = (char *)list->items + i * f->item_size;
		const struct node *child = is_map ? &n->members[i].value : &n->items[i];
		if (is_map)
			*(const char **)item = n->members[i].key;
		decode_fields(d, f->fields, child, node_place(child), item);
	}
}

/* What is wrong with the template is said once, here, not for each object it lies below. */
static void mark_default(struct node *n)
{
	n->is_default = TRUE;
	for (guint i = 0; n->type != NODE_SCALAR && i < n->n; i++)
		mark_default(n->type == NODE_MAP ? &n->members[i].value : &n->items[i]);
}

static void decode_template(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct decoder checker = { d->arena, d->problems, FOR_DEFAULTS };
	/* Only checked here; merged below each object's own keys before those are decoded. No spec is
	 * larger than this scratch, which is asserted where the kinds are known (spec/load.c). */
	decode_fields(&checker, f->fields, n, node_place(n), arena_alloc(d->arena, 4096));
	mark_default((struct node *)n);
	*(const struct node **)v = n;
}

static void decode_value(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	switch (f->type) {
	case FIELD_STRINGS: decode_strings(d, f, n, v); return;
	case FIELD_LIST:
	case FIELD_MAP: decode_items(d, f, n, v); return;
	case FIELD_TEMPLATE: decode_template(d, f, n, v); return;
	case FIELD_STRUCT: {
		struct decoder inner = { d->arena, d->problems, f->flags & FIELD_PARTIAL ? AS_OBSERVED : d->strictness };
		decode_fields(&inner, f->fields, n, node_place(n), v);
		return;
	}
	default: decode_scalar(d, f, n, v);
	}
}

static void unknown_key(struct decoder *d, const struct field *table, const struct node *node, const struct member *m)
{
	if (m->value.is_default)
		return;
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	FIELDS_EACH (f, table)
		g_ptr_array_add(known, (gpointer)f->name);
	const char *near = name_suggest(m->key, (const char *const *)known->pdata, known->len);
	if (near) {
		problem_add(d->problems, SEVERITY_ERROR, member_place(node, m), "unknown key `%.80s`; did you mean `%s`?", m->key,
		            near);
		return;
	}
	g_ptr_array_add(known, NULL);
	g_autofree char *all = g_strjoinv(", ", (char **)known->pdata);
	problem_add(d->problems, SEVERITY_ERROR, member_place(node, m), "unknown key `%.80s`; known here: %s", m->key, all);
}

static gboolean is_called(const struct field *f, const char *key)
{
	return f->name[0] == key[0] && strcmp(f->name, key) == 0;
}

/* Which value is given for each row; the rest stays NULL. People write keys in the table's order more often
 * than not, so that the search begins behind the row found last. */
static void match_rows(struct decoder *d, const struct field *table, guint n_rows, const struct node *node,
                       const struct node **given)
{
	guint at = 0;
	MEMBERS_EACH (m, node) {
		guint tried = 0;
		while (tried < n_rows && !is_called(&table[at], m->key)) {
			at = at + 1 < n_rows ? at + 1 : 0;
			tried++;
		}
		if (tried < n_rows)
			given[at] = &m->value;
		else
			unknown_key(d, table, node, m);
	}
}

static void decode_missing(struct decoder *d, const struct field *f, struct place at, void *v)
{
	if (d->strictness != FOR_SPEC)
		return;
	if (f->required) {
		problem_add(d->problems, SEVERITY_ERROR, at, "the key `%s` is missing: %s", f->name, f->doc);
	} else if (f->def) {
		const char *right = decode_text(d, f, f->def, v);
		g_assert(!right);
	} else if (f->type == FIELD_STRUCT && !(f->flags & FIELD_PARTIAL)) {
		decode_fields(d, f->fields, NULL, at, v);
	}
}

static void decode_fields(struct decoder *d, const struct field *table, const struct node *node, struct place at,
                          void *object)
{
	if (node && node->type != NODE_MAP) {
		if (!node_is_null(node) && !node->is_default)
			problem_add(d->problems, SEVERITY_ERROR, node_place(node), "must be a map of keys and values");
		node = NULL;
	}
	const struct node *given[DECODE_ROWS_MAX];
	guint n_rows = 0;
	for (; table[n_rows].name; n_rows++) {
		g_assert(n_rows < DECODE_ROWS_MAX);
		given[n_rows] = NULL;
	}
	if (node)
		match_rows(d, table, n_rows, node, given);
	for (guint i = 0; i < n_rows; i++) {
		void *v = FIELD_AT(&table[i], object);
		if (given[i])
			decode_value(d, &table[i], given[i], v);
		else
			decode_missing(d, &table[i], at, v);
	}
}

void decode_struct(struct arena *a, const struct field *table, const struct node *node, struct place at,
                   gboolean is_observed, void *object, struct problems *problems)
{
	struct decoder d = { a, problems, is_observed ? AS_OBSERVED : FOR_SPEC };
	decode_fields(&d, table, node, at, object);
}
