/* When the Farm's windows open, by their zones. */
#pragma once
#include "spec/farm.h"

/* The occurrence that is open at `now_ms`, or else the next one; ms since 1970. FALSE: none within nine days.
 *
 * Clocks that are set forward skip times, and set back have them twice. A window is never longer than it says: one that
 * begins in such an hour begins as late as it may be meant, and one that ends there ends as early. */
gboolean window_next(const struct farm_window *w, GTimeZone *zone, gint64 now_ms, gint64 *ret_opens_ms, gint64 *ret_closes_ms);
