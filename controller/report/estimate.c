/* How long a plan's renders may take. A guess from measured frames and the workers that are there: it changes from look
 * to look, so it stands beside the plan and is none of its bytes. */
#include "report/report.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include <string.h>

static guint n_workers(const struct plan *p)
{
	guint n = 0;
	OBJECTS_EACH (o, p->have, KIND_WORKER) {
		const struct worker_status *w = o->status;
		n += w && w->silent_ms < WORKER_SILENT_MS && g_strcmp0(w->state, "drained") != 0;
	}
	return n;
}

static void append_time(GString *out, double seconds)
{
	gint64 s = (gint64)(seconds + 0.5);
	if (seconds < 10)
		g_string_append_printf(out, "%.1f s", seconds);
	else if (s < 120)
		g_string_append_printf(out, "%" G_GINT64_FORMAT " s", s);
	else if (s < 7200)
		g_string_append_printf(out, "%" G_GINT64_FORMAT " min", s / 60);
	else
		g_string_append_printf(out, "%.1f h", seconds / 3600);
}

void report_estimate_text(GString *out, const struct plan *p)
{
	double seconds = 0;
	guint64 n_known = 0, n_unknown = 0;
	guint workers = n_workers(p);
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		const struct object *have = act->verb == VERB_ENQUEUE_FRAMES ? objects_get(p->have, KIND_RENDERJOB, act->id) : NULL;
		const struct renderjob_status *s = have ? have->status : NULL;
		gint64 each = s ? s->frame_seconds : 0;
		if (act->verb != VERB_ENQUEUE_FRAMES)
			continue;
		seconds += (double)act->count * (double)each / 1e6;
		*(each ? &n_known : &n_unknown) += act->count;
	}
	if (!n_known)
		return;
	g_string_append_printf(out, "Estimate: %" G_GUINT64_FORMAT " frames, about ", n_known);
	append_time(out, seconds);
	g_string_append(out, " of rendering");
	if (workers > 1) {
		g_string_append(out, ", ");
		append_time(out, seconds / workers);
		g_string_append_printf(out, " on %u workers", workers);
	} else if (!workers) {
		g_string_append(out, "; no worker is there now");
	}
	if (n_unknown)
		g_string_append_printf(out, "; of %" G_GUINT64_FORMAT " others nothing was timed yet", n_unknown);
	g_string_append_c(out, '\n');
}
