/* The comparing side of the tables. Maps compare by key, lists whose items have names or keys by these, others item by
 * item. */
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

static gboolean fields_equal(const struct field *table, const void *x, const void *y, unsigned mask);

static gboolean strings_equal(const struct strings *x, const struct strings *y)
{
	gboolean equal = x->n == y->n;
	for (guint i = 0; equal && i < x->n; i++)
		equal = strcmp(x->items[i], y->items[i]) == 0;
	return equal;
}

static gboolean lists_equal(const struct field *f, const struct list *x, const struct list *y)
{
	gboolean equal = x->n == y->n;
	for (guint i = 0; equal && i < x->n; i++)
		equal = fields_equal(f->fields, (const char *)x->items + i * f->item_size,
		                     (const char *)y->items + i * f->item_size, 0);
	return equal;
}

/* FALSE of values that differ, and of some that say the same in other ways: those are looked at in their length. */
static gboolean value_equal(const struct field *f, const void *before, const void *after)
{
	const void *x = FIELD_AT_CONST(f, before), *y = FIELD_AT_CONST(f, after);
	switch (f->type) {
	case FIELD_STRING: return g_strcmp0(*(const char *const *)x, *(const char *const *)y) == 0;
	case FIELD_BOOL: return *(const gboolean *)x == *(const gboolean *)y;
	case FIELD_ENUM: return *(const int *)x == *(const int *)y;
	case FIELD_INT:
	case FIELD_DECIMAL:
	case FIELD_DURATION: return *(const gint64 *)x == *(const gint64 *)y;
	case FIELD_BYTES: return *(const guint64 *)x == *(const guint64 *)y;
	case FIELD_STRINGS: return strings_equal(x, y);
	case FIELD_STRUCT: return fields_equal(f->fields, x, y, 0);
	case FIELD_LIST:
	case FIELD_MAP: return lists_equal(f, x, y);
	case FIELD_TEMPLATE: return TRUE;
	case FIELD_FRAMES: return frames_equal(x, y);
	case FIELD_RESOLUTION: return FALSE;
	}
	g_assert_not_reached();
}

/* Most are: nothing is made for them. */
static gboolean fields_equal(const struct field *table, const void *x, const void *y, unsigned mask)
{
	FIELDS_EACH (f, table)
		if ((f->flags & mask) == mask && !value_equal(f, x, y))
			return FALSE;
	return TRUE;
}

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
	if (strings_equal(x, y))
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

/* What an item is told apart by, or NULL: a map's key, or its name. */
static const char *item_name(const struct field *f, const void *item)
{
	if (f->type == FIELD_MAP)
		return *(const char *const *)item;
	return *(const char *const *)FIELD_AT_CONST(&f->fields[0], item);
}

static const void *item_by_name(const struct field *f, const struct list *list, const char *name)
{
	for (guint i = 0; i < list->n; i++) {
		const void *item = item_of(f, list, i);
		if (strcmp(item_name(f, item), name) == 0)
			return item;
	}
	return NULL;
}

