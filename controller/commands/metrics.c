/* cleave metrics: what the running controller measured last; without one, what a look tells. */
#include "commands/metrics.h"
#include "base/arena.h"
#include "commands/command.h"
#include "queue/figures.h"
#include "spec/farm.h"
#include "state/state.h"

static gboolean owns_jobs(const struct plan *p)
{
	const struct object *farm = objects_farm(p->have);
	const struct farm_status *s = farm ? farm->status : NULL;
	return s && g_strcmp0(s->job_owner, p->host) == 0;
}

char *metrics_of(struct session *s, const struct plan *p, const char *commit, const struct metrics_counts *counts)
{
	SCOPED_ARENA(a);
	struct figures figures = { 0 };
	gboolean owns = owns_jobs(p), is_told = owns && session_figures(s, a, &figures);
	struct metrics_wait *waits = ARENA_ARRAY(a, struct metrics_wait, figures.n_waits);
	for (guint i = 0; i < figures.n_waits; i++)
		waits[i] = (struct metrics_wait){ figures.waits[i].job, figures.waits[i].ms };
	const struct metrics_queue queue = { figures.n_expired, figures.n_failed, waits, figures.n_waits };
	const struct metrics_input in = { .plan = p, .commit = commit, .counts = counts, .queue = is_told ? &queue : NULL, .owns_jobs = owns };
	return report_metrics(&in);
}

static int from_controller(const struct invocation *in, GString *text)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *answer = control_ask(in->settings.state, "metrics", &error);
	if (!answer)
		return command_fail(error);
	g_string_append(text, answer);
	return EXIT_FINE;
}

static int from_look(struct invocation *in, GString *text)
{
	struct looked l;
	int code = command_look(in, &l);
	if (code < 0) {
		g_autofree char *metrics = metrics_of(l.session, l.plan, l.wanted.tree.commit, NULL);
		g_string_append(text, metrics);
		code = EXIT_FINE;
	}
	looked_clear(&l);
	return code;
}

int command_metrics(struct invocation *in)
{
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean runs = !in->settings.sysfs && state_is_locked(in->settings.state);
	int code = runs ? from_controller(in, text) : from_look(in, text);
	if (code == EXIT_FINE && !command_print(text))
		return EXIT_FAILED;
	return code;
}
