/* JSON Schema from the field tables: one loop over rows, one switch on the type, as in spec/decode.c.
 *
 * JSON's types are YAML's: what the decoder wants in quotes is a string here, what it wants without is a
 * number, true or false. A table gives one of three schemas, as the decoder has it: of an object whose keys
 * must all be there, of one over which the Farm's defaults may lie, and of those defaults themselves. */
#include "base/arena.h"
#include "report/describe.h"
#include "report/language.h"
#include "report/pattern.h"
#include "spec/secret.h"
#include <jansson.h>
#include <string.h>

enum strictness {
	COMPLETE,  /* required keys must be there */
	OVERLAID,  /* they may come from the Farm's defaults, which merge along maps, not into lists */
	NO_DEMAND, /* the Farm's defaults: nothing is required, at any depth */
};

struct maker {
	struct arena *arena;
	json_t *defs; /* $defs: templates, and what no text may look like */
};

static json_t *table_schema(struct maker *m, const struct field *table, enum strictness strictness);

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *typed(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *reference(const char *name)
{
	g_autofree char *path = g_strdup_printf("#/$defs/%s", name);
	return json_pack("{s:s}", "$ref", path);
}

/* -- scalars -------------------------------------------------------------------------------------------- */

/* Editors say `right` instead of showing the pattern (patternErrorMessage is VS Code's word). */
static json_t *matching(const char *pattern, const char *right)
{
	json_t *s = typed("string");
	set_text(s, "pattern", pattern);
	set_text(s, "patternErrorMessage", right);
	return s;
}

static json_t *words_schema(const struct name_table *names)
{
	json_t *s = typed("string"), *words = json_array();
	for (guint i = 0; i < names->n; i++)
		if (*names->names[i])
			json_array_append_new(words, json_string(names->names[i]));
	json_object_set_new(s, "enum", words);
	return s;
}

static json_t *text_schema(const struct field *f)
{
	if (f->names)
		return words_schema(f->names);
	json_t *s = matching(forms[f->form].pattern, forms[f->form].right);
	if (f->max)
		json_object_set_new(s, "maxLength", json_integer(f->max));
	set_text(s, "$ref", "#/$defs/noSecret");
	return s;
}

static json_t *integer_schema(gint64 low, gint64 high)
{
	json_t *s = typed("integer");
	json_object_set_new(s, "minimum", json_integer(low));
	json_object_set_new(s, "maximum", json_integer(high));
	return s;
}

static json_t *decimal_value(gint64 millionths)
{
	return millionths % 1000000 ? json_real((double)millionths / 1e6) : json_integer(millionths / 1000000);
}

/* No `multipleOf`: readers that compute in binary fractions would refuse 0.42. */
static json_t *decimal_schema(const struct field *f)
{
	json_t *s = typed("number");
	json_object_set_new(s, "minimum", decimal_value(f->min));
	json_object_set_new(s, "maximum", decimal_value(f->min || f->max ? f->max : G_MAXINT64));
	return s;
}

/* A lone frame is a number to YAML. */
static json_t *frames_schema(struct arena *a)
{
	return json_pack("{s:[o,o]}", "anyOf",
	                 matching(pattern_of_frames(a), "write frame numbers and ranges, as 1-240 or 1-10:2,20"),
	                 integer_schema(-pattern_frame_max(), pattern_frame_max()));
}

static json_t *unit_schema(struct arena *a, const char *pattern, const struct field *f)
{
	const char *limits = describe_limits(a, f);
	return matching(pattern, arena_printf(a, "write one number and one unit, as %s%s%s", describe_example(a, f),
	                                      limits ? "; " : "", limits ? limits : ""));
}

/* -- lists and maps ------------------------------------------------------------------------------------------ */

static json_t *value_schema(struct maker *m, const struct field *f, enum strictness strictness);

/* A list's items replace those of the defaults, so that each is whole; a map's merge with them. What is written whole or
 * not at all is whole where it is written. */
static enum strictness inside(const struct field *f, enum strictness strictness)
{
	gboolean is_whole = f->type == FIELD_LIST || ((f->flags & FIELD_WHOLE) && strictness != NO_DEMAND);
	return is_whole ? COMPLETE : strictness;
}

/* The ways in which a table's value may be written: one value, a list, a map. */
static json_t *shapes_schema(struct maker *m, const struct field *table, enum strictness strictness)
{
	const struct field *rows[] = { table_shorthand(table, FALSE), table_shorthand(table, TRUE) };
	json_t *shapes = json_array();
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i])
			json_array_append_new(shapes, value_schema(m, rows[i], strictness));
	if (table_has_long_form(table))
		json_array_append_new(shapes, table_schema(m, table, strictness));
	if (json_array_size(shapes) > 1)
		return json_pack("{s:o}", "anyOf", shapes);
	json_t *only = json_incref(json_array_get(shapes, 0));
	json_decref(shapes);
	return only;
}

