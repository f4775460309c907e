/* What a worker adds to the rendering itself: frames through a real one, with its lease, staging, fsync, verifying, manifest,
 * commit and delivery, against the same warm.py that is given the same orders by a loop which does nothing else. In
 * rounds, one after the other, since machines are busy with other things as well. Beside it a Blender for each frame
 * and one for each five, as people do without a warm one. */
#include "bench.h"
#include "farm.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "worker/order.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TRIVIAL_ROUNDS = 10, TRIVIAL_FRAMES = 30, LONG_ROUNDS = 8, LONG_FRAMES = 6, COLD_ROUNDS = 3, CALIBRATE = 3 };

#define EXTRA_MS     5.0
#define LONG_S       0.5
#define LONG_RATIO   1.05
#define ORDERS_FD    3
#define ANSWERS_FD   4

/* -- the bare loop --------------------------------------------------------------------------- */

struct bare {
	GPid pid;
	FILE *orders, *answers;
	char *folder;
};

static void die_with_bench(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void hear(struct bare *b, enum answer_type wanted)
{
	g_autofree char *line = NULL;
	size_t size = 0;
	for (;;) {
		if (getline(&line, &size, b->answers) < 0)
			g_error("the bare loop ended");
		struct answer answer = answer_decode(line);
		enum answer_type type = answer.type;
		answer_clear(&answer);
		if (type == wanted)
			return;
		if (type != ANSWER_LOADED)
			g_error("the bare loop answered %s", line);
	}
}

static char *write_loop(const struct bare *b)
{
	static const char *const names[] = { "warm.py", "outputs.py", "opened.py" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(b->folder, names[i], NULL), *resource = g_strconcat("/cleave/worker/", names[i], NULL);
		g_autoptr(GBytes) script = g_resources_lookup_data(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
		if (!script || !g_file_set_contents(path, g_bytes_get_data(script, NULL), (gssize)g_bytes_get_size(script), NULL))
			g_error("%s cannot be written", path);
	}
	return g_build_filename(b->folder, "warm.py", NULL);
}

static void bare_start(struct bare *b, struct farm *f)
{
	int orders[2], answers[2];
	g_autoptr(GError) error = NULL;
	b->folder = g_build_filename(f->folder, "bare", NULL);
	if (g_mkdir(b->folder, 0755) < 0 || !g_unix_open_pipe(orders, FD_CLOEXEC, NULL) || !g_unix_open_pipe(answers, FD_CLOEXEC, NULL))
		g_error("no pipes");
	g_autofree char *loop = write_loop(b), *log = g_build_filename(f->folder, "bare.log", NULL);
	int log_fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	const char *argv[] = { "blender", "--background", "-noaudio", "--disable-autoexec", "--factory-startup", "--python-exit-code", "3",
		               "--python", loop, "--", G_STRINGIFY(ORDERS_FD), G_STRINGIFY(ANSWERS_FD), NULL };
	const int sources[] = { orders[0], answers[1] }, targets[] = { ORDERS_FD, ANSWERS_FD };
	if (!g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_bench, NULL, -1,
	                                      log_fd, log_fd, sources, targets, 2, &b->pid, NULL, NULL, NULL, &error))
		g_error("%s", error->message);
	close(orders[0]);
	close(answers[1]);
	close(log_fd);
	b->orders = fdopen(orders[1], "w");
	b->answers = fdopen(answers[0], "r");
	hear(b, ANSWER_HELLO);
}

static void bare_stop(struct bare *b)
{
	fclose(b->orders);
	fclose(b->answers);
	farm_end(b->pid);
	g_free(b->folder);
}

static void bare_render(struct bare *b, const struct farm *f, const struct task *task, gint64 frame)
{
	const struct order order = { .task = task, .scene = f->scene, .frame = frame, .folder = b->folder };
	g_autofree char *line = order_encode(&order);
	if (fputs(line, b->orders) < 0 || fflush(b->orders) != 0)
		g_error("the bare loop is gone");
	hear(b, ANSWER_DONE);
}

/* Seconds a frame, from the end of the first to the end of the last: as the worker's are counted. */
static double bare_round(struct bare *b, const struct farm *f, const struct task *task, gint64 first, gint64 last)
{
	bare_render(b, f, task, first);
	double begun_s = farm_now_s();
	for (gint64 frame = first + 1; frame <= last; frame++)
		bare_render(b, f, task, frame);
	return (farm_now_s() - begun_s) / (double)(last - first);
}

/* -- the worker ------------------------------------------------------------------------------ */

/* By the times of its manifest's lines, one a frame. */
static double worker_round(struct farm *f, const char *job, const struct task *task, gint64 first, gint64 last)
{
	SCOPED_ARENA(a);
	gint64 from_us = G_MAXINT64, until_us = 0;
	farm_enqueue(f, job, first, last, task);
	farm_drain(f, job);
	farm_wait_idle(f);
	int fd = root_open(f->root, NULL);
	g_autofree char *job_dir = root_job_dir(job);
	struct manifest_view *view = manifest_read(a, fd, job_dir, NULL);
	close(fd);
	for (gint64 frame = first; frame <= last; frame++) {
		const struct record *r = view ? manifest_frame(view, frame, "k1") : NULL;
		if (!r)
			g_error("frame %" G_GINT64_FORMAT " of %s was not rendered", frame, job);
		from_us = MIN(from_us, r->time_us);
		until_us = MAX(until_us, r->time_us);
	}
	return (double)(until_us - from_us) / G_USEC_PER_SEC / (double)(last - first);
}

/* -- the disk alone -------------------------------------------------------------------------- */

static void sync_or_fail(gboolean ok)
{
	if (!ok)
		g_error("the disk: %s", g_strerror(errno));
}

/* What a frame cannot do without, of as many bytes: its file is on disk before it is verified, its line before it is
 * committed, its visible name before the staged one goes. */
static double disk_round(const struct farm *f, gint64 n_frames)
{
	static const char image[1200], line[450];
	g_autofree char *folder = g_build_filename(f->folder, "disk", NULL);
	sync_or_fail(g_mkdir_with_parents(folder, 0755) == 0);
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), log = openat(dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	double begun_s = farm_now_s();
	for (gint64 i = 0; i < n_frames; i++) {
		int fd = openat(dir, "staged", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		sync_or_fail(write(fd, image, sizeof image) == sizeof image && fsync(fd) == 0 && fsync(dir) == 0 && close(fd) == 0);
		sync_or_fail(write(log, line, sizeof line) == sizeof line && fdatasync(log) == 0);
		sync_or_fail(linkat(dir, "staged", dir, "visible", 0) == 0 && fsync(dir) == 0);
		sync_or_fail(unlinkat(dir, "staged", 0) == 0 && unlinkat(dir, "visible", 0) == 0);
	}
	double seconds = farm_now_s() - begun_s;
	close(log);
	close(dir);
	return seconds / (double)n_frames;
}

/* -- both ------------------------------------------------------------------------------------ */

struct compared {
	double worker_s, bare_s, extra_s, ratio, disk_s; /* medians over the rounds */
	double worker_cpu_s, bare_cpu_s;                 /* means */
};

static struct compared compare(struct farm *f, GPid worker_pid, struct bare *b, const char *job, const struct task *task,
                               gint64 n_rounds, gint64 n_frames)
{
	struct compared c = { 0 };
	g_autoptr(GArray) disk = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) worker = g_array_new(FALSE, FALSE, sizeof(double)), bare = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) extra = g_array_new(FALSE, FALSE, sizeof(double)), ratio = g_array_new(FALSE, FALSE, sizeof(double));
	/* The scene is read, and folders are made. */
	worker_round(f, job, task, 1, 2);
	bare_round(b, f, task, 1, 2);
	double worker_cpu_s = farm_cpu_s(worker_pid), bare_cpu_s = farm_cpu_s(b->pid), n_all = (double)(n_rounds * n_frames);
	for (gint64 i = 0, first = 3; i < n_rounds; i++, first += n_frames) {
		double of_bare = bare_round(b, f, task, first, first + n_frames - 1), of_disk = disk_round(f, n_frames);
		double of_worker = worker_round(f, job, task, first, first + n_frames - 1);
		double more = of_worker - of_bare, times = of_worker / of_bare;
		g_array_append_val(bare, of_bare);
		g_array_append_val(worker, of_worker);
		g_array_append_val(extra, more);
		g_array_append_val(ratio, times);
		g_array_append_val(disk, of_disk);
	}
	c.worker_cpu_s = (farm_cpu_s(worker_pid) - worker_cpu_s) / n_all;
	c.bare_cpu_s = (farm_cpu_s(b->pid) - bare_cpu_s) / n_all;
	c.worker_s = samples_quantile(worker, 0.5);
	c.bare_s = samples_quantile(bare, 0.5);
	c.extra_s = samples_quantile(extra, 0.5);
	c.ratio = samples_quantile(ratio, 0.5);
	c.disk_s = samples_quantile(disk, 0.5);
	return c;
}

