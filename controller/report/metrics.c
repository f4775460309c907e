/* The table of metrics, and a function for each plane that fills its rows. */
#include "report/metrics.h"
#include "base/arena.h"
#include "base/exposition.h"
#include "report/report.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include "spec/suspend.h"
#include "spec/vm.h"
#include "spec/vm_history.h"
#include <string.h>

enum metric {
	BUILD_INFO, REVISION_INFO, REVISION_APPLIED, STARTED, PASSED, PASS_SECONDS, PASS_LAST,
	OBJECTS, PLANNED, HELD, REFUSED, ACTIONS, SOURCE_TROUBLE, SUSPENDED, SUSPENDED_SINCE,
	QUEUE_FRAMES, QUEUE_WAITING, QUEUE_WAITING_SINCE, JOB_FRAMES, JOB_SECONDS, FRAMES_FAILED, LEASES_EXPIRED, WORKERS,
	GPU_CELSIUS, GPU_WATTS, GPU_MEMORY, GPU_MEMORY_USED, GPU_UTILISATION, GPU_XID, GPU_XIDS, GPU_WIDTH, GPU_WIDTH_MOST, GPU_AER,
	N_METRICS,
};

#define GPU_LABELS { "host", "gpu", "address" }

static const struct exposition_row rows[N_METRICS] = {
	[BUILD_INFO] = { "cleave_build_info", "gauge", "Version of cleave.", { "version" } },
	[REVISION_INFO] = { "cleave_revision_info", "gauge", "The revision that the controller works with.", { "host", "revision", "commit" } },
	[REVISION_APPLIED] = { "cleave_revision_applied_timestamp_seconds", "gauge", "When that revision came into force here.", { "host" } },
	[STARTED] = { "cleave_start_timestamp_seconds", "gauge", "When the controller began; its counters begin then.", { NULL } },
	[PASSED] = { "cleave_last_pass_timestamp_seconds", "gauge", "When the last pass ended.", { NULL } },
	[PASS_SECONDS] = { "cleave_pass_seconds", "summary", "Time of passes by phase.", { "phase" } },
	[PASS_LAST] = { "cleave_last_pass_seconds", "gauge", "Time of the last pass by phase.", { "phase" } },
	[OBJECTS] = { "cleave_objects", "gauge", "Objects by kind and condition; Halted are those that are Stalled since people want it so.", { "kind", "condition" } },
	[PLANNED] = { "cleave_planned_actions", "gauge", "What the last plan found different, by verb.", { "verb" } },
	[HELD] = { "cleave_held_actions", "gauge", "What differs and is not done, as the specs say, by verb.", { "verb" } },
	[REFUSED] = { "cleave_plan_refused", "gauge", "1 where a rule refuses the whole plan.", { "rule" } },
	[ACTIONS] = { "cleave_actions_total", "counter", "Actions carried out, by verb and outcome.", { "verb", "outcome" } },
	[SOURCE_TROUBLE] = { "cleave_revision_refused", "gauge", "1 while a newer revision is not valid.", { "host" } },
	[SUSPENDED] = { "cleave_suspended_seconds", "gauge", "For how long people have suspended it; 0 where they did not say since when.", { "kind", "name" } },
	[SUSPENDED_SINCE] = { "cleave_suspended_timestamp_seconds", "gauge", "Since when people have suspended it, where they said that.", { "kind", "name" } },
	[QUEUE_FRAMES] = { "cleave_queue_frames", "gauge", "Frames by queue and state.", { "queue", "state" } },
	[QUEUE_WAITING] = { "cleave_queue_oldest_waiting_seconds", "gauge", "For how long some frame has been waiting, by queue, at the last pass.", { "queue" } },
	[QUEUE_WAITING_SINCE] = { "cleave_queue_oldest_waiting_timestamp_seconds", "gauge", "Since when some frame has been waiting, by queue; absent: none is.",
	                          { "queue" } },
	[JOB_FRAMES] = { "cleave_job_frames", "gauge", "Frames of a job by state.", { "project", "job", "state" } },
	[JOB_SECONDS] = { "cleave_job_frame_seconds", "summary", "What frames of a job took that are recorded beside them.", { "project", "job" } },
	[FRAMES_FAILED] = { "cleave_frames_failed_total", "counter", "Attempts that workers reported as failed, of the whole farm.", { NULL } },
	[LEASES_EXPIRED] = { "cleave_leases_expired_total", "counter", "Leases whose worker was not heard any more.", { NULL } },
	[WORKERS] = { "cleave_workers", "gauge", "Workers by state.", { "state" } },
	[GPU_CELSIUS] = { "cleave_gpu_temperature_celsius", "gauge", "Temperature, as NVML tells.", GPU_LABELS },
	[GPU_WATTS] = { "cleave_gpu_power_watts", "gauge", "Power drawn, as NVML tells.", GPU_LABELS },
	[GPU_MEMORY] = { "cleave_gpu_memory_bytes", "gauge", "Memory, as NVML tells.", GPU_LABELS },
	[GPU_MEMORY_USED] = { "cleave_gpu_memory_used_bytes", "gauge", "Memory in use.", GPU_LABELS },
	[GPU_UTILISATION] = { "cleave_gpu_utilization_ratio", "gauge", "Share of the last moment in which it computed.", GPU_LABELS },
	[GPU_XID] = { "cleave_gpu_last_xid", "gauge", "Number of the last Xid in the kernel's log.", GPU_LABELS },
	[GPU_XIDS] = { "cleave_gpu_xids", "gauge", "Xids in the kernel's log, which forgets the oldest.", GPU_LABELS },
	[GPU_WIDTH] = { "cleave_gpu_link_width_lanes", "gauge", "PCIe lanes in use.", GPU_LABELS },
	[GPU_WIDTH_MOST] = { "cleave_gpu_link_width_max_lanes", "gauge", "PCIe lanes that the card has.", GPU_LABELS },
	[GPU_AER] = { "cleave_gpu_pcie_errors", "gauge", "PCIe errors since boot.", { "host", "gpu", "address", "severity" } },
};

