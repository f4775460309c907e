/* What `cleave run` tells while work goes on: VMs that boot, frames done, rate, time left. */
#pragma once
#include "plan/plan.h"

struct progress;

/* As JSON, a line {"type":"progress",…} for each change of a job. On a terminal the last line is written over; elsewhere each change is a line of its own. */
struct progress *progress_new(gboolean is_json, gboolean is_terminal);
void progress_free(struct progress *p);
/* After each pass. */
void progress_show(struct progress *p, const struct plan *plan);
/* The same of these jobs alone; on a terminal a bar each, drawn over in place. */
void progress_show_jobs(struct progress *p, const struct plan *plan, const char *const *ids, guint n);
/* Before other lines are printed: ends the line that would be written over, takes the bars away until they are shown again. */
void progress_break(struct progress *p);
