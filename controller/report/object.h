/* All of one object: `cleave describe`; and where it, or a field of it, came from: `cleave trace`. */
#pragma once
#include "report/tables.h"
#include "state/kept.h"

/* Where something is written, and who wrote it. */
struct traced {
	const char *kind, *name, *field;     /* field NULL: the whole object */
	const char *value;                   /* of the field, as one line; NULL: a map or list, or the whole */
	const char *path;                    /* NULL: it is written nowhere, and is cleave's default */
	guint line;
	gboolean is_farms_default;           /* it stands in the Farm's defaults */
	const char *commit, *author, *summary, *signature; /* commit NULL: not in history */
	gint64 time_ms;
	gboolean is_first, is_cut;
	const char *trouble;                 /* why history tells nothing; NULL: it does */
	const struct kept_revision *applied; /* the first revision here that had it; NULL: none is remembered */
};

void report_trace_text(GString *out, const struct traced *t, const struct report_page *page);
void report_trace_json(GString *out, const struct traced *t);

struct described {
	const struct plan *plan;
	const struct shown *shown;
	const struct traced *written; /* NULL: it is only observed */
	const struct kept_event *const *events;
	guint n_events;
};

void report_object_text(GString *out, const struct described *d, const struct report_page *page);
/* One array; objects as `get` has them, with what else is told in `described`. */
void report_object_json(GString *out, const struct described *all, guint n);
