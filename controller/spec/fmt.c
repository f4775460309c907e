/* Reads, writes, and reads again what was written: no value and no comment may be lost on the way. */
#include "spec/fmt.h"
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include "spec/form.h"
#include <string.h>

/* Without byte order mark; lines end with \n. */
static GString *normalize(const char *bytes, gsize size)
{
	GString *text = g_string_sized_new(size);
	gsize i = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	for (; i < size; i++) {
		if (bytes[i] != '\r')
			g_string_append_c(text, bytes[i]);
		else if (i + 1 == size || bytes[i + 1] != '\n')
			g_string_append_c(text, '\n');
	}
	return text;
}

/* -- is it still the same? ----------------------------------------------------------------------------------- */

static gboolean are_equal(const struct node *x, const struct node *y, gboolean is_root);

/* The key's index, or the number of keys. */
static guint find_member(const struct node *map, const char *key)
{
	guint i = 0;
	while (i < map->n && strcmp(map->members[i].key, key) != 0)
		i++;
	return i;
}

/* Only an object's own keys are put in another order. */
static gboolean are_maps_equal(const struct node *x, const struct node *y, gboolean is_root)
{
	guint next = 0;
	for (guint i = 0; i < x->n; i++, next++) {
		const struct member *m = &x->members[i];
		/* Few are moved: behind one that was, the others stand in a row again. */
		if (is_root && (next >= y->n || strcmp(m->key, y->members[next].key) != 0))
			next = find_member(y, m->key);
		if (next >= y->n || strcmp(m->key, y->members[next].key) != 0 ||
		    !are_equal(&m->value, &y->members[next].value, FALSE))
			return FALSE;
	}
	return TRUE;
}

static gboolean are_equal(const struct node *x, const struct node *y, gboolean is_root)
{
	if (x->type != y->type)
		return FALSE;
	if (x->type == NODE_SCALAR)
		return strcmp(x->text, y->text) == 0 && (x->plain == y->plain || !text_is_ambiguous(x->text));
	if (x->n != y->n)
		return FALSE;
	if (x->type == NODE_MAP)
		return are_maps_equal(x, y, is_root);
	for (guint i = 0; i < x->n; i++)
		if (!are_equal(&x->items[i], &y->items[i], FALSE))
			return FALSE;
	return TRUE;
}

static gboolean are_documents_equal(const struct documents *x, const struct documents *y)
{
	if (x->n != y->n)
		return FALSE;
	for (guint i = 0; i < x->n; i++)
		if (!are_equal(&x->items[i], &y->items[i], TRUE))
			return FALSE;
	return TRUE;
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp((*(struct fmt_comment *const *)x)->text, (*(struct fmt_comment *const *)y)->text);
}

/* Sorts both. */
static gboolean are_comments_equal(GPtrArray *x, GPtrArray *y)
{
	if (x->len != y->len)
		return FALSE;
	g_ptr_array_sort(x, by_text);
	g_ptr_array_sort(y, by_text);
	for (guint i = 0; i < x->len; i++)
		if (by_text(&x->pdata[i], &y->pdata[i]) != 0)
			return FALSE;
	return TRUE;
}

static gboolean is_same(const struct documents *before, const struct fmt_source *source, const GString *after)
{
	SCOPED_ARENA(a);
	struct problems problems;
	struct fmt_source again;
	problems_init(&problems, a);
	struct documents documents = node_read(a, "", after->str, after->len, &problems);
	gboolean is_good = problems.n_errors == 0 && are_documents_equal(before, &documents) &&
	                   fmt_scan(a, after->str, after->len, &again);
	if (is_good) {
		is_good = are_comments_equal(source->comments, again.comments);
		fmt_source_clear(&again);
	}
	problems_clear(&problems);
	return is_good;
}

/* -- the whole ------------------------------------------------------------------------------------------------- */

static gboolean has_directives(const struct fmt_source *s, struct place *ret)
{
	for (guint i = 0; i < s->events->len; i++) {
		const struct fmt_event *e = &g_array_index(s->events, struct fmt_event, i);
		if (e->has_directives) {
			*ret = (struct place){ ret->path, e->start.line + 1, e->start.column + 1 };
			return TRUE;
		}
	}
	return FALSE;
}

/* The tree ends here: what was written is read again next to it otherwise. */
static void write_text(const struct fmt_source *s, GString *out)
{
	SCOPED_ARENA(scratch);
	struct fmt_comments rest;
	const struct fmt_document *documents = fmt_read(scratch, s, &rest);
	fmt_write(out, documents, &rest);
}

static gboolean format(const char *path, const struct documents *before, const struct fmt_source *s,
                       GString *out, struct problems *problems)
{
	struct place place = { .path = path };
	if (has_directives(s, &place)) {
		problem_add(problems, SEVERITY_ERROR, place, "directives (%%YAML, %%TAG) are not kept; take them out");
		return FALSE;
	}
	g_autoptr(GString) text = g_string_new(NULL);
	write_text(s, text);
	if (!is_same(before, s, text)) {
		problem_add(problems, SEVERITY_ERROR, (struct place){ .path = path },
		            "cannot be formatted without losing a value or a comment; it is left as it is");
		return FALSE;
	}
	g_string_append_len(out, text->str, (gssize)text->len);
	return TRUE;
}

gboolean fmt_yaml(struct arena *a, const char *path, const char *bytes, gsize size, GString *out, struct problems *problems)
{
	guint n_errors = problems->n_errors;
	struct documents before = node_read(a, path, bytes, size, problems);
	if (problems->n_errors > n_errors)
		return FALSE;
	struct fmt_source source;
	g_autoptr(GString) text = normalize(bytes, size);
	/* What one reader takes, with \r as well, the other does: a \r is never part of a value. */
	gboolean is_done = fmt_scan(a, text->str, text->len, &source) && format(path, &before, &source, out, problems);
	fmt_source_clear(&source);
	return is_done;
}
