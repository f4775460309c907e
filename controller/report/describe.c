/* Words for rows. */
#include "report/describe.h"
#include "base/arena.h"
#include <string.h>

gboolean describe_table_is_needed(const struct field *table)
{
	FIELDS_EACH (f, table)
		if (describe_is_needed(f))
			return TRUE;
	return FALSE;
}

gboolean describe_is_needed(const struct field *f)
{
	return f->required || (f->type == FIELD_STRUCT && !(f->flags & (FIELD_PARTIAL | FIELD_WHOLE)) && describe_table_is_needed(f->fields));
}

const struct kind *describe_template_kind(const struct field *f)
{
	for (guint i = 0; i < N_KINDS; i++)
		if (kinds[i].spec_fields == f->fields)
			return &kinds[i];
	g_assert_not_reached();
}

/* -- types ------------------------------------------------------------------------------------------- */

static const char *words_of(struct arena *a, const struct name_table *names)
{
	g_autofree char *list = name_list(names);
	return arena_strdup(a, list);
}

/* "a", "a or b": the ways in which a table's value may be written. */
static const char *shapes_of(struct arena *a, const struct field *table, const char *long_form)
{
	const struct field *one = table_shorthand(table, FALSE), *list = table_shorthand(table, TRUE);
	g_autoptr(GString) s = g_string_new(NULL);
	const char *parts[] = { one ? describe_type(a, one) : NULL, list ? describe_type(a, list) : NULL,
		                table_has_long_form(table) ? long_form : NULL };
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		if (parts[i])
			g_string_append_printf(s, "%s%s", s->len ? ", or " : "", parts[i]);
	return arena_strdup(a, s->str);
}

const char *describe_type(struct arena *a, const struct field *f)
{
	switch (f->type) {
	case FIELD_STRING: return forms[f->form].what;
	case FIELD_BOOL: return "true or false";
	case FIELD_INT: return "a whole number";
	case FIELD_DECIMAL: return "a number with six decimals at most";
	case FIELD_BYTES: return "a size";
	case FIELD_DURATION: return "a time";
	case FIELD_ENUM: return arena_printf(a, "one of %s", words_of(a, f->names));
	case FIELD_FRAMES: return "frame numbers";
	case FIELD_RESOLUTION: return "a width and a height";
	case FIELD_STRINGS:
		return arena_printf(a, "a list, each item %s",
		                    f->names ? arena_printf(a, "one of %s", words_of(a, f->names)) : forms[f->form].what);
	case FIELD_STRUCT: return shapes_of(a, f->fields, "a map of the keys below");
	case FIELD_LIST: return arena_printf(a, "a list, each item %s", shapes_of(a, f->fields, "a map of the keys below"));
	case FIELD_MAP: return arena_printf(a, "a map of names, each with %s", shapes_of(a, f->fields, "a map of the keys below"));
	case FIELD_TEMPLATE: return arena_printf(a, "keys of a %s's spec, none required", describe_template_kind(f)->name);
	}
	g_assert_not_reached();
}

/* "name" of "a name"; longer ones are just text. */
static const char *short_form(const struct form *form)
{
	const char *word = strchr(form->what, ' ');
	return word && strlen(word) <= strlen(" PCI address") ? word + 1 : "text";
}

const char *describe_type_short(const struct field *f)
{
	switch (f->type) {
	case FIELD_STRING: return short_form(&forms[f->form]);
	case FIELD_BOOL: return "true/false";
	case FIELD_INT:
	case FIELD_DECIMAL: return "number";
	case FIELD_BYTES: return "size";
	case FIELD_DURATION: return "time";
	case FIELD_ENUM: return "word";
	case FIELD_FRAMES: return "frames";
	case FIELD_RESOLUTION: return "WxH";
	case FIELD_STRINGS:
	case FIELD_LIST: return "list";
	case FIELD_STRUCT:
	case FIELD_MAP: return "map";
	case FIELD_TEMPLATE: return "template";
	}
	g_assert_not_reached();
}

/* -- examples and limits -------------------------------------------------------------------------------- */

static gboolean is_within(const struct field *f, gint64 value)
{
	return (!f->min && !f->max) || (value >= f->min && value <= f->max);
}

/* A size or time that looks like those people write, within the limits. */
static const char *typical(struct arena *a, const struct field *f)
{
	static const gint64 sizes[] = { 24 * (gint64)GiB, (gint64)GiB, (gint64)MiB };
	static const gint64 times[] = { 30 * 60000, 30000, 14 * 86400000LL };
	const gint64 *tried = f->type == FIELD_BYTES ? sizes : times;
	gint64 value = f->max;
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		if (is_within(f, tried[i])) {
			value = tried[i];
			break;
		}
	return f->type == FIELD_BYTES ? bytes_format(a, (guint64)value) : duration_format(a, value);
}

const char *describe_example(struct arena *a, const struct field *f)
{
	if (f->names)
		return NULL;
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_STRINGS: return f->form == FORM_LINE || f->form == FORM_TEXT ? NULL : forms[f->form].good[0];
	case FIELD_BYTES:
	case FIELD_DURATION: return f->def ? f->def : typical(a, f);
	case FIELD_FRAMES: return "1-240";
	case FIELD_RESOLUTION: return "1920x1080";
	default: return NULL;
	}
}

static const char *number_text(struct arena *a, const struct field *f, gint64 value)
{
	switch (f->type) {
	case FIELD_BYTES: return bytes_format(a, (guint64)value);
	case FIELD_DURATION: return duration_format(a, value);
	case FIELD_DECIMAL: return decimal_format(a, value);
	default: return arena_printf(a, "%" G_GINT64_FORMAT, value);
	}
}

const char *describe_limits(struct arena *a, const struct field *f)
{
	gboolean is_bounded = f->min || f->max;
	if (f->type == FIELD_RESOLUTION)
		return "each side 4 to 65536";
	if (f->type == FIELD_STRING || f->type == FIELD_STRINGS)
		return f->max ? arena_printf(a, "%" G_GINT64_FORMAT " characters at most", f->max) : NULL;
	const char *range = is_bounded ? arena_printf(a, "%s to %s", number_text(a, f, f->min), number_text(a, f, f->max)) : NULL;
	const char *unit = f->unit ? arena_printf(a, "in %s or a larger unit", bytes_unit_name((guint64)f->unit)) : NULL;
	return range && unit ? arena_printf(a, "%s, %s", range, unit) : range ? range : unit;
}

const char *describe_effect(const struct field *f)
{
	return f->on_change == EFFECT_NONE ? NULL : name_of(&effect_names, (int)f->on_change);
}

const char *describe_paragraph(struct arena *a, const struct field *f)
{
	g_autoptr(GString) s = g_string_new(f->doc);
	const char *limits = describe_limits(a, f), *effect = describe_effect(f);
	if (limits)
		g_string_append_printf(s, " %c%s.", g_ascii_toupper(limits[0]), limits + 1);
	if (f->required)
		g_string_append(s, " Required.");
	if (f->def)
		g_string_append_printf(s, " Default: %s.", f->def);
	if (effect)
		g_string_append_printf(s, " A change costs: %s.", effect);
	if (f->flags & FIELD_LATER)
		g_string_append(s, " " NOT_YET);
	return arena_strdup(a, s->str);
}