struct writer {
	const struct metrics_input *in;
	struct exposition *out;
	struct arena *arena;
};

/* -- the controller --------------------------------------------------------------------------------------- */

static void put_revision(struct writer *w)
{
	const struct plan *p = w->in->plan;
	exposition_add(w->out, BUILD_INFO, 1, CLEAVE_VERSION);
	exposition_add(w->out, REVISION_INFO, 1, p->host, p->revision, w->in->commit);
	OBJECTS_EACH (o, p->have, KIND_REVISION) {
		const struct revision_status *s = o->status;
		exposition_add(w->out, SOURCE_TROUBLE, s && s->trouble ? 1 : 0, p->host);
	}
}

static void put_counts(struct writer *w)
{
	static const char *const phases[] = { "look", "plan", "apply" };
	static const char *const outcomes[] = { "done", "failed", "skipped" };
	const struct metrics_counts *c = w->in->counts;
	G_STATIC_ASSERT(G_N_ELEMENTS(phases) == N_METRICS_PHASES);
	if (!c)
		return;
	exposition_add(w->out, STARTED, (double)c->started_s);
	exposition_add(w->out, PASSED, (double)c->passed_s);
	exposition_add(w->out, REVISION_APPLIED, (double)c->applied_s, w->in->plan->host);
	for (guint i = 0; i < N_METRICS_PHASES; i++) {
		exposition_add_sum(w->out, PASS_SECONDS, c->seconds[i].sum, c->seconds[i].n, phases[i]);
		exposition_add(w->out, PASS_LAST, c->seconds[i].last, phases[i]);
	}
	for (guint verb = 0; verb < N_VERBS; verb++)
		for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++)
			if (c->actions[verb][i])
				exposition_add(w->out, ACTIONS, (double)c->actions[verb][i], verbs[verb].name, outcomes[i]);
}

/* Of this host; what the farm has is the job owner's to tell. */
static gboolean is_told(const struct writer *w, const struct object *o)
{
	switch (o->kind->id) {
	case KIND_HOST: return strcmp(o->id, w->in->plan->host) == 0;
	case KIND_GPU: return o->spec && strcmp(((const struct gpu_spec *)o->spec)->host, w->in->plan->host) == 0;
	case KIND_VM: return o->spec && strcmp(((const struct vm_spec *)o->spec)->host, w->in->plan->host) == 0;
	case KIND_RENDERJOB:
	case KIND_WORKER: return w->in->owns_jobs;
	default: return TRUE;
	}
}

static void put_objects(struct writer *w)
{
	guint n[N_KINDS][IS_UNKNOWN + 1] = { 0 }, n_halted[N_KINDS] = { 0 };
	gboolean is_seen[N_KINDS] = { 0 };
	for (guint i = 0; i < w->in->plan->n_verdicts; i++) {
		const struct verdict *v = &w->in->plan->verdicts[i];
		if (!is_told(w, v->object))
			continue;
		++*(v->is_halted ? &n_halted[v->object->kind->id] : &n[v->object->kind->id][v->readiness]);
		is_seen[v->object->kind->id] = TRUE;
	}
	for (guint kind = 0; kind < N_KINDS; kind++) {
		for (guint i = 0; is_seen[kind] && i <= IS_UNKNOWN; i++)
			exposition_add(w->out, OBJECTS, n[kind][i], kinds[kind].name, name_of(&readiness_names, (int)i));
		if (n_halted[kind])
			exposition_add(w->out, OBJECTS, n_halted[kind], kinds[kind].name, "Halted");
	}
}

