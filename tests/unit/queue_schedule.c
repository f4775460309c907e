/* Who gets which frames: projects, limits, what a worker must have, order, chunks by time. */
#include "base/arena.h"
#include "queue/backlog.h"
#include "queue/lease.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct capabilities any = { 0 };

static void enqueue(struct bench *b, const char *job, const char *text, struct job_meta meta)
{
	guint64 n_added;
	struct backlog_part part = { "k", { 0 }, &queue_fixture_task };
	assert_null(frames_parse(b->a, text, &part.frames, NULL));
	assert_true(backlog_enqueue(b->r, &b->by, job, &meta, &part, 1, &n_added, NULL));
}

static struct lease *take_with(struct bench *b, const char *worker, const struct capabilities *can)
{
	struct lease *lease;
	assert_true(lease_take(b->r, b->a, worker, can, 60000, &lease, NULL));
	return lease;
}

static struct lease *take(struct bench *b, const char *worker)
{
	return take_with(b, worker, &any);
}

static gboolean commit(struct bench *b, const struct lease *l, gint64 frame, double seconds)
{
	gboolean is_accepted;
	assert_true(lease_commit(b->r, l->token, frame, seconds, &is_accepted, NULL));
	return is_accepted;
}

/* The frames of the next lease; NULL: there is none. */
static const char *next(struct bench *b)
{
	struct lease *l = take(b, "w");
	return l ? frames_format(b->a, &l->frames) : NULL;
}

static const char *queued(struct bench *b, const char *job)
{
	struct backlog *log = backlog_show(b->r, b->a, job, NULL);
	return log->n_queued ? frames_format(b->a, &log->queued[0].frames) : "";
}

static void no_count_is_wrong(struct bench *b)
{
	g_autofree char *wrong = redis_fixture_ask(b->f, "FCALL", "cleave_recount", "0", NULL);
	assert_string_equal(wrong, "0");
}

static void projects_share(void **state)
{
	struct bench b = bench_new(state);
	/* Of p two jobs, of q one: q gets half, and within p the jobs take turns. */
	static const char *const expected[] = { "p/a", "q/c", "p/b", "q/c", "p/a", "q/c" };
	enqueue(&b, "p/a", "1-9", (struct job_meta){ .chunk = 1 });
	enqueue(&b, "p/b", "1-9", (struct job_meta){ .chunk = 1 });
	enqueue(&b, "q/c", "1-9", (struct job_meta){ .chunk = 1 });
	for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
		assert_string_equal(take(&b, "w")->job, expected[i]);
	/* What is more urgent comes first, whoever has it. */
	enqueue(&b, "p/vip", "1-2", (struct job_meta){ .chunk = 1, .priority = 1 });
	assert_string_equal(take(&b, "w")->job, "p/vip");
	assert_string_equal(take(&b, "w")->job, "p/vip");
	no_count_is_wrong(&b);
	bench_free(&b);
}

static void limits_hold(void **state)
{
	struct bench b = bench_new(state);
	const struct job_limit limits[] = { { "project:p", 4 }, { "label:artist=mei", 3 } };
	gboolean is_woken;
	enqueue(&b, "p/a", "1-9", (struct job_meta){ .chunk = 5, .priority = 1, .limits = limits, .n_limits = 2 });
	enqueue(&b, "p/b", "1-9", (struct job_meta){ .chunk = 5, .limits = limits, .n_limits = 1 });
	struct lease *first = take(&b, "w1");
	assert_string_equal(frames_format(b.a, &first->frames), "1-3");
	/* The label is full, so the less urgent job has what the project leaves. */
	struct lease *second = take(&b, "w2");
	assert_string_equal(second->job, "p/b");
	assert_string_equal(frames_format(b.a, &second->frames), "1");
	assert_null(take(&b, "w3"));
	no_count_is_wrong(&b);
	/* A frame that ends makes room, and who waits hears of it. */
	assert_true(commit(&b, first, 1, 0));
	assert_true(lease_wait(b.r, "w3", 5000, -1, &is_woken, NULL) && is_woken);
	assert_string_equal(frames_format(b.a, &take(&b, "w3")->frames), "4");
	/* A limit that changes acts at once, also downwards. */
	const struct job_limit fewer = { "project:p", 2 };
	struct job_meta meta = { .chunk = 5, .limits = &fewer, .n_limits = 1 };
	assert_true(backlog_update(b.r, &b.by, "p/a", &meta, NULL) && backlog_update(b.r, &b.by, "p/b", &meta, NULL));
	assert_null(take(&b, "w4"));
	no_count_is_wrong(&b);
	assert_string_equal(backlog_show(b.r, b.a, "p/a", NULL)->meta.limits[0].scope, "project:p");
	bench_free(&b);
}

