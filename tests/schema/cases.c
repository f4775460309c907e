/* Documents made from the rows, each with the decoder's verdict: one JSON object a line,
 *   {"kind", "path", "text", "document", "accepted", "beyond"}
 * tests/schema/agree holds the JSON Schema against them. Arguments are YAML files: their documents as JSON.
 *
 * A document is one text, read as YAML by the decoder and as JSON by the schema: JSON is YAML in which
 * strings are quoted. `beyond`: what no schema can say; it takes them, the decoder does not.
 *
 * What the Farm's defaults may give is not required by the schema of an object. So the decoder too reads
 * such an object over defaults that give all that is required. */
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/kinds.h"
#include "spec/load.h"
#include "spec/node.h"
#include "spec/secret.h"
#include <stdio.h>
#include <string.h>

enum { OBJECT_MAX = 4096 };

/* Where a value stands: the document's text before and after it. */
struct spot {
	struct arena *arena;
	const struct kind *kind;
	const char *path, *before, *after;
};

/* -- the decoder's verdict ------------------------------------------------------------------------------ */

static const char *minimal_map(struct arena *a, const struct field *table);

/* The only document of a text; NULL when it cannot be read. */
static const struct node *read_one(struct arena *a, const char *text, struct problems *problems)
{
	struct documents d = node_read(a, "case", text, strlen(text), problems);
	return d.n == 1 ? &d.items[0] : NULL;
}

static gboolean is_accepted(struct arena *a, const struct kind *kind, const struct node *document, struct problems *problems)
{
	const struct node *meta = node_get(document, "metadata"), *spec = node_get(document, "spec");
	guint n_before = problems->n_errors;
	if (!meta || meta->type != NODE_MAP)
		return FALSE;
	decode_struct(a, meta_fields, meta, node_place(meta), FALSE, arena_alloc(a, OBJECT_MAX), problems);
	if (kind->defaults)
		spec = node_merge(a, read_one(a, minimal_map(a, kind->spec_fields), problems), spec);
	decode_struct(a, kind->spec_fields, spec, node_place(document), FALSE, arena_alloc(a, OBJECT_MAX), problems);
	return problems->n_errors == n_before;
}

/* -- output ------------------------------------------------------------------------------------------------ */

/* Escaped beyond what JSON asks: to YAML U+0085, U+2028 and U+2029 are line breaks, which it folds. */
static const char *quoted(struct arena *a, const char *text)
{
	g_autoptr(GString) s = g_string_new("\"");
	for (const char *c = text; *c; c = g_utf8_next_char(c)) {
		gunichar u = g_utf8_get_char(c);
		if (u == '"' || u == '\\')
			g_string_append_printf(s, "\\%c", *c);
		else if (u < 0x20 || (u >= 0x7f && u < 0xa0) || u == 0x2028 || u == 0x2029)
			g_string_append_printf(s, "\\u%04x", u);
		else
			g_string_append_unichar(s, u);
	}
	return arena_strdup(a, g_string_append_c(s, '"')->str);
}

static void print_case(struct arena *a, const struct spot *at, const char *what, const char *document, gboolean accepted,
                       gboolean is_beyond)
{
	printf("{\"kind\":%s,\"path\":%s,\"text\":%s,\"document\":%s,\"accepted\":%s,\"beyond\":%s}\n", quoted(a, at->kind->name),
	       quoted(a, at->path), quoted(a, what), document, accepted ? "true" : "false", is_beyond ? "true" : "false");
}

static void try_document(const struct spot *at, const char *what, const char *document, gboolean is_beyond)
{
	SCOPED_ARENA(a);
	struct problems problems;
	problems_init(&problems, a);
	const struct node *n = read_one(a, document, &problems);
	gboolean accepted = n && !problems.n_errors && is_accepted(a, at->kind, n, &problems);
	problems_clear(&problems);
	print_case(a, at, what, document, accepted, is_beyond);
}

/* `value` is JSON. */
static void try_value(const struct spot *at, const char *value)
{
	try_document(at, value, arena_printf(at->arena, "%s%s%s", at->before, value, at->after), FALSE);
}

static void try_beyond(const struct spot *at, const char *value)
{
	try_document(at, value, arena_printf(at->arena, "%s%s%s", at->before, value, at->after), TRUE);
}

static void try_text(const struct spot *at, const char *text)
{
	try_value(at, quoted(at->arena, text));
}