static json_t *map_schema(struct maker *m, const struct field *f, enum strictness strictness)
{
	const struct form *key = &forms[table_has_long_form(f->fields) ? FORM_NAME : FORM_LINE];
	json_t *s = typed("object");
	json_object_set_new(s, "propertyNames", matching(key->pattern, key->right));
	json_object_set_new(s, "additionalProperties", shapes_schema(m, f->fields, inside(f, strictness)));
	return s;
}

/* The schema of a kind's template is made once, however many tables speak of it. */
static json_t *template_schema(struct maker *m, const struct field *f)
{
	g_autofree char *name = g_strdup_printf("%sDefaults", describe_template_kind(f)->name);
	if (!json_object_get(m->defs, name)) {
		json_object_set_new(m->defs, name, json_null()); /* keeps its place */
		json_object_set_new(m->defs, name, shapes_schema(m, f->fields, NO_DEMAND));
	}
	return reference(name);
}

static json_t *value_schema(struct maker *m, const struct field *f, enum strictness strictness)
{
	gboolean is_bounded = f->min || f->max;
	struct arena *a = m->arena;
	switch (f->type) {
	case FIELD_STRING: return text_schema(f);
	case FIELD_BOOL: return typed("boolean");
	case FIELD_INT: return integer_schema(is_bounded ? f->min : -G_MAXINT64, is_bounded ? f->max : G_MAXINT64);
	case FIELD_DECIMAL: return decimal_schema(f);
	case FIELD_BYTES: return unit_schema(a, pattern_of_size(a, f), f);
	case FIELD_DURATION: return unit_schema(a, pattern_of_time(a, f), f);
	case FIELD_ENUM: return words_schema(f->names);
	case FIELD_FRAMES: return frames_schema(a);
	case FIELD_RESOLUTION: return matching(pattern_of_resolution(a), "write width and height in pixels, as 1920x1080");
	case FIELD_STRINGS: return json_pack("{s:s,s:o}", "type", "array", "items", text_schema(f));
	case FIELD_STRUCT: return shapes_schema(m, f->fields, inside(f, strictness));
	case FIELD_LIST:
		return json_pack("{s:s,s:o}", "type", "array", "items", shapes_schema(m, f->fields, inside(f, strictness)));
	case FIELD_MAP: return map_schema(m, f, strictness);
	case FIELD_TEMPLATE: return template_schema(m, f);
	}
	g_assert_not_reached();
}

/* -- rows and tables ------------------------------------------------------------------------------------------ */

static json_t *default_value(struct arena *a, const struct field *f)
{
	gint64 number;
	switch (f->type) {
	case FIELD_BOOL: return json_boolean(strcmp(f->def, "true") == 0);
	case FIELD_INT: return integer_parse(a, f->def, &number) ? NULL : json_integer(number);
	case FIELD_DECIMAL: return decimal_parse(a, f->def, &number) ? NULL : decimal_value(number);
	default: return json_string(f->def);
	}
}

static json_t *row_schema(struct maker *m, const struct field *f, enum strictness strictness)
{
	json_t *s = value_schema(m, f, strictness);
	const char *example = field_is_scalar(f) && !f->def ? describe_example(m->arena, f) : NULL;
	set_text(s, "description", describe_paragraph(m->arena, f));
	if (f->def)
		json_object_set_new(s, "default", default_value(m->arena, f));
	if (example)
		json_object_set_new(s, "examples", json_pack("[s]", example));
	return s;
}

static json_t *table_schema(struct maker *m, const struct field *table, enum strictness strictness)
{
	json_t *s = typed("object"), *properties = json_object(), *required = json_array();
	FIELDS_EACH (f, table) {
		if (f->flags & FIELD_DERIVED)
			continue;
		json_object_set_new(properties, f->name, row_schema(m, f, strictness));
		if (strictness == COMPLETE && describe_is_needed(f))
			json_array_append_new(required, json_string(f->name));
	}
	json_object_set_new(s, "properties", properties);
	if (json_array_size(required))
		json_object_set(s, "required", required);
	json_decref(required);
	json_object_set_new(s, "additionalProperties", json_false());
	return s;
}

/* -- secrets ------------------------------------------------------------------------------------------------------ */

/* `pattern` of GRegex with its two options that ECMA's has no place for: `(?i)` in front, and that ^ stands
 * for the begin of each line. */
