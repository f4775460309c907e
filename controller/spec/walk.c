/* The reading side of the tables: one recursion for all emitters. */
#include "spec/walk.h"
#include "base/arena.h"
#include "spec/node.h"
#include <string.h>

struct walker {
	const struct visitor *visitor;
	void *user;
	struct arena *scratch;
	gboolean skip_defaults;
	gboolean observed; /* inside a FIELD_PARTIAL struct: only rows that can be observed mean something */
};

static void walk_fields(struct walker *w, const struct field *table, const void *object, unsigned mask);
static void walk_value(struct walker *w, const struct field *f, const void *object, unsigned mask);

static void begin(struct walker *w, const char *key, gboolean is_list)
{
	if (w->visitor->begin)
		w->visitor->begin(w->user, key, is_list);
}

static void end(struct walker *w, gboolean is_list)
{
	if (w->visitor->end)
		w->visitor->end(w->user, is_list);
}

static void scalar(struct walker *w, const char *key, const struct field *f, const char *text)
{
	if (w->visitor->scalar)
		w->visitor->scalar(w->user, key, f, text);
}

/* Nodes are shown as they were written: in quotes, or without. */
static void walk_node(struct walker *w, const char *key, const struct node *n)
{
	static const struct field quoted = { .type = FIELD_STRING }, plain = { .type = FIELD_TEMPLATE };
	if (n->type == NODE_SCALAR) {
		scalar(w, key, n->plain ? &plain : &quoted, n->text);
		return;
	}
	begin(w, key, n->type == NODE_LIST);
	for (guint i = 0; i < n->n; i++)
		if (n->type == NODE_MAP)
			walk_node(w, n->members[i].key, &n->members[i].value);
		else
			walk_node(w, NULL, &n->items[i]);
	end(w, n->type == NODE_LIST);
}

static gboolean is_shown(const struct walker *w, const struct field *f, const void *object);

/* The one row that says anything, when it is the one that a single value stands for; else NULL. */
static const struct field *written_short(const struct walker *w, const struct field *table, const void *object)
{
	const struct field *only = NULL;
	FIELDS_EACH (f, table) {
		if (!is_shown(w, f, object))
			continue;
		if (only || !(f->flags & FIELD_SHORTHAND))
			return NULL;
		only = f;
	}
	return only;
}

static void walk_map(struct walker *w, const char *key, const struct field *table, const void *object, unsigned mask)
{
	const struct field *only = mask ? NULL : written_short(w, table, object);
	if (only) {
		struct field named = *only;
		named.name = key;
		walk_value(w, &named, object, 0);
		return;
	}
	begin(w, key, FALSE);
	walk_fields(w, table, object, mask);
	end(w, FALSE);
}

static void walk_items(struct walker *w, const struct field *f, const struct list *list)
{
	gboolean is_list = f->type == FIELD_LIST;
	begin(w, f->name, is_list);
	for (guint i = 0; i < list->n; i++) {
		const void *item = (const char *)list->items + i * f->item_size;
		walk_map(w, is_list ? NULL : *(const char *const *)item, f->fields, item, 0);
	}
	end(w, is_list);
}

static void walk_struct_value(struct walker *w, const struct field *f, const void *v, unsigned mask)
{
	gboolean outer = w->observed;
	w->observed = outer || (f->flags & FIELD_PARTIAL);
	walk_map(w, f->name, f->fields, v, mask);
	w->observed = outer;
}

static void walk_value(struct walker *w, const struct field *f, const void *object, unsigned mask)
{
	const void *v = FIELD_AT_CONST(f, object);
	switch (f->type) {
	case FIELD_STRINGS: {
		const struct strings *s = v;
		begin(w, f->name, TRUE);
		for (guint i = 0; i < s->n; i++)
			scalar(w, NULL, f, s->items[i]);
		end(w, TRUE);
		return;
	}
	case FIELD_STRUCT: walk_struct_value(w, f, v, mask); return;
	case FIELD_LIST:
	case FIELD_MAP: walk_items(w, f, v); return;
	case FIELD_TEMPLATE: walk_node(w, f->name, *(const struct node *const *)v); return;
	default: scalar(w, f->name, f, field_scalar_text(w->scratch, f, object));
	}
}

/* A zero is shown where the row has a default or is required: it was meant. */
static gboolean is_zero_meant(const struct field *f)
{
	return (f->def || f->required) && (f->type == FIELD_BOOL || f->type == FIELD_INT || f->type == FIELD_DECIMAL ||
	                                   f->type == FIELD_DURATION);
}

static gboolean is_shown(const struct walker *w, const struct field *f, const void *object)
{
	/* Of an enum without a word for "not said", a 0 may just be a value that was never looked at. */
	if (w->observed)
		return !field_is_absent(f, object) &&
		       (f->type != FIELD_ENUM || !*f->names->names[0] || (f->flags & (FIELD_IN_DOMAIN | FIELD_IN_QUEUE)));
	if (w->skip_defaults && f->def && !field_is_said(f, object))
		return FALSE;
	if (f->type != FIELD_STRUCT || (f->flags & FIELD_PARTIAL))
		return !field_is_absent(f, object) || is_zero_meant(f);
	FIELDS_EACH (row, f->fields)
		if (is_shown(w, row, FIELD_AT_CONST(f, object)))
			return TRUE;
	return FALSE;
}

static gboolean has_row_of(const struct field *table, unsigned mask)
{
	FIELDS_EACH (f, table)
		if ((f->flags & mask) == mask)
			return TRUE;
	return FALSE;
}

static void walk_fields(struct walker *w, const struct field *table, const void *object, unsigned mask)
{
	FIELDS_EACH (f, table) {
		if (!is_shown(w, f, object))
			continue;
		if ((f->flags & mask) == mask)
			walk_value(w, f, object, 0);
		else if (f->type == FIELD_STRUCT && has_row_of(f->fields, mask))
			walk_fields(w, f->fields, FIELD_AT_CONST(f, object), mask);
	}
}

void walk_struct(const struct field *table, const void *object, unsigned mask, gboolean skip_defaults,
                 const struct visitor *v, void *user)
{
	SCOPED_ARENA(scratch);
	struct walker w = { v, user, scratch, skip_defaults, FALSE };
	walk_fields(&w, table, object, mask);
}
