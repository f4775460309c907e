/* How long it takes from a branch that moved to the plan of its commit, at 1,000 objects: VMs of two hosts, and jobs.
 *
 * Each push changes one VM. What counts begins when the branch's file was written and ends when the controller's line with
 * the new revision is read; two threads of this program take note, so that the end of `git push` is not waited for. Beside
 * it stands the least that anybody needs: inotify tells, and the branch's file is read. The remote controller has the
 * repository by a URL and a sweep of an hour: it hears of the commit through Redis. Beside it: one `git fetch` of that push. */
#include "bench.h"
#include "farm.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUSHES = 60, N_VMS = 497, N_JOBS = 500, SETTLED_US = 250000, STARTED_US = 3000000, PATIENCE_US = 120000000 };

#define AIM_P50_MS 20.0
#define AIM_P99_MS 100.0

/* -- who takes note ------------------------------------------------------------------------------ */

struct heard {
	gint64 at_us; /* since 1970 */
	char *text;
};

static void heard_free(struct heard *h)
{
	g_free(h->text);
	g_free(h);
}

static void hear(GAsyncQueue *queue, const char *text)
{
	struct heard *h = g_new(struct heard, 1);
	*h = (struct heard){ g_get_real_time(), g_strdup(text) };
	g_async_queue_push(queue, h);
}

/* Until something with these words is heard: when that was. */
static gint64 wait_for(GAsyncQueue *queue, const char *first, const char *second)
{
	for (;;) {
		struct heard *h = g_async_queue_timeout_pop(queue, PATIENCE_US);
		if (!h)
			g_error("nobody said %s", second);
		gint64 at_us = strstr(h->text, first) && strstr(h->text, second) ? h->at_us : 0;
		heard_free(h);
		if (at_us)
			return at_us;
	}
}

static void wait_for_quiet(GAsyncQueue *queue, guint64 quiet_us)
{
	for (struct heard *h; (h = g_async_queue_timeout_pop(queue, quiet_us));)
		heard_free(h);
}

/* -- a controller ---------------------------------------------------------------------------------- */

struct controller {
	GPid pid;
	int out;
	GThread *reader;
	GAsyncQueue *lines; /* struct heard */
};

static gpointer read_lines(gpointer user)
{
	struct controller *c = user;
	g_autofree char *line = NULL;
	size_t size = 0;
	FILE *out = fdopen(c->out, "r");
	while (getline(&line, &size, out) > 0)
		hear(c->lines, line);
	fclose(out);
	return NULL;
}

static void prepare(gpointer log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

static void controller_start(struct controller *c, struct farm *f, const char *host, const char *specs)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = g_build_filename(f->folder, host, NULL), *log = g_strconcat(state, ".log", NULL);
	const char *argv[] = { farm_program(f, "cleave"), "run", "-o", "json", "--specs", specs, "--host", host, "--state", state,
		               "--interval", "1h", NULL };
	if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, prepare, log, &c->pid, NULL, &c->out, NULL, &error))
		g_error("%s", error->message);
	c->lines = g_async_queue_new();
	c->reader = g_thread_new("lines", read_lines, c);
	(void)wait_for(c->lines, "\"type\":\"version\"", "main@");
	wait_for_quiet(c->lines, STARTED_US);
}

static void controller_end(struct controller *c)
{
	farm_end(c->pid);
	g_thread_join(c->reader);
	wait_for_quiet(c->lines, 1);
	g_async_queue_unref(c->lines);
}

/* -- inotify alone ----------------------------------------------------------------------------------- */

struct bare {
	int fd;
	char *path; /* of the branch's file */
	GAsyncQueue *commits; /* struct heard */
};

/* Until the program ends. */
static gpointer watch(gpointer user)
{
	struct bare *w = user;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	while (read(w->fd, events, sizeof events) > 0) {
		g_autofree char *commit = NULL;
		if (g_file_get_contents(w->path, &commit, NULL, NULL))
			hear(w->commits, commit);
	}
	return NULL;
}

