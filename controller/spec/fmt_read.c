/* Events and comments to documents. A comment belongs to what stands before it in its line, else to what
 * comes below it; at the end of a list or map, to the innermost one that it is not left of. */
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include <string.h>

struct builder {
	struct arena *arena;
	const struct fmt_source *source;
	guint next_event, next_comment, next_dash;
	/* The value that ended last, and its line: a comment that follows in that line is its own. */
	struct fmt_item *last;
	gsize last_line;
	guint column; /* of the block list or map that is read */
};

void fmt_append(struct fmt_comments *list, struct fmt_comment *c)
{
	c->next = NULL;
	if (list->last)
		list->last->next = c;
	else
		list->first = c;
	list->last = c;
}

void fmt_move(struct fmt_comments *to, struct fmt_comments *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	*from = (struct fmt_comments){ 0 };
}

static const struct fmt_event *peek(const struct builder *b)
{
	return &g_array_index(b->source->events, struct fmt_event, b->next_event);
}

static const struct fmt_event *next(struct builder *b)
{
	const struct fmt_event *e = peek(b);
	b->next_event++;
	return e;
}

/* The next comment, when it stands before that index; else NULL. */
static struct fmt_comment *peek_comment(const struct builder *b, gsize before)
{
	struct fmt_comment *c = b->next_comment < b->source->comments->len
	                            ? g_ptr_array_index(b->source->comments, b->next_comment)
	                            : NULL;
	return c && c->index < before ? c : NULL;
}

static void take_comments(struct builder *b, gsize before, guint least_column, struct fmt_comments *into)
{
	for (struct fmt_comment *c; (c = peek_comment(b, before)) && c->column >= least_column; b->next_comment++)
		fmt_append(into, c);
}

/* A comment that follows in that line, or NULL. */
static struct fmt_comment *take_in_line(struct builder *b, gsize before, gsize line)
{
	struct fmt_comment *c = peek_comment(b, before);
	if (!c || c->has_own_line || c->line != line)
		return NULL;
	b->next_comment++;
	return c;
}

/* To be called before comments are taken for what begins at that index. */
static void take_tail(struct builder *b, gsize before)
{
	if (b->last)
		b->last->tail = take_in_line(b, before, b->last_line);
	b->last = NULL;
}

/* -- values --------------------------------------------------------------------------------------------- */

static void read_item(struct builder *b, struct fmt_item *item, gsize line);

static void read_scalar(struct builder *b, struct fmt_item *item, const struct fmt_event *e)
{
	struct fmt_value *v = &item->value;
	yaml_scalar_style_t style = (yaml_scalar_style_t)e->style;
	v->type = NODE_SCALAR;
	v->text = e->text;
	v->plain = style == YAML_PLAIN_SCALAR_STYLE;
	if (style != YAML_LITERAL_SCALAR_STYLE && style != YAML_FOLDED_SCALAR_STYLE) {
		v->has_lines = e->start.line != e->end.line;
		b->last = item;
		b->last_line = e->end.line;
		return;
	}
	const GArray *lines = b->source->lines;
	gsize begin = e->start.line + 1 < lines->len ? g_array_index(lines, gsize, e->start.line + 1) : b->source->size;
	/* It ends where a line begins, or with the file. */
	gsize end = e->end.column == 0 && e->end.line < lines->len ? g_array_index(lines, gsize, e->end.line)
	                                                                     : b->source->size;
	item->tail = take_in_line(b, e->end.index, e->start.line);
	fmt_read_block(b->arena, v, style == YAML_LITERAL_SCALAR_STYLE ? '|' : '>', b->source->bytes + begin, MAX(begin, end) - begin);
}

static gboolean is_end(const struct fmt_event *e)
{
	return e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT;
}

/* What stands above the item, and its key. Returns its line: of the key or the dash. */
static gsize read_key_or_dash(struct builder *b, const struct fmt_value *in, struct fmt_item *item)
{
	const struct fmt_event *e = peek(b);
	struct fmt_mark at = e->start;
	if (in->type == NODE_LIST && !in->flow)
		at = g_array_index(b->source->dashes, struct fmt_mark, b->next_dash++);
	take_tail(b, at.index);
	take_comments(b, at.index, 0, &item->above);
	item->after_blank = at.line > 0 && fmt_is_blank(b->source, at.line - 1);
	if (in->type == NODE_MAP) {
		item->key = e->text;
		item->is_key_plain = e->style == YAML_PLAIN_SCALAR_STYLE;
		next(b);
	}
	return at.line;
}

static void read_items(struct builder *b, struct fmt_item *owner, const struct fmt_event *e)
{
	struct fmt_value *v = &owner->value;
	struct fmt_item **to = &v->items;
	v->type = (e->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST) & 3;
	v->flow = e->flow;
	guint outer_column = b->column, least_column = v->flow ? 0 : e->start.column;
	b->column = v->flow ? outer_column : least_column;
	/* A list may stand as deep as its key; what stands so behind it belongs to the next key. */
	if (owner->key && v->type == NODE_LIST && least_column == outer_column && !v->flow)
		least_column++;
	if (v->flow && !owner->head)
		owner->head = take_in_line(b, peek(b)->start.index, e->start.line);
	while (!is_end(peek(b))) {
		struct fmt_item *item = *to = ARENA_NEW(b->arena, struct fmt_item);
		to = &item->next;
		read_item(b, item, read_key_or_dash(b, v, item));
	}
	const struct fmt_event *end = next(b);
	take_tail(b, end->start.index);
	take_comments(b, end->start.index, least_column, &v->footer);
	b->column = outer_column;
	if (v->flow) {
		b->last = owner;
		b->last_line = end->end.line;
	}
}

