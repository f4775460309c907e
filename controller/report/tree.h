/* Host → GPU → VM → worker → job, each with how it stands: `cleave tree`. */
#pragma once
#include "report/grid.h"

/* From the hosts down, or (`top`) from one object; as lines or as one nested array. */
void report_tree_text(GString *out, const struct plan *p, const struct object *top, const struct report_page *page);
void report_tree_json(GString *out, const struct plan *p, const struct object *top);
