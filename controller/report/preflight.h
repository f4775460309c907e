/* What preflight found, as text and JSON. */
#pragma once
#include "plan/preflight.h"
#include "report/report.h"

/* What is wrong, worst first, findings alike of several objects in one line; the rest is counted. `all`: every
 * finding. */
void report_preflight_text(GString *out, const struct preflight *p, gboolean all, struct report_style style);
/* One array, all findings. */
void report_preflight_json(GString *out, const struct preflight *p);
