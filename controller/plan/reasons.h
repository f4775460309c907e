/* The words that conditions give as their reason, beside those of rules (plan/plan.h): for `cleave explain`. */
#pragma once
#include <glib.h>

struct reason_row {
	const char *word; /* one CamelCase word */
	const char *doc;
};
extern const struct reason_row plan_reasons[];
extern const guint n_plan_reasons;
