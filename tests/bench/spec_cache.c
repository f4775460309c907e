/* What a commit costs that changes one file of 5,000: the next load with a cache beside a load of all. */
#include "spec/cache.h"
#include "base/arena.h"
#include "bench.h"
#include "source/source.h"
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 9, GIT_ROUNDS = 5 };

/* A revision as the session holds it. */
struct pass {
	struct arena *arena;
	struct problems problems;
};

static void pass_end(struct pass *p)
{
	if (p->arena) {
		problems_clear(&p->problems);
		arena_free(p->arena);
	}
	*p = (struct pass){ 0 };
}

static struct pass pass_load(struct spec_cache *cache, const struct spec_file *files, guint n_files)
{
	struct pass p = { .arena = arena_new() };
	problems_init(&p.problems, p.arena);
	struct objects *all = spec_load_cached(p.arena, cache, files, n_files, &p.problems);
	if (p.problems.n_errors || all->by_kind[KIND_VM]->len != BENCH_DOCUMENTS)
		g_error("%u errors, %u VMs", p.problems.n_errors, all->by_kind[KIND_VM]->len);
	return p;
}

static double load_all(const struct corpus *c)
{
	double begin = bench_cpu_s();
	struct pass p = pass_load(NULL, c->files, c->n_files);
	double took = bench_cpu_s() - begin;
	pass_end(&p);
	return took;
}

/* The files as source/ gives them: without the bytes of those that are known. */
static struct spec_file *files_as_read(const struct corpus *c, const struct spec_cache *cache)
{
	struct spec_file *files = g_memdup2(c->files, c->n_files * sizeof *files);
	gsize size;
	for (guint i = 0; i < c->n_files; i++)
		if (spec_cache_knows(cache, files[i].path, files[i].blob_id, &size))
			files[i].bytes = NULL;
	return files;
}

/* The revision before is let go within the time taken, as a session does. */
static double load_next(const struct corpus *c, struct spec_cache *cache, struct pass *held)
{
	g_autofree struct spec_file *files = files_as_read(c, cache);
	double begin = bench_cpu_s();
	struct pass next = pass_load(cache, files, c->n_files);
	pass_end(held);
	double took = bench_cpu_s() - begin;
	*held = next;
	return took;
}

static void bench_memory_kept(const struct corpus *c)
{
	gsize before = bench_memory_bytes("VmRSS:");
	struct spec_cache *cache = spec_cache_new();
	struct pass p = pass_load(cache, c->files, c->n_files);
	bench_report("spec-cache-memory", (double)(bench_memory_bytes("VmRSS:") - before), "B", (double)c->size, 0);
	pass_end(&p);
	spec_cache_free(cache);
}

static void bench_load(struct corpus *c)
{
	struct spec_cache *cache = spec_cache_new();
	struct pass held = { 0 };
	double best_all = 1e9, best_next = 1e9;
	load_next(c, cache, &held);
	for (guint i = 1; i <= ROUNDS; i++) {
		best_all = MIN(best_all, load_all(c));
		corpus_change(c, 1 + i * 521 % (c->n_files - 1), i);
		best_next = MIN(best_next, load_next(c, cache, &held));
	}
	bench_report("spec-load-next", best_next, "s", best_all, 0.03);
	pass_end(&held);
	spec_cache_free(cache);
}

/* -- with git ------------------------------------------------------------------------------------------ */

static void write_file(const char *top, const struct spec_file *f)
{
	g_autofree char *path = g_build_filename(top, f->path, NULL), *folder = g_path_get_dirname(path);
	g_autoptr(GError) error = NULL;
	if (g_mkdir_with_parents(folder, 0700) < 0 || !g_file_set_contents(path, f->bytes, (gssize)f->size, &error))
		g_error("%s: %s", path, error ? error->message : "no folder");
}

static void run(const char *const *argv)
{
	g_autoptr(GError) error = NULL;
	int status;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error) ||
	    !g_spawn_check_wait_status(status, &error))
		g_error("%s: %s", argv[0], error->message);
}

static void commit(const char *top)
{
	run((const char *const[]){ "git", "-C", top, "add", ".", NULL });
	run((const char *const[]){ "git", "-C", top, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0",
	                           "commit", "-qm", "bench", NULL });
}

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	return spec_cache_knows(user, path, blob_id, ret_size);
}

static double read_and_load(struct source_where *where, struct spec_cache *cache, struct pass *held)
{
	g_autoptr(GError) error = NULL;
	struct source_known known = { is_known, cache };
	struct source_tree tree;
	double begin = bench_cpu_s();
	struct arena *a = arena_new();
	struct problems problems;
	problems_init(&problems, a);
	if (!source_read(a, where, cache ? &known : NULL, &tree, &problems, &error))
		g_error("%s", error->message);
	struct spec_file *files = ARENA_ARRAY(a, struct spec_file, tree.n_files);
	for (guint i = 0; i < tree.n_files; i++)
		files[i] = (struct spec_file){ tree.files[i].path, tree.files[i].bytes, tree.files[i].size, tree.files[i].blob_id };
	struct pass next = pass_load(cache, files, tree.n_files);
	pass_end(held);
	double took = bench_cpu_s() - begin;
	/* The tree lives as long as the pass. */
	arena_own(next.arena, a, (GDestroyNotify)arena_free);
	problems_clear(&problems);
	*held = next;
	return took;
}

static void bench_git(struct corpus *c, const char *top)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct spec_cache *cache = spec_cache_new();
	struct pass held = { 0 }, other = { 0 };
	struct source_where where;
	double best_all = 1e9, best_next = 1e9;
	run((const char *const[]){ "git", "-c", "init.defaultBranch=main", "init", "-q", top, NULL });
	for (guint i = 0; i < c->n_files; i++)
		write_file(top, &c->files[i]);
	commit(top);
	run((const char *const[]){ "git", "-C", top, "repack", "-qad", NULL });
	if (!source_parse(a, top, FALSE, &where, &error))
		g_error("%s", error->message);
	read_and_load(&where, cache, &held);
	for (guint i = 1; i <= GIT_ROUNDS; i++) {
		guint changed = 1 + i * 521 % (c->n_files - 1);
		best_all = MIN(best_all, read_and_load(&where, NULL, &other));
		pass_end(&other);
		corpus_change(c, changed, 100 + i);
		write_file(top, &c->files[changed]);
		commit(top);
		best_next = MIN(best_next, read_and_load(&where, cache, &held));
	}
	bench_report("source-read-and-load-next", best_next, "s", best_all, 0);
	pass_end(&held);
	spec_cache_free(cache);
}

int main(int argc, char **argv)
{
	struct corpus *c = corpus_new(BENCH_FILES, BENCH_DOCUMENTS);
	if (argc > 1 && strcmp(argv[1], "--next") == 0) { /* for profilers */
		struct spec_cache *cache = spec_cache_new();
		struct pass held = { 0 };
		for (guint i = 0; i < 300; i++) {
			corpus_change(c, 1 + i % (c->n_files - 1), i);
			load_next(c, cache, &held);
		}
		pass_end(&held);
		spec_cache_free(cache);
	} else {
		g_autofree char *top = g_dir_make_tmp("cleave-bench-XXXXXX", NULL);
		bench_memory_kept(c);
		bench_load(c);
		bench_git(c, top);
		run((const char *const[]){ "rm", "-rf", "--", top, NULL });
	}
	corpus_free(c);
	return 0;
}