static void bare_start(struct bare *w, const struct farm *f)
{
	g_autofree char *folder = g_build_filename(f->folder, "specs.git", "refs", "heads", NULL);
	w->path = g_build_filename(folder, "main", NULL);
	w->commits = g_async_queue_new();
	w->fd = inotify_init1(IN_CLOEXEC);
	if (w->fd < 0 || inotify_add_watch(w->fd, folder, IN_MOVED_TO) < 0)
		g_error("%s: %s", folder, g_strerror(errno));
	g_thread_unref(g_thread_new("bare", watch, w));
}

/* -- the repository ------------------------------------------------------------------------------------ */

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

/* Of which the first host has those with even numbers. */
static void write_vm(const struct farm *f, guint i, guint mib)
{
	g_autofree char *file = g_strdup_printf("v%u.yaml", i);
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\nspec:\n  host: h%u\n  memory: %uMiB\n"
	                                        "  vcpus: 2\n  state: stopped\n  boot: {kernel: /k}\n",
	                                        i, 1 + i % 2, mib);
	write_spec(f, file, text);
}

static void write_job(const struct farm *f, guint i)
{
	g_autofree char *file = g_strdup_printf("j%u.yaml", i);
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j%u}\nspec:\n  project: bench\n"
	                                        "  scene: {file: \"frames:a.blend\"}\n  frames: 1-100\n  samples: 1\n  resolution: 64x48\n"
	                                        "  output: \"frames:j%u/f_####.png\"\n",
	                                        i, i);
	write_spec(f, file, text);
}

static void make_repository(const struct farm *f)
{
	static const char *const who[] = { "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL" };
	g_autofree char *bare = g_build_filename(f->folder, "specs.git", NULL), *tree = g_build_filename(f->folder, "specs", NULL);
	const char *init[] = { "git", "init", "-q", "--bare", "-b", "main", bare, NULL }, *clone[] = { "git", "clone", "-q", bare, tree, NULL };
	for (guint i = 0; i < G_N_ELEMENTS(who); i++)
		g_setenv(who[i], "bench@example.org", TRUE);
	g_setenv("GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
	farm_run(f, init, NULL);
	farm_run(f, clone, NULL);
	git(f, "checkout", "-qb", "main");
	git(f, "config", "push.default", "current");
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: bench}\nspec:\n"
	                                        "  redis: {url: \"%s\"}\n  roots: {frames: {path: %s}}\n"
	                                        "  policy: {budgets: {maxRender: 1000000}}\n---\n"
	                                        "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {libvirt: \"test:///default\"}\n---\n"
	                                        "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h2}\nspec: {libvirt: \"test:///default\"}\n",
	                                        f->url, f->root);
	write_spec(f, "farm.yaml", text);
	for (guint i = 0; i < N_VMS; i++)
		write_vm(f, i, 1024);
	for (guint i = 0; i < N_JOBS; i++)
		write_job(f, i);
	if (!g_file_set_contents(f->scene, "scene", -1, NULL))
		g_error("%s cannot be written", f->scene);
	git(f, "add", "-A", NULL);
	git(f, "commit", "-qm", "objects");
	git(f, "push", "-q", "origin");
}

/* -- a push -------------------------------------------------------------------------------------------- */

static char *branch_path(const struct farm *f)
{
	return g_build_filename(f->folder, "specs.git", "refs", "heads", "main", NULL);
}

/* When the file was written that took the branch's place, a moment before it did. */
static gint64 ref_us(const struct farm *f)
{
	struct stat st;
	g_autofree char *path = branch_path(f);
	if (stat(path, &st) < 0)
		g_error("%s: %s", path, g_strerror(errno));
	return st.st_mtim.tv_sec * G_USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
}

