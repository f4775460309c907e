/* One of each, in a folder of its own; whatever a bench starts dies with it. */
#include "farm.h"
#include "frames/root.h"
#include "queue/crew.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWN_MS = 600000, LOOKS = 60000, LOOK_US = 5000 };

double farm_now_s(void)
{
	return (double)g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* -- programs -------------------------------------------------------------------------------- */

static void die_with_bench(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

GPid farm_spawn(const struct farm *f, const char *const *argv, const char *log)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(f->folder, log, NULL);
	GPid pid;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || !g_spawn_async_with_fds(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_bench,
	                                      NULL, &pid, -1, fd, fd, &error))
		g_error("%s: %s", argv[0], error ? error->message : g_strerror(errno));
	close(fd);
	return pid;
}

void farm_end(GPid pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

double farm_run(const struct farm *f, const char *const *argv, guint64 *ret_peak_bytes)
{
	struct rusage usage;
	int status;
	double begun_s = farm_now_s();
	GPid pid = farm_spawn(f, argv, "run.log");
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		continue;
	double seconds = farm_now_s() - begun_s;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		g_autofree char *said = farm_read_log(f, "run.log");
		g_error("%s %s ended with status %d: %s", argv[0], argv[1], status, said);
	}
	if (ret_peak_bytes)
		*ret_peak_bytes = (guint64)usage.ru_maxrss * 1024; /* getrusage(2): kilobytes */
	return seconds;
}

/* The numbers of /proc/PID/stat after the command, which may hold anything: utime is the 12th, stime the 13th (proc(5)). */
static double cpu_of(GPid pid)
{
	enum { UTIME = 12, STIME = 13 };
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
	const char *at = g_file_get_contents(path, &text, NULL, NULL) ? strrchr(text, ')') : NULL;
	g_auto(GStrv) fields = g_strsplit(at ? at : "", " ", -1);
	if (g_strv_length(fields) <= STIME)
		return 0;
	return (g_ascii_strtod(fields[UTIME], NULL) + g_ascii_strtod(fields[STIME], NULL)) / (double)sysconf(_SC_CLK_TCK);
}

