/* Hours for people, seconds for programs. */
#include "report/cost.h"
#include <jansson.h>
#include <string.h>

static guint *widths_of(const struct cost_report *r)
{
	guint *widths = g_new0(guint, r->n_by);
	for (guint c = 0; c < r->n_by; c++) {
		widths[c] = MAX((guint)g_utf8_strlen(r->by[c], -1), 5u); /* "total" */
		for (guint i = 0; i < r->n_rows; i++)
			widths[c] = MAX(widths[c], (guint)g_utf8_strlen(r->rows[i].by[c], -1));
	}
	return widths;
}

/* Padded by characters, which printf counts as bytes. */
static void append_words(GString *out, const char *const *words, const guint *widths, guint n, gboolean is_title)
{
	for (guint c = 0; c < n; c++) {
		g_autofree char *word = is_title ? g_ascii_strup(words[c], -1) : g_strdup(words[c]);
		g_string_append_printf(out, "%s%*s", word, (int)(widths[c] - (guint)g_utf8_strlen(word, -1)) + 2, "");
	}
}

static void append_numbers(GString *out, const struct cost_row *row, const char *currency)
{
	g_string_append_printf(out, "%9" G_GUINT64_FORMAT " %10.3f %7" G_GUINT64_FORMAT " %10.3f  %12.2f%s%s", row->n_frames,
	                       row->seconds / 3600, row->n_lost, row->lost_seconds / 3600, row->cost, *currency ? " " : "", currency);
	if (row->n_unpriced)
		g_string_append_printf(out, "  and %" G_GUINT64_FORMAT " without a price, %.3f h", row->n_unpriced,
		                       row->unpriced_seconds / 3600);
	g_string_append_c(out, '\n');
}

void report_cost_text(GString *out, const struct cost_report *r)
{
	const char *currency = r->currency ? r->currency : "";
	const char *total[8] = { "total", "", "", "", "", "", "", "" };
	g_autofree guint *widths = widths_of(r);
	g_assert(r->n_by <= G_N_ELEMENTS(total));
	append_words(out, r->by, widths, r->n_by, TRUE);
	g_string_append_printf(out, "%9s %10s %7s %10s  %12s\n", "FRAMES", "HOURS", "LOST", "LOST HOURS", "COST");
	for (guint i = 0; i < r->n_rows; i++) {
		append_words(out, r->rows[i].by, widths, r->n_by, FALSE);
		append_numbers(out, &r->rows[i], currency);
	}
	append_words(out, total, widths, r->n_by, FALSE);
	append_numbers(out, &r->total, currency);
}

static json_t *row_json(const struct cost_report *r, const struct cost_row *row)
{
	json_t *object = json_object();
	for (guint c = 0; c < r->n_by; c++)
		json_object_set_new(object, r->by[c], json_string(row->by[c]));
	json_object_set_new(object, "frames", json_integer((json_int_t)row->n_frames));
	json_object_set_new(object, "seconds", json_real(row->seconds));
	json_object_set_new(object, "lost", json_integer((json_int_t)row->n_lost));
	json_object_set_new(object, "lostSeconds", json_real(row->lost_seconds));
	json_object_set_new(object, "unpriced", json_integer((json_int_t)row->n_unpriced));
	json_object_set_new(object, "unpricedSeconds", json_real(row->unpriced_seconds));
	json_object_set_new(object, "cost", json_real(row->cost));
	if (r->currency)
		json_object_set_new(object, "currency", json_string(r->currency));
	return object;
}

void report_cost_json(GString *out, const struct cost_report *r)
{
	json_t *list = json_array();
	for (guint i = 0; i < r->n_rows; i++)
		json_array_append_new(list, row_json(r, &r->rows[i]));
	char *text = json_dumps(list, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	g_string_append_printf(out, "%s\n", text);
	free(text);
	json_decref(list);
}
