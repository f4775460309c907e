/* One entry a line, made while the emitter is fed, by libyaml's rules of block style: a line for every
 * scalar and for every key; a list or map inside a list begins in the line of its first child. */
#include "spec/origin.h"
#include "base/arena.h"
#include "spec/node.h"
#include <string.h>

/* Comments stand in one column, this or one further left. */
enum { COLUMN_MAX = 60 };
/* libyaml writes longer keys as "? KEY", and what they are for in the next line. */
enum { SIMPLE_KEY_MAX = 128 };

enum origin { FROM_NOTHING, FROM_FILE, FROM_ROW };

struct line {
	enum origin origin;
	struct place place;
};

/* A list or map that is open. */
struct frame {
	const struct node *node; /* what was written for it, or NULL */
	guint n_items;           /* of a list, so far */
	guint first_line;        /* of what is in it */
	gboolean has_line;       /* its own: it has a key */
	gboolean is_key_long;
};

struct origins {
	GArray *lines;  /* struct line */
	GArray *frames; /* struct frame */
	const struct object *object;
	struct arena *arena; /* of its nodes, which are read again */
	enum origins_part part;
};

struct origins *origins_new(const struct object *object)
{
	struct origins *o = g_new0(struct origins, 1);
	o->lines = g_array_new(FALSE, TRUE, sizeof(struct line));
	o->frames = g_array_new(FALSE, TRUE, sizeof(struct frame));
	o->object = object;
	o->arena = arena_new();
	g_array_set_size(o->lines, 1); /* "---" */
	return o;
}

void origins_free(struct origins *o)
{
	arena_free(o->arena);
	g_array_free(o->lines, TRUE);
	g_array_free(o->frames, TRUE);
	g_free(o);
}

static struct frame *innermost(struct origins *o)
{
	return o->frames->len ? &g_array_index(o->frames, struct frame, o->frames->len - 1) : NULL;
}

void origins_begin_part(struct origins *o, enum origins_part part)
{
	o->part = part;
	if (part == ORIGINS_OF_SPEC)
		innermost(o)->node = object_node(o->arena, o->object);
}

static gboolean is_long(const char *key)
{
	return key && strlen(key) > SIMPLE_KEY_MAX;
}

/* The node of what comes next in the innermost list or map, NULL when it was not written, and the place
 * where it stands. A value written instead of a map is the value of the row that `is_short` says. */
static const struct node *find_child(struct origins *o, const char *key, gboolean is_short, struct place *ret)
{
	struct frame *f = innermost(o);
	const struct node *n = f ? f->node : NULL;
	if (!n)
		return NULL;
	if (n->type == NODE_MAP && key)
		MEMBERS_EACH (m, n)
			if (strcmp(m->key, key) == 0) {
				*ret = member_place(m);
				return &m->value;
			}
	if (n->type == NODE_LIST && !key)
		n = f->n_items < n->n ? &n->items[f->n_items++] : NULL;
	else if (n->type == NODE_MAP || !is_short)
		n = NULL;
	if (n)
		*ret = node_place(n);
	return n;
}

static void add_line(struct origins *o, const struct node *n, struct place place)
{
	struct line line = { FROM_NOTHING, place };
	if (o->part == ORIGINS_OF_OBJECT)
		line = (struct line){ FROM_FILE, o->object->place };
	else if (o->part == ORIGINS_OF_SPEC)
		line.origin = n ? FROM_FILE : FROM_ROW;
	g_array_append_val(o->lines, line);
}

void origins_scalar(struct origins *o, const char *key, const struct field *f)
{
	struct place place = { 0 };
	const struct frame *in = innermost(o); /* a scalar never is the whole document */
	gboolean is_short = f && (f->flags & FIELD_SHORTHAND) && in->node && in->node->type == NODE_SCALAR;
	const struct node *n = find_child(o, key, is_short, &place);
	if (is_long(key))
		g_array_set_size(o->lines, o->lines->len + 1);
	add_line(o, n, place);
}

void origins_begin(struct origins *o, const char *key, gboolean is_list)
{
	struct place place = { 0 };
	const struct frame *in = innermost(o);
	gboolean is_short = is_list && in && in->node && in->node->type == NODE_LIST;
	struct frame frame = { .has_line = key != NULL, .is_key_long = is_long(key) };
	frame.node = find_child(o, key, is_short, &place);
	if (key)
		add_line(o, frame.node, place);
	frame.first_line = o->lines->len;
	g_array_append_val(o->frames, frame);
}

void origins_end(struct origins *o)
{
	const struct frame f = *innermost(o);
	gboolean is_empty = o->lines->len == f.first_line;
	g_array_set_size(o->frames, o->frames->len - 1);
	/* "- []" in a list, and ": []" below a long key, are lines of their own. */
	if (is_empty && (!f.has_line || f.is_key_long))
		add_line(o, f.node, f.node ? node_place(f.node) : (struct place){ 0 });
}

/* A file may have any name: nothing in it ends the comment. */
static void append_path(GString *out, const char *path)
{
	g_autofree char *valid = g_utf8_make_valid(path, -1);
	for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
		gunichar u = g_utf8_get_char(c);
		g_string_append_unichar(out, g_unichar_isprint(u) ? u : '?');
	}
}

static void append_comment(GString *out, const struct line *line)
{
	if (line->origin == FROM_ROW) {
		g_string_append(out, "# default");
		return;
	}
	g_string_append(out, "# ");
	append_path(out, line->place.path);
	g_string_append_printf(out, ":%u", line->place.line);
}

static gboolean has_comment(const struct line *line)
{
	return line->origin == FROM_ROW || (line->origin == FROM_FILE && line->place.path);
}

/* Longer lines have theirs further right, and do not move the others'. */
static glong column_of(const struct origins *o, char *const *texts)
{
	glong column = 0;
	for (guint i = 0; i < o->lines->len; i++) {
		glong behind = g_utf8_strlen(texts[i], -1) + 2;
		if (behind <= COLUMN_MAX && has_comment(&g_array_index(o->lines, struct line, i)))
			column = MAX(column, behind);
	}
	return column;
}

void origins_append(const struct origins *o, GString *out, const char *text)
{
	g_auto(GStrv) texts = g_strsplit(text, "\n", -1);
	/* Behind the last newline there is one more, empty text. */
	g_assert_cmpuint(g_strv_length(texts), ==, o->lines->len + 1);
	glong column = column_of(o, texts);
	for (guint i = 0; i < o->lines->len; i++) {
		const struct line *line = &g_array_index(o->lines, struct line, i);
		g_string_append(out, texts[i]);
		if (has_comment(line)) {
			glong space = MAX(column - g_utf8_strlen(texts[i], -1), 2);
			g_string_append_printf(out, "%*s", (int)space, "");
			append_comment(out, line);
		}
		g_string_append_c(out, '\n');
	}
}