double farm_cpu_s(GPid pid)
{
	double seconds = cpu_of(pid);
	g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	const char *thread;
	while (dir && (thread = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(tasks, thread, "children", NULL), *text = NULL;
		char *at = g_file_get_contents(path, &text, NULL, NULL) ? text : NULL, *end;
		for (long child; at && (child = strtol(at, &end, 10)) > 0; at = end)
			seconds += farm_cpu_s((GPid)child);
	}
	return seconds;
}

const char *farm_program(struct farm *f, const char *name)
{
	const char *build = g_getenv("BUILD");
	return arena_printf(f->arena, "%s/%s", build ? build : "build", name);
}

char *farm_read_log(const struct farm *f, const char *log)
{
	g_autofree char *path = g_build_filename(f->folder, log, NULL);
	char *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

/* -- the farm -------------------------------------------------------------------------------- */

static void start_redis(struct farm *f)
{
	g_autofree char *socket = g_build_filename(f->folder, "redis.sock", NULL);
	const char *argv[] = { "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", f->folder, NULL };
	f->url = g_strconcat("redis+unix://", socket, NULL);
	f->redis_pid = farm_spawn(f, argv, "redis.log");
	f->redis = redis_new(f->url, NULL, 10000, NULL);
	for (int i = 0; i < 500 && !redis_ping(f->redis, NULL); i++)
		g_usleep(10000);
}

static void make_scene(struct farm *f)
{
	const char *argv[] = { "blender", "-b", "--factory-startup", "--python-exit-code", "3", "--python", "../e2e/queue_scene.py",
		               "--", f->scene, "plain", NULL };
	g_autofree char *bytes = NULL;
	gsize size;
	farm_run(f, argv, NULL);
	if (!g_file_get_contents(f->scene, &bytes, &size, NULL))
		g_error("%s was not made", f->scene);
	f->scene_sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
}

static gboolean are_installed(const char *const *programs, const char *bench)
{
	for (; *programs; programs++) {
		g_autofree char *path = g_find_program_in_path(*programs);
		if (path)
			continue;
		printf("{\"bench\":\"%s\",\"skipped\":\"no %s\",\"ok\":true}\n", bench, *programs);
		return FALSE;
	}
	return TRUE;
}

gboolean farm_open(struct farm *f, const char *bench)
{
	if (!are_installed((const char *const[]){ "redis-server", "git", NULL }, bench))
		return FALSE;
	*f = (struct farm){ .arena = arena_new(), .folder = g_dir_make_tmp("cleave-bench-XXXXXX", NULL),
		            .output = { .path_template = "out/f_####.png", .format = "PNG" } };
	f->root = g_build_filename(f->folder, "frames", NULL);
	f->scene = g_build_filename(f->root, "a.blend", NULL);
	if (g_mkdir(f->root, 0755) < 0 || !root_mark(f->root, "frames", NULL))
		g_error("%s cannot be made", f->root);
	start_redis(f);
	return TRUE;
}

gboolean farm_start(struct farm *f, const char *bench)
{
	if (!are_installed((const char *const[]){ "blender", NULL }, bench) || !farm_open(f, bench))
		return FALSE;
	make_scene(f);
	return TRUE;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void farm_stop(struct farm *f)
{
	redis_free(f->redis);
	farm_end(f->redis_pid);
	nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	char *texts[] = { f->folder, f->url, f->root, f->scene, f->scene_sha256 };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	arena_free(f->arena);
}

/* -- the queue ------------------------------------------------------------------------------- */

void farm_own(struct farm *f)
{
	struct owner owner;
	if (!owner_acquire(f->redis, f->arena, "bench", OWN_MS, &owner, NULL) || !owner.is_mine)
		g_error("somebody else owns the jobs");
	f->fence = owner.fence;
}

void farm_disown(struct farm *f)
{
	(void)owner_release(f->redis, "bench", NULL);
}

struct task farm_task(struct farm *f)
{
	return (struct task){ .scene_root = "frames", .scene_path = "a.blend", .scene_sha256 = f->scene_sha256, .engine = "CYCLES",
		              .device = "CPU", .samples = 1, .width = FARM_SIDE, .height = FARM_SIDE, .output_root = "frames",
		              .outputs = &f->output, .n_outputs = 1 };
}

void farm_enqueue(struct farm *f, const char *job, gint64 first, gint64 last, const struct task *task)
{
	g_autoptr(GError) error = NULL;
	const struct authority by = { f->fence, 0 };
	const struct job_meta meta = { .chunk = FARM_CHUNK };
	struct backlog_part part = { "k1", frames_range(f->arena, first, last), task };
	guint64 n_added;
	if (!backlog_enqueue(f->redis, &by, job, &meta, &part, 1, &n_added, &error))
		g_error("%s", error->message);
}

gboolean farm_has(struct farm *f, const char *job)
{
	SCOPED_ARENA(a);
	struct backlog_count *all;
	guint n;
	if (!backlog_list(f->redis, a, &all, &n, NULL))
		g_error("Redis is gone");
	for (guint i = 0; i < n; i++)
		if (strcmp(all[i].job, job) == 0) {
			if (all[i].n_failed) {
				g_autofree char *said = farm_read_log(f, "worker.log");
				g_error("a frame of %s failed: %s", job, said);
			}
			return all[i].n_queued + all[i].n_running > 0;
		}
	return FALSE;
}

void farm_drain(struct farm *f, const char *job)
{
	for (int i = 0; i < LOOKS; i++) {
		if (!farm_has(f, job))
			return;
		g_usleep(LOOK_US);
	}
	g_error("%s does not end", job);
}

void farm_wait_idle(struct farm *f)
{
	for (int i = 0; i < LOOKS; i++) {
		SCOPED_ARENA(a);
		struct crew_member *all;
		guint n;
		if (crew_list(f->redis, a, &all, &n, NULL) && n == 1 && strcmp(all[0].state, "idle") == 0 && all[0].blender[0])
			return;
		g_usleep(LOOK_US);
	}
	g_error("the worker does not get ready");
}

GPid farm_worker(struct farm *f, const char *blender)
{
	g_autofree char *mount = g_strconcat("frames=", f->root, NULL), *cache = g_build_filename(f->folder, "cache", NULL);
	const char *argv[] = { farm_program(f, "cleave-worker"), "--redis", f->url, "--mount", mount, "--name", "w1", "--cache", cache,
		               "--recycle", "1000000", "--blender", blender, NULL };
	return farm_spawn(f, argv, "worker.log");
}

/* -- figures --------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double samples_quantile(GArray *samples, double quantile)
{
	g_array_sort(samples, compare_doubles);
	return samples->len ? g_array_index(samples, double, (guint)(quantile * (samples->len - 1) + 0.5)) : 0;
}
