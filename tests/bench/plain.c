/* Feeding plain workers, beside redis-benchmark's LPUSH of the same bytes on one connection with the same pipeline. */
#include "base/arena.h"
#include "bench.h"
#include "queue/owner.h"
#include "queue/plain.h"
#include "queue/redis.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { TASKS = 20000, PIPELINE = 100, LEASED = 5000, ROUNDS = 3 };

static const char list[] = "queue:bench";
static const char payload[] = "{\"id\":\"1795356758987988-25\",\"blend\":\"/mnt/shots/sq010/sh0040.blend\",\"frames\":\"1,2,3,4,5\",\"samples\":256,"
                              "\"device\":\"OPTIX\",\"src\":\"\",\"output\":\"/mnt/frames/.cleave/nimbus+sh0040/staging/1795356758987988-25/frame_#####\","
                              "\"extra\":[]}";
static struct task_output output = { .path_template = "sh0040/f_####.png", .format = "PNG" };
static const struct task task = { .scene_root = "shots", .scene_path = "sq010/sh0040.blend", .scene_sha256 = "0", .engine = "CYCLES",
	                          .device = "OPTIX", .samples = 256, .width = 1920, .height = 1080, .output_root = "frames",
	                          .outputs = &output, .n_outputs = 1 };

static void die_with_bench(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static double seconds_since(gint64 begun_us)
{
	return (double)(g_get_monotonic_time() - begun_us) / 1e6;
}

/* LPUSHes a second. */
static double run_benchmark(const char *socket, guint pipeline)
{
	g_autofree char *n = g_strdup_printf("%d", TASKS), *p = g_strdup_printf("%u", pipeline), *out = NULL;
	const char *argv[] = { "redis-benchmark", "-s", socket, "--csv", "-c", "1", "-P", p, "-n", n, "LPUSH", "queue:theirs", payload, NULL };
	g_autoptr(GError) error = NULL;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL, NULL, &error))
		g_error("%s", error->message);
	/* The last line's first column is the command, which may hold anything; seven numbers follow. */
	g_auto(GStrv) columns = g_strsplit(g_strchomp(out), "\",\"", -1);
	guint n_columns = g_strv_length(columns);
	return n_columns > 7 ? g_ascii_strtod(columns[n_columns - 7], NULL) : 0;
}

static double push_tasks(struct redis *r, const struct authority *by, struct arena *a, guint pipeline)
{
	struct plain_task tasks[PIPELINE];
	gint64 begun_us = g_get_monotonic_time();
	for (guint k = 0; k < TASKS / pipeline; k++) {
		for (guint i = 0; i < pipeline; i++)
			tasks[i] = (struct plain_task){ .id = arena_printf(a, "%u-%u", 1000 + k, i), .job = "nimbus/sh0040", .key = "k1-0", .payload = payload,
				                        .frames = frames_range(a, 1, 5), .task = task };
		g_autoptr(GError) error = NULL;
		if (!plain_push(r, by, list, tasks, pipeline, &error))
			g_error("%s", error->message);
	}
	return TASKS / seconds_since(begun_us);
}

/* All that a pass does for a task: the lease as well. */
static double lease_and_push(struct redis *r, const struct authority *by, struct arena *a)
{
	const struct capabilities can = { .jobs = (const char *const[]){ "nimbus/sh0040", NULL } };
	const struct job_meta meta = { .chunk = 5 };
	struct backlog_part part = { "k1-0", frames_range(a, 1, LEASED * 5), &task };
	struct plain_task tasks[PIPELINE];
	guint64 n_added;
	g_autoptr(GError) error = NULL;
	if (!backlog_enqueue(r, by, "nimbus/sh0040", &meta, &part, 1, &n_added, &error))
		g_error("%s", error->message);
	gint64 begun_us = g_get_monotonic_time();
	for (guint k = 0; k < LEASED / PIPELINE; k++) {
		struct lease *leases[PIPELINE];
		guint n;
		if (!lease_take_several(r, a, "plain.bench", &can, 60000, PIPELINE, leases, &n, &error) || n != PIPELINE)
			g_error("no lease: %s", error ? error->message : "nothing is left");
		for (guint i = 0; i < PIPELINE; i++) {
			const struct lease *l = leases[i];
			tasks[i] = (struct plain_task){ .id = l->token, .job = l->job, .key = l->key, .payload = payload, .frames = l->frames, .task = l->task };
		}
		if (!plain_push(r, by, list, tasks, PIPELINE, &error))
			g_error("%s", error->message);
	}
	return LEASED / seconds_since(begun_us);
}

static void measure(const char *socket, const char *url)
{
	SCOPED_ARENA(a);
	struct owner owner;
	/* A pass feeds one or a few; what a script costs beside one LPUSH each shows with longer pipelines, where LPUSH
	 * alone costs next to nothing: a status hash that expires and a record are made for each task as well. */
	static const struct {
		guint pipeline;
		double goal;
		const char *name;
	} cases[] = { { 1, 2.5, "plain_window_push_1" }, { 10, 0, "plain_window_push_10" }, { PIPELINE, 0, "plain_window_push_100" } };
	double theirs = 0, ours = 0;
	g_autoptr(GError) error = NULL;
	struct redis *r = redis_new(url, NULL, 10000, NULL);
	for (int i = 0; i < 500 && !redis_ping(r, NULL); i++)
		g_usleep(10000);
	if (!owner_acquire(r, a, "bench", 600000, &owner, &error))
		g_error("%s", error->message);
	const struct authority by = { owner.fence, 0 };
	for (guint k = 0; k < G_N_ELEMENTS(cases); k++) {
		theirs = ours = 0;
		for (guint i = 0; i < ROUNDS; i++) {
			theirs = MAX(theirs, run_benchmark(socket, cases[k].pipeline));
			ours = MAX(ours, push_tasks(r, &by, a, cases[k].pipeline));
		}
		/* As times, since a ratio may not exceed its goal: 0.4 of the rate is 2.5 of the time. */
		bench_report(cases[k].name, 1e6 / ours, "us a task", 1e6 / theirs, cases[k].goal);
	}
	bench_report("plain_window_lease_and_push", 1e6 / lease_and_push(r, &by, a), "us a task", 1e6 / theirs, 0);
	redis_free(r);
}

int main(void)
{
	g_autofree char *folder = g_dir_make_tmp("cleave-bench-XXXXXX", NULL), *socket = g_build_filename(folder, "redis.sock", NULL);
	g_autofree char *url = g_strconcat("redis+unix://", socket, NULL), *program = g_find_program_in_path("redis-benchmark");
	const char *argv[] = { "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder, NULL };
	GPid pid;
	if (!program || !g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
	                               die_with_bench, NULL, &pid, NULL)) {
		puts("{\"bench\":\"plain\",\"skipped\":\"redis-server or redis-benchmark is not installed\",\"ok\":true}");
		return 0;
	}
	measure(socket, url);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	g_unlink(socket);
	g_rmdir(folder);
	return 0;
}
