/* libyaml's events to nodes. What YAML allows and cleave does not (anchors, aliases, tags, keys that
 * are no scalars, keys given twice) is refused with its place; depth is bounded, so that hostile
 * nesting costs no stack. */
#include "spec/node.h"
#include "base/arena.h"
#include "base/intern.h"
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, COLUMN_MAX = (1 << 20) - 1 };
/* Maps of more keys find a key given twice by a hash. */
enum { FEW_KEYS = 16 };

struct node_reader {
	struct arena *arena;
	yaml_parser_t parser;
	const char *path, *bytes;
	gsize size;
	struct problems *problems;
	gboolean stop; /* a syntax error: nothing after it can be read */
	struct intern keys;
	/* Children of all nodes that are open; a node that closes moves its own, the last, to the arena. */
	struct member *open;
	guint n_open, max_open;
};

static struct place place_of(const struct node_reader *r, const yaml_mark_t *mark)
{
	return (struct place){ r->path, (guint)mark->line + 1, (guint)mark->column + 1 };
}

/* Reader errors (encoding, control characters) carry a byte offset, not a mark. */
static struct place place_of_offset(const struct node_reader *r, gsize offset)
{
	struct place p = { r->path, 1, 1 };
	for (gsize i = 0; i < offset && i < r->size; i++) {
		p.column += ((guchar)r->bytes[i] & 0xc0) != 0x80; /* characters, not the bytes that continue one */
		if (r->bytes[i] == '\n') {
			p.line++;
			p.column = 1;
		}
	}
	return p;
}

/* What libyaml says, and what people did. */
static const char *syntax_sentence(struct arena *a, const yaml_parser_t *p)
{
	static const struct {
		const char *said, *sentence;
	} known[] = {
		{ "cannot start any token",
		  "this character cannot begin a value; put the value in quotes (tabs do not indent: use spaces)" },
		{ "violates indentation", "tabs do not indent: use spaces" },
		{ "expected ',' or '}'",
		  "the map is not closed here: values are separated by commas, and {, [ or # in one stands in quotes; ${…} is not expanded" },
		{ "expected ',' or ']'",
		  "the list is not closed here: values are separated by commas, and {, [ or # in one stands in quotes; ${…} is not expanded" },
		{ "mapping values are not allowed",
		  "a second `: ` cannot stand here; put the value in quotes, or mend the indentation" },
		{ "could not find expected ':'", "a key and its value are separated by `: `; look at the line before as well" },
		{ "did not find expected key", "the indentation does not fit what is above it, or a quote above is not closed" },
		{ "did not find expected '-' indicator", "this does not belong to the list above it; mend the indentation" },
		{ "unexpected end of stream", "a quote, [ or { above is not closed" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (p->problem && strstr(p->problem, known[i].said))
			return known[i].sentence;
	return arena_printf(a, "YAML: %s%s%s", p->problem ? p->problem : "out of memory", p->context ? " " : "",
	                    p->context ? p->context : "");
}

static void add_syntax_problem(struct node_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	r->stop = TRUE;
	if (p->error == YAML_READER_ERROR)
		problem_add(r->problems, SEVERITY_ERROR, place_of_offset(r, p->problem_offset),
		            "not readable as UTF-8 text: %s", p->problem);
	else
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &p->problem_mark), "%s", syntax_sentence(r->arena, p));
}

static gboolean next_event(struct node_reader *r, yaml_event_t *event)
{
	if (r->stop)
		return FALSE;
	if (!yaml_parser_parse(&r->parser, event)) {
		add_syntax_problem(r);
		return FALSE;
	}
	return TRUE;
}

/* Anchors and tags are refused wherever they stand. */
static void check_properties(struct node_reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &e->start_mark),
		            "anchors and aliases are not allowed; use the Farm's `defaults`");
	if (tag)
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &e->start_mark), "tags are not allowed");
}

static struct node node_at(const struct node_reader *r, enum node_type type, const yaml_mark_t *mark)
{
	return (struct node){ .path = r->path,
		              .line = (guint32)mark->line + 1,
		              .column = (guint32)MIN(mark->column + 1, COLUMN_MAX) & COLUMN_MAX,
		              .type = type };
}

static gboolean check_text(struct node_reader *r, const yaml_event_t *e)
{
	if (!memchr(e->data.scalar.value, '\0', e->data.scalar.length))
		return TRUE;
	problem_add(r->problems, SEVERITY_ERROR, place_of(r, &e->start_mark), "a NUL character cannot stand in a value");
	r->stop = TRUE;
	return FALSE;
}

