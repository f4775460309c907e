/* How long a job waits before Blender hears of it, where a worker is idle and its Blender warm: from `git push` to a
 * controller, and from the queue alone. And what it costs a controller to accept a job of a million frames.
 *
 * When Blender is told, this program knows: the worker starts it as its Blender, and it hands every order on to the real
 * one, after it has printed the time, which goes to the frame's log. */
#include "bench.h"
#include "farm.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PUSHES = 60, APPLIES = 3, ORDERS_FD = 3, PAUSE_US = 300000, SETTLE_US = 10000, LOOK_US = 5000, LOOKS = 6000 };

#define AIM_MS   50.0
#define STAMP    "bench: ordered "
#define MILLION  1000000

/* -- in Blender's place ---------------------------------------------------------------------- */

static int hand_on(FILE *orders, FILE *real)
{
	g_autofree char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, orders) > 0) {
		g_autofree char *stamp = g_strdup_printf("\n" STAMP "%" G_GINT64_FORMAT "\n", g_get_real_time());
		if (write(STDOUT_FILENO, stamp, strlen(stamp)) < 0 || fputs(line, real) < 0 || fflush(real) != 0)
			return 1;
	}
	return 0;
}

static int stand_before_blender(char **argv)
{
	int ends[2];
	if (pipe(ends) < 0)
		return 1;
	pid_t pid = fork();
	argv[0] = (char *)"blender";
	if (pid == 0 && dup2(ends[0], ORDERS_FD) >= 0 && close(ends[0]) == 0 && close(ends[1]) == 0)
		execvp(argv[0], argv);
	if (pid <= 0)
		_exit(1);
	close(ends[0]);
	FILE *real = fdopen(ends[1], "w");
	int status = hand_on(fdopen(ORDERS_FD, "r"), real);
	fclose(real);
	waitpid(pid, NULL, 0);
	return status;
}

/* -- times ----------------------------------------------------------------------------------- */

/* Microseconds since 1970 at which the only frame of the job was ordered. */
static gint64 ordered_us(const struct farm *f, const char *job_dir)
{
	g_autofree char *path = g_build_filename(f->root, ".cleave", job_dir, "log", "1.log", NULL), *text = NULL;
	for (int i = 0; i < LOOKS; i++) {
		g_clear_pointer(&text, g_free);
		const char *at = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, STAMP) : NULL;
		if (at)
			return g_ascii_strtoll(at + strlen(STAMP), NULL, 10);
		g_usleep(LOOK_US);
	}
	g_error("nobody ordered %s", job_dir);
}

static void add_ms(GArray *to, gint64 from_us, gint64 until_us)
{
	double ms = (double)(until_us - from_us) / 1e3;
	g_array_append_val(to, ms);
}

static void report(const char *name, GArray *samples)
{
	g_autofree char *half = g_strconcat(name, "-p50", NULL), *most = g_strconcat(name, "-p99", NULL);
	bench_report(half, samples_quantile(samples, 0.5), "ms", AIM_MS, 0);
	bench_report(most, samples_quantile(samples, 0.99), "ms", AIM_MS, 0);
}

/* -- the queue alone ------------------------------------------------------------------------- */

static void bench_enqueue(struct farm *f)
{
	g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(double));
	const struct task task = farm_task(f);
	farm_own(f);
	farm_enqueue(f, "bench/first", 1, 1, &task);
	farm_drain(f, "bench/first");
	for (int i = 0; i < PUSHES; i++) {
		g_autofree char *job = g_strdup_printf("bench/e%d", i), *job_dir = g_strdup_printf("bench+e%d", i);
		farm_wait_idle(f);
		g_usleep(SETTLE_US);
		gint64 from_us = g_get_real_time();
		farm_enqueue(f, job, 1, 1, &task);
		farm_drain(f, job);
		add_ms(samples, from_us, ordered_us(f, job_dir));
	}
	report("push-enqueued-to-ordered", samples);
	farm_disown(f);
}

/* -- git push to a controller ---------------------------------------------------------------- */

static void git(const struct farm *f, const char *first, const char *second, const char *third)
{
	g_autofree char *tree = g_build_filename(f->folder, "specs", NULL);
	const char *argv[] = { "git", "-C", tree, first, second, third, NULL };
	farm_run(f, argv, NULL);
}

static void write_spec(const struct farm *f, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(f->folder, "specs", name, NULL);
	if (!g_file_set_contents(path, text, -1, NULL))
		g_error("%s cannot be written", path);
}

static void write_job(const struct farm *f, const char *name, gint64 n_frames)
{
	g_autofree char *file = g_strconcat(name, ".yaml", NULL);
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: %s}\nspec:\n"
	                                        "  project: bench\n  scene: {file: \"frames:a.blend\"}\n  frames: 1-%" G_GINT64_FORMAT
	                                        "\n  samples: 1\n  resolution: %dx%d\n  output: \"frames:%s/f_#######.png\"\n",
	                                        name, n_frames, FARM_SIDE, FARM_SIDE, name);
	write_spec(f, file, text);
	git(f, "add", "-A", NULL);
	git(f, "commit", "-qm", name);
}