static void only_what_the_machine_has(void **state)
{
	struct bench b = bench_new(state);
	static const char *const labels[] = { "pool:render", "device:CUDA", NULL }, *const pool[] = { "pool:render", NULL };
	const struct job_meta meta = { .chunk = 1,
		                       .labels = pool,
		                       .vram_bytes = 20 * GiB,
		                       .n_gpus = 2,
		                       .blender = "4.2",
		                       .is_installable = TRUE };
	const struct capabilities right = { .labels = labels, .vram_bytes = 24 * GiB, .n_gpus = 2, .installs = TRUE };
	struct capabilities cases[] = { right, right, right, right };
	cases[0].labels = NULL;
	cases[1].vram_bytes = 16 * GiB;
	cases[2].n_gpus = 1;
	cases[3].installs = FALSE;
	enqueue(&b, "p/a", "1", meta);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_null(take_with(&b, "w", &cases[i]));
	struct backlog *log = backlog_show(b.r, b.a, "p/a", NULL);
	assert_true(log->meta.vram_bytes == 20 * GiB && log->meta.n_gpus == 2 && log->meta.is_installable);
	assert_string_equal(log->meta.labels[0], "pool:render");
	assert_non_null(take_with(&b, "w", &right));
	bench_free(&b);
}

/* Frames that wait, of all jobs. */
static guint64 n_queued(struct bench *b)
{
	struct backlog_count *counts;
	guint n;
	guint64 n_frames = 0;
	assert_true(backlog_list(b->r, b->a, &counts, &n, NULL));
	for (guint i = 0; i < n; i++)
		n_frames += counts[i].n_queued;
	return n_frames;
}

static void orders(void **state)
{
	struct bench b = bench_new(state);
	static const char *const rough[] = { "1", "5", "9", "13", "17", "21", "25", "29", "3", "7" };
	struct job_meta meta = { .chunk = 1, .order = BACKLOG_INTERLEAVE };
	enqueue(&b, "p/a", "1-32", meta);
	assert_string_equal(queued(&b, "p/a"), "1-32");
	for (guint i = 0; i < G_N_ELEMENTS(rough); i++)
		assert_string_equal(next(&b), rough[i]);
	/* Changed while frames wait: the next lease follows. */
	meta = (struct job_meta){ .chunk = 3, .order = BACKLOG_REVERSE };
	assert_true(backlog_update(b.r, &b.by, "p/a", &meta, NULL));
	assert_string_equal(next(&b), "30-32");
	assert_string_equal(next(&b), "26-28"); /* 29 is taken */
	meta = (struct job_meta){ .chunk = 4 };
	assert_true(backlog_update(b.r, &b.by, "p/a", &meta, NULL));
	assert_string_equal(next(&b), "2-8:2");
	assert_string_equal(next(&b), "10-12,14");
	assert_int_equal(n_queued(&b), 8);
	bench_free(&b);
}

static void what_comes_back_comes_first(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1-1000", (struct job_meta){ .chunk = 3, .order = BACKLOG_INTERLEAVE });
	struct lease *l = take(&b, "w");
	assert_string_equal(frames_format(b.a, &l->frames), "1-257:128");
	assert_true(commit(&b, l, 1, 0) && commit(&b, l, 129, 0));
	assert_true(lease_give_back(b.r, l->token, NULL));
	assert_string_equal(next(&b), "257-513:128");
	bench_free(&b);
}

