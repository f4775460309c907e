/* What rendering took: sums of seconds, and what they cost. */
#pragma once
#include <glib.h>

struct cost_row {
	const char *const *by; /* a word for each of the report's columns */
	guint64 n_frames;      /* verified renders; one that was rendered twice counts twice */
	guint64 n_lost;        /* attempts that failed, or whose report came too late: their time was spent as well */
	guint64 n_unpriced;    /* of both: of a model without a price, or of no GPU at all */
	double seconds, lost_seconds, unpriced_seconds; /* `seconds` is all of it */
	double cost;
};

struct cost_report {
	const char *const *by; /* names of the columns */
	guint n_by;
	const struct cost_row *rows;
	guint n_rows;
	struct cost_row total; /* rows may overlap: a job has several labels */
	const char *currency;  /* NULL: not said */
};

void report_cost_text(GString *out, const struct cost_report *r);
/* An array with an object for each row. */
void report_cost_json(GString *out, const struct cost_report *r);