static struct spot spot_within(const struct spot *at, const char *name, const char *before, const char *after)
{
	struct arena *a = at->arena;
	return (struct spot){ a, at->kind, arena_printf(a, "%s%s", at->path, name), arena_printf(a, "%s%s", at->before, before),
		              arena_printf(a, "%s%s", after, at->after) };
}

/* -- least values ---------------------------------------------------------------------------------------------- */

static const char *minimal_item(struct arena *a, const struct field *table)
{
	if (table_has_long_form(table))
		return minimal_map(a, table);
	return table_shorthand(table, FALSE) ? table_shorthand(table, FALSE)->type == FIELD_STRING ? "\"word\"" : "1" : "[]";
}

static const char *minimal_value(struct arena *a, const struct field *f)
{
	switch (f->type) {
	case FIELD_STRING: return quoted(a, forms[f->form].good[0]);
	case FIELD_BOOL: return "true";
	case FIELD_INT:
	case FIELD_DECIMAL: return arena_printf(a, "%" G_GINT64_FORMAT, f->type == FIELD_INT ? f->min : f->min / 1000000);
	case FIELD_BYTES: return quoted(a, bytes_format(a, (guint64)MAX(f->min, f->unit)));
	case FIELD_DURATION: return quoted(a, duration_format(a, f->min));
	case FIELD_ENUM: return quoted(a, f->names->names[f->names->n - 1]);
	case FIELD_FRAMES: return "\"1-8\"";
	case FIELD_RESOLUTION: return "\"64x64\"";
	case FIELD_STRINGS:
	case FIELD_LIST: return "[]";
	case FIELD_STRUCT: return minimal_map(a, f->fields);
	case FIELD_MAP:
	case FIELD_TEMPLATE: return "{}";
	}
	g_assert_not_reached();
}

/* `"a": 1, ` of all that a map needs, but for one row. */
static const char *needed_but(struct arena *a, const struct field *table, const struct field *but)
{
	g_autoptr(GString) s = g_string_new(NULL);
	FIELDS_EACH (f, table)
		if (f->required && f != but)
			g_string_append_printf(s, "%s: %s, ", quoted(a, f->name), minimal_value(a, f));
	return arena_strdup(a, s->str);
}

static const char *minimal_map(struct arena *a, const struct field *table)
{
	char *inner = arena_strdup(a, needed_but(a, table, NULL));
	if (*inner)
		inner[strlen(inner) - strlen(", ")] = '\0';
	return arena_printf(a, "{%s}", inner);
}

/* -- values of a type -------------------------------------------------------------------------------------------- */

/* Of all of JSON's types, at any row. */
static void try_any(const struct spot *at)
{
	static const char *const values[] = {
		"null", "true", "false", "0", "1", "-1", "5", "3.5", "99999999999999999999", "\"\"", "\"text\"", "\"1\"", "\"true\"",
		"\"null\"", "\" \"", "\"two\\nlines\"", "\"bell\\u0007\"", "\"delete\\u007f\"", "\"next\\u0085line\"",
		"\"\xc3\xa4\"", "\"\\u2028\"", "\"1GiB\"", "\"30m\"",
		"\"64x64\"", "[]", "[\"a\"]", "[1]", "[true]", "[null]", "[[]]", "[[\"a\"]]", "[{}]", "[\"a\", \"b\"]", "{}",
		"{\"nonsense\": 1}", "{\"alpha\": \"a\"}", "{\"alpha\": 1}", "{\"alpha\": null}", "{\"alpha\": {}}", "{\"alpha\": []}",
		"[{\"nonsense\": 1}]",
	};
	for (guint i = 0; i < G_N_ELEMENTS(values); i++)
		try_value(at, values[i]);
}

static void try_integers(const struct spot *at, const struct field *f)
{
	const gint64 limits[] = { f->min, f->max };
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++)
		for (gint64 d = -1; d <= 1; d++) {
			const char *text = arena_printf(at->arena, "%" G_GINT64_FORMAT, limits[i] + d);
			try_value(at, text);
			try_text(at, text);
		}
}

static void try_decimals(const struct spot *at, const struct field *f)
{
	static const char *const values[] = { "0.42", "0.000001", "-0.5", "-0.000001", "1.5" };
	const gint64 limits[] = { f->min, f->max };
	for (guint i = 0; i < G_N_ELEMENTS(values); i++)
		try_value(at, values[i]);
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++)
		for (gint64 d = limits[i] ? -1 : 0; d <= 1; d++)
			try_value(at, decimal_format(at->arena, limits[i] + d));
	try_beyond(at, "0.1234567");
}

