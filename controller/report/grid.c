/* Cells are collected, then written once the widths are known. */
#include "report/grid.h"
#include "base/arena.h"
#include "base/units.h"
#include <string.h>

struct cell {
	char *text;
	const char *colour;
};

struct grid {
	const struct grid_column *columns;
	guint n;
	GArray *cells;
};

static void cell_clear(gpointer p)
{
	g_free(((struct cell *)p)->text);
}

struct grid *grid_new(const struct grid_column *columns, guint n)
{
	struct grid *g = g_new(struct grid, 1);
	*g = (struct grid){ columns, n, g_array_new(FALSE, FALSE, sizeof(struct cell)) };
	g_array_set_clear_func(g->cells, cell_clear);
	return g;
}

void grid_free(struct grid *g)
{
	g_array_free(g->cells, TRUE);
	g_free(g);
}

/* A line break in a message would end the row; a machine's text may hold anything. */
void grid_put(struct grid *g, const char *text, const char *colour)
{
	struct cell cell = { g_utf8_make_valid(text && *text ? text : "-", -1), colour };
	g_strdelimit(cell.text, "\n\r\t\033", ' ');
	g_array_append_val(g->cells, cell);
}

static guint len(const char *text)
{
	return (guint)g_utf8_strlen(text, -1);
}

static const struct cell *cell_at(const struct grid *g, guint i)
{
	return &g_array_index(g->cells, struct cell, i);
}

static guint width_of(const struct grid *g, guint column)
{
	guint width = MAX((guint)ABS(g->columns[column].width), len(g->columns[column].title));
	for (guint i = column; i < g->cells->len; i += g->n)
		width = MAX(width, len(cell_at(g, i)->text));
	return width;
}

static void end_line(GString *out)
{
	while (out->len && out->str[out->len - 1] == ' ')
		g_string_truncate(out, out->len - 1);
	g_string_append_c(out, '\n');
}

static void pad(GString *out, guint n)
{
	while (n--)
		g_string_append_c(out, ' ');
}

/* `room` 0: as long as it is. */
static void append_cut(GString *out, const char *text, guint room, const struct report_page *page)
{
	guint dots = page->is_ascii ? 3 : 1;
	if (!room || len(text) <= room) {
		g_string_append(out, text);
		return;
	}
	g_autofree char *begin = g_utf8_substring(text, 0, (glong)(room > dots ? room - dots : 0));
	g_string_append_printf(out, "%s%s", begin, page->is_ascii ? "..." : "…");
}

struct widths {
	const guint *all;
	guint room; /* of the last column; 0: any */
};

static void append_cell(GString *out, const struct grid *g, const struct widths *w, guint column, const struct cell *cell,
                        const struct report_page *page)
{
	gboolean is_last = column + 1 == g->n, is_right = g->columns[column].width < 0;
	gboolean is_painted = page->style.colour && cell->colour;
	guint blank = w->all[column] - MIN(w->all[column], len(cell->text));
	if (is_right)
		pad(out, blank);
	if (is_painted)
		g_string_append_printf(out, "\033[%sm", cell->colour);
	append_cut(out, cell->text, is_last ? w->room : 0, page);
	if (is_painted)
		g_string_append(out, "\033[0m");
	if (!is_right && !is_last)
		pad(out, blank);
	if (!is_last)
		g_string_append_c(out, ' ');
}

/* Where less is left than a word or two, the terminal may wrap the line instead. */
static guint room_of(const struct grid *g, const guint *widths, guint width)
{
	guint before = 0;
	for (guint i = 0; i + 1 < g->n; i++)
		before += widths[i] + 1;
	return width > before + 20 ? width - before : 0;
}

void grid_write(const struct grid *g, GString *out, const struct report_page *page)
{
	if (!g->cells->len)
		return;
	g_autofree guint *widths = g_new(guint, g->n);
	for (guint i = 0; i < g->n; i++)
		widths[i] = width_of(g, i);
	const struct widths w = { widths, page->width ? room_of(g, widths, page->width) : 0 };
	for (guint i = 0; i < g->n; i++) {
		const struct cell title = { (char *)g->columns[i].title, "1" };
		append_cell(out, g, &w, i, &title, page);
	}
	end_line(out);
	for (guint i = 0; i < g->cells->len; i++) {
		append_cell(out, g, &w, i % g->n, cell_at(g, i), page);
		if (i % g->n + 1 == g->n)
			end_line(out);
	}
}

const char *report_colour_of(enum readiness readiness)
{
	static const char *const codes[] = { [IS_READY] = "32", [IS_RECONCILING] = "33", [IS_STALLED] = "31", [IS_UNKNOWN] = "33" };
	return codes[readiness];
}

const char *report_age(struct arena *a, const struct report_page *page, gint64 then_ms)
{
	return then_ms ? duration_about(a, page->now_ms - then_ms) : "-";
}

const char *report_time(struct arena *a, gint64 ms)
{
	g_autoptr(GDateTime) t = ms ? g_date_time_new_from_unix_utc(ms / 1000) : NULL;
	g_autofree char *text = t ? g_date_time_format(t, "%FT%TZ") : NULL;
	return text ? arena_strdup(a, text) : NULL;
}
