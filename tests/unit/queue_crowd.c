/* Sixty-four workers on one Redis that commit, fail, stall, give back and vanish, while the owner changes his mind:
 * every frame gets exactly one accepted result, limits hold at every moment, counts are right at the end. */
#include "base/arena.h"
#include "queue/backlog.h"
#include "queue/lease.h"
#include "queue/redis.h"
#include "queue_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 64, JOBS = 6, FRAMES = 1200, LEASE_MS = 400, LIMIT = 40, LABEL_LIMIT = 15, PATIENCE_S = 60 };

struct crowd {
	struct bench *b;
	int accepted[JOBS][FRAMES + 1]; /* atomic */
	int superseded, vanished, must_stop;
};

struct one {
	struct crowd *crowd;
	int number;
	GThread *thread;
	const char *problem;
};

static const char *const jobs[JOBS] = { "p/a", "p/b", "p/c", "q/d", "q/e", "r/f" };

static int job_number(const char *job)
{
	for (int i = 0; i < JOBS; i++)
		if (strcmp(jobs[i], job) == 0)
			return i;
	return -1;
}

/* One frame; FALSE: the worker goes on without the rest of its lease. */
static gboolean work_frame(struct one *w, struct redis *r, GRand *rand, const struct lease *l, gint64 frame)
{
	gboolean is_held, is_accepted;
	enum lease_failed outcome;
	int dice = g_rand_int_range(rand, 0, 200);
	if (!lease_extend(r, l->token, LEASE_MS, &frame, &is_held, NULL))
		w->problem = "extend";
	if (!is_held)
		return TRUE;
	if (dice == 0) { /* stopped for longer than its lease; what it reports then is late */
		g_atomic_int_inc(&w->crowd->vanished);
		g_usleep(LEASE_MS * 1500);
	} else if (dice == 1) {
		g_atomic_int_inc(&w->crowd->vanished);
		return FALSE;
	} else if (dice == 2) {
		lease_give_back(r, l->token, NULL);
		return FALSE;
	} else if (dice < 8) {
		if (!lease_fail(r, l->token, frame, "bad luck", FAILURE_RETRY, &outcome, NULL))
			w->problem = "fail";
		return TRUE;
	}
	if (!lease_commit(r, l->token, frame, 0.001, &is_accepted, NULL))
		w->problem = "commit";
	else if (is_accepted)
		g_atomic_int_inc(&w->crowd->accepted[job_number(l->job)][frame]);
	else
		g_atomic_int_inc(&w->crowd->superseded);
	return TRUE;
}

static gpointer work(gpointer data)
{
	struct one *w = data;
	struct redis *r = redis_new(w->crowd->b->f->url, NULL, 20000, NULL);
	GRand *rand = g_rand_new_with_seed((guint32)w->number + 1);
	g_autofree char *name = g_strdup_printf("w%02d", w->number);
	const struct capabilities can = { 0 };
	while (!g_atomic_int_get(&w->crowd->must_stop) && !w->problem) {
		SCOPED_ARENA(a);
		struct lease *l;
		gboolean is_woken;
		if (!lease_take(r, a, name, &can, LEASE_MS, &l, NULL))
			w->problem = "lease";
		else if (!l && !lease_wait(r, name, 200, -1, &is_woken, NULL))
			w->problem = "wait";
		else if (l)
			FRAMES_EACH (it, &l->frames)
				if (w->problem || !work_frame(w, r, rand, l, it.frame))
					break;
	}
	g_rand_free(rand);
	redis_free(r);
	return NULL;
}

static void enqueue(struct bench *b, int job, const struct job_meta *meta)
{
	guint64 n_added;
	struct backlog_part part = { "k", frames_range(b->a, 1, FRAMES), &queue_fixture_task };
	assert_true(backlog_enqueue(b->r, &b->by, jobs[job], meta, &part, 1, &n_added, NULL));
	assert_int_equal(n_added, FRAMES);
}

