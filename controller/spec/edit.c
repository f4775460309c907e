/* Finds the value among libyaml's events, which say where each one stands, and splices the text there. */
#include "spec/edit.h"
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include <string.h>

struct editing {
	struct arena *arena;
	const struct edit *e;
	struct fmt_source source;
	const char *problem;
};

/* Bytes [from, to) of the text give way to `with`. */
struct splice {
	gsize from, to;
	const char *with;
};

static const struct fmt_event *event_at(const struct editing *d, guint i)
{
	return &g_array_index(d->source.events, struct fmt_event, i);
}

static gsize byte_of(const struct editing *d, const struct fmt_mark *m)
{
	const char *line = d->e->bytes + g_array_index(d->source.lines, gsize, m->line);
	return (gsize)(g_utf8_offset_to_pointer(line, m->column) - d->e->bytes);
}

static gboolean begins_collection(const struct fmt_event *e)
{
	return e->type == YAML_MAPPING_START_EVENT || e->type == YAML_SEQUENCE_START_EVENT;
}

/* The event behind the node that begins at `i`. */
static guint skip_node(const struct editing *d, guint i)
{
	guint depth = 0;
	do {
		const struct fmt_event *e = event_at(d, i++);
		if (begins_collection(e))
			depth++;
		else if (e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT)
			depth--;
	} while (depth);
	return i;
}

/* Where the node's last byte is. The end of a block's collection is told where the next thing begins, behind comments. */
static gsize node_end(const struct editing *d, guint at)
{
	guint last = skip_node(d, at) - 1;
	const struct fmt_event *e = event_at(d, last);
	while (last > at && e->type != YAML_SCALAR_EVENT && e->start.line == e->end.line && e->start.column == e->end.column)
		e = event_at(d, --last);
	return byte_of(d, &e->end);
}

/* The value of a key of the map that begins at `map`; 0 = it has none. */
static guint find_value(const struct editing *d, guint map, const char *key)
{
	guint i = map + 1;
	while (event_at(d, i)->type == YAML_SCALAR_EVENT) {
		if (strcmp(event_at(d, i)->text, key) == 0)
			return i + 1;
		i = skip_node(d, i + 1);
	}
	return 0;
}

/* The `spec` of the document at the line; 0 = there is none. */
static guint find_spec(const struct editing *d)
{
	for (guint i = 0; i < d->source.events->len; i++) {
		const struct fmt_event *e = event_at(d, i);
		if (i && e->type == YAML_MAPPING_START_EVENT && event_at(d, i - 1)->type == YAML_DOCUMENT_START_EVENT &&
		    e->start.line + 1 == d->e->line) {
			guint spec = find_value(d, i, "spec");
			return spec && event_at(d, spec)->type == YAML_MAPPING_START_EVENT ? spec : 0;
		}
	}
	return 0;
}

/* Plain where that is a text in every context, else in double quotes. */
static const char *scalar_text(struct arena *a, const char *value, gboolean is_text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	char beyond_ascii[129] = { 0 }; /* YAML has no octal escapes, and needs none */
	for (guint i = 0; i < 128; i++)
		beyond_ascii[i] = (char)(0x80 + i);
	if (*value && g_ascii_isalnum(*value) && strspn(value, plain) == strlen(value) && !(is_text && text_is_ambiguous(value)))
		return value;
	g_autofree char *escaped = g_strescape(value, beyond_ascii);
	return arena_printf(a, "\"%s\"", escaped);
}

/* "{reason: …, by: …}" */
static const char *map_text(struct arena *a, const struct edit_member *members)
{
	g_autoptr(GString) s = g_string_new("{");
	for (const struct edit_member *m = members; m->key; m++)
		if (m->value)
			g_string_append_printf(s, "%s%s: %s", s->len > 1 ? ", " : "", m->key, scalar_text(a, m->value, TRUE));
	g_string_append_c(s, '}');
	return arena_strdup(a, s->str);
}

/* "key: value", with the maps that are missing between in flow style. */
static const char *new_member(struct arena *a, const char *const *keys, const char *value)
{
	if (!keys[1])
		return arena_printf(a, "%s: %s", keys[0], value);
	return arena_printf(a, "%s: {%s}", keys[0], new_member(a, keys + 1, value));
}