struct unit {
	const char *name;
	guint64 factor;
};
static const struct unit byte_units[] = { { "B", 1 }, { "KiB", KiB }, { "MiB", MiB }, { "GiB", GiB }, { "TiB", TiB } };
static const struct unit time_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };

static void try_number(const struct spot *at, guint64 number, const char *unit)
{
	try_text(at, arena_printf(at->arena, "%" G_GUINT64_FORMAT "%s", number, unit));
}

/* Inside, on and outside both limits in each unit, and in lengths of number that neither limit has. */
static void try_units(const struct spot *at, const struct field *f, const struct unit *units, guint n)
{
	const guint64 limits[] = { (guint64)f->min, f->max ? (guint64)f->max : G_MAXINT64, G_MAXUINT64 };
	for (guint u = 0; u < n; u++) {
		for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
			guint64 number = limits[i] / units[u].factor;
			for (guint64 k = number ? number - 1 : 0; k <= number + 2 && k >= number - (number > 0); k++)
				try_number(at, k, units[u].name);
		}
		for (guint64 power = 1, i = 0; i < 19; power *= 10, i++) {
			try_number(at, power, units[u].name);
			try_number(at, power * 10 - 1, units[u].name);
			try_number(at, power * 7 / 2, units[u].name);
		}
		try_text(at, arena_printf(at->arena, "007%s", units[u].name));
		try_text(at, arena_printf(at->arena, "000%" G_GUINT64_FORMAT "%s", limits[1] / units[u].factor, units[u].name));
		try_text(at, arena_printf(at->arena, "-1%s", units[u].name));
		try_text(at, arena_printf(at->arena, "1.5%s", units[u].name));
		try_text(at, arena_printf(at->arena, "1 %s", units[u].name));
		try_text(at, arena_printf(at->arena, "1%s\n", units[u].name));
		try_text(at, arena_printf(at->arena, "%s", units[u].name));
	}
}

static void try_texts(const struct spot *at, const char *const *texts, guint n)
{
	for (guint i = 0; i < n; i++)
		try_text(at, texts[i]);
}
#define TRY_TEXTS(at, ...) try_texts(at, (const char *const[]){ __VA_ARGS__ }, G_N_ELEMENTS(((const char *const[]){ __VA_ARGS__ })))

static void try_frames(const struct spot *at)
{
	static const char *const beyond[] = { "\"8-1\"", "\"1-8,4\"", "\"1,1\"", "\"-1--5\"", "\"1-10:2,2\"" };
	TRY_TEXTS(at, "1", "-5", "1-240", "1-10:2,20", "1-10x2", "1001-1240", "-10--1", "-5-5", " 1 - 8 , 20 ", "\t1", "1,", ",1",
	          "1-", "-", "1..8", "1-8:0", "1-8:-1", "1-8x", "1-8:2:2", "1-8y2", "1 2", "--1", "+1", "1-8:+2", "0x10", "1e3", "1,,2",
	          "1000000000000", "1000000000001", "-1000000000000", "-1000000000001", "1-1000000000000:1000000000000",
	          "1-1000000000000:1000000000001", "00000000000000001", "1-8:0001", "1-8:0000", "1-8\n", "1\n,2", "1-8: 2", "1-8 x 2",
	          "-0", "0-0", "1:2", "1x2", "a", "1-8;9", "1-8 :2", "1 -8", "- 1", "99999999999999999999");
	for (guint i = 0; i < G_N_ELEMENTS(beyond); i++)
		try_beyond(at, beyond[i]);
	TRY_TEXTS(at, "1.0", "1.5");
	try_value(at, "1000000000000");
	try_value(at, "1000000000001");
	try_value(at, "-1000000000000");
	try_value(at, "-1000000000001");
}

static void try_resolutions(const struct spot *at)
{
	static const char *const sides[] = { "0", "3", "4", "5", "9", "10", "99", "100", "1080", "9999", "10000", "65535",
		                             "65536", "65537", "70000", "99999", "100000", "0004", "0003", "065536", "-4", "" };
	for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
		try_text(at, arena_printf(at->arena, "%sx64", sides[i]));
		try_text(at, arena_printf(at->arena, "64x%s", sides[i]));
	}
	TRY_TEXTS(at, "64X64", "64 x 64", "64x64x64", "64*64", "64x64\n", " 64x64", "64");
}

