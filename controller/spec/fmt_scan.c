/* libyaml's events, and what it leaves out: comments, the dashes of lists, where lines begin.
 *
 * Between the scalars of a file stand only indicators, space and comments, so there a "#" begins a
 * comment and, outside of "---", a "-" an item. */
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include <string.h>

struct cursor {
	const char *at;
	gsize index;
	guint line, column;
	gboolean is_after_space; /* only white space stands before in this line */
};

static gboolean is_break(gunichar c)
{
	return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static void advance(struct cursor *c)
{
	gunichar u = g_utf8_get_char(c->at);
	c->at = g_utf8_next_char(c->at);
	c->index++;
	if (is_break(u)) {
		c->line++;
		c->column = 0;
		c->is_after_space = TRUE;
		return;
	}
	c->column++;
	if (u != ' ' && u != '\t')
		c->is_after_space = FALSE;
}

static void find_lines(struct fmt_source *s)
{
	gsize begin = 0;
	g_array_append_val(s->lines, begin);
	for (const char *at = s->bytes; *at;) {
		gunichar u = g_utf8_get_char(at);
		at = g_utf8_next_char(at);
		begin = (gsize)(at - s->bytes);
		if (is_break(u))
			g_array_append_val(s->lines, begin);
	}
}

gboolean fmt_is_blank(const struct fmt_source *s, guint line)
{
	if (line >= s->lines->len)
		return FALSE;
	const char *at = s->bytes + g_array_index(s->lines, gsize, line);
	at += strspn(at, " \t");
	return *at == '\n';
}

static void take_comment(struct fmt_source *s, struct cursor *c)
{
	struct fmt_comment *one = ARENA_NEW(s->arena, struct fmt_comment);
	one->index = c->index;
	one->line = c->line;
	one->column = c->column;
	one->has_own_line = c->is_after_space;
	one->after_blank = c->line > 0 && c->is_after_space && fmt_is_blank(s, c->line - 1);
	const char *begin = c->at;
	while (*c->at && !is_break(g_utf8_get_char(c->at)))
		advance(c);
	g_autofree char *text = g_strchomp(g_strndup(begin, (gsize)(c->at - begin)));
	one->text = arena_strdup(s->arena, text);
	g_ptr_array_add(s->comments, one);
}

/* The line of the "|" may end with a comment. */
static void skip_scalar(struct fmt_source *s, struct cursor *c, const struct fmt_event *e)
{
	gboolean is_block = e->style == YAML_LITERAL_SCALAR_STYLE || e->style == YAML_FOLDED_SCALAR_STYLE;
	gboolean in_header = is_block;
	while (*c->at && c->index < e->end.index) {
		if (in_header && *c->at == '#')
			take_comment(s, c);
		in_header &= *c->at != '\n';
		if (*c->at)
			advance(c);
	}
}

static void take_dash(struct fmt_source *s, struct cursor *c)
{
	if (c->column == 0 && g_str_has_prefix(c->at, "---")) {
		advance(c);
		advance(c);
		return;
	}
	struct fmt_mark mark = { (guint32)c->index, c->line, c->column };
	g_array_append_val(s->dashes, mark);
}

static void find_comments(struct fmt_source *s)
{
	struct cursor c = { .at = s->bytes, .is_after_space = TRUE };
	guint next = 0;
	while (*c.at) {
		const struct fmt_event *e = &g_array_index(s->events, struct fmt_event, next);
		if (next < s->events->len && (e->type != YAML_SCALAR_EVENT || c.index >= e->end.index)) {
			next++;
		} else if (next < s->events->len && c.index >= e->start.index) {
			skip_scalar(s, &c, e);
		} else if (*c.at == '#') {
			take_comment(s, &c);
		} else {
			if (*c.at == '-')
				take_dash(s, &c);
			advance(&c);
		}
	}
}

static struct fmt_mark mark_of(const yaml_mark_t *m)
{
	return (struct fmt_mark){ (guint32)m->index, (guint32)m->line, (guint32)m->column };
}

/* Deletes the event. */
static void add_event(struct fmt_source *s, yaml_event_t *e)
{
	struct fmt_event one = { .start = mark_of(&e->start_mark), .end = mark_of(&e->end_mark), .type = e->type & 0x1f };
	if (e->type == YAML_SCALAR_EVENT) {
		one.text = arena_strndup(s->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
		one.style = e->data.scalar.style & 0xf;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		one.flow = e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		one.flow = e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	} else if (e->type == YAML_DOCUMENT_START_EVENT) {
		one.implicit = e->data.document_start.implicit != 0;
		one.has_directives = e->data.document_start.version_directive ||
		                     e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end;
	}
	g_array_append_val(s->events, one);
	yaml_event_delete(e);
}

static gboolean read_events(struct fmt_source *s)
{
	yaml_parser_t parser;
	yaml_event_type_t type = YAML_NO_EVENT;
	gboolean is_read = TRUE;
	if (!yaml_parser_initialize(&parser))
		g_error("libyaml: out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)s->bytes, s->size);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	while (is_read && type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;
		is_read = yaml_parser_parse(&parser, &event);
		type = event.type;
		if (is_read)
			add_event(s, &event);
	}
	yaml_parser_delete(&parser);
	return is_read;
}

gboolean fmt_scan(struct arena *a, const char *bytes, gsize size, struct fmt_source *ret)
{
	*ret = (struct fmt_source){ a, bytes, size, g_array_new(FALSE, FALSE, sizeof(struct fmt_event)), g_ptr_array_new(),
		                    g_array_new(FALSE, FALSE, sizeof(struct fmt_mark)), g_array_new(FALSE, FALSE, sizeof(gsize)) };
	if (!read_events(ret))
		return FALSE;
	find_lines(ret);
	find_comments(ret);
	return TRUE;
}

void fmt_source_clear(struct fmt_source *s)
{
	g_array_free(s->events, TRUE);
	g_ptr_array_free(s->comments, TRUE);
	g_array_free(s->dashes, TRUE);
	g_array_free(s->lines, TRUE);
}
