/* `get` for people: objects that were chosen, a line each. */
#pragma once
#include "report/grid.h"

/* An object, and what is known of it beside the plan. */
struct shown {
	const struct verdict *verdict;
	gint64 since_ms;            /* 0: not known */
	const char *ready_revision; /* NULL: not known */
};

struct shown_list {
	const struct plan *plan;
	const struct shown *items;
	guint n;
	const struct kind *kind; /* all are of it; NULL: of several */
};

/* `is_wide`: with the columns of the kind, and since when each is as it is. */
void report_get_text(GString *out, const struct shown_list *l, gboolean is_wide, const struct report_page *page);
/* KIND/NAME lines, for other commands. */
void report_get_names(GString *out, const struct shown_list *l);
/* One array of objects with what is wanted, what is there and the condition of each. */
void report_get_json(GString *out, const struct shown_list *l);
/* What JSON and YAML say of how it stands; its texts are the plan's or the arena's. */
struct condition report_condition(struct arena *a, const struct plan *p, const struct shown *s);