static gint64 now_ms(const struct plan *p)
{
	const struct object *host = objects_get(p->have, KIND_HOST, p->host);
	const struct host_status *s = host ? host->status : NULL;
	return s && s->observed_at ? vm_time_ms(s->observed_at) : 0;
}

/* Who is suspended itself, not what inherits it. */
static void put_suspended(struct writer *w)
{
	gint64 now = now_ms(w->in->plan);
	for (guint i = 0; i < w->in->plan->n_verdicts; i++) {
		const struct verdict *v = &w->in->plan->verdicts[i];
		const char *since = v->suspension ? v->suspension->how->since : NULL;
		gint64 since_ms = since ? vm_time_ms(since) : 0;
		if (!v->suspension || v->suspension->speaker != v->object || !is_told(w, v->object))
			continue;
		exposition_add(w->out, SUSPENDED, now && since_ms ? (double)MAX(now - since_ms, 0) / 1000 : 0, v->object->kind->name, v->object->id);
		if (since_ms)
			exposition_add(w->out, SUSPENDED_SINCE, (double)since_ms / 1000, v->object->kind->name, v->object->id);
	}
}

static void put_verbs(struct writer *w, enum metric metric, const struct action *actions, guint n_actions)
{
	guint n[N_VERBS] = { 0 };
	for (guint i = 0; i < n_actions; i++)
		n[actions[i].verb]++;
	for (guint verb = 0; verb < N_VERBS; verb++)
		if (n[verb])
			exposition_add(w->out, metric, n[verb], verbs[verb].name);
}

static void put_plan(struct writer *w)
{
	const struct plan *p = w->in->plan;
	put_verbs(w, PLANNED, p->actions, p->n_actions);
	put_verbs(w, HELD, p->held, p->n_held);
	for (guint i = 0; i < p->n_refusals; i++)
		exposition_add(w->out, REFUSED, 1, p->refusals[i].rule);
}

/* -- jobs --------------------------------------------------------------------------------------------------- */

enum job_state { QUEUED, RUNNING, FAILED, WHOLE, DAMAGED, MISSING, N_JOB_STATES };
static const char *const state_names[] = { "queued", "running", "failed", "whole", "damaged", "missing" };

static guint64 count(const struct list *list)
{
	guint64 n = 0;
	for (guint i = 0; i < list->n; i++)
		n += frames_count(&LIST_AT(*list, struct job_frames, i)->frames);
	return n;
}

static void count_job(const struct plan *p, const struct object *o, const struct renderjob_status *s, guint64 n[N_JOB_STATES])
{
	guint64 whole = 0, wanted = 0;
	gboolean is_known = report_job_progress(p, o->id, &whole, &wanted);
	n[QUEUED] = count(&s->queued);
	n[RUNNING] = count(&s->running);
	n[FAILED] = count(&s->failed);
	n[DAMAGED] = count(&s->damaged);
	n[WHOLE] = whole;
	n[MISSING] = is_known ? wanted - whole : 0;
}

/* Names of queues are few; a queue without frames has its zeros, so that its line does not end. */
static guint queue_of(const struct farm_spec *farm, const struct renderjob_spec *job)
{
	int rank = farm_queue_rank(farm, job->queue);
	return rank < 0 ? 0 : (guint)rank;
}

static gint64 wait_of(const struct metrics_queue *queue, const char *job)
{
	for (guint i = 0; queue && i < queue->n_waits; i++)
		if (strcmp(queue->waits[i].job, job) == 0)
			return queue->waits[i].ms;
	return 0;
}

struct queue_sum {
	guint64 n[3]; /* queued, running, failed */
	gint64 waiting_ms;
};

static void put_queues(struct writer *w, const struct farm_spec *farm, const struct queue_sum *sums)
{
	gint64 now = now_ms(w->in->plan);
	for (guint q = 0; q < MAX(farm->queues.n, 1); q++) {
		const char *name = farm->queues.n ? LIST_AT(farm->queues, struct farm_queue, q)->name : "default";
		for (guint i = QUEUED; i <= FAILED; i++)
			exposition_add(w->out, QUEUE_FRAMES, (double)sums[q].n[i], name, state_names[i]);
		if (w->in->queue)
			exposition_add(w->out, QUEUE_WAITING, (double)sums[q].waiting_ms / 1000, name);
		if (w->in->queue && sums[q].waiting_ms && now)
			exposition_add(w->out, QUEUE_WAITING_SINCE, (double)(now - (gint64)sums[q].waiting_ms) / 1000, name);
	}
}