/* In one call, so at one moment: no scope is above its limit, and no count is wrong. */
static void look(struct bench *b)
{
	char label[16], project[16];
	g_snprintf(label, sizeof label, "%d", LABEL_LIMIT);
	g_snprintf(project, sizeof project, "%d", LIMIT);
	g_autofree char *above =
		redis_fixture_ask(b->f, "EVAL",
				  "local p = tonumber(redis.call('HGET', 'cleave:counts', 'project:p') or 0)"
				  " local l = tonumber(redis.call('HGET', 'cleave:counts', 'label:artist=mei') or 0)"
				  " return (p > tonumber(ARGV[1]) or l > tonumber(ARGV[2])) and p .. ' ' .. l or 'fine'",
				  "0", project, label, NULL);
	g_autofree char *wrong = redis_fixture_ask(b->f, "FCALL", "cleave_recount", "0", NULL);
	assert_string_equal(above, "fine");
	assert_string_equal(wrong, "0");
}

static gboolean is_done(struct bench *b)
{
	struct backlog_count *counts;
	guint n;
	SCOPED_ARENA(a);
	assert_true(backlog_list(b->r, a, &counts, &n, NULL));
	return n == 0;
}

/* Changes that cost nobody a frame. */
static void change(struct bench *b, GRand *rand, const struct job_meta *metas)
{
	int job = g_rand_int_range(rand, 0, JOBS);
	struct job_meta meta = metas[job];
	meta.order = g_rand_int_range(rand, 0, 3);
	meta.priority = g_rand_int_range(rand, 0, 3);
	meta.chunk = g_rand_int_range(rand, 1, 8);
	(void)backlog_update(b->r, &b->by, jobs[job], &meta, NULL); /* it may be done */
}

static void each_frame_once(void **state)
{
	struct bench b = bench_new(state);
	struct crowd crowd = { .b = &b };
	struct one workers[WORKERS];
	struct job_meta metas[JOBS];
	const struct job_limit limits[] = { { "project:p", LIMIT }, { "label:artist=mei", LABEL_LIMIT } };
	GRand *rand = g_rand_new_with_seed(7);
	for (int i = 0; i < JOBS; i++) {
		/* Three workers may fail one frame by chance: then it is queued again, below. */
		metas[i] = (struct job_meta){ .chunk = 5, .n_retries = 90, .backoff_ms = 1 };
		metas[i].limits = i < 3 ? limits : limits + 1;
		metas[i].n_limits = i == 0 ? 2 : i < 4 ? 1 : 0;
		enqueue(&b, i, &metas[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct one){ .crowd = &crowd, .number = i };
		workers[i].thread = g_thread_new("worker", work, &workers[i]);
	}
	gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
	int n_looks = 0;
	while (!is_done(&b) && g_get_monotonic_time() < until) {
		look(&b);
		n_looks++;
		change(&b, rand, metas);
		for (int i = 0; i < JOBS; i++) {
			struct backlog *log = backlog_show(b.r, b.a, jobs[i], NULL);
			for (guint f = 0; f < log->n_failed; f++) {
				guint64 n_added;
				struct backlog_part part = { "k", frames_range(b.a, log->failed[f].frame, log->failed[f].frame),
							     &queue_fixture_task };
				assert_true(backlog_enqueue(b.r, &b.by, jobs[i], &metas[i], &part, 1, &n_added, NULL));
			}
		}
	}
	gboolean is_finished = is_done(&b);
	g_atomic_int_set(&crowd.must_stop, 1);
	for (int i = 0; i < WORKERS; i++) {
		g_thread_join(workers[i].thread);
		if (workers[i].problem)
			fail_msg("worker %d could not %s", i, workers[i].problem);
	}
	g_rand_free(rand);
	assert_true(is_finished);
	for (int i = 0; i < JOBS; i++)
		for (int frame = 1; frame <= FRAMES; frame++)
			if (crowd.accepted[i][frame] != 1)
				fail_msg("%s frame %d has %d results", jobs[i], frame, crowd.accepted[i][frame]);
	g_autofree char *left = redis_fixture_ask(b.f, "EXISTS", "cleave:counts", "cleave:ready", "cleave:tail", "cleave:due",
						  "cleave:jobs", NULL);
	assert_string_equal(left, "0");
	print_message("%d looks, %d late reports, %d workers vanished for a while\n", n_looks, crowd.superseded,
		      crowd.vanished);
	assert_true(n_looks > 10 && crowd.vanished > 0);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_frame_once) };
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