static void try_words(const struct spot *at, const struct name_table *names)
{
	for (guint i = 0; i < names->n; i++) {
		try_text(at, names->names[i]);
		try_text(at, arena_printf(at->arena, "%s ", names->names[i]));
		g_autofree char *upper = g_ascii_strup(names->names[i], -1), *lower = g_ascii_strdown(names->names[i], -1);
		try_text(at, upper);
		try_text(at, lower);
	}
	try_text(at, "nonsense");
}

static void try_form(const struct spot *at, enum form_id id)
{
	const struct form *form = &forms[id];
	for (guint i = 0; i < G_N_ELEMENTS(form->good) && form->good[i]; i++) {
		try_text(at, form->good[i]);
		try_text(at, arena_printf(at->arena, "%s\n", form->good[i]));
		try_text(at, arena_printf(at->arena, " %s", form->good[i]));
	}
	for (guint i = 0; i < G_N_ELEMENTS(form->bad) && form->bad[i]; i++)
		try_text(at, form->bad[i]);
}

/* Texts that are nearly a secret, or have a part of one. */
static void try_near_secrets(const struct spot *at)
{
	TRY_TEXTS(at, "the PRIVATE KEY of nobody", "-----BEGIN PUBLIC KEY-----", "AKIA and some other words", "xAKIA0123456789ABCDEF",
	          "ghp_0123456789abcdef", "github_pat_0123456789", "glpat-0123456789", "xoxb-01234567", "eyJ0123456789.eyJ0123456789",
	          "$6$salt$0123456", "x$6$salt$0123456789", "$9$salt$0123456789", "https://host.example/a:b@c", "https://user@host.example/",
	          "x\n$6$salt$0123456789", "x\xe2\x80\xa8$6$salt$0123456789", "x\xe2\x80\xa9$6$salt$0123456789",
	          "x\xc2\x85$6$salt$0123456789", "token=abcd", "token=abcde", "token=abcdef", "TOKEN=abcdef", "mytoken=abcdef",
	          "my token=abcdef", "MYTOKEN=abcdef", "MY_TOKEN=abcdef", "token=$TOKEN_OF_HOST", "token={of the host}", "api_key=abcdef",
	          "apikey=abcdef", "api__key=abcdef", "some=other words", "Bearer 0123456789abcdef", "bearer 0123456789abcdef",
	          "BEARER 0123456789abcdef", "BEARER 0123456789abcdef earer ", "bearer 0123456789abcde", "wearer of a ring");
}

/* What is long to try, once for each form: at the first row that has it. */
static void try_once(const struct spot *at, enum form_id id)
{
	static const gsize lengths[] = { 15, 16, 31, 32, 55, 56, 64, 128, 129, 200, 201, 255, 256 };
	static gboolean is_done[N_FORMS];
	if (is_done[id])
		return;
	is_done[id] = TRUE;
	for (guint i = 0; i < N_FORMS; i++)
		try_form(at, (enum form_id)i);
	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
		g_autofree char *text = g_strnfill(lengths[i], 'a');
		try_text(at, text);
	}
	try_near_secrets(at);
}

static void try_strings(const struct spot *at, const struct field *f)
{
	if (f->names) {
		try_words(at, f->names);
		return;
	}
	try_form(at, f->form);
	try_once(at, f->form);
	for (guint i = 0; i < n_secret_forms; i++)
		try_text(at, secret_forms[i].example);
	for (gint64 len = f->max - 1; f->max && len <= f->max + 1; len++) {
		g_autofree char *narrow = g_strnfill((gsize)len, 'x');
		g_autoptr(GString) wide = g_string_new(NULL);
		for (gint64 i = 0; i < len; i++)
			g_string_append(wide, "\xc3\xa4");
		try_text(at, narrow);
		try_text(at, wide->str);
	}
}

/* -- rows -------------------------------------------------------------------------------------------------------- */

static void try_table(const struct spot *at, const struct field *table);
static void try_row(const struct spot *at, const struct field *f);

/* Where a table's value may stand, in all ways to write it. */
static void try_shapes(const struct spot *at, const struct field *table)
{
	const struct field *rows[] = { table_shorthand(table, FALSE), table_shorthand(table, TRUE) };
	try_any(at);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i])
			try_row(at, rows[i]);
	if (table_has_long_form(table))
		try_table(at, table);
	else
		try_value(at, arena_printf(at->arena, "{%s: 1}", quoted(at->arena, table[0].name)));
}