/* The value, and the comments between it and its key or dash, which stand in `line`. */
static void read_item(struct builder *b, struct fmt_item *item, gsize line)
{
	const struct fmt_event *e = next(b);
	item->head = take_in_line(b, e->start.index, line);
	if (e->type == YAML_SCALAR_EVENT) {
		take_comments(b, e->start.index, 0, &item->above);
		read_scalar(b, item, e);
		return;
	}
	/* In block style they are above the first key or dash. */
	if (e->flow)
		take_comments(b, e->start.index, 0, &item->above);
	read_items(b, item, e);
}

/* -- places that one form does not have ---------------------------------------------------------------------- */

/* Those that stood between the key and its value are above already, and come behind it. */
static void move_head(struct fmt_item *item)
{
	struct fmt_comments behind = { 0 }, all = item->above;
	item->above = (struct fmt_comments){ 0 };
	for (struct fmt_comment *c = all.first, *following; c; c = following) {
		following = c->next;
		fmt_append(c->index < item->head->index ? &item->above : &behind, c);
	}
	fmt_append(&item->above, item->head);
	fmt_move(&item->above, &behind);
	item->head = NULL;
}

/* Comments in places that are not written move to the next one above that is: two behind one value, those
 * inside an empty list, those between a dash and the first key behind it. */
static void settle(struct fmt_item *item, gboolean is_in_list)
{
	struct fmt_value *v = &item->value;
	if (item->head && item->tail)
		move_head(item);
	if (v->type == NODE_SCALAR)
		return;
	for (struct fmt_item *child = v->items; child; child = child->next)
		settle(child, v->type == NODE_LIST);
	if (!v->items)
		fmt_move(&item->above, &v->footer);
	else if (is_in_list)
		fmt_move(&item->above, &v->items->above);
}

/* The comments above the first key that a blank line parts from it: they are the document's. */
static void split_head(struct fmt_document *d, struct fmt_item *first)
{
	struct fmt_comments all = first->above;
	struct fmt_comment *last = NULL;
	for (struct fmt_comment *c = all.first; c; c = c->next)
		if (c->next ? c->next->after_blank : first->after_blank)
			last = c;
	if (!last)
		return;
	first->above = last->next ? (struct fmt_comments){ last->next, all.last } : (struct fmt_comments){ 0 };
	last->next = NULL;
	d->head = (struct fmt_comments){ all.first, last };
	*(first->above.first ? &first->above.first->after_blank : &first->after_blank) = FALSE;
}

/* apiVersion, kind, metadata, spec; then the others as they were. */
static void order_keys(struct fmt_document *d)
{
	static const char *const first_keys[] = { "apiVersion", "kind", "metadata", "spec" };
	struct fmt_value *root = &d->root.value;
	struct fmt_item *was_first = root->items, **to = &root->items;
	if (root->type != NODE_MAP || !was_first)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(first_keys); i++)
		for (struct fmt_item **at = to; *at; at = &(*at)->next) {
			struct fmt_item *item = *at;
			if (strcmp(item->key, first_keys[i]) != 0)
				continue;
			*at = item->next;
			item->next = *to;
			*to = item;
			to = &item->next;
			break;
		}
	if (root->items == was_first)
		return;
	split_head(d, was_first);
	if (d->head.first)
		*(root->items->above.first ? &root->items->above.first->after_blank : &root->items->after_blank) = TRUE;
}

/* -- documents ------------------------------------------------------------------------------------------------- */

static void read_document(struct builder *b, struct fmt_document *d, const struct fmt_event *start, gboolean is_first)
{
	const struct fmt_event *root = peek(b);
	gsize line = start->start.line;
	gboolean is_empty = root->type == YAML_SCALAR_EVENT && root->start.index == root->end.index;
	take_comments(b, start->start.index, 0, &d->root.above);
	d->after_blank = line > 0 && fmt_is_blank(b->source, (guint)line - 1);
	if (!start->implicit) {
		const struct fmt_event *limit = is_empty ? root + 1 : root;
		d->start = take_in_line(b, limit->start.index, line);
	}
	/* The first one is written without "---". */
	if (is_first && d->start) {
		fmt_append(&d->root.above, d->start);
		d->start = NULL;
	}
	read_item(b, &d->root, G_MAXSIZE);
	const struct fmt_event *end = next(b);
	take_tail(b, end->start.index);
	take_comments(b, end->start.index, 0, &d->footer);
	settle(&d->root, FALSE);
	/* Above the root's first key: what stood before the "---" as well. */
	if (d->root.value.type != NODE_SCALAR && d->root.value.items) {
		fmt_move(&d->root.above, &d->root.value.items->above);
		d->root.value.items->above = d->root.above;
		d->root.above = (struct fmt_comments){ 0 };
	}
	order_keys(d);
}

struct fmt_document *fmt_read(struct arena *a, const struct fmt_source *s, struct fmt_comments *ret_rest)
{
	struct builder b = { .arena = a, .source = s };
	struct fmt_document *first = NULL, **to = &first, *last = NULL;
	*ret_rest = (struct fmt_comments){ 0 };
	while (b.next_event < s->events->len) {
		const struct fmt_event *e = next(&b);
		if (e->type != YAML_DOCUMENT_START_EVENT)
			continue;
		last = *to = ARENA_NEW(a, struct fmt_document);
		to = &last->next;
		read_document(&b, last, e, last == first);
	}
	take_comments(&b, G_MAXSIZE, 0, last ? &last->footer : ret_rest);
	return first;
}
