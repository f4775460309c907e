/* The queue: what a long job costs to accept and to keep, and how many frames a second go through leases and commits
 * of 64 workers. Limits are Redis's own on the same machine: the same bytes pushed to a list, and calls of a function
 * that does nothing. A rate of at least 0.4 is a time of at most 2.5. */
#include "base/arena.h"
#include "bench.h"
#include "queue/backlog.h"
#include "queue/functions.h"
#include "queue/lease.h"
#include "queue/owner.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { WORKERS = 64, ROUNDS = 3, ROUND_MS = 1000, CHUNK = 5, MILLION = 1000000, PIPELINE = 100, LEASE_MS = 60000 };

static struct task_output output = { .path_template = "beauty.####.exr", .format = "OPEN_EXR" };
static const struct task task = { .scene_root = "shots", .scene_path = "sq010/sh0040/lgt.blend",
	                          .scene_sha256 = "5ce0e5ce0e000000000000000000000000000000000000000000000000000000",
	                          .blender = "4.2.3", .engine = "CYCLES", .device = "OPTIX", .samples = 256,
	                          .width = 1920, .height = 1080, .output_root = "frames", .outputs = &output, .n_outputs = 1 };

struct server {
	char *folder, *url;
	GPid pid;
	struct redis *r;
	struct authority by;
};

static void die_with_bench(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static redisReply *ask(struct redis *r, guint n, const char *const *args)
{
	g_autoptr(GError) error = NULL;
	redisReply *reply = redis_call(r, REDIS_ONCE, n, args, &error);
	if (!reply)
		g_error("%s", error->message);
	return reply;
}

static void tell(struct redis *r, const char *command)
{
	g_auto(GStrv) words = g_strsplit(command, " ", -1);
	freeReplyObject(ask(r, g_strv_length(words), (const char *const *)words));
}

static gboolean server_start(struct server *s)
{
	SCOPED_ARENA(a);
	struct owner owner;
	g_autofree char *program = g_find_program_in_path("redis-server");
	if (!program)
		return FALSE;
	s->folder = g_dir_make_tmp("cleave-bench-XXXXXX", NULL);
	g_autofree char *socket = g_build_filename(s->folder, "redis.sock", NULL);
	s->url = g_strconcat("redis+unix://", socket, NULL);
	char *argv[] = { program, (char *)"--port", (char *)"0", (char *)"--unixsocket", socket, (char *)"--save", (char *)"",
		         (char *)"--dir", s->folder, NULL };
	if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, die_with_bench, NULL, &s->pid,
	                   NULL))
		return FALSE;
	s->r = redis_new(s->url, NULL, 60000, NULL);
	for (int i = 0; !redis_ping(s->r, NULL) && i < 500; i++)
		g_usleep(10000);
	if (!owner_acquire(s->r, a, "bench", 600000, &owner, NULL))
		g_error("no owner");
	s->by.fence = owner.fence;
	const char *load[] = { "FUNCTION", "LOAD", "#!lua name=bare\nredis.register_function('bare', function() return 1 end)" };
	freeReplyObject(ask(s->r, 3, load));
	return TRUE;
}

static void server_stop(struct server *s)
{
	redis_free(s->r);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	g_autofree char *socket = g_build_filename(s->folder, "redis.sock", NULL);
	g_unlink(socket);
	g_rmdir(s->folder);
	g_free(s->folder);
	g_free(s->url);
}

/* A number of INFO. */
static double info(struct server *s, const char *section, const char *name)
{
	const char *args[] = { "INFO", section };
	SCOPED_REPLY reply = ask(s->r, 2, args);
	const char *at = strstr(reply->str, name);
	return at ? g_ascii_strtod(at + strlen(name) + 1, NULL) : 0;
}

/* Microseconds that all calls of functions took inside Redis. */
static double calls_us(struct server *s)
{
	const char *args[] = { "INFO", "commandstats" };
	SCOPED_REPLY reply = ask(s->r, 2, args);
	const char *at = strstr(reply->str, "cmdstat_fcall:"), *us = at ? strstr(at, "usec=") : NULL;
	return us ? g_ascii_strtod(us + strlen("usec="), NULL) : 0;
}

