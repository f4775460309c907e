/* Tables of one kind for people. */
#pragma once
#include "plan/plan.h"

/* Jobs or workers, a line each. Returns how many. */
guint report_table_text(GString *out, const struct plan *p, enum kind_id kind, const char *id);