static double bench_trivial(struct farm *f, GPid worker, struct bare *b)
{
	const struct task task = farm_task(f);
	struct compared c = compare(f, worker, b, "bench/trivial", &task, TRIVIAL_ROUNDS, TRIVIAL_FRAMES);
	bench_report("render-trivial-worker", c.worker_s * 1e3, "ms/frame", c.bare_s * 1e3, 0);
	bench_report("render-trivial-worker-more", c.extra_s * 1e3, "ms/frame", EXTRA_MS, 1);
	bench_report("render-trivial-disk-alone", c.disk_s * 1e3, "ms/frame", EXTRA_MS, 0);
	bench_report("render-trivial-worker-cpu", c.worker_cpu_s * 1e3, "ms/frame", c.bare_cpu_s * 1e3, 0);
	return c.bare_s;
}

static double seconds_of_side(struct farm *f, struct bare *b, gint64 side)
{
	struct task task = farm_task(f);
	task.width = task.height = side;
	bare_render(b, f, &task, 1);
	return bare_round(b, f, &task, 1, CALIBRATE);
}

/* Time goes with the pixels. */
static void bench_long(struct farm *f, GPid worker, struct bare *b)
{
	enum { SMALL = 32, LARGE = 512 };
	double small_s = seconds_of_side(f, b, SMALL), large_s = seconds_of_side(f, b, LARGE);
	double a_pixel = MAX(large_s - small_s, 1e-3) / (LARGE * LARGE - SMALL * SMALL);
	struct task task = farm_task(f);
	task.width = task.height = (gint64)CLAMP(sqrt(MAX(LONG_S - small_s, 0.01) / a_pixel), 64, 4096);
	struct compared c = compare(f, worker, b, "bench/long", &task, LONG_ROUNDS, LONG_FRAMES);
	bench_report("render-half-second-worker", c.ratio * c.bare_s * 1e3, "ms/frame", c.bare_s * 1e3, LONG_RATIO);
	bench_report("render-half-second-worker-cpu", c.worker_cpu_s * 1e3, "ms/frame", c.bare_cpu_s * 1e3, 0);
}

