/* The comparing side of the tables. Lists compare item by item (their order has meaning), maps by key. */
#include "spec/diff.h"
#include "base/arena.h"
#include "spec/walk.h"
#include <string.h>

struct differ {
	struct arena *arena;
	GArray *changes;
};

static void diff_fields(struct differ *d, const struct field *table, const void *before, const void *after,
                        unsigned mask, const char *prefix);

static void add_change(struct differ *d, const char *path, const char *before, const char *after, enum effect effect)
{
	struct change c = { path, before, after, effect };
	g_array_append_val(d->changes, c);
}

static const char *join(struct differ *d, const char *prefix, const char *name)
{
	return *prefix ? arena_printf(d->arena, "%s.%s", prefix, name) : name;
}

static void diff_strings(struct differ *d, const struct field *f, const struct strings *x, const struct strings *y,
                         const char *path)
{
	gboolean equal = x->n == y->n;
	for (guint i = 0; equal && i < x->n; i++)
		equal = strcmp(x->items[i], y->items[i]) == 0;
	if (equal)
		return;
	const struct strings *sides[] = { x, y };
	const char *texts[2];
	for (guint s = 0; s < 2; s++) {
		g_autoptr(GString) text = g_string_new("[");
		for (guint i = 0; i < sides[s]->n; i++)
			g_string_append_printf(text, "%s%s", i ? ", " : "", sides[s]->items[i]);
		g_string_append_c(text, ']');
		texts[s] = sides[s]->n ? arena_strdup(d->arena, text->str) : NULL;
	}
	add_change(d, path, texts[0], texts[1], f->on_change);
}

static const void *item_of(const struct field *f, const struct list *list, guint i)
{
	return i < list->n ? (const char *)list->items + i * f->item_size : NULL;
}

static const void *item_by_key(const struct field *f, const struct list *list, const char *key)
{
	for (guint i = 0; i < list->n; i++) {
		const void *item = item_of(f, list, i);
		if (strcmp(*(const char *const *)item, key) == 0)
			return item;
	}
	return NULL;
}

/* One side NULL: every value of the other is a change, at the list's price where the row has none. */
static void diff_item(struct differ *d, const struct field *f, const void *x, const void *y, const char *path)
{
	void *none = x && y ? NULL : arena_alloc(d->arena, f->item_size);
	guint before = d->changes->len;
	diff_fields(d, f->fields, x ? x : none, y ? y : none, 0, path);
	for (guint i = before; i < d->changes->len; i++) {
		struct change *c = &g_array_index(d->changes, struct change, i);
		c->effect = MAX(c->effect, f->on_change);
	}
}

static void diff_list(struct differ *d, const struct field *f, const struct list *x, const struct list *y,
                      const char *path)
{
	for (guint i = 0; i < MAX(x->n, y->n); i++)
		diff_item(d, f, item_of(f, x, i), item_of(f, y, i), arena_printf(d->arena, "%s[%u]", path, i));
}

static void diff_map(struct differ *d, const struct field *f, const struct list *x, const struct list *y,
                     const char *path)
{
	for (guint i = 0; i < x->n; i++) {
		const void *item = item_of(f, x, i);
		const char *key = *(const char *const *)item;
		diff_item(d, f, item, item_by_key(f, y, key), join(d, path, key));
	}
	for (guint i = 0; i < y->n; i++) {
		const void *item = item_of(f, y, i);
		const char *key = *(const char *const *)item;
		if (!item_by_key(f, x, key))
			diff_item(d, f, NULL, item, join(d, path, key));
	}
}

static void diff_value(struct differ *d, const struct field *f, const void *before, const void *after, const char *path)
{
	const void *x = FIELD_AT_CONST(f, before), *y = FIELD_AT_CONST(f, after);
	switch (f->type) {
	case FIELD_STRINGS: diff_strings(d, f, x, y, path); return;
	case FIELD_STRUCT: diff_fields(d, f->fields, x, y, 0, path); return;
	case FIELD_LIST: diff_list(d, f, x, y, path); return;
	case FIELD_MAP: diff_map(d, f, x, y, path); return;
	case FIELD_TEMPLATE: return; /* merged into the objects, which are compared */
	case FIELD_FRAMES:
		if (frames_equal(x, y))
			return;
		break;
	default: break;
	}
	const char *text_x = field_scalar_text(d->arena, f, before), *text_y = field_scalar_text(d->arena, f, after);
	if (g_strcmp0(text_x, text_y) != 0)
		add_change(d, path, text_x, text_y, f->on_change);
}

static void diff_fields(struct differ *d, const struct field *table, const void *before, const void *after,
                        unsigned mask, const char *prefix)
{
	FIELDS_EACH (f, table)
		if ((f->flags & mask) == mask)
			diff_value(d, f, before, after, f->flags & FIELD_SHORTHAND && *prefix ? prefix : join(d, prefix, f->name));
}

struct changes diff_structs(struct arena *a, const struct field *table, const void *before, const void *after,
                            unsigned mask)
{
	struct differ d = { a, g_array_new(FALSE, FALSE, sizeof(struct change)) };
	diff_fields(&d, table, before, after, mask, "");
	struct changes c = { arena_memdup(a, d.changes->data, d.changes->len * sizeof(struct change)), d.changes->len };
	g_array_free(d.changes, TRUE);
	return c;
}

enum effect changes_effect(const struct changes *c)
{
	enum effect dearest = EFFECT_NONE;
	for (guint i = 0; i < c->n; i++)
		dearest = MAX(dearest, c->items[i].effect);
	return dearest;
}