static void make_repository(struct farm *f)
{
	g_autofree char *bare = g_build_filename(f->folder, "specs.git", NULL), *tree = g_build_filename(f->folder, "specs", NULL);
	g_autofree char *state = g_build_filename(f->folder, "state", NULL);
	const char *init[] = { "git", "init", "-q", "--bare", "-b", "main", bare, NULL }, *clone[] = { "git", "clone", "-q", bare, tree, NULL };
	static const char *const who[] = { "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL" };
	for (guint i = 0; i < G_N_ELEMENTS(who); i++)
		g_setenv(who[i], "bench@example.org", TRUE);
	g_setenv("GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
	g_setenv("CLEAVE_SPECS", bare, TRUE);
	g_setenv("CLEAVE_STATE", state, TRUE);
	g_setenv("CLEAVE_HOST", "h1", TRUE);
	g_setenv("CLEAVE_LIBVIRT", "none", TRUE);
	farm_run(f, init, NULL);
	farm_run(f, clone, NULL);
	git(f, "checkout", "-qb", "main");
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: bench}\nspec:\n"
	                                        "  redis: {url: \"%s\"}\n  roots: {frames: {path: %s}}\n"
	                                        "  policy: {budgets: {maxRender: 2000000}}\n---\n"
	                                        "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {}\n",
	                                        f->url, f->root);
	write_spec(f, "farm.yaml", text);
}

/* Of the branch's file, which the push replaces: when the controller could know. */
static gint64 ref_us(const struct farm *f)
{
	struct stat st;
	g_autofree char *path = g_build_filename(f->folder, "specs.git", "refs", "heads", "main", NULL);
	if (stat(path, &st) < 0)
		g_error("%s: %s", path, g_strerror(errno));
	return st.st_mtim.tv_sec * G_USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
}

/* The first job's order is not counted: the scene is read for it. */
static void bench_push(struct farm *f)
{
	g_autoptr(GArray) command = g_array_new(FALSE, FALSE, sizeof(double)), ref = g_array_new(FALSE, FALSE, sizeof(double));
	const char *argv[] = { farm_program(f, "cleave"), "run", NULL };
	GPid controller = farm_spawn(f, argv, "controller.log");
	for (int i = -1; i < PUSHES; i++) {
		g_autofree char *name = g_strdup_printf("g%d", i + 1), *job_dir = g_strconcat("bench+", name, NULL);
		write_job(f, name, 1);
		farm_wait_idle(f);
		g_usleep(PAUSE_US);
		gint64 from_us = g_get_real_time();
		git(f, "push", "-q", "origin");
		gint64 pushed_us = ref_us(f), until_us = ordered_us(f, job_dir);
		if (i < 0)
			continue;
		add_ms(command, from_us, until_us);
		add_ms(ref, pushed_us, until_us);
	}
	report("push-git-push-to-ordered", command);
	report("push-branch-moved-to-ordered", ref);
	farm_end(controller);
}

/* -- a million frames ------------------------------------------------------------------------ */

static void apply(struct farm *f, const char *name, gint64 n_frames, GArray *seconds, double *most_bytes)
{
	const char *argv[] = { farm_program(f, "cleave"), "apply", "-y", NULL };
	g_autofree char *job = g_strconcat("bench/", name, NULL);
	guint64 peak_bytes;
	write_job(f, name, n_frames);
	git(f, "push", "-q", "origin");
	double took_s = farm_run(f, argv, &peak_bytes);
	if (!farm_has(f, job))
		g_error("%s was not accepted", job);
	g_array_append_val(seconds, took_s);
	*most_bytes = MAX(*most_bytes, (double)peak_bytes);
}

/* Each is a job of its own, and those before it are looked at as well, in both rows alike. */
static void bench_million(struct farm *f)
{
	g_autoptr(GArray) many = g_array_new(FALSE, FALSE, sizeof(double)), one = g_array_new(FALSE, FALSE, sizeof(double));
	double many_bytes = 0, one_bytes = 0;
	git(f, "config", "push.default", "current");
	for (int i = 0; i < APPLIES; i++) {
		g_autofree char *small = g_strdup_printf("s%d", i);
		apply(f, small, 1, one, &one_bytes);
	}
	for (int i = 0; i < APPLIES; i++) {
		g_autofree char *large = g_strdup_printf("m%d", i);
		apply(f, large, MILLION, many, &many_bytes);
	}
	bench_report("push-million-accepted", samples_quantile(many, 0.5) * 1e3, "ms", samples_quantile(one, 0.5) * 1e3, 0);
	bench_report("push-million-memory", many_bytes / (1 << 20), "MiB", one_bytes / (1 << 20), 0);
}

static void forget_jobs(struct farm *f)
{
	const char *argv[] = { farm_program(f, "cleave"), "apply", "-y", NULL };
	git(f, "rm", "-q", "[sm]*.yaml");
	git(f, "commit", "-qm", "none");
	git(f, "push", "-q", "origin");
	farm_run(f, argv, NULL);
}

int main(int argc, char **argv)
{
	struct farm f;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return execlp("blender", "blender", "--version", NULL);
	if (argc > 1)
		return stand_before_blender(argv);
	if (!farm_start(&f, "push"))
		return 0;
	GPid worker = farm_worker(&f, farm_program(&f, "tests/bench/push"));
	farm_wait_idle(&f);
	bench_enqueue(&f);
	farm_end(worker);
	make_repository(&f);
	bench_million(&f);
	forget_jobs(&f);
	worker = farm_worker(&f, farm_program(&f, "tests/bench/push"));
	farm_wait_idle(&f);
	bench_push(&f);
	farm_end(worker);
	farm_stop(&f);
	return 0;
}