/* -- without a warm one ---------------------------------------------------------------------- */

static double cold_run(struct farm *f, int n_frames)
{
	g_autofree char *out = g_build_filename(f->folder, "cold", "f_####", NULL), *last = g_strdup_printf("%d", n_frames);
	g_autofree char *size = g_strdup_printf("import bpy; r = bpy.context.scene.render; r.resolution_x = r.resolution_y = %d", FARM_SIDE);
	const char *argv[] = { "blender", "-b", f->scene, "-noaudio", "--disable-autoexec", "--python-expr", size, "-o", out, "-F", "PNG",
		               "-s", "1", "-e", last, "-a", NULL };
	return farm_run(f, argv, NULL) / n_frames;
}

static void bench_cold(struct farm *f, double bare_s)
{
	g_autoptr(GArray) one = g_array_new(FALSE, FALSE, sizeof(double)), five = g_array_new(FALSE, FALSE, sizeof(double));
	for (int i = 0; i < COLD_ROUNDS; i++) {
		double of_one = cold_run(f, 1), of_five = cold_run(f, FARM_CHUNK);
		g_array_append_val(one, of_one);
		g_array_append_val(five, of_five);
	}
	bench_report("render-trivial-process-per-frame", samples_quantile(one, 0.5) * 1e3, "ms/frame", bare_s * 1e3, 0);
	bench_report("render-trivial-process-per-five", samples_quantile(five, 0.5) * 1e3, "ms/frame", bare_s * 1e3, 0);
}

int main(void)
{
	struct farm f;
	struct bare b;
	if (!farm_start(&f, "render"))
		return 0;
	farm_own(&f);
	GPid worker = farm_worker(&f, "blender");
	bare_start(&b, &f);
	farm_wait_idle(&f);
	double bare_s = bench_trivial(&f, worker, &b);
	bench_long(&f, worker, &b);
	bare_stop(&b);
	bench_cold(&f, bare_s);
	farm_end(worker);
	farm_stop(&f);
	return 0;
}