/* Behind the last member, whose line may end with a comment. A block scalar ends where the next line begins. */
static struct splice add_to_block(struct editing *d, guint map, const char *member)
{
	const struct fmt_event *last = event_at(d, skip_node(d, map) - 2), *first = event_at(d, map + 1);
	gsize at = byte_of(d, &last->end);
	const char *bytes = d->e->bytes, *indent = arena_printf(d->arena, "%*s", (int)first->start.column, "");
	if (last->end.column == 0 && at > 0)
		return (struct splice){ at, at, arena_printf(d->arena, "%s%s\n", indent, member) };
	const char *end = strchr(bytes + at, '\n');
	at = end ? (gsize)(end - bytes) : d->e->size;
	return (struct splice){ at, at, arena_printf(d->arena, "\n%s%s", indent, member) };
}

static struct splice add_member(struct editing *d, guint map, const char *const *keys, const char *value)
{
	const struct fmt_event *e = event_at(d, map);
	const char *member = new_member(d->arena, keys, value);
	if (!e->flow)
		return add_to_block(d, map, member);
	gsize at = byte_of(d, &e->start) + 1;
	gboolean is_empty = event_at(d, map + 1)->type == YAML_MAPPING_END_EVENT;
	return (struct splice){ at, at, arena_printf(d->arena, is_empty ? "%s" : "%s, ", member) };
}

/* `inputs: traced` becomes `inputs: {mode: traced, sha256: …}`. */
static struct splice expand_shorthand(struct editing *d, guint at, const struct field *fields, const char *const *keys,
                                      const char *value)
{
	const struct fmt_event *e = event_at(d, at);
	gboolean is_list = e->type == YAML_SEQUENCE_START_EVENT;
	const struct field *row = fields ? table_shorthand(fields, is_list) : NULL;
	if (!row || (is_list && !e->flow)) {
		d->problem = arena_printf(d->arena, "write the value in line %u as a map, with `%s`", e->start.line + 1,
		                          new_member(d->arena, keys, value));
		return (struct splice){ 0 };
	}
	const struct fmt_event *end = is_list ? event_at(d, skip_node(d, at) - 1) : e;
	gsize from = byte_of(d, &e->start), to = byte_of(d, &end->end);
	return (struct splice){ from, to, arena_printf(d->arena, "{%s: %.*s, %s}", row->name, (int)(to - from), d->e->bytes + from,
		                                       new_member(d->arena, keys, value)) };
}

static struct splice replace_scalar(struct editing *d, guint at, const char *value)
{
	const struct fmt_event *e = event_at(d, at);
	if (e->type != YAML_SCALAR_EVENT || e->style == YAML_LITERAL_SCALAR_STYLE || e->style == YAML_FOLDED_SCALAR_STYLE) {
		d->problem = arena_printf(d->arena, "line %u holds something else than one value there", e->start.line + 1);
		return (struct splice){ 0 };
	}
	gsize from = byte_of(d, &e->start), to = byte_of(d, &e->end);
	return (struct splice){ from, to, from == to ? arena_printf(d->arena, " %s", value) : value };
}

/* Whatever stands there gives way to one line. */
static struct splice replace_node(struct editing *d, guint value, const char *with)
{
	const struct fmt_event *key = event_at(d, value - 1), *e = event_at(d, value);
	const char *bytes = d->e->bytes;
	gsize behind_key = byte_of(d, &key->end), from = byte_of(d, &e->start), to = node_end(d, value);
	if (from == to || e->start.line != key->start.line)
		from = behind_key + strcspn(bytes + behind_key, ":") + 1;
	else
		return (struct splice){ from, bytes[to - 1] == '\n' ? to - 1 : to, with };
	return (struct splice){ from, MAX(to, from), arena_printf(d->arena, " %s", with) };
}