static const char *portable_pattern(struct arena *a, const char *pattern)
{
	g_autoptr(GString) out = g_string_new(NULL);
	gboolean folds = g_str_has_prefix(pattern, "(?i)"), in_class = FALSE;
	for (const char *c = pattern + (folds ? strlen("(?i)") : 0); *c; c++) {
		if (*c == '\\') {
			g_string_append_len(out, c++, 2);
			continue;
		}
		if (*c == '^' && !in_class)
			g_string_append(out, "(^|[\\n\\u0085\\u2028\\u2029])");
		else if (folds && in_class && g_str_has_prefix(c, "a-z"))
			g_string_append(out, "A-Za");
		else if (folds && !in_class && g_ascii_isalpha(*c))
			g_string_append_printf(out, "[%c%c]", g_ascii_toupper(*c), g_ascii_tolower(*c));
		else
			g_string_append_c(out, *c);
		in_class = *c == '[' || (in_class && *c != ']');
	}
	return arena_strdup(a, out->str);
}

enum { SECRET_SHORTEST = 12 }; /* spec/secret.c; bytes there, characters here */

static json_t *no_secret_schema(struct arena *a)
{
	json_t *any = json_array();
	for (guint i = 0; i < n_secret_forms; i++) {
		g_autofree char *begins = g_regex_escape_string(secret_forms[i].begins, -1);
		json_array_append_new(any, json_pack("{s:s,s:[{s:s},{s:s}]}", "description", secret_forms[i].what, "allOf", "pattern",
		                                     begins, "pattern", portable_pattern(a, secret_forms[i].pattern)));
	}
	json_t *secret = json_pack("{s:i,s:o}", "minLength", SECRET_SHORTEST, "anyOf", any);
	return json_pack("{s:s,s:o}", "description", "No text of a spec may look like a secret: a commit is no place for one.",
	                 "not", secret);
}

/* -- documents -------------------------------------------------------------------------------------------------------- */

static json_t *metadata_schema(struct maker *m)
{
	json_t *s = table_schema(m, meta_fields, COMPLETE);
	set_text(s, "description", "What the object is called.");
	return s;
}

static json_t *document_schema(struct maker *m, const struct kind *kind)
{
	json_t *s = typed("object"), *required = json_pack("[s,s,s]", "apiVersion", "kind", "metadata");
	enum strictness strictness = kind->defaults ? OVERLAID : COMPLETE;
	json_t *spec = shapes_schema(m, kind->spec_fields, strictness);
	/* What needs nothing may be left empty. */
	if (!describe_table_is_needed(kind->spec_fields))
		spec = json_pack("{s:[o,o]}", "anyOf", spec, typed("null"));
	set_text(spec, "description", kind->doc);
	set_text(s, "title", kind->name);
	set_text(s, "description", kind->doc);
	json_object_set_new(s, "properties",
	                    json_pack("{s:{s:s,s:s},s:{s:s},s:o,s:o,s:{s:s}}", "apiVersion", "const", API_VERSION, "default",
	                              API_VERSION, "kind", "const", kind->name, "metadata", metadata_schema(m), "spec", spec,
	                              "status", "description", "What is there, as `cleave observe` writes it; not read from specs."));
	if (strictness == COMPLETE && describe_table_is_needed(kind->spec_fields))
		json_array_append_new(required, json_string("spec"));
	json_object_set_new(s, "required", required);
	json_object_set_new(s, "additionalProperties", json_false());
	return s;
}

/* By `kind`, with if and then: an editor tells the problems of that kind alone. */
static json_t *all_kinds_schema(struct maker *m)
{
	json_t *names = json_array(), *branches = json_array();
	for (guint i = 0; i < N_KINDS; i++) {
		if (!kinds[i].spec_fields)
			continue;
		json_array_append_new(names, json_string(kinds[i].name));
		json_object_set_new(m->defs, kinds[i].name, document_schema(m, &kinds[i]));
		json_array_append_new(branches, json_pack("{s:{s:{s:{s:s}},s:[s]},s:o}", "if", "properties", "kind", "const",
		                                          kinds[i].name, "required", "kind", "then", reference(kinds[i].name)));
	}
	return json_pack("{s:s,s:s,s:{s:{s:s},s:{s:o}},s:[s,s,s],s:o}", "title", "cleave", "type", "object", "properties",
	                 "apiVersion", "const", API_VERSION, "kind", "enum", names, "required", "apiVersion", "kind", "metadata",
	                 "allOf", branches);
}

void report_schema(GString *out, const struct kind *kind)
{
	SCOPED_ARENA(a);
	struct maker m = { a, json_object() };
	json_t *all = json_object(), *document;
	set_text(all, "$schema", "https://json-schema.org/draft/2020-12/schema");
	set_text(all, "$comment", "Made by `cleave schema` from the field tables; `make docs` writes it.");
	json_object_set_new(m.defs, "noSecret", no_secret_schema(a));
	document = kind ? document_schema(&m, kind) : all_kinds_schema(&m);
	json_object_update(all, document);
	json_decref(document);
	json_object_set_new(all, "$defs", m.defs);
	g_autofree char *text = json_dumps(all, JSON_INDENT(1));
	g_string_append_printf(out, "%s\n", text);
	json_decref(all);
}
