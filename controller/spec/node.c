/* libyaml's events to nodes. What YAML allows and cleave does not (anchors, aliases, tags, keys that
 * are no scalars, keys given twice) is refused with its place; depth is bounded, so that hostile
 * nesting costs no stack. */
#include "spec/node.h"
#include "base/arena.h"
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 64 };

struct reader {
	struct arena *arena;
	yaml_parser_t parser;
	const char *path, *bytes;
	gsize size;
	struct problems *problems;
	gboolean stop; /* a syntax error: nothing after it can be read */
};

static struct place place_of(const struct reader *r, const yaml_mark_t *mark)
{
	return (struct place){ r->path, (guint)mark->line + 1, (guint)mark->column + 1 };
}

/* Reader errors (encoding, control characters) carry a byte offset, not a mark. */
static struct place place_of_offset(const struct reader *r, gsize offset)
{
	struct place p = { r->path, 1, 1 };
	for (gsize i = 0; i < offset && i < r->size; i++) {
		p.column++;
		if (r->bytes[i] == '\n') {
			p.line++;
			p.column = 1;
		}
	}
	return p;
}

static void add_syntax_problem(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	r->stop = TRUE;
	if (p->error == YAML_READER_ERROR)
		problem_add(r->problems, SEVERITY_ERROR, place_of_offset(r, p->problem_offset),
		            "not readable as UTF-8 text: %s", p->problem);
	else if (p->problem && strstr(p->problem, "cannot start any token"))
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &p->problem_mark),
		            "this character cannot begin a value; put the value in quotes (tabs do not indent)");
	else
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &p->problem_mark), "YAML: %s%s%s",
		            p->problem ? p->problem : "out of memory", p->context ? " " : "",
		            p->context ? p->context : "");
}

static gboolean next_event(struct reader *r, yaml_event_t *event)
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
static void check_properties(struct reader *r, const yaml_event_t *e)
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

static struct node *read_node(struct reader *r, yaml_event_t *event, guint depth);

static struct node *read_scalar(struct reader *r, const yaml_event_t *e)
{
	struct node *n = ARENA_NEW(r->arena, struct node);
	n->type = NODE_SCALAR;
	n->place = place_of(r, &e->start_mark);
	n->text = arena_strndup(r->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (strlen(n->text) != e->data.scalar.length) {
		problem_add(r->problems, SEVERITY_ERROR, n->place, "a NUL character cannot stand in a value");
		r->stop = TRUE;
	}
	return n;
}

struct members {
	GPtrArray *items, *keys;
	GArray *places;
};

static void members_move(struct arena *a, struct members *m, struct node *n)
{
	n->n = m->items->len;
	n->items = arena_memdup(a, m->items->pdata, m->items->len * sizeof(gpointer));
	n->keys = arena_memdup(a, m->keys->pdata, m->keys->len * sizeof(gpointer));
	n->key_places = arena_memdup(a, m->places->data, m->places->len * sizeof(struct place));
	g_ptr_array_free(m->items, TRUE);
	g_ptr_array_free(m->keys, TRUE);
	g_array_free(m->places, TRUE);
}

/* A key: a scalar not seen before. Returns NULL (and says so) for anything else. */
static const char *read_key(struct reader *r, yaml_event_t *event, GHashTable *seen, guint depth)
{
	struct place place = place_of(r, &event->start_mark);
	struct node *key = read_node(r, event, depth);
	if (!key || key->type != NODE_SCALAR) {
		if (key)
			problem_add(r->problems, SEVERITY_ERROR, place, "a key is a plain word");
		return NULL;
	}
	if (!g_hash_table_add(seen, (gpointer)key->text)) {
		problem_add(r->problems, SEVERITY_ERROR, place, "the key `%s` is given twice", key->text);
		return NULL;
	}
	return key->text;
}

static void read_members(struct reader *r, struct node *n, struct members *m, guint depth)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	yaml_event_type_t end = n->type == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	yaml_event_t event;
	while (next_event(r, &event)) {
		if (event.type == end) {
			yaml_event_delete(&event);
			return;
		}
		const char *key = NULL;
		struct place place = place_of(r, &event.start_mark);
		if (n->type == NODE_MAP) {
			key = read_key(r, &event, seen, depth);
			if (!next_event(r, &event))
				return;
		}
		struct node *item = read_node(r, &event, depth);
		if (!item || (n->type == NODE_MAP && !key))
			continue;
		g_ptr_array_add(m->items, item);
		if (key) {
			g_ptr_array_add(m->keys, (gpointer)key);
			g_array_append_val(m->places, place);
		}
	}
}

