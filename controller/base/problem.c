/* Collecting problems and showing each with its line and a caret. */
#include "base/problem.h"
#include "base/arena.h"
#include <string.h>

void problems_init(struct problems *p, struct arena *arena)
{
	*p = (struct problems){ .arena = arena, .list = g_array_new(FALSE, FALSE, sizeof(struct problem)) };
}

void problems_clear(struct problems *p)
{
	if (p->list)
		g_array_free(p->list, TRUE);
	*p = (struct problems){ 0 };
}

gboolean problems_has_room(const struct problems *p, enum severity severity)
{
	return p->list->len < PROBLEMS_HELD || (severity == SEVERITY_ERROR && p->n_errors < PROBLEMS_HELD);
}

/* The place for one more: none when the list is full, unless an error takes that of the last warning. */
static struct problem *make_room(struct problems *p, enum severity severity)
{
	if (p->list->len < PROBLEMS_HELD) {
		g_array_set_size(p->list, p->list->len + 1);
		return &g_array_index(p->list, struct problem, p->list->len - 1);
	}
	struct problem *all = (struct problem *)(gpointer)p->list->data;
	for (guint i = p->list->len; all && problems_has_room(p, severity) && i-- > 0;)
		if (all[i].severity == SEVERITY_WARNING)
			return &all[i];
	return NULL;
}

char *problem_shown(const char *text, gssize len)
{
	char *shown = g_utf8_make_valid(text, len);
	for (char *c = shown; *c; c++)
		if ((guchar)*c < 0x20 || *c == 0x7f)
			*c = ' ';
		else if ((guchar)*c == 0xc2 && (guchar)c[1] < 0xa0) /* U+0080 to U+009F control terminals as well */
			*c = c[1] = ' ';
	return shown;
}

static void count(struct problems *p, enum severity severity)
{
	if (severity == SEVERITY_ERROR)
		p->n_errors++;
	else
		p->n_warnings++;
}

void problem_add(struct problems *p, enum severity severity, struct place place, const char *format, ...)
{
	struct problem *one = make_room(p, severity);
	if (one) {
		va_list args;
		va_start(args, format);
		g_autofree char *message = g_strdup_vprintf(format, args);
		va_end(args);
		g_autofree char *shown = problem_shown(message, -1);
		*one = (struct problem){ severity, place, arena_strdup(p->arena, shown), p->rule, p->hides_text || p->is_secret, p->is_secret };
	}
	count(p, severity);
}

struct problem_run problems_take(struct problems *p)
{
	struct problem_run run = { .n = p->list->len, .n_errors = p->n_errors, .n_warnings = p->n_warnings };
	run.items = run.n ? arena_memdup(p->arena, p->list->data, run.n * sizeof(struct problem)) : NULL;
	g_array_set_size(p->list, 0);
	p->n_errors = p->n_warnings = 0;
	return run;
}

void problems_add_run(struct problems *p, const struct problem_run *r)
{
	guint n_errors = 0;
	for (guint i = 0; i < r->n; i++) {
		struct problem *one = make_room(p, r->items[i].severity);
		if (one)
			*one = r->items[i];
		count(p, r->items[i].severity);
		n_errors += r->items[i].severity == SEVERITY_ERROR;
	}
	/* Those that the run had only counted. */
	p->n_errors += r->n_errors - n_errors;
	p->n_warnings += r->n_warnings - (r->n - n_errors);
}

guint problems_left_out(const struct problems *p)
{
	return p->n_errors + p->n_warnings - p->list->len;
}

static gint by_place(gconstpointer x, gconstpointer y)
{
	const struct problem *a = x, *b = y;
	int c = g_strcmp0(a->place.path, b->place.path);
	if (c)
		return c;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	if (a->place.column != b->place.column)
		return a->place.column < b->place.column ? -1 : 1;
	return g_strcmp0(a->message, b->message);
}

/* Problems of one line stand together. */
static gboolean is_same_line(const struct problem *a, const struct problem *b)
{
	return a->place.line == b->place.line && g_strcmp0(a->place.path, b->place.path) == 0;
}

static void hide_line(struct problems *p, guint from, guint to)
{
	gboolean is_secret = FALSE;
	for (guint i = from; i < to; i++)
		is_secret |= g_array_index(p->list, struct problem, i).is_secret;
	for (guint i = from; i < to && is_secret; i++)
		g_array_index(p->list, struct problem, i).hides_text = TRUE;
}

void problems_sort(struct problems *p)
{
	g_array_sort(p->list, by_place);
	for (guint from = 0, i = 1; i <= p->list->len; i++)
		if (i == p->list->len ||
		    !is_same_line(&g_array_index(p->list, struct problem, from), &g_array_index(p->list, struct problem, i))) {
			hide_line(p, from, i);
			from = i;
		}
}

static const char *find_line(const char *text, gsize text_len, guint line, gsize *ret_len)
{
	const char *at = text, *end = text + text_len;
	while (--line > 0) {
		const char *nl = memchr(at, '\n', (gsize)(end - at));
		if (!nl)
			return NULL;
		at = nl + 1;
	}
	const char *nl = memchr(at, '\n', (gsize)(end - at));
	*ret_len = (gsize)((nl ? nl : end) - at);
	return at;
}

/* Longest part of a line that is shown, in characters; a line can be a 100 MB scalar. */
enum { SHOWN_MAX = 160 };

/* Behind `n` characters of the text, or its end. Bytes that are no UTF-8 do no harm. */
static const char *skip_characters(const char *c, const char *end, guint n)
{
	for (; c < end && n > 0; n--)
		for (c++; c < end && ((guchar)*c & 0xc0) == 0x80;)
			c++;
	return c;
}

/* The line, or of a long one what is around the column, with `…` where it is cut; below it the caret. */
static void append_excerpt(GString *out, const struct place *place, const char *text, gsize text_len)
{
	gsize len;
	const char *line = find_line(text, text_len, place->line, &len);
	if (!line || place->column == 0)
		return;
	const char *end = line + len;
	guint n_skipped = place->column > SHOWN_MAX ? place->column - SHOWN_MAX / 2 : 0;
	const char *from = skip_characters(line, end, n_skipped), *to = skip_characters(from, end, SHOWN_MAX);
	if (n_skipped && from == end)
		return;
	g_autofree char *shown = problem_shown(from, to - from);
	g_string_append_printf(out, "\n    %s%s%s", n_skipped ? "…" : "", shown, to < end ? "…" : "");
	g_string_append_printf(out, "\n    %*s", (int)(place->column - n_skipped + (n_skipped ? 1 : 0)), "^");
}

void problem_format(GString *out, const struct problem *p, const char *text, gsize text_len)
{
	g_autofree char *path = p->place.path ? problem_shown(p->place.path, -1) : NULL;
	if (path)
		g_string_append_printf(out, "%s:", path);
	if (p->place.line)
		g_string_append_printf(out, "%u:%u:", p->place.line, p->place.column);
	g_string_append_printf(out, "%s%s: %s", p->place.path ? " " : "",
	                       p->severity == SEVERITY_ERROR ? "error" : "warning", p->message);
	if (text && p->place.line && !p->hides_text)
		append_excerpt(out, &p->place, text, text_len);
	g_string_append_c(out, '\n');
}