static void try_keys(const struct spot *at, const struct field *f)
{
	const enum form_id ids[] = { FORM_NAME, FORM_LINE };
	const char *item = minimal_item(at->arena, f->fields);
	for (guint k = 0; k < G_N_ELEMENTS(ids); k++) {
		const struct form *form = &forms[ids[k]];
		for (guint i = 0; i < G_N_ELEMENTS(form->good) && form->good[i]; i++)
			try_value(at, arena_printf(at->arena, "{%s: %s}", quoted(at->arena, form->good[i]), item));
		for (guint i = 0; i < G_N_ELEMENTS(form->bad) && form->bad[i]; i++)
			try_value(at, arena_printf(at->arena, "{%s: %s}", quoted(at->arena, form->bad[i]), item));
	}
}

static void try_items(const struct spot *at, const struct field *f)
{
	gboolean is_map = f->type == FIELD_MAP;
	struct spot inside = is_map ? spot_within(at, ".alpha", "{\"alpha\": ", "}") : spot_within(at, "[]", "[", "]");
	const char *item = minimal_item(at->arena, f->fields);
	const char *two = arena_printf(at->arena, is_map ? "{\"a\": %s, \"b\": %s}" : "[%s, %s]", item, item);
	try_any(at);
	if (!is_map && strcmp(f->fields->name, "name") == 0)
		try_beyond(at, two); /* one name twice */
	else
		try_value(at, two);
	if (is_map)
		try_keys(at, f);
	try_shapes(&inside, f->fields);
}

static void try_row(const struct spot *at, const struct field *f)
{
	struct spot item = spot_within(at, "[]", "[", "]");
	switch (f->type) {
	case FIELD_STRING: try_strings(at, f); break;
	case FIELD_INT: try_integers(at, f); break;
	case FIELD_DECIMAL: try_decimals(at, f); break;
	case FIELD_BYTES: try_units(at, f, byte_units, G_N_ELEMENTS(byte_units)); break;
	case FIELD_DURATION:
		try_units(at, f, time_units, G_N_ELEMENTS(time_units));
		try_text(at, "1h30m");
		break;
	case FIELD_ENUM: try_words(at, f->names); break;
	case FIELD_FRAMES: try_frames(at); break;
	case FIELD_RESOLUTION: try_resolutions(at); break;
	case FIELD_STRINGS:
		try_any(&item);
		try_strings(&item, f);
		break;
	case FIELD_LIST:
	case FIELD_MAP: try_items(at, f); return;
	case FIELD_STRUCT: try_shapes(at, f->fields); return;
	case FIELD_TEMPLATE: /* below byLabel they are the same again */
		if (strstr(at->path, ".byLabel"))
			break;
		try_shapes(at, f->fields);
		return;
	case FIELD_BOOL: break;
	}
	try_any(at);
}

/* A map: its keys, one it does not know, and each of those it needs left out. */
static void try_table(const struct spot *at, const struct field *table)
{
	struct arena *a = at->arena;
	try_value(at, minimal_map(a, table));
	try_value(at, arena_printf(a, "{%s\"nonsense\": 1}", needed_but(a, table, NULL)));
	FIELDS_EACH (f, table) {
		const char *rest = needed_but(a, table, f), *key = quoted(a, f->name);
		g_autofree char *less = g_strndup(rest, strlen(rest) ? strlen(rest) - strlen(", ") : 0);
		struct spot inside = spot_within(at, arena_printf(a, ".%s", f->name), arena_printf(a, "{%s%s: ", rest, key), "}");
		if (f->required)
			try_value(at, arena_printf(a, "{%s}", less));
		if (f->flags & FIELD_DERIVED) /* no key of the language */
			try_value(at, arena_printf(a, "{%s%s: %s}", rest, key, minimal_value(a, f)));
		else
			try_row(&inside, f);
	}
}

