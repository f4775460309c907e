/* The file is written when the state changes, after each frame, and every few seconds while it waits. */
#include "worker/measure.h"
#include "base/exposition.h"
#include "base/log.h"
#include "worker/config.h"
#include "worker/gpus.h"
#include <string.h>

enum { JOBS_MOST = 500 }; /* with lines of their own; the rest is one */

static const char *const states[] = { "starting", "idle", "rendering", "waiting", "drained" };
enum { N_STATES = G_N_ELEMENTS(states) };

struct taken {
	double seconds;
	guint64 n;
};

struct measure {
	char *path, *trouble;
	const char *worker;
	const struct gpus *gpus;
	guint state;
	gint64 since_us, started_s;
	double seconds[N_STATES]; /* in each, until since_us */
	guint64 n_failed, n_bad;
	GHashTable *jobs; /* "project/name" -> struct taken */
};

enum metric { INFO, STARTED, STATE, FRAMES, FAILED, BAD, GPU_MEMORY, GPU_MEMORY_USED, GPU_CELSIUS, GPU_WATTS, GPU_UTILISATION };

static const struct exposition_row rows[] = {
	[INFO] = { "cleave_worker_info", "gauge", "Version of cleave-worker.", { "worker", "version" } },
	[STARTED] = { "cleave_worker_start_timestamp_seconds", "gauge", "When the worker began; its counters begin then.", { "worker" } },
	[STATE] = { "cleave_worker_state_seconds_total", "counter",
		    "Time by state: idle has nothing to render, waiting lacks a root, Blender or a cooler GPU.", { "worker", "state" } },
	[FRAMES] = { "cleave_worker_frame_seconds", "summary", "What accepted frames took.", { "worker", "project", "job" } },
	[FAILED] = { "cleave_worker_frames_failed_total", "counter", "Frames that failed here.", { "worker" } },
	[BAD] = { "cleave_worker_verify_failures_total", "counter", "Images that Blender wrote and that were not what was asked for.", { "worker" } },
	[GPU_MEMORY] = { "cleave_worker_gpu_memory_bytes", "gauge", "Memory, as NVML tells.", { "worker", "address" } },
	[GPU_MEMORY_USED] = { "cleave_worker_gpu_memory_used_bytes", "gauge", "Memory in use, as NVML tells.", { "worker", "address" } },
	[GPU_CELSIUS] = { "cleave_worker_gpu_temperature_celsius", "gauge", "Temperature, as NVML tells.", { "worker", "address" } },
	[GPU_WATTS] = { "cleave_worker_gpu_power_watts", "gauge", "Power drawn, as NVML tells.", { "worker", "address" } },
	[GPU_UTILISATION] = { "cleave_worker_gpu_utilization_ratio", "gauge", "Part of the last moment in which it computed, as NVML tells.",
			      { "worker", "address" } },
};

/* Several workers of a machine have a file each. */
static char *path_of(const struct config *c)
{
	g_autofree char *stem = g_strdup(c->metrics);
	if (c->n_slots < 2)
		return g_steal_pointer(&stem);
	if (g_str_has_suffix(stem, ".prom"))
		stem[strlen(stem) - strlen(".prom")] = '\0';
	return g_strdup_printf("%s-%d.prom", stem, c->slot);
}

struct measure *measure_new(const struct config *c, const struct gpus *gpus)
{
	if (!c->metrics || !*c->metrics)
		return NULL;
	struct measure *m = g_new0(struct measure, 1);
	*m = (struct measure){ .path = path_of(c), .worker = c->name, .gpus = gpus };
	m->since_us = g_get_monotonic_time();
	m->started_s = g_get_real_time() / G_USEC_PER_SEC;
	m->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return m;
}

void measure_free(struct measure *m)
{
	if (!m)
		return;
	g_hash_table_unref(m->jobs);
	g_free(m->path);
	g_free(m->trouble);
	g_free(m);
}

/* -- writing ----------------------------------------------------------------------------------- */

