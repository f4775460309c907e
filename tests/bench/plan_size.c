/* `cleave plan --have` of 1,000 and of 10,000 objects, half of them VMs and half jobs, half of each there already: its time
 * may grow by 12 when the objects do by 10, and the larger one has 100 MiB.
 *
 * Seconds of CPU of the whole program, the least of a few runs; in: BUILD (folder with the programs). */
#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 1000, LARGE = 10000, ROUNDS = 5 };

static void write_file(const char *folder, const char *name, const GString *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;
	if (!g_file_set_contents(path, text->str, (gssize)text->len, &error))
		g_error("%s", error->message);
}

static void put_want(GString *out, guint n)
{
	g_string_append(out, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}, roots: {frames: {path: /f}}}\n"
	                     "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {}\n");
	for (guint i = 0; i < n / 2; i++)
		g_string_append_printf(out,
		                       "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\n"
		                       "spec: {host: h1, memory: 2GiB, vcpus: %u, accelerator: tcg, boot: {kernel: /k}}\n"
		                       "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j%u}\n"
		                       "spec: {project: p, scene: {file: \"frames:%u.blend\", sha256: \"a%063u\"}, frames: 1-100, samples: 16, "
		                       "resolution: 64x64, output: \"frames:o%u/f_####.png\"}\n",
		                       i, 1 + i % 3, i, i, i, i);
}

static void put_have(GString *out, guint n)
{
	g_string_append(out, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nstatus: {redis: ok, jobOwner: h1, roots: {frames: {mounted: true}}}\n"
	                     "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\n"
	                     "status: {observedAt: \"2026-01-01T00:00:00Z\", cpus: 64, memory: 16TiB, libvirt: ok}\n");
	for (guint i = 1; i < n / 2; i += 2)
		g_string_append_printf(out,
		                       "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\n"
		                       "status: {host: h1, uuid: 6ba7b810-9dad-51d1-80b4-%012u, owner: f, state: running,\n"
		                       "  defined: {vcpus: 2, memory: 1GiB, machine: q35, accelerator: tcg, boot: {kernel: /k}},\n"
		                       "  live: {vcpus: 2, memory: 1GiB, machine: q35, accelerator: tcg, boot: {kernel: /k}}}\n",
		                       i, i);
	for (guint i = 1; i < n / 2; i += 2)
		g_string_append_printf(out, "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: p/j%u}\nstatus: {scene: {found: \"a%063u\"}}\n", i, i);
}

/* Seconds of CPU of one run; the most memory that it had. */
static double run(const char *program, const char *folder, gsize *ret_peak_bytes)
{
	g_autofree char *specs = g_build_filename(folder, "specs", NULL), *have = g_build_filename(folder, "have.yaml", NULL);
	g_autofree char *state = g_build_filename(folder, "state", NULL);
	const char *argv[] = { program, "plan", "--worktree", "--specs", specs, "--have", have, "--host", "h1", "--state", state, NULL };
	g_autoptr(GError) error = NULL;
	struct rusage used;
	GPid pid;
	int status;
	if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &pid, &error))
		g_error("%s", error->message);
	if (wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		g_error("cleave plan ended with %d", status);
	*ret_peak_bytes = (gsize)used.ru_maxrss * 1024;
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double measure(const char *program, const char *top, guint n, gsize *ret_peak_bytes)
{
	g_autofree char *name = g_strdup_printf("%u", n), *folder = g_build_filename(top, name, NULL);
	g_autofree char *specs = g_build_filename(folder, "specs", NULL);
	g_autoptr(GString) want = g_string_new(NULL), have = g_string_new(NULL);
	double best = 1e9;
	g_mkdir_with_parents(specs, 0755);
	put_want(want, n);
	put_have(have, n);
	write_file(specs, "all.yaml", want);
	write_file(folder, "have.yaml", have);
	for (guint i = 0; i < ROUNDS; i++)
		best = MIN(best, run(program, folder, ret_peak_bytes));
	return best;
}

int main(void)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *program = g_build_filename(build ? build : "build", "cleave", NULL);
	g_autofree char *top = g_dir_make_tmp("cleave-bench.XXXXXX", NULL);
	const char *clean[] = { "rm", "-rf", top, NULL };
	gsize small_bytes, large_bytes;
	double small = measure(program, top, SMALL, &small_bytes), large = measure(program, top, LARGE, &large_bytes);
	bench_report("plan_10000_beside_1000", large * 1000, "ms", small * 1000, 12);
	bench_report("plan_10000_memory", (double)large_bytes / (1 << 20), "MiB", 100, 1);
	g_spawn_sync(NULL, (char **)clean, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	return 0;
}
