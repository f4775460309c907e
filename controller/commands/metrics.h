/* From a plan to the text of its metrics, for `run` and `metrics` alike. */
#pragma once
#include "reconcile.h"
#include "report/metrics.h"

/* `counts` NULL: no controller runs. g_free(). */
char *metrics_of(struct session *s, const struct plan *p, const char *commit, const struct metrics_counts *counts);
