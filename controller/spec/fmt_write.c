/* Documents to text. Comments at the end of lines are put in when the file is whole: whether they
 * keep their column depends on the others. */
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include <string.h>

struct trailing {
	gsize at; /* in the text: before the newline */
	guint end;  /* of the line, in characters */
	const struct fmt_comment *comment;
};

struct writer {
	GString *text; /* without the comments in `trailing` */
	GArray *trailing; /* struct trailing, in order */
	gboolean at_begin;   /* of a document, list or map: no blank line here */
	gboolean after_keep; /* a blank line would be the block's above */
};

/* -- lines -------------------------------------------------------------------------------------------------- */

static guint column_of(const struct writer *w)
{
	const char *newline = memrchr(w->text->str, '\n', w->text->len), *begin = newline ? newline + 1 : w->text->str;
	return (guint)g_utf8_strlen(begin, -1);
}

static void write_blank(struct writer *w, gboolean is_wanted)
{
	if (is_wanted && !w->at_begin && !w->after_keep)
		g_string_append_c(w->text, '\n');
	w->at_begin = w->after_keep = FALSE;
}

/* Between a key or dash and what follows it; nothing where a line begins. */
static void write_space(struct writer *w)
{
	gsize len = w->text->len;
	if (len && !strchr(" \n", w->text->str[len - 1]))
		g_string_append_c(w->text, ' ');
}

static void end_line(struct writer *w, const struct fmt_comment *c)
{
	if (c) {
		struct trailing t = { w->text->len, column_of(w), c };
		g_array_append_val(w->trailing, t);
	}
	g_string_append_c(w->text, '\n');
	w->at_begin = w->after_keep = FALSE;
}

static void write_comments(struct writer *w, const struct fmt_comments *list, guint indent)
{
	for (const struct fmt_comment *c = list->first; c; c = c->next) {
		write_blank(w, c->after_blank);
		g_string_append_printf(w->text, "%*s%s\n", (int)indent, "", c->text);
	}
}

/* -- values --------------------------------------------------------------------------------------------------- */

static void write_flow(GString *out, const struct fmt_value *v)
{
	if (v->type == NODE_SCALAR) {
		fmt_write_text(out, v->text, v->plain != 0, TRUE);
		return;
	}
	g_string_append_c(out, v->type == NODE_MAP ? '{' : '[');
	for (const struct fmt_item *i = v->items; i; i = i->next) {
		if (i != v->items)
			g_string_append(out, ", ");
		if (i->key) {
			fmt_write_text(out, i->key, i->is_key_plain, TRUE);
			g_string_append(out, ": ");
		}
		write_flow(out, &i->value);
	}
	g_string_append_c(out, v->type == NODE_MAP ? '}' : ']');
}

/* No comments, and nothing that is written as nothing, in it: it can stand in one line. */
static gboolean has_one_line(const struct fmt_value *v)
{
	if (v->type == NODE_SCALAR)
		return !v->plain || *v->text;
	if (!v->flow || v->footer.first)
		return FALSE;
	for (const struct fmt_item *i = v->items; i; i = i->next)
		if (i->above.first || i->head || i->tail || (i->key && !*i->key) || !has_one_line(&i->value))
			return FALSE;
	return TRUE;
}

static gboolean write_in_line(struct writer *w, const struct fmt_value *v)
{
	gsize len = w->text->len;
	if (v->items && !has_one_line(v))
		return FALSE;
	write_space(w);
	write_flow(w->text, v);
	if (!v->items || column_of(w) <= FMT_WIDTH)
		return TRUE;
	g_string_truncate(w->text, len);
	return FALSE;
}

/* A literal or folded block: one that is one, or a text of several lines that is too long for one. */
static gboolean write_block(struct writer *w, const struct fmt_item *item, guint indent)
{
	const struct fmt_value *v = &item->value;
	g_autoptr(GString) lines = g_string_new(NULL);
	gboolean is_kept = FALSE;
	if (v->block)
		is_kept = fmt_write_block(w->text, v, indent, lines);
	else if (!v->has_lines || column_of(w) + g_utf8_strlen(v->text, -1) <= FMT_WIDTH ||
	         !fmt_write_folded(w->text, v->text, indent, FMT_WIDTH, lines))
		return FALSE;
	end_line(w, item->tail ? item->tail : item->head);
	g_string_append_len(w->text, lines->str, (gssize)lines->len);
	w->after_keep = is_kept;
	return TRUE;
}