/* CPU that the server has used. What others do on the machine does not count. */
static double server_cpu_s(struct server *s)
{
	return info(s, "cpu", "used_cpu_sys") + info(s, "cpu", "used_cpu_user");
}

/* -- a long job ------------------------------------------------------------------------------------ */

static void enqueue(struct server *s, gint64 n_frames, int order)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	guint64 n_added;
	const struct job_meta meta = { .chunk = CHUNK, .order = order };
	struct backlog_part part = { "k1-bc3dca0efbc064c04462a412d8765bea", frames_range(a, 1, n_frames), &task };
	if (!backlog_enqueue(s->r, &s->by, "nimbus/sh0040", &meta, &part, 1, &n_added, &error))
		g_error("%s", error->message);
}

/* Seconds for a list of tasks of a chunk each, as a queue without ranges has them. Returns the list's memory as well. */
static double push_tasks(struct server *s, double *ret_bytes)
{
	g_autofree char *json = task_encode(&task);
	double before = info(s, "memory", "used_memory"), start = (double)g_get_monotonic_time();
	const char *args[PIPELINE + 2] = { "LPUSH", "tasks" };
	g_autofree char *one = g_strndup(json, MIN(strlen(json), 227));
	for (guint i = 0; i < PIPELINE; i++)
		args[i + 2] = one;
	for (guint i = 0; i < MILLION / CHUNK / PIPELINE; i++)
		freeReplyObject(ask(s->r, PIPELINE + 2, args));
	double seconds = ((double)g_get_monotonic_time() - start) / 1e6;
	*ret_bytes = info(s, "memory", "used_memory") - before;
	tell(s->r, "DEL tasks");
	return seconds;
}

/* Seconds for one command with as many bytes as the job's. */
static double push_bytes(struct server *s)
{
	g_autofree char *json = task_encode(&task);
	const char *args[] = { "LPUSH", "tasks", json };
	double start = (double)g_get_monotonic_time();
	freeReplyObject(ask(s->r, 3, args));
	double seconds = ((double)g_get_monotonic_time() - start) / 1e6;
	tell(s->r, "DEL tasks");
	return seconds;
}

static void bench_million(struct server *s)
{
	static const char *const orders[] = { "forward", "reverse", "interleave" };
	double list_bytes, tasks_s = push_tasks(s, &list_bytes);
	for (int order = 0; order < 3; order++) {
		g_autofree char *accepted = g_strdup_printf("queue-million-accepted-%s", orders[order]);
		g_autofree char *bytes = g_strdup_printf("queue-million-against-its-bytes-%s", orders[order]);
		g_autofree char *kept = g_strdup_printf("queue-million-memory-%s", orders[order]);
		double before = info(s, "memory", "used_memory"), start = (double)g_get_monotonic_time();
		enqueue(s, MILLION, order);
		double seconds = ((double)g_get_monotonic_time() - start) / 1e6;
		bench_report(accepted, seconds * 1000, "ms", tasks_s * 1000, 0.1);
		bench_report(bytes, seconds * 1000, "ms", push_bytes(s) * 1000, 0);
		bench_report(kept, (info(s, "memory", "used_memory") - before) / MILLION, "B/frame", 8, 1);
		(void)backlog_cancel(s->r, &s->by, "nimbus/sh0040", NULL, NULL);
	}
	bench_report("queue-million-as-a-list-of-tasks", list_bytes / MILLION, "B/frame", 8, 0);
}

/* -- many workers ---------------------------------------------------------------------------------- */

struct one {
	const char *url;
	int number;
	gboolean is_bare;
	gint64 until_us;
	guint64 n_calls, n_frames, n_refused;
	GThread *thread;
};

static void call_bare(struct one *w, struct redis *r)
{
	const char *args[] = { "FCALL", "bare", "0" };
	freeReplyObject(ask(r, 3, args));
	w->n_calls++;
}