static struct node read_scalar(struct node_reader *r, const yaml_event_t *e)
{
	struct node n = node_at(r, NODE_SCALAR, &e->start_mark);
	check_text(r, e);
	n.text = arena_strndup(r->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
	n.plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return n;
}

static gboolean read_value(struct node_reader *r, yaml_event_t *event, guint depth, struct node *ret);

/* The keys of an open map: `first` and those after it in r->open, and once they are many, a set of them.
 * Keys are interned, so that equal ones are one pointer. */
struct keys {
	guint first;
	GHashTable *set;
};

static gboolean is_taken(const struct node_reader *r, struct keys *k, const char *key)
{
	if (!k->set && r->n_open - k->first > FEW_KEYS) {
		k->set = g_hash_table_new(g_direct_hash, g_direct_equal);
		for (guint i = k->first; i < r->n_open; i++)
			g_hash_table_add(k->set, (gpointer)r->open[i].key);
	}
	if (k->set)
		return !g_hash_table_add(k->set, (gpointer)key);
	for (guint i = k->first; i < r->n_open; i++)
		if (r->open[i].key == key)
			return TRUE;
	return FALSE;
}

/* A key: a scalar not seen before, else FALSE and a problem. Deletes the event. */
static gboolean read_key(struct node_reader *r, yaml_event_t *event, struct keys *keys, guint depth, struct member *ret)
{
	struct place place = place_of(r, &event->start_mark);
	struct node other;
	if (event->type != YAML_SCALAR_EVENT) {
		if (read_value(r, event, depth, &other))
			problem_add(r->problems, SEVERITY_ERROR, place, "a key is a plain word");
		return FALSE;
	}
	check_properties(r, event);
	check_text(r, event);
	const char *key = intern_text(&r->keys, (const char *)event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
	if (is_taken(r, keys, key)) {
		problem_add(r->problems, SEVERITY_ERROR, place, "the key `%.80s` is given twice%s", key,
		            strcmp(key, "apiVersion") == 0 ? "; each object begins with a line `---`" : "");
		return FALSE;
	}
	*ret = (struct member){ .key = key, .line = place.line, .column = place.column };
	return TRUE;
}

static void push(struct node_reader *r, const struct member *m)
{
	if (r->n_open == r->max_open) {
		r->max_open *= 2;
		r->open = g_renew(struct member, r->open, r->max_open);
	}
	r->open[r->n_open++] = *m;
}

/* Moves the open children from `first` on into the node. */
static void take_children(struct node_reader *r, guint first, struct node *n)
{
	n->n = r->n_open - first;
	r->n_open = first;
	if (n->type == NODE_MAP) {
		n->members = arena_memdup(r->arena, r->open + first, n->n * sizeof(struct member));
		return;
	}
	n->items = ARENA_ARRAY(r->arena, struct node, n->n);
	for (guint i = 0; i < n->n; i++)
		n->items[i] = r->open[first + i].value;
}

static void read_children(struct node_reader *r, struct node *n, guint depth)
{
	yaml_event_type_t end = n->type == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct keys keys = { .first = r->n_open };
	yaml_event_t event;
	while (next_event(r, &event)) {
		struct member m = { 0 };
		gboolean is_good = TRUE;
		if (event.type == end) {
			yaml_event_delete(&event);
			break;
		}
		if (n->type == NODE_MAP) {
			is_good = read_key(r, &event, &keys, depth, &m);
			if (!next_event(r, &event))
				break;
		}
		if (read_value(r, &event, depth, &m.value) && is_good)
			push(r, &m);
	}
	g_clear_pointer(&keys.set, g_hash_table_destroy);
	take_children(r, keys.first, n);
}

static gboolean is_flow(const yaml_event_t *e)
{
	return e->type == YAML_MAPPING_START_EVENT ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
	                                           : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
}

/* Reads the node that `event` begins, and deletes the event. FALSE after a syntax error or an alias. */
static gboolean read_value(struct node_reader *r, yaml_event_t *event, guint depth, struct node *ret)
{
	gboolean is_read = FALSE;
	check_properties(r, event);
	if (event->type == YAML_SCALAR_EVENT) {
		*ret = read_scalar(r, event);
		is_read = TRUE;
	} else if (event->type == YAML_ALIAS_EVENT) {
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &event->start_mark),
		            "anchors and aliases are not allowed; use the Farm's `defaults`");
	} else if (depth == DEPTH_MAX) {
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &event->start_mark),
		            "nested deeper than %d levels", DEPTH_MAX);
		r->stop = TRUE;
	} else {
		*ret = node_at(r, event->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST, &event->start_mark);
		ret->flow = is_flow(event) ? 1 : 0;
		read_children(r, ret, depth + 1);
		is_read = TRUE;
	}
	yaml_event_delete(event);
	return is_read;
}