static void write_scalar(struct writer *w, const struct fmt_item *item, guint indent)
{
	const struct fmt_value *v = &item->value;
	if (*v->text || !v->plain)
		write_space(w);
	if (write_block(w, item, MAX(indent, FMT_INDENT)))
		return;
	fmt_write_text(w->text, v->text, v->plain != 0, FALSE);
	end_line(w, item->tail ? item->tail : item->head);
}

static void write_items(struct writer *w, const struct fmt_value *v, guint indent, gboolean is_line_begun);

/* `indent`: of the items of a list or map, of the lines of a block. */
static void write_value(struct writer *w, const struct fmt_item *item, guint indent, gboolean is_in_list)
{
	const struct fmt_value *v = &item->value;
	const struct fmt_comment *comment = item->tail ? item->tail : item->head;
	if (v->type == NODE_SCALAR) {
		write_scalar(w, item, indent);
	} else if (write_in_line(w, v)) {
		end_line(w, comment);
	} else if (is_in_list && !comment) {
		write_space(w);
		write_items(w, v, indent, TRUE);
	} else {
		if (column_of(w) > 0) {
			end_line(w, comment);
			w->at_begin = TRUE;
		} else if (comment) { /* of a document that was written as [] or {} */
			g_string_append_printf(w->text, "%s\n", comment->text);
		}
		write_items(w, v, indent, FALSE);
	}
}

static void write_items(struct writer *w, const struct fmt_value *v, guint indent, gboolean is_line_begun)
{
	for (const struct fmt_item *i = v->items; i; i = i->next) {
		if (!is_line_begun || i != v->items) {
			write_comments(w, &i->above, indent);
			write_blank(w, i->after_blank);
			g_string_append_printf(w->text, "%*s", (int)indent, "");
		}
		if (i->key)
			fmt_write_text(w->text, i->key, i->is_key_plain && *i->key, FALSE);
		g_string_append_c(w->text, i->key ? ':' : '-');
		write_value(w, i, indent + FMT_INDENT, v->type == NODE_LIST);
	}
	write_comments(w, &v->footer, indent);
}

/* -- comments at the end of lines --------------------------------------------------------------------------------- */

/* The column that the comment stood in, when there is room for it; else 0. */
static guint column_at(const struct writer *w, guint i)
{
	const struct trailing *t = i < w->trailing->len ? &g_array_index(w->trailing, struct trailing, i) : NULL;
	return t && t->end < t->comment->column ? t->comment->column : 0;
}

/* A comment keeps its column when the one before or behind it has the same and keeps it too: they were put
 * below each other. Else one space stands before it. */
static void append_all(GString *out, const struct writer *w)
{
	gsize done = 0;
	for (guint i = 0; i < w->trailing->len; i++) {
		const struct trailing *t = &g_array_index(w->trailing, struct trailing, i);
		guint column = column_at(w, i);
		gboolean is_kept = column && (column == column_at(w, i + 1) || (i > 0 && column == column_at(w, i - 1)));
		g_string_append_len(out, w->text->str + done, (gssize)(t->at - done));
		g_string_append_printf(out, "%*s%s", is_kept ? (int)(column - t->end) : 1, "", t->comment->text);
		done = t->at;
	}
	g_string_append(out, w->text->str + done);
}

/* -- documents ------------------------------------------------------------------------------------------------------ */

/* Nothing but a "---". */
static gboolean is_empty(const struct fmt_value *root)
{
	return root->type == NODE_SCALAR && root->plain && !*root->text;
}

static void write_document(struct writer *w, const struct fmt_document *d, gboolean is_first)
{
	if (!is_first || is_empty(&d->root.value)) {
		write_blank(w, d->after_blank);
		g_string_append(w->text, "---");
		end_line(w, d->start);
	}
	w->at_begin = TRUE;
	w->after_keep = FALSE;
	write_comments(w, &d->head, 0);
	write_comments(w, &d->root.above, 0);
	if (!is_empty(&d->root.value))
		write_value(w, &d->root, 0, FALSE);
	write_comments(w, &d->footer, 0);
}

void fmt_write(GString *out, const struct fmt_document *documents, const struct fmt_comments *rest)
{
	struct writer w = { .text = g_string_new(NULL), .trailing = g_array_new(FALSE, FALSE, sizeof(struct trailing)), .at_begin = TRUE };
	for (const struct fmt_document *d = documents; d; d = d->next)
		write_document(&w, d, d == documents);
	write_comments(&w, rest, 0);
	append_all(out, &w);
	g_string_free(w.text, TRUE);
	g_array_free(w.trailing, TRUE);
}
