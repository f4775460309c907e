/* `get jobs` and `get workers`: columns of their own, since people look at numbers there and not at one word. */
#include "base/arena.h"
#include "report/report.h"
#include "report/tables.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <string.h>

struct line {
	struct arena *arena;
	const struct plan *plan;
	const struct verdict *verdict;
	const void *have; /* its status, or NULL */
};

/* The last column is as wide as it has to be. */
struct column {
	const char *title;
	int width; /* negative: to the right */
	const char *(*text)(const struct line *l);
};

/* -- jobs ------------------------------------------------------------------------------------------------- */

static const char *count_of(const struct line *l, const struct list *list)
{
	guint64 n = 0;
	for (guint i = 0; i < list->n; i++)
		n += frames_count(&LIST_AT(*list, struct job_frames, i)->frames);
	return n ? arena_printf(l->arena, "%" G_GUINT64_FORMAT, n) : "-";
}

static const char *object_id(const struct line *l)
{
	return l->verdict->object->id;
}

static const char *condition_of(const struct line *l)
{
	return name_of(&readiness_names, (int)l->verdict->readiness);
}

static const char *reason_of(const struct line *l)
{
	const struct verdict *v = l->verdict;
	return v->message ? arena_printf(l->arena, "%s: %s", v->reason, v->message) : v->reason;
}

static const char *job_queue(const struct line *l)
{
	const struct renderjob_spec *job = l->verdict->object->spec;
	const struct object *farm = objects_farm(l->plan->want);
	const struct farm_spec *f = farm ? farm->spec : NULL;
	int rank = f ? farm_queue_rank(f, job->queue) : -1;
	const char *name = rank >= 0 && f->queues.n ? LIST_AT(f->queues, struct farm_queue, rank)->name : "-";
	return arena_printf(l->arena, "%s/%" G_GINT64_FORMAT, name, job->priority);
}

static const char *job_done(const struct line *l)
{
	guint64 whole, wanted;
	if (!report_job_progress(l->plan, object_id(l), &whole, &wanted))
		return "-";
	return arena_printf(l->arena, "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, whole, wanted);
}

static const char *job_queued(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->queued) : "-";
}

static const char *job_running(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->running) : "-";
}

static const char *job_failed(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->failed) : "-";
}

static const struct column job_columns[] = {
	{ "NAME", 28, object_id },        { "QUEUE", 12, job_queue },      { "DONE", -11, job_done },
	{ "QUEUED", -7, job_queued },     { "RUNNING", -8, job_running },  { "FAILED", -7, job_failed },
	{ "CONDITION", 12, condition_of }, { "REASON", 0, reason_of },
};

/* -- workers ---------------------------------------------------------------------------------------------- */

static const struct worker_status *worker(const struct line *l)
{
	static const struct worker_status nobody;
	return l->have ? l->have : &nobody;
}

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static const char *worker_state(const struct line *l)
{
	return or_dash(worker(l)->state);
}

static const char *worker_vm(const struct line *l)
{
	return or_dash(worker(l)->vm ? worker(l)->vm : worker(l)->host);
}

static const char *worker_blender(const struct line *l)
{
	return or_dash(worker(l)->blender);
}

/* The first one, and how many more. */
static const char *worker_gpu(const struct line *l)
{
	const struct strings *gpus = &worker(l)->gpus;
	if (!gpus->n)
		return "-";
	const char *name = strchr(gpus->items[0], ' ');
	name = name ? name + 1 : gpus->items[0];
	return gpus->n == 1 ? name : arena_printf(l->arena, "%s +%u", name, gpus->n - 1);
}

static const char *worker_heard(const struct line *l)
{
	return arena_printf(l->arena, "%" G_GINT64_FORMAT "s ago", worker(l)->silent_ms / 1000);
}

static const char *worker_job(const struct line *l)
{
	const struct worker_status *w = worker(l);
	return or_dash(w->job ? w->job : w->detail);
}

static const struct column worker_columns[] = {
	{ "NAME", 24, object_id },       { "STATE", 10, worker_state }, { "VM", 16, worker_vm },
	{ "BLENDER", 8, worker_blender }, { "GPU", 22, worker_gpu },     { "HEARD", -9, worker_heard },
	{ "CONDITION", 12, condition_of }, { "JOB", 0, worker_job },
};

/* -- lines ------------------------------------------------------------------------------------------------ */

static void put(GString *out, int width, const char *text)
{
	if (width < 0)
		g_string_append_printf(out, "%*s ", -width, text);
	else
		g_string_append_printf(out, "%-*s ", width, text);
}

static void end_line(GString *out)
{
	while (out->len && out->str[out->len - 1] == ' ')
		g_string_truncate(out, out->len - 1);
	g_string_append_c(out, '\n');
}

guint report_table_text(GString *out, const struct plan *p, enum kind_id kind, const char *id)
{
	SCOPED_ARENA(a);
	const struct column *columns = kind == KIND_WORKER ? worker_columns : job_columns;
	guint n_columns = kind == KIND_WORKER ? G_N_ELEMENTS(worker_columns) : G_N_ELEMENTS(job_columns), n = 0;
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct object *o = p->verdicts[i].object;
		if (o->kind->id != kind || (id && strcmp(o->id, id) != 0))
			continue;
		const struct object *have = objects_get(p->have, kind, o->id);
		const struct line line = { a, p, &p->verdicts[i], have ? have->status : NULL };
		for (guint k = 0; n == 0 && k < n_columns; k++)
			put(out, columns[k].width, columns[k].title);
		if (n++ == 0)
			end_line(out);
		for (guint k = 0; k < n_columns; k++)
			put(out, columns[k].width, columns[k].text(&line));
		end_line(out);
	}
	return n;
}
