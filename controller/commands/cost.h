/* Summing attempts of manifests into rows. Private to `cleave cost`. */
#pragma once
#include "base/arena.h"
#include "frames/manifest.h"
#include "report/cost.h"
#include "spec/farm.h"

enum { COST_COLUMNS_MAX = 8 };

struct cost_asked {
	const char *by[COST_COLUMNS_MAX]; /* project, job, worker, model, label or label:KEY */
	guint n_by;
	gint64 since_us;
};

struct cost_sum;

/* ERROR_USAGE. */
gboolean cost_read_by(struct arena *a, const char *text, struct cost_asked *ret, GError **error);
struct cost_sum *cost_sum_new(struct arena *a, const struct cost_asked *asked, const struct farm_prices *prices);
void cost_sum_free(struct cost_sum *s);
/* All attempts of a job, PROJECT/NAME; `labels` (struct label) may be NULL. */
gboolean cost_add_job(struct cost_sum *s, const char *job, const struct list *labels, const struct manifest_view *view,
                      GError **error);
/* Rows by time spent, most first. Valid as long as the sum. */
struct cost_report cost_report_of(struct cost_sum *s);