struct node_reader *node_reader_new(void)
{
	struct node_reader *r = g_new0(struct node_reader, 1);
	intern_init(&r->keys, NULL);
	r->open = g_new(struct member, r->max_open = 64); /* never NULL: an empty map's children are added to it, too */
	return r;
}

void node_reader_free(struct node_reader *r)
{
	intern_clear(&r->keys);
	g_free(r->open);
	g_free(r);
}

/* libyaml would take UTF-16 as well: git diff, editors and `cleave fmt` would not. Only at the file's begin, where
 * libyaml tells the encoding by this mark. */
static gboolean is_utf16(const char *bytes, gsize size)
{
	return size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
}

void node_reader_begin(struct node_reader *r, struct arena *keys, const char *path, const char *bytes, gsize size,
                       struct problems *problems)
{
	r->path = path;
	r->bytes = bytes;
	r->size = size;
	r->problems = problems;
	r->stop = FALSE;
	r->n_open = 0;
	intern_reset(&r->keys, keys);
	if (is_utf16(bytes, size)) {
		problems->hides_text = TRUE;
		problem_add(problems, SEVERITY_ERROR, (struct place){ path, 1, 1 }, "is UTF-16; write it as UTF-8");
		problems->hides_text = FALSE;
		r->stop = TRUE;
	}
	if (!yaml_parser_initialize(&r->parser))
		g_error("libyaml: out of memory");
	/* libyaml does not take NULL, which an empty file may well be. */
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)(bytes ? bytes : ""), size);
}

gboolean node_reader_next(struct node_reader *r, struct arena *a, struct node *ret)
{
	yaml_event_t event;
	r->arena = a;
	while (next_event(r, &event)) {
		yaml_event_type_t type = event.type;
		if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
		    type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
			/* A document cut by a syntax error is not half a document. */
			if (read_value(r, &event, 0, ret) && !r->stop)
				return TRUE;
			continue;
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	r->stop = TRUE;
	return FALSE;
}

void node_reader_end(struct node_reader *r)
{
	yaml_parser_delete(&r->parser);
}

struct documents node_read(struct arena *a, const char *path, const char *bytes, gsize size, struct problems *problems)
{
	g_autoptr(GArray) documents = g_array_new(FALSE, FALSE, sizeof(struct node));
	struct node_reader *r = node_reader_new();
	node_reader_begin(r, a, path, bytes, size, problems);
	for (struct node n; node_reader_next(r, a, &n);)
		g_array_append_val(documents, n);
	node_reader_end(r);
	node_reader_free(r);
	return (struct documents){ arena_memdup(a, documents->data, documents->len * sizeof(struct node)), documents->len };
}

struct place node_place(const struct node *n)
{
	return (struct place){ n->path, n->line, n->column };
}

/* Of a merged map, members come from two files: each value knows its own. */
struct place member_place(const struct member *m)
{
	return (struct place){ m->value.path, m->line, m->column };
}

const struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	MEMBERS_EACH (m, map)
		if (m->key[0] == key[0] && strcmp(m->key, key) == 0) /* most differ there */
			return &m->value;
	return NULL;
}

gboolean node_is_null(const struct node *n)
{
	if (n->type != NODE_SCALAR || !n->plain)
		return FALSE;
	switch (*n->text) {
	case '\0': return TRUE;
	case '~': return !n->text[1];
	case 'n': return strcmp(n->text, "null") == 0;
	default: return FALSE;
	}
}

const struct node *node_merge(struct arena *a, const struct node *under, const struct node *over)
{
	if (!under || !over || under->type != NODE_MAP || over->type != NODE_MAP)
		return over ? over : under;
	struct node *n = ARENA_NEW(a, struct node);
	*n = *over;
	n->members = ARENA_ARRAY(a, struct member, over->n + under->n);
	n->n = 0;
	MEMBERS_EACH (m, over) {
		struct member *copy = &n->members[n->n++];
		*copy = *m;
		copy->value = *node_merge(a, node_get(under, m->key), &m->value);
	}
	MEMBERS_EACH (m, under)
		if (!node_get(over, m->key))
			n->members[n->n++] = *m;
	return n;
}