/* Takes the key out with its value: in block style whole lines, in flow style with one of its commas. */
static struct splice take_out(struct editing *d, guint value, gboolean is_flow)
{
	const struct fmt_event *key = event_at(d, value - 1);
	const char *bytes = d->e->bytes;
	gsize from = byte_of(d, &key->start), to = MAX(node_end(d, value), byte_of(d, &key->end));
	gsize line = g_array_index(d->source.lines, gsize, key->start.line);
	if (is_flow) {
		gsize n_after = strspn(bytes + to, " ");
		if (bytes[to + n_after] == ',') {
			to += n_after + 1;
			to += strspn(bytes + to, " ");
		} else {
			while (from > 0 && strchr(" ,", bytes[from - 1]))
				from--;
		}
		return (struct splice){ from, to, "" };
	}
	if (strspn(bytes + line, " ") != from - line) {
		d->problem = arena_printf(d->arena, "take `%s` in line %u out", key->text, key->start.line + 1);
		return (struct splice){ 0 };
	}
	if (bytes[to - 1] == '\n') /* a block scalar ends where the next line begins */
		return (struct splice){ line, to, "" };
	const char *end = strchr(bytes + to, '\n');
	return (struct splice){ line, end ? (gsize)(end - bytes) + 1 : d->e->size, "" };
}

/* Whether the row that the keys lead to takes a text. */
static gboolean is_text_row(const struct field *fields, const char *const *keys)
{
	const struct field *row = NULL;
	for (; *keys && fields; keys++) {
		row = field_find(fields, *keys);
		fields = row ? row->fields : NULL;
	}
	return row && !*keys && row->type == FIELD_STRING;
}

static struct splice find_splice(struct editing *d, guint map)
{
	const struct edit *e = d->e;
	const char *value = e->members ? map_text(d->arena, e->members)
	                    : e->value ? scalar_text(d->arena, e->value, is_text_row(e->fields, e->keys))
	                               : NULL;
	const struct field *fields = e->fields;
	const char *const *keys = e->keys;
	for (;; keys++) {
		guint at = find_value(d, map, keys[0]);
		if (!at && !value)
			return (struct splice){ 0, 0, "" };
		if (!at)
			return add_member(d, map, keys, value);
		if (!keys[1] && !value)
			return take_out(d, at, event_at(d, map)->flow != 0);
		if (!keys[1])
			return e->members ? replace_node(d, at, value) : replace_scalar(d, at, value);
		const struct field *row = field_find(fields, keys[0]);
		fields = row ? row->fields : NULL;
		if (event_at(d, at)->type != YAML_MAPPING_START_EVENT && !value)
			return (struct splice){ 0, 0, "" };
		if (event_at(d, at)->type != YAML_MAPPING_START_EVENT)
			return expand_shorthand(d, at, fields, keys + 1, value);
		map = at;
	}
}

static gboolean is_scalar_of(const struct node *n, const char *text)
{
	return text ? n && n->type == NODE_SCALAR && strcmp(n->text, text) == 0 : !n;
}

static gboolean is_as_asked(const struct edit *e, const struct node *found)
{
	if (!e->members)
		return is_scalar_of(found, e->value);
	gboolean is_right = found && found->type == NODE_MAP;
	for (const struct edit_member *m = e->members; is_right && m->key; m++)
		is_right = is_scalar_of(node_get(found, m->key), m->value);
	return is_right;
}

/* Whether the new text says it; what was written by hand may have forms that the splice did not foresee. */
static gboolean says(struct arena *a, const struct edit *e, const char *text)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents all = node_read(a, "edited", text, strlen(text), &problems);
	const struct node *found = NULL;
	for (guint i = 0; i < all.n; i++)
		if (all.items[i].line == e->line)
			found = node_get(&all.items[i], "spec");
	for (guint k = 0; e->keys[k]; k++)
		found = found ? node_get(found, e->keys[k]) : NULL;
	gboolean is_said = problems.n_errors == 0 && is_as_asked(e, found);
	problems_clear(&problems);
	return is_said;
}

const char *edit_set(struct arena *a, const struct edit *e, const char **ret_problem)
{
	struct editing d = { .arena = a, .e = e };
	const char *text = NULL;
	guint spec = fmt_scan(a, e->bytes, e->size, &d.source) ? find_spec(&d) : 0;
	if (spec) {
		struct splice s = find_splice(&d, spec);
		if (!d.problem)
			text = arena_printf(a, "%.*s%s%s", (int)s.from, e->bytes, s.with, e->bytes + s.to);
		if (text && !says(a, e, text))
			text = NULL;
	}
	fmt_source_clear(&d.source);
	*ret_problem = d.problem ? d.problem : "the file is not written as expected there";
	return text;
}
