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

static void walk_node(struct walker *w, const char *key, const struct node *n)
{
	if (n->type == NODE_SCALAR) {
		scalar(w, key, NULL, n->text);
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

static void walk_items(struct walker *w, const struct field *f, const struct list *list)
{
	gboolean is_list = f->type == FIELD_LIST;
	begin(w, f->name, is_list);
	for (guint i = 0; i < list->n; i++) {
		const void *item = (const char *)list->items + i * f->item_size;
		begin(w, is_list ? NULL : *(const char *const *)item, FALSE);
		walk_fields(w, f->fields, item, 0);
		end(w, FALSE);
	}
	end(w, is_list);
}

static void walk_struct_value(struct walker *w, const struct field *f, const void *v, unsigned mask)
{
	gboolean outer = w->observed;
	w->observed = outer || (f->flags & FIELD_PARTIAL);
	begin(w, f->name, FALSE);
	walk_fields(w, f->fields, v, mask);
	end(w, FALSE);
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
	default: {
		const char *text = field_scalar_text(w->scratch, f, object);
		if (w->skip_defaults && f->def && strcmp(text, f->def) == 0)
			return;
		scalar(w, f->name, f, text);
	}
	}
}

/* A zero is shown where the row has a default: it was meant. */
static gboolean is_left_out(const struct walker *w, const struct field *f, const void *object)
{
	if (w->observed)
		return field_is_absent(f, object) ||
		       (f->type == FIELD_ENUM && !(f->flags & (FIELD_IN_DOMAIN | FIELD_IN_QUEUE)));
	gboolean zero_was_meant =
	        f->def && (f->type == FIELD_BOOL || f->type == FIELD_INT || f->type == FIELD_DURATION);
	return field_is_absent(f, object) && !zero_was_meant;
}

static void walk_fields(struct walker *w, const struct field *table, const void *object, unsigned mask)
{
	FIELDS_EACH (f, table) {
		if ((f->flags & mask) != mask)
			continue;
		if (is_left_out(w, f, object))
			continue;
		walk_value(w, f, object, 0);
	}
}

void walk_struct(const struct field *table, const void *object, unsigned mask, gboolean skip_defaults,
                 const struct visitor *v, void *user)
{
	SCOPED_ARENA(scratch);
	struct walker w = { v, user, scratch, skip_defaults, FALSE };
	walk_fields(&w, table, object, mask);
}