static void lease_and_commit(struct one *w, struct redis *r, struct arena *a, const char *name)
{
	static const char *const labels[] = { "root:shots", "root:frames", "device:OPTIX", NULL };
	static const char *const blenders[] = { "4.2.3", NULL };
	const struct capabilities can = { .blenders = blenders, .labels = labels, .vram_bytes = 24ULL << 30, .n_gpus = 1 };
	struct lease *l;
	gboolean is_accepted;
	if (!lease_take(r, a, name, &can, LEASE_MS, &l, NULL) || !l)
		g_error("no lease");
	w->n_calls++;
	FRAMES_EACH (it, &l->frames) {
		if (!lease_commit(r, l->token, it.frame, 0.05, &is_accepted, NULL))
			g_error("no commit");
		w->n_calls++;
		w->n_frames += is_accepted ? 1 : 0;
		w->n_refused += is_accepted ? 0 : 1;
	}
}

static gpointer work(gpointer data)
{
	struct one *w = data;
	struct redis *r = redis_new(w->url, NULL, 60000, NULL);
	g_autofree char *name = g_strdup_printf("worker-%02d", w->number);
	while (g_get_monotonic_time() < w->until_us) {
		SCOPED_ARENA(a);
		if (w->is_bare)
			call_bare(w, r);
		else
			lease_and_commit(w, r, a, name);
	}
	redis_free(r);
	return NULL;
}

struct measured {
	double wall_s, cpu_s, calls_us;
	guint64 n_calls, n_frames, n_refused;
};

static void run_round(struct server *s, gboolean is_bare, struct measured *m)
{
	struct one workers[WORKERS];
	double cpu = server_cpu_s(s), inside = calls_us(s);
	gint64 start = g_get_monotonic_time();
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct one){ s->url, i, is_bare, start + ROUND_MS * 1000, 0, 0, 0, NULL };
		workers[i].thread = g_thread_new("worker", work, &workers[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		g_thread_join(workers[i].thread);
		m->n_calls += workers[i].n_calls;
		m->n_frames += workers[i].n_frames;
		m->n_refused += workers[i].n_refused;
	}
	m->wall_s += (double)(g_get_monotonic_time() - start) / 1e6;
	m->cpu_s += server_cpu_s(s) - cpu;
	m->calls_us += calls_us(s) - inside;
}

/* Every frame that was taken has one accepted result, nothing runs, and what is left is the rest. */
static void check(struct server *s, const struct measured *m)
{
	SCOPED_ARENA(a);
	struct backlog_count *counts;
	guint n;
	const char *recount[] = { "FCALL", "cleave_recount", "0" };
	SCOPED_REPLY wrong = ask(s->r, 3, recount);
	if (!backlog_list(s->r, a, &counts, &n, NULL) || n != 1)
		g_error("the job is gone");
	gboolean is_right = wrong->integer == 0 && m->n_refused == 0 && counts[0].n_running == 0 && counts[0].n_failed == 0 &&
			    counts[0].n_queued + m->n_frames == (guint64)MILLION * 10;
	printf("{\"bench\":\"queue-each-frame-once\",\"value\":%" G_GUINT64_FORMAT ",\"unit\":\"frames\",\"ok\":%s}\n", m->n_frames,
	       is_right ? "true" : "false");
}

static void bench_workers(struct server *s)
{
	struct measured bare = { 0 }, chain = { 0 };
	enqueue(s, (gint64)MILLION * 10, BACKLOG_FORWARD);
	for (int i = 0; i < ROUNDS; i++) {
		run_round(s, TRUE, &bare);
		run_round(s, FALSE, &chain);
	}
	double bare_us = bare.wall_s / (double)bare.n_calls * 1e6;
	bench_report("queue-call-of-lease-or-commit", chain.wall_s / (double)chain.n_calls * 1e6, "us", bare_us, 2.5);
	bench_report("queue-frame-lease-and-commit", chain.wall_s / (double)chain.n_frames * 1e6, "us", bare_us, 2.5);
	bench_report("queue-frame-cpu-of-redis", chain.cpu_s / (double)chain.n_frames * 1e6, "us",
	             bare.cpu_s / (double)bare.n_calls * 1e6, 0);
	bench_report("queue-call-inside-redis", chain.calls_us / (double)chain.n_calls, "us",
	             bare.calls_us / (double)bare.n_calls, 0);
	check(s, &chain);
}

int main(void)
{
	struct server s = { 0 };
	if (!server_start(&s)) {
		printf("{\"bench\":\"queue\",\"skipped\":\"no redis-server\",\"ok\":true}\n");
		return 0;
	}
	bench_million(&s);
	bench_workers(&s);
	server_stop(&s);
	return 0;
}