static void chunks_by_time(void **state)
{
	struct bench b = bench_new(state);
	enqueue(&b, "p/a", "1-100", (struct job_meta){ .chunk = 5, .chunk_seconds = 10 });
	struct lease *l = take(&b, "w");
	assert_string_equal(frames_format(b.a, &l->frames), "1");
	assert_true(commit(&b, l, 1, 2.0));
	l = take(&b, "w");
	assert_string_equal(frames_format(b.a, &l->frames), "2-6");
	/* One frame that takes long does not turn it; three do. */
	assert_true(commit(&b, l, 2, 60.0));
	assert_string_equal(next(&b), "7-11");
	assert_int_equal(backlog_show(b.r, b.a, "p/a", NULL)->frame_ms, 2000);
	for (gint64 frame = 3; frame <= 5; frame++)
		assert_true(commit(&b, l, frame, 0.5));
	assert_string_equal(next(&b), "12-31");
	struct job_meta meta = { .chunk = 2 };
	assert_true(backlog_update(b.r, &b.by, "p/a", &meta, NULL));
	assert_string_equal(next(&b), "32-33");
	bench_free(&b);
}

/* -- whatever the length --------------------------------------------------------------------------- */

static gint64 slowest_us, began_us;

static void begin(void)
{
	began_us = g_get_monotonic_time();
}

static void end(const char *what)
{
	gint64 us = g_get_monotonic_time() - began_us;
	slowest_us = MAX(slowest_us, us);
	print_message("%s: %.1f ms\n", what, (double)us / 1000);
}

static void a_million_frames_change_at_once(void **state)
{
	struct bench b = bench_new(state);
	struct job_meta meta = { .chunk = 5 };
	enqueue(&b, "p/a", "1-1000000", meta);
	for (int i = 0; i < 50; i++)
		assert_non_null(next(&b));
	static const struct {
		const char *what;
		struct job_meta meta;
	} changes[] = {
		{ "interleave", { .chunk = 5, .order = BACKLOG_INTERLEAVE } },
		{ "chunk", { .chunk = 50, .order = BACKLOG_INTERLEAVE } },
		{ "pause", { .chunk = 5, .order = BACKLOG_INTERLEAVE, .is_paused = TRUE } },
		{ "priority", { .chunk = 5, .order = BACKLOG_INTERLEAVE, .priority = 7 } },
		{ "reverse", { .chunk = 5, .order = BACKLOG_REVERSE } },
		{ "forward", { .chunk = 5 } },
		{ "interleave again", { .chunk = 5, .order = BACKLOG_INTERLEAVE } },
	};
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		begin();
		assert_true(backlog_update(b.r, &b.by, "p/a", &changes[i].meta, NULL));
		end(changes[i].what);
		assert_true((next(&b) == NULL) == changes[i].meta.is_paused);
	}
	begin();
	enqueue(&b, "p/a", "1-1000000", changes[0].meta);
	end("the same again");
	g_autofree char *n_ranges = redis_fixture_ask(b.f, "ZCARD", "cleave:todo:p/a", NULL);
	assert_true(g_ascii_strtoll(n_ranges, NULL, 10) < 200);
	struct frame_set some;
	assert_null(frames_parse(b.a, "500-600000:3", &some, NULL));
	begin();
	assert_true(backlog_cancel(b.r, &b.by, "p/a", &some, NULL));
	end("cancel every third");
	begin();
	assert_true(backlog_cancel(b.r, &b.by, "p/a", NULL, NULL));
	end("cancel all");
	no_count_is_wrong(&b);
	assert_true(slowest_us < 100000); /* a few ms on a quiet machine */
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(projects_share),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(only_what_the_machine_has),
		cmocka_unit_test(orders),
		cmocka_unit_test(what_comes_back_comes_first),
		cmocka_unit_test(chunks_by_time),
		cmocka_unit_test(a_million_frames_change_at_once),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