static void put_job(struct writer *w, const struct object *o, struct queue_sum *sum)
{
	const struct object *have = objects_get(w->in->plan->have, KIND_RENDERJOB, o->id);
	const struct renderjob_spec *job = o->spec;
	const struct renderjob_status *s = have ? have->status : NULL;
	guint64 n[N_JOB_STATES] = { 0 };
	if (!s || s->trouble)
		return;
	count_job(w->in->plan, o, s, n);
	for (guint i = 0; i < N_JOB_STATES; i++)
		exposition_add(w->out, JOB_FRAMES, (double)n[i], job->project, o->meta.name, state_names[i]);
	if (s->n_timed)
		exposition_add_sum(w->out, JOB_SECONDS, (double)s->frame_seconds / 1e6 * (double)s->n_timed, (guint64)s->n_timed, job->project,
		                   o->meta.name);
	for (guint i = QUEUED; i <= FAILED; i++)
		sum->n[i] += n[i];
	sum->waiting_ms = MAX(sum->waiting_ms, wait_of(w->in->queue, o->id));
}

static void put_workers(struct writer *w)
{
	static const char *const states[] = { "starting", "idle", "rendering", "waiting", "drained", "silent" };
	guint n[G_N_ELEMENTS(states)] = { 0 };
	OBJECTS_EACH (o, w->in->plan->have, KIND_WORKER) {
		const struct worker_status *s = o->status;
		const char *state = s->silent_ms >= WORKER_SILENT_MS ? "silent" : s->state;
		for (guint i = 0; i < G_N_ELEMENTS(states); i++)
			n[i] += g_strcmp0(state, states[i]) == 0;
	}
	for (guint i = 0; i < G_N_ELEMENTS(states); i++)
		exposition_add(w->out, WORKERS, n[i], states[i]);
}

static void put_jobs(struct writer *w)
{
	const struct object *farm = objects_farm(w->in->plan->want);
	const struct farm_spec *spec = farm ? farm->spec : NULL;
	if (!w->in->owns_jobs || !spec)
		return;
	struct queue_sum *sums = ARENA_ARRAY(w->arena, struct queue_sum, MAX(spec->queues.n, 1));
	OBJECTS_EACH (o, w->in->plan->want, KIND_RENDERJOB)
		put_job(w, o, &sums[MIN(queue_of(spec, o->spec), MAX(spec->queues.n, 1) - 1)]);
	put_queues(w, spec, sums);
	put_workers(w);
	if (!w->in->queue)
		return;
	exposition_add(w->out, FRAMES_FAILED, (double)w->in->queue->n_failed);
	exposition_add(w->out, LEASES_EXPIRED, (double)w->in->queue->n_expired);
}

/* -- cards ---------------------------------------------------------------------------------------------------- */

static void put_card(struct writer *w, const char *name, const struct gpu_status *s)
{
	const struct {
		enum metric metric;
		gint64 value; /* -1: not told */
		double unit;
	} figures[] = {
		{ GPU_CELSIUS, s->load.celsius, 1 },      { GPU_WATTS, s->load.milliwatts, 1e-3 },
		{ GPU_MEMORY, s->load.memory_bytes, 1 },  { GPU_MEMORY_USED, s->load.used_bytes, 1 },
		{ GPU_UTILISATION, s->load.percent, .01 }, { GPU_XID, s->load.last_xid, 1 },
		{ GPU_XIDS, s->load.n_xids, 1 },          { GPU_WIDTH, s->link.width, 1 },
		{ GPU_WIDTH_MOST, s->link.max_width, 1 },
	};
	for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
		if (figures[i].value >= 0)
			exposition_add(w->out, figures[i].metric, (double)figures[i].value * figures[i].unit, w->in->plan->host, name, s->address);
	const gint64 errors[] = { s->aer.n_correctable, s->aer.n_nonfatal, s->aer.n_fatal };
	static const char *const severities[] = { "correctable", "nonfatal", "fatal" };
	for (guint i = 0; i < G_N_ELEMENTS(errors); i++)
		if (errors[i] >= 0)
			exposition_add(w->out, GPU_AER, (double)errors[i], w->in->plan->host, name, s->address, severities[i]);
}

char *report_metrics(const struct metrics_input *in)
{
	SCOPED_ARENA(scratch);
	struct writer w = { in, exposition_new(rows, N_METRICS), scratch };
	put_revision(&w);
	put_counts(&w);
	put_objects(&w);
	put_suspended(&w);
	put_plan(&w);
	put_jobs(&w);
	OBJECTS_EACH (o, in->plan->have, KIND_GPU) {
		const struct gpu_status *s = o->status;
		if (s && (!s->host || strcmp(s->host, in->plan->host) == 0))
			put_card(&w, o->id, s);
	}
	return exposition_end(w.out);
}