static void put_jobs(const struct measure *m, struct exposition *e)
{
	GHashTableIter i;
	gpointer id, taken;
	g_hash_table_iter_init(&i, m->jobs);
	while (g_hash_table_iter_next(&i, &id, &taken)) {
		const struct taken *t = taken;
		g_auto(GStrv) parts = g_strsplit(id, "/", 2);
		exposition_add_sum(e, FRAMES, t->seconds, t->n, m->worker, parts[0], parts[0] ? parts[1] : "");
	}
}

static void put_gpus(const struct measure *m, struct exposition *e)
{
	guint n = 0;
	const struct gpu_figures *all = m->gpus ? gpus_measured(m->gpus, &n) : NULL;
	for (guint i = 0; i < n; i++) {
		const struct gpu_figures *g = &all[i];
		if (g->memory_bytes)
			exposition_add(e, GPU_MEMORY, (double)g->memory_bytes, m->worker, g->address);
		if (g->memory_bytes)
			exposition_add(e, GPU_MEMORY_USED, (double)g->used_bytes, m->worker, g->address);
		if (g->celsius >= 0)
			exposition_add(e, GPU_CELSIUS, g->celsius, m->worker, g->address);
		if (g->milliwatts >= 0)
			exposition_add(e, GPU_WATTS, (double)g->milliwatts / 1000, m->worker, g->address);
		if (g->percent >= 0)
			exposition_add(e, GPU_UTILISATION, (double)g->percent / 100, m->worker, g->address);
	}
}

static char *text_of(const struct measure *m)
{
	struct exposition *e = exposition_new(rows, G_N_ELEMENTS(rows));
	exposition_add(e, INFO, 1, m->worker, CLEAVE_VERSION);
	exposition_add(e, STARTED, (double)m->started_s, m->worker);
	for (guint i = 0; i < N_STATES; i++)
		exposition_add(e, STATE, m->seconds[i], m->worker, states[i]);
	put_jobs(m, e);
	exposition_add(e, FAILED, (double)m->n_failed, m->worker);
	exposition_add(e, BAD, (double)m->n_bad, m->worker);
	put_gpus(m, e);
	return exposition_end(e);
}

/* Time counts to the state that it was spent in. */
static void settle(struct measure *m)
{
	gint64 now_us = g_get_monotonic_time();
	m->seconds[m->state] += (double)(now_us - m->since_us) / G_USEC_PER_SEC;
	m->since_us = now_us;
}

static void write_file(struct measure *m)
{
	g_autoptr(GError) error = NULL;
	settle(m);
	g_autofree char *text = text_of(m);
	const char *trouble = exposition_write(m->path, text, &error) ? NULL : error->message;
	if (trouble && g_strcmp0(trouble, m->trouble) != 0)
		log_warning("worker", "metrics: %s", trouble);
	g_free(m->trouble);
	m->trouble = g_strdup(trouble);
}

/* -- counting ---------------------------------------------------------------------------------- */

void measure_state(struct measure *m, const char *state)
{
	if (!m)
		return;
	settle(m);
	for (guint i = 0; i < N_STATES; i++)
		if (strcmp(states[i], state) == 0)
			m->state = i;
	write_file(m);
}

void measure_frame(struct measure *m, const char *job, double seconds)
{
	if (!m)
		return;
	struct taken *t = g_hash_table_lookup(m->jobs, job);
	if (!t && g_hash_table_size(m->jobs) >= JOBS_MOST)
		t = g_hash_table_lookup(m->jobs, job = "other/jobs");
	if (!t) {
		t = g_new0(struct taken, 1);
		g_hash_table_insert(m->jobs, g_strdup(job), t);
	}
	t->seconds += seconds;
	t->n++;
	write_file(m);
}

void measure_failed_frame(struct measure *m)
{
	if (!m)
		return;
	m->n_failed++;
	write_file(m);
}

void measure_bad_image(struct measure *m)
{
	if (m)
		m->n_bad++;
}