/* One VM of that host is to have another size. The commit. */
static char *push(const struct farm *f, guint nth, guint host)
{
	char *commit = NULL;
	g_autofree char *path = branch_path(f);
	write_vm(f, nth * 2 + host - 1, 2048 + nth);
	git(f, "commit", "-qam", "one VM");
	git(f, "push", "-q", "origin");
	if (!g_file_get_contents(path, &commit, NULL, NULL))
		g_error("%s cannot be read", path);
	return g_strstrip(commit);
}

static void add_ms(GArray *to, gint64 from_us, gint64 until_us)
{
	double ms = (double)(until_us - from_us) / 1e3;
	g_array_append_val(to, ms);
}

static void report(const char *name, GArray *samples, double half_ms, double most_ms)
{
	g_autofree char *half = g_strconcat(name, "-p50", NULL), *most = g_strconcat(name, "-p99", NULL);
	bench_report(half, samples_quantile(samples, 0.5), "ms", half_ms, 0);
	bench_report(most, samples_quantile(samples, 0.99), "ms", most_ms, 0);
}

static void bench_here(const struct farm *f, struct controller *c, struct bare *w)
{
	g_autoptr(GArray) plans = g_array_new(FALSE, FALSE, sizeof(double)), reads = g_array_new(FALSE, FALSE, sizeof(double));
	for (guint i = 0; i < PUSHES; i++) {
		g_autofree char *commit = push(f, i, 1);
		gint64 moved_us = ref_us(f);
		add_ms(plans, moved_us, wait_for(c->lines, "\"type\":\"version\"", commit));
		add_ms(reads, moved_us, wait_for(w->commits, "", commit));
		wait_for_quiet(c->lines, SETTLED_US);
	}
	report("reconcile-branch-moved-to-plan", plans, AIM_P50_MS, AIM_P99_MS);
	report("reconcile-branch-moved-to-plan-beside-inotify", plans, samples_quantile(reads, 0.5), samples_quantile(reads, 0.99));
}

static void bench_remote(const struct farm *f, struct controller *here, struct controller *remote, const char *url)
{
	g_autoptr(GArray) plans = g_array_new(FALSE, FALSE, sizeof(double)), fetches = g_array_new(FALSE, FALSE, sizeof(double));
	g_autofree char *mirror = g_build_filename(f->folder, "mirror.git", NULL);
	const char *clone[] = { "git", "clone", "-q", "--mirror", url, mirror, NULL };
	const char *fetch[] = { "git", "-C", mirror, "fetch", "-q", NULL };
	farm_run(f, clone, NULL);
	for (guint i = 0; i < PUSHES; i++) {
		g_autofree char *commit = push(f, i, 2);
		gint64 moved_us = ref_us(f);
		add_ms(plans, moved_us, wait_for(remote->lines, "\"type\":\"version\"", commit));
		wait_for_quiet(remote->lines, SETTLED_US);
		wait_for_quiet(here->lines, SETTLED_US);
		double fetch_ms = farm_run(f, fetch, NULL) * 1e3;
		g_array_append_val(fetches, fetch_ms);
	}
	report("reconcile-branch-moved-to-remote-plan", plans, AIM_P50_MS, AIM_P99_MS);
	report("reconcile-branch-moved-to-remote-plan-beside-fetch", plans, samples_quantile(fetches, 0.5), samples_quantile(fetches, 0.99));
}

int main(void)
{
	struct farm f;
	struct bare w;
	struct controller here, remote;
	if (!farm_open(&f, "reconcile"))
		return 0;
	g_autofree char *bare = g_build_filename(f.folder, "specs.git", NULL), *url = g_strconcat("file://", bare, NULL);
	make_repository(&f);
	bare_start(&w, &f);
	controller_start(&here, &f, "h1", bare);
	bench_here(&f, &here, &w);
	controller_start(&remote, &f, "h2", url);
	bench_remote(&f, &here, &remote, url);
	controller_end(&remote);
	controller_end(&here);
	farm_stop(&f);
	return 0;
}