/* Reads the node that `event` begins, and deletes the event. NULL after a syntax error or an alias. */
static struct node *read_node(struct reader *r, yaml_event_t *event, guint depth)
{
	struct node *n = NULL;
	check_properties(r, event);
	if (event->type == YAML_SCALAR_EVENT) {
		n = read_scalar(r, event);
	} else if (event->type == YAML_ALIAS_EVENT) {
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &event->start_mark),
		            "anchors and aliases are not allowed; use the Farm's `defaults`");
	} else if (depth == DEPTH_MAX) {
		problem_add(r->problems, SEVERITY_ERROR, place_of(r, &event->start_mark),
		            "nested deeper than %d levels", DEPTH_MAX);
		r->stop = TRUE;
	} else {
		n = ARENA_NEW(r->arena, struct node);
		n->type = event->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
		n->place = place_of(r, &event->start_mark);
		struct members m = { g_ptr_array_new(), g_ptr_array_new(),
			             g_array_new(FALSE, FALSE, sizeof(struct place)) };
		read_members(r, n, &m, depth + 1);
		members_move(r->arena, &m, n);
	}
	yaml_event_delete(event);
	return n;
}

GPtrArray *node_read(struct arena *a, const char *path, const char *bytes, gsize size, struct problems *problems)
{
	GPtrArray *documents = g_ptr_array_new();
	struct reader r = { .arena = a, .path = path, .bytes = bytes, .size = size, .problems = problems };
	yaml_event_t event;
	if (!yaml_parser_initialize(&r.parser))
		g_error("libyaml: out of memory");
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
	while (next_event(&r, &event)) {
		yaml_event_type_t type = event.type;
		if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
		    type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
			struct node *n = read_node(&r, &event, 0);
			/* A document cut by a syntax error is not half a document. */
			if (n && !r.stop)
				g_ptr_array_add(documents, n);
			continue;
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	yaml_parser_delete(&r.parser);
	return documents;
}

struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	for (guint i = 0; i < map->n; i++)
		if (strcmp(map->keys[i], key) == 0)
			return map->items[i];
	return NULL;
}

gboolean node_is_null(const struct node *n)
{
	return n->type == NODE_SCALAR && n->plain &&
	       (!*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

struct node *node_merge(struct arena *a, struct node *under, struct node *over)
{
	if (!under || !over || under->type != NODE_MAP || over->type != NODE_MAP)
		return over ? over : under;
	struct node *n = ARENA_NEW(a, struct node);
	*n = (struct node){ .type = NODE_MAP, .place = over->place };
	guint most = under->n + over->n;
	n->keys = ARENA_ARRAY(a, const char *, most);
	n->key_places = ARENA_ARRAY(a, struct place, most);
	n->items = ARENA_ARRAY(a, struct node *, most);
	for (guint i = 0; i < over->n; i++, n->n++) {
		n->keys[n->n] = over->keys[i];
		n->key_places[n->n] = over->key_places[i];
		n->items[n->n] = node_merge(a, node_get(under, over->keys[i]), over->items[i]);
	}
	for (guint i = 0; i < under->n; i++) {
		if (node_get(over, under->keys[i]))
			continue;
		n->keys[n->n] = under->keys[i];
		n->key_places[n->n] = under->key_places[i];
		n->items[n->n++] = under->items[i];
	}
	return n;
}
