/* What passes found and did, as state/ keeps it: events and the history of revisions. */
#pragma once
#include "report/grid.h"
#include "state/kept.h"

/* In the order given. */
void report_events_text(GString *out, const struct kept_event *const *events, guint n, const struct report_page *page);
/* One line, as `events --watch` writes it. */
void report_event_line(GString *out, const struct kept_event *e, const struct report_page *page);
/* One array; `report_event_json` a line. */
void report_events_json(GString *out, const struct kept_event *const *events, guint n);
void report_event_json(GString *out, const struct kept_event *e);

void report_history_text(GString *out, const struct kept_revision *const *all, guint n, const struct report_page *page);
void report_history_json(GString *out, const struct kept_revision *const *all, guint n);
/* "applied", "failed", "refused", "not applied": one word of what became of it. */
const char *report_outcome_of(const struct kept_revision *r);
