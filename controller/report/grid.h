/* Rows and columns for people: a column is as wide as its widest cell; on a terminal the last one ends at its edge. */
#pragma once
#include "report/report.h"

/* Where it is shown. */
struct report_page {
	struct report_style style;
	guint width;      /* of the terminal; 0: no line is cut */
	gboolean is_ascii; /* the locale has no other letters */
	gint64 now_ms;    /* since 1970 */
};

struct grid_column {
	const char *title;
	int width; /* at least; negative: to the right */
};

struct grid;
typedef struct grid report_grid;

/* `columns` stay until grid_write(). */
struct grid *grid_new(const struct grid_column *columns, guint n);
void grid_free(struct grid *g);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(report_grid, grid_free)
/* The next cell, row by row; the text is copied, NULL is "-". `colour`: an SGR code as "31", or NULL. */
void grid_put(struct grid *g, const char *text, const char *colour);
/* Titles and rows; nothing when there are none. */
void grid_write(const struct grid *g, GString *out, const struct report_page *page);

/* The SGR code of a readiness. */
const char *report_colour_of(enum readiness readiness);
/* "3m20s" from then until now; "-" when then is 0. From the arena. */
const char *report_age(struct arena *a, const struct report_page *page, gint64 then_ms);
/* As RFC 3339, UTC; NULL of 0. From the arena. */
const char *report_time(struct arena *a, gint64 ms);
