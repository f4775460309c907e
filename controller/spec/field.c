/* What every reader asks of a row and a value. */
#include "spec/field.h"
#include "base/arena.h"
#include <string.h>

const struct field *field_find(const struct field *table, const char *name)
{
	FIELDS_EACH (f, table)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

gboolean field_is_absent(const struct field *f, const void *object)
{
	const void *v = FIELD_AT_CONST(f, object);
	if (f->flags & FIELD_UNTOLD)
		return f->type == FIELD_BOOL ? *(const gboolean *)v < 0 : *(const gint64 *)v < 0;
	switch (f->type) {
	case FIELD_STRING: return !*(const char *const *)v || !**(const char *const *)v;
	case FIELD_BOOL: return !*(const gboolean *)v;
	case FIELD_INT:
	case FIELD_DECIMAL:
	case FIELD_DURATION: return *(const gint64 *)v == 0;
	case FIELD_BYTES: return *(const guint64 *)v == 0;
	case FIELD_ENUM: return !*name_of(f->names, *(const int *)v);
	case FIELD_FRAMES: return ((const struct frame_set *)v)->n_runs == 0;
	case FIELD_RESOLUTION: return ((const struct resolution *)v)->width == 0;
	case FIELD_STRINGS: return ((const struct strings *)v)->n == 0;
	case FIELD_LIST:
	case FIELD_MAP: return ((const struct list *)v)->n == 0;
	case FIELD_TEMPLATE: return *(const void *const *)v == NULL;
	case FIELD_STRUCT:
		FIELDS_EACH (row, f->fields)
			if (row->type == FIELD_ENUM ? *(const int *)FIELD_AT_CONST(row, v) != 0 : !field_is_absent(row, v))
				return FALSE;
		return TRUE;
	}
	g_assert_not_reached();
}

void field_set_untold(const struct field *f, void *object)
{
	if (f->type == FIELD_STRUCT && !(f->flags & FIELD_PARTIAL))
		fields_set_untold(f->fields, FIELD_AT(f, object));
	else if ((f->flags & FIELD_UNTOLD) && f->type == FIELD_BOOL)
		*(gboolean *)FIELD_AT(f, object) = -1;
	else if (f->flags & FIELD_UNTOLD)
		*(gint64 *)FIELD_AT(f, object) = -1;
}

void fields_set_untold(const struct field *table, void *object)
{
	FIELDS_EACH (f, table)
		field_set_untold(f, object);
}

char *field_scalar_text(struct arena *a, const struct field *f, const void *object)
{
	const void *v = FIELD_AT_CONST(f, object);
	if (field_is_absent(f, object) && f->type != FIELD_BOOL && f->type != FIELD_INT && f->type != FIELD_DECIMAL &&
	    f->type != FIELD_DURATION)
		return NULL;
	switch (f->type) {
	case FIELD_STRING: return arena_strdup(a, *(const char *const *)v);
	case FIELD_BOOL: return arena_strdup(a, *(const gboolean *)v ? "true" : "false");
	case FIELD_INT: return arena_printf(a, "%" G_GINT64_FORMAT, *(const gint64 *)v);
	case FIELD_DECIMAL: return decimal_format(a, *(const gint64 *)v);
	case FIELD_BYTES: return bytes_format(a, *(const guint64 *)v);
	case FIELD_DURATION: return duration_format(a, *(const gint64 *)v);
	case FIELD_ENUM: return arena_strdup(a, name_of(f->names, *(const int *)v));
	case FIELD_FRAMES: return frames_format(a, v);
	case FIELD_RESOLUTION: return resolution_format(a, *(const struct resolution *)v);
	case FIELD_STRINGS:
	case FIELD_STRUCT:
	case FIELD_LIST:
	case FIELD_MAP:
	case FIELD_TEMPLATE: break;
	}
	g_assert_not_reached();
}

gboolean field_is_scalar(const struct field *f)
{
	switch (f->type) {
	case FIELD_STRINGS:
	case FIELD_STRUCT:
	case FIELD_LIST:
	case FIELD_MAP:
	case FIELD_TEMPLATE: return FALSE;
	default: return TRUE;
	}
}

const struct field *table_shorthand(const struct field *table, gboolean is_list)
{
	FIELDS_EACH (f, table)
		if ((f->flags & FIELD_SHORTHAND) && (is_list ? f->type == FIELD_STRINGS : field_is_scalar(f)))
			return f;
	return NULL;
}

gboolean table_has_long_form(const struct field *table)
{
	return table[0].name && (table[1].name || !(table[0].flags & FIELD_SHORTHAND));
}

gboolean field_is_said(const struct field *f, const void *object)
{
	SCOPED_ARENA(scratch);
	const char *text = f->def ? field_scalar_text(scratch, f, object) : NULL;
	return text ? strcmp(text, f->def) != 0 : !field_is_absent(f, object);
}

struct not_acting {
	GString *out;
	guint n;
};

/* More are counted: a person reads this in one line. */
enum { NOT_ACTING_NAMED = 5 };

static void add_not_acting(struct not_acting *l, const struct field *table, const void *object, const char *prefix);

static void add_not_acting_items(struct not_acting *l, const struct field *f, const struct list *list, const char *prefix)
{
	for (guint i = 0; i < list->n; i++) {
		g_autofree char *path = g_strdup_printf("%s%s[%u].", prefix, f->name, i);
		add_not_acting(l, f->fields, (const char *)list->items + i * f->item_size, path);
	}
}

static void add_not_acting(struct not_acting *l, const struct field *table, const void *object, const char *prefix)
{
	FIELDS_EACH (f, table) {
		const void *v = FIELD_AT_CONST(f, object);
		if ((f->flags & FIELD_ASIDE) && (f->flags & FIELD_LATER))
			continue;
		if ((f->flags & FIELD_LATER) && field_is_said(f, object)) {
			if (l->n++ < NOT_ACTING_NAMED)
				g_string_append_printf(l->out, "%s%s%s", l->out->len ? ", " : "", prefix, f->name);
		} else if (f->type == FIELD_STRUCT && !(f->flags & FIELD_PARTIAL)) {
			g_autofree char *path = g_strdup_printf("%s%s.", prefix, f->name);
			add_not_acting(l, f->fields, v, path);
		} else if (f->type == FIELD_LIST) {
			add_not_acting_items(l, f, v, prefix);
		}
	}
}

const char *fields_not_acting(struct arena *a, const struct field *table, const void *object)
{
	g_autoptr(GString) out = g_string_new(NULL);
	struct not_acting l = { out, 0 };
	add_not_acting(&l, table, object, "");
	if (l.n > NOT_ACTING_NAMED)
		g_string_append_printf(out, " and %u more", l.n - NOT_ACTING_NAMED);
	return out->len ? arena_strdup(a, out->str) : NULL;
}
