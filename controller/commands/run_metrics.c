/* What `cleave run` measures: counted over its passes, written after each for node_exporter's textfile collector.
 * Counters begin at 0 with the controller: Prometheus takes that for a restart, and nothing is kept on disk. */
#include "base/exposition.h"
#include "base/log.h"
#include "commands/metrics.h"
#include "commands/run.h"
#include <string.h>
#include <unistd.h>

struct run_metrics {
	struct metrics_counts counts;
	char *revision; /* that was in force in the last pass */
	char *text, *path, *trouble;
};

static gint64 now_s(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static struct run_metrics *metrics_new(void)
{
	struct run_metrics *m = g_new0(struct run_metrics, 1);
	m->counts.started_s = now_s();
	return m;
}

/* The settings may name another file since: the old one would go on to say how things stood then. */
static void find_path(struct run_metrics *m, const struct runner *r)
{
	const char *named = r->in->local.spec ? r->in->local.spec->metrics_file : NULL;
	char *path = named ? g_strdup(named) : g_build_filename(r->in->settings.state, "cleave.prom", NULL);
	if (m->path && strcmp(path, m->path) != 0)
		(void)unlink(m->path);
	g_free(m->path);
	m->path = path;
}

void run_metrics_free(struct run_metrics *m)
{
	if (!m)
		return;
	g_free(m->revision);
	g_free(m->text);
	g_free(m->path);
	g_free(m->trouble);
	g_free(m);
}

static void count_seconds(struct metrics_seconds *s, gint64 from_us, gint64 to_us)
{
	s->last = (double)(to_us - from_us) / G_USEC_PER_SEC;
	s->sum += s->last;
	s->n++;
}

static void count(struct run_metrics *m, const struct pass_report *report)
{
	struct metrics_counts *c = &m->counts;
	count_seconds(&c->seconds[METRICS_LOOK], report->began_us, report->looked_us);
	count_seconds(&c->seconds[METRICS_PLAN], report->looked_us, report->planned_us);
	if (report->outcomes)
		count_seconds(&c->seconds[METRICS_APPLY], report->planned_us, report->ended_us);
	for (guint i = 0; report->outcomes && i < report->outcomes->n; i++) {
		const struct outcome *o = &report->outcomes->items[i];
		c->actions[report->plan->actions[o->action].verb][o->state]++;
	}
	c->passed_s = now_s();
	if (g_strcmp0(m->revision, report->plan->revision) == 0)
		return;
	g_free(m->revision);
	m->revision = g_strdup(report->plan->revision);
	c->applied_s = c->passed_s;
}

/* A folder that cannot be written is said once, until it can. */
static void write_file(struct run_metrics *m)
{
	g_autoptr(GError) error = NULL;
	const char *trouble = exposition_write(m->path, m->text, &error) ? NULL : error->message;
	if (trouble && g_strcmp0(trouble, m->trouble) != 0)
		log_warning("metrics", "%s", trouble);
	g_free(m->trouble);
	m->trouble = g_strdup(trouble);
}

void run_measure(struct runner *r, const struct pass_report *report)
{
	struct run_metrics *m = r->metrics = r->metrics ? r->metrics : metrics_new();
	find_path(m, r);
	count(m, report);
	g_free(m->text);
	m->text = metrics_of(r->session, report->plan, r->force.wanted.tree.commit, &m->counts);
	write_file(m);
}

const char *run_metrics_text(const struct runner *r)
{
	return r->metrics ? r->metrics->text : NULL;
}
