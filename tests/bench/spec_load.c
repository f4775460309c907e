/* Reading a farm of 20,000 VMs: decode, defaults, checks. The limit of time is libyaml's own scan of the
 * same bytes, which nobody who reads YAML with it can pass; that of memory are the bytes themselves. */
#include "base/arena.h"
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { ROUNDS = 9 };

static double scan(const struct corpus *c)
{
	double begin = bench_cpu_s();
	for (guint i = 0; i < c->n_files; i++) {
		yaml_parser_t parser;
		yaml_event_t event;
		gboolean is_end = FALSE;
		yaml_parser_initialize(&parser);
		yaml_parser_set_input_string(&parser, (const unsigned char *)c->files[i].bytes, c->files[i].size);
		while (!is_end) {
			if (!yaml_parser_parse(&parser, &event))
				g_error("libyaml: %s", parser.problem);
			is_end = event.type == YAML_STREAM_END_EVENT;
			yaml_event_delete(&event);
		}
		yaml_parser_delete(&parser);
	}
	return bench_cpu_s() - begin;
}

static double load(const struct corpus *c)
{
	double begin = bench_cpu_s();
	SCOPED_ARENA(a);
	struct problems problems;
	problems_init(&problems, a);
	struct objects *all = spec_load(a, c->files, c->n_files, &problems);
	double took = bench_cpu_s() - begin;
	if (problems.n_errors || all->by_kind[KIND_VM]->len != BENCH_DOCUMENTS)
		g_error("%u errors, %u VMs: %s", problems.n_errors, all->by_kind[KIND_VM]->len,
		        problems.list->len ? g_array_index(problems.list, struct problem, 0).message : "");
	problems_clear(&problems);
	return took;
}

/* One run of the other after one of this, so that a busy moment of the machine hits both. */
static void bench_time(void)
{
	struct corpus *c = corpus_new(BENCH_FILES, BENCH_DOCUMENTS);
	double best_scan = 1e9, best_load = 1e9;
	for (int i = 0; i < ROUNDS; i++) {
		best_scan = MIN(best_scan, scan(c));
		best_load = MIN(best_load, load(c));
	}
	bench_report("spec-load-time", best_load, "s", best_scan, 2.0);
	corpus_free(c);
}

/* The corpus without what made it: GString's growth is not what is measured. */
static void drop_slack(struct corpus *c)
{
	for (guint i = 0; i < c->n_files; i++) {
		GBytes *exact = g_bytes_new(c->files[i].bytes, c->files[i].size);
		g_bytes_unref(c->bytes[i]);
		c->bytes[i] = exact;
		c->files[i].bytes = g_bytes_get_data(exact, NULL);
	}
}

/* A process of its own: its high-water mark is that of the bytes and the load, GLib and libyaml included. */
static void bench_memory_child(void)
{
	struct corpus *c = corpus_new(BENCH_FILES, BENCH_DOCUMENTS);
	drop_slack(c);
	load(c);
	printf("%zu %zu\n", bench_memory_bytes("VmHWM:"), c->size);
	corpus_free(c);
}

static void bench_memory(const char *self)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *out = NULL;
	const char *argv[] = { self, "--memory", NULL };
	int status;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, &status, &error) || status != 0)
		g_error("%s: %s", self, error ? error->message : "failed");
	gsize peak = 0, size = 1;
	if (sscanf(out, "%zu %zu", &peak, &size) != 2)
		g_error("not two numbers: %s", out);
	bench_report("spec-load-memory", (double)peak, "B", (double)size, 8.0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--memory") == 0)
		bench_memory_child();
	else if (argc > 1 && strcmp(argv[1], "--load") == 0) { /* for profilers */
		struct corpus *c = corpus_new(BENCH_FILES, BENCH_DOCUMENTS);
		for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : ROUNDS); i++)
			load(c);
		corpus_free(c);
	} else {
		bench_time();
		bench_memory(argv[0]);
	}
	return 0;
}