/* Decode demands names that differ; observed lists may lack some, or have one twice. */
static gboolean is_named(const struct field *f, const struct list *list)
{
	if (f->type == FIELD_MAP)
		return TRUE;
	if (f->fields[0].type != FIELD_STRING || strcmp(f->fields[0].name, "name") != 0)
		return FALSE;
	for (guint i = 0; i < list->n; i++) {
		const void *item = item_of(f, list, i);
		if (!item_name(f, item) || item_by_name(f, list, item_name(f, item)) != item)
			return FALSE;
	}
	return TRUE;
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

static const char *item_path(struct differ *d, const struct field *f, const char *path, const char *name)
{
	return f->type == FIELD_MAP ? join(d, path, name) : arena_printf(d->arena, "%s[\"%s\"]", path, name);
}

static void diff_named(struct differ *d, const struct field *f, const struct list *x, const struct list *y,
                       const char *path)
{
	for (guint i = 0; i < x->n; i++) {
		const void *item = item_of(f, x, i);
		const char *name = item_name(f, item);
		diff_item(d, f, item, item_by_name(f, y, name), item_path(d, f, path, name));
	}
	for (guint i = 0; i < y->n; i++) {
		const void *item = item_of(f, y, i);
		const char *name = item_name(f, item);
		if (!item_by_name(f, x, name))
			diff_item(d, f, NULL, item, item_path(d, f, path, name));
	}
}

static struct strings names_of(struct differ *d, const struct field *f, const struct list *list)
{
	struct strings names = { ARENA_ARRAY(d->arena, const char *, list->n), list->n };
	for (guint i = 0; i < list->n; i++)
		names.items[i] = item_name(f, item_of(f, list, i));
	return names;
}

static const void *item_by_key(const struct field *f, const struct list *list, const void *like)
{
	for (guint i = 0; i < list->n; i++)
		if (value_equal(&f->fields[0], item_of(f, list, i), like))
			return item_of(f, list, i);
	return NULL;
}

/* The key stands in the path. */
static void diff_keyed(struct differ *d, const struct field *f, const struct list *x, const struct list *y, const char *path)
{
	struct field rest = *f;
	rest.fields = f->fields + 1;
	for (guint side = 0; side < 2; side++)
		for (guint i = 0; i < (side ? y : x)->n; i++) {
			const void *item = item_of(f, side ? y : x, i), *other = item_by_key(f, side ? x : y, item);
			const char *at = arena_printf(d->arena, "%s[%s]", path, field_scalar_text(d->arena, &f->fields[0], item));
			if (!side || !other)
				diff_item(d, &rest, side ? other : item, side ? item : other, at);
		}
}

static void diff_list(struct differ *d, const struct field *f, const struct list *x, const struct list *y,
                      const char *path)
{
	if (f->fields[0].flags & FIELD_KEY) {
		diff_keyed(d, f, x, y, path);
		return;
	}
	if (!is_named(f, x) || !is_named(f, y)) {
		for (guint i = 0; i < MAX(x->n, y->n); i++)
			diff_item(d, f, item_of(f, x, i), item_of(f, y, i), arena_printf(d->arena, "%s[%u]", path, i));
		return;
	}
	if (f->flags & FIELD_ORDERED) {
		struct strings before = names_of(d, f, x), after = names_of(d, f, y);
		diff_strings(d, f, &before, &after, path);
	}
	diff_named(d, f, x, y, path);
}

static void diff_value(struct differ *d, const struct field *f, const void *before, const void *after, const char *path)
{
	const void *x = FIELD_AT_CONST(f, before), *y = FIELD_AT_CONST(f, after);
	switch (f->type) {
	case FIELD_STRINGS: diff_strings(d, f, x, y, path); return;
	case FIELD_STRUCT: diff_fields(d, f->fields, x, y, 0, path); return;
	case FIELD_LIST:
	case FIELD_MAP: diff_list(d, f, x, y, path); return;
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
	if (fields_equal(table, before, after, mask))
		return (struct changes){ 0 };
	struct differ d = { a, g_array_new(FALSE, FALSE, sizeof(struct change)) };
	diff_fields(&d, table, before, after, mask, "");
	struct changes c = { arena_memdup(a, d.changes->data, d.changes->len * sizeof(struct change)), d.changes->len };
	g_array_free(d.changes, TRUE);
	return c;
}

char *changes_digest(struct arena *a, const struct changes *c)
{
	enum { DIGEST_LEN = 16 };
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < c->n; i++) {
		const char *parts[] = { c->items[i].field, c->items[i].before, c->items[i].after };
		for (guint k = 0; k < G_N_ELEMENTS(parts); k++) /* with its end; one that is absent is not an empty one */
			g_checksum_update(sum, (const guchar *)(parts[k] ? parts[k] : "\n"), parts[k] ? (gssize)strlen(parts[k]) + 1 : 2);
	}
	return c->n ? arena_strndup(a, g_checksum_get_string(sum), DIGEST_LEN) : NULL;
}

enum effect changes_effect(const struct changes *c)
{
	enum effect dearest = EFFECT_NONE;
	for (guint i = 0; i < c->n; i++)
		dearest = MAX(dearest, c->items[i].effect);
	return dearest;
}