static void try_kind(const struct kind *kind)
{
	SCOPED_ARENA(a);
	const char *least = minimal_map(a, kind->spec_fields);
	const char *head = arena_printf(a, "{\"apiVersion\": \"" API_VERSION "\", \"kind\": \"%s\", ", kind->name);
	struct spot spec = { a, kind, arena_printf(a, "%s.spec", kind->name),
		             arena_printf(a, "%s\"metadata\": {\"name\": \"a\"}, \"spec\": ", head), "}" };
	struct spot meta = { a, kind, arena_printf(a, "%s.metadata", kind->name), arena_printf(a, "%s\"metadata\": ", head),
		             arena_printf(a, ", \"spec\": %s}", least) };
	try_shapes(&spec, kind->spec_fields);
	try_any(&meta);
	try_table(&meta, meta_fields);
	try_document(&spec, "(no spec)", arena_printf(a, "%s\"metadata\": {\"name\": \"a\"}}", head), FALSE);
	try_document(&meta, "(no metadata)", arena_printf(a, "%s\"spec\": %s}", head, least), FALSE);
	try_document(&meta, "(status)", arena_printf(a, "%s\"metadata\": {\"name\": \"a\"}, \"spec\": %s, \"status\": {\"a\": 1}}", head, least), FALSE);
}

/* What stands around the spec, by the loader itself; of a Host, about which no rule speaks. */
static void try_envelopes(void)
{
	static const char *const documents[] = {
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}}",
		"{\"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1\", \"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": 1, \"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"host\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Worker\", \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": [], \"metadata\": {\"name\": \"a\"}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Host\"}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Host\", \"metadata\": null}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}, \"spac\": {}}",
		"{\"apiVersion\": \"cleave/v1alpha1\", \"kind\": \"Host\", \"metadata\": {\"name\": \"a\"}, \"status\": []}",
		"{}", "[]", "\"Host\"", "1",
	};
	for (guint i = 0; i < G_N_ELEMENTS(documents); i++) {
		SCOPED_ARENA(a);
		struct problems problems;
		struct spec_file file = { .path = "case", .bytes = documents[i], .size = strlen(documents[i]) };
		struct spot at = { a, &kinds[KIND_HOST], "(envelope)", "", "" };
		problems_init(&problems, a);
		spec_load(a, &file, 1, &problems);
		print_case(a, &at, documents[i], documents[i], problems.n_errors == 0, FALSE);
		problems_clear(&problems);
	}
}

/* -- files ---------------------------------------------------------------------------------------------------------- */

/* A plain scalar that JSON has as well; all others are strings. */
static gboolean is_json_scalar(const struct node *n)
{
	return n->plain && (node_is_null(n) || strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0 ||
	                    g_regex_match_simple("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$", n->text, G_REGEX_DOLLAR_ENDONLY, 0));
}

static const char *node_json(struct arena *a, const struct node *n)
{
	if (n->type == NODE_SCALAR)
		return node_is_null(n) ? "null" : is_json_scalar(n) ? n->text : quoted(a, n->text);
	g_autoptr(GString) s = g_string_new(n->type == NODE_MAP ? "{" : "[");
	for (guint i = 0; i < n->n; i++) {
		g_string_append(s, i ? ", " : "");
		if (n->type == NODE_MAP)
			g_string_append_printf(s, "%s: ", quoted(a, n->members[i].key));
		g_string_append(s, node_json(a, n->type == NODE_MAP ? &n->members[i].value : &n->items[i]));
	}
	g_string_append_c(s, n->type == NODE_MAP ? '}' : ']');
	return arena_strdup(a, s->str);
}

static gboolean try_file(const char *path)
{
	SCOPED_ARENA(a);
	g_autofree char *text = NULL;
	gsize size;
	struct problems problems;
	if (!g_file_get_contents(path, &text, &size, NULL))
		return FALSE;
	problems_init(&problems, a);
	struct documents d = node_read(a, path, text, size, &problems);
	for (guint i = 0; i < d.n; i++) {
		const struct node *word = node_get(&d.items[i], "kind");
		const struct kind *kind = word && word->type == NODE_SCALAR ? kind_find(word->text) : NULL;
		if (!kind || !kind->spec_fields)
			continue;
		struct spot at = { a, kind, path, "", "" };
		const char *json = node_json(a, &d.items[i]);
		print_case(a, &at, arena_printf(a, "document %u", i + 1), json, is_accepted(a, kind, &d.items[i], &problems), FALSE);
	}
	gboolean ok = problems.n_errors == 0;
	problems_clear(&problems);
	return ok;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!try_file(argv[i])) {
			fprintf(stderr, "cases: %s cannot be read, or is not valid\n", argv[i]);
			return 1;
		}
	for (guint i = 0; argc == 1 && i < N_KINDS; i++)
		if (kinds[i].spec_fields)
			try_kind(&kinds[i]);
	if (argc == 1)
		try_envelopes();
	return 0;
}
