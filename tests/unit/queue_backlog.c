/* The backlog against a model that knows every frame, its size in memory, notices, and the crew. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/backlog.h"
#include "queue/crew.h"
#include "queue/lease.h"
#include "queue/notice.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct task_output output = { .path_template = "#.png", .format = "PNG" };
static const struct task task = { .scene_root = "s",
				  .scene_path = "a.blend",
				  .scene_sha256 = "0",
				  .engine = "CYCLES",
				  .device = "CPU",
				  .output_root = "f", .outputs = &output,
 .n_outputs = 1 };
static const struct capabilities can = { 0 };

/* -- a model ---------------------------------------------------------------------------------- */

enum { FRAMES = 60, KEYS = 3, LEASES = 400, FIRST = -10 };
static const char *const keys[KEYS] = { "ka", "kb", "kc" };

enum where { NOWHERE, QUEUED, RUNNING, FAILED };

struct model_frame {
	enum where where;
	int key;   /* of QUEUED, RUNNING and FAILED */
	int lease; /* of RUNNING */
	int n_failed; /* since it was queued: the third time gives it up */
};

struct model {
	struct model_frame frames[FRAMES];
	struct lease *leases[LEASES];
	int n_leases;
	gint64 limit; /* frames that run at once */
	struct redis *r;
	struct authority by;
	GRand *rand;
};

static int draw(struct model *m, int below)
{
	return g_rand_int_range(m->rand, 0, below);
}

static struct frame_set draw_set(struct model *m, struct arena *a)
{
	gint64 first = FIRST + draw(m, FRAMES), step = 1 + draw(m, 4);
	gint64 last = first + step * draw(m, 20);
	last = MIN(last, FIRST + FRAMES - 1);
	last = first + (last - first) / step * step;
	struct frame_set set = frames_range(a, first, last);
	set.runs[0].step = first == last ? 1 : step;
	return set;
}

static void do_enqueue(struct model *m, struct arena *a)
{
	int key = draw(m, KEYS);
	struct backlog_part part = { keys[key], draw_set(m, a), &task };
	struct job_meta meta = { .chunk = 1 + draw(m, 6), .n_retries = 90, .order = draw(m, 3), .backoff_ms = 1 };
	const struct job_limit limit = { "project:p", 1 + draw(m, 30) };
	guint64 n_added, n_expected = 0;
	meta.limits = &limit;
	meta.n_limits = 1;
	m->limit = limit.n_frames;
	assert_true(backlog_enqueue(m->r, &m->by, "p/a", &meta, &part, 1, &n_added, NULL));
	FRAMES_EACH (it, &part.frames) {
		struct model_frame *f = &m->frames[it.frame - FIRST];
		if ((f->where == QUEUED || f->where == RUNNING) && f->key == key)
			continue;
		*f = (struct model_frame){ QUEUED, key, 0, 0 };
		n_expected++;
	}
	assert_int_equal(n_added, n_expected);
}

static void do_cancel(struct model *m, struct arena *a)
{
	struct frame_set set = draw_set(m, a);
	gboolean all = draw(m, 20) == 0;
	assert_true(backlog_cancel(m->r, &m->by, "p/a", all ? NULL : &set, NULL));
	for (int i = 0; i < FRAMES; i++)
		if (all || frames_contain(&set, i + FIRST))
			m->frames[i].where = NOWHERE;
}

static void do_lease(struct model *m, struct arena *a)
{
	struct lease *l;
	assert_true(m->n_leases < LEASES);
	gint64 n_running = 0;
	for (int i = 0; i < FRAMES; i++)
		n_running += m->frames[i].where == RUNNING;
	/* Each time another worker, so that no frame waits for another one, and none is poison by chance. */
	g_autofree char *worker = g_strdup_printf("w%d", m->n_leases);
	g_usleep(1500);
	assert_true(lease_take(m->r, a, worker, &can, 600000, &l, NULL));
	if (!l) {
		for (int i = 0; i < FRAMES && n_running < m->limit; i++)
			assert_true(m->frames[i].where != QUEUED || m->frames[i].n_failed > 0);
		return;
	}
	assert_true(n_running + (gint64)frames_count(&l->frames) <= m->limit);
	FRAMES_EACH (it, &l->frames) {
		struct model_frame *f = &m->frames[it.frame - FIRST];
		assert_int_equal(f->where, QUEUED);
		assert_string_equal(keys[f->key], l->key);
		f->where = RUNNING;
		f->lease = m->n_leases;
	}
	m->leases[m->n_leases++] = l;
}

static void do_report(struct model *m)
{
	int frame = draw(m, FRAMES), lease = m->frames[frame].lease;
	gboolean is_running = m->frames[frame].where == RUNNING;
	if (m->n_leases == 0)
		return;
	if (!is_running || draw(m, 4) == 0)
		lease = draw(m, m->n_leases);
	gboolean is_mine = is_running && lease == m->frames[frame].lease;
	if (draw(m, 2)) {
		gboolean is_accepted;
		assert_true(lease_commit(m->r, m->leases[lease]->token, frame + FIRST, 0, &is_accepted, NULL));
		assert_true(is_accepted || !is_mine);
		if (is_mine)
			m->frames[frame].where = NOWHERE;
		return;
	}
	enum lease_failed outcome;
	assert_true(lease_fail(m->r, m->leases[lease]->token, frame + FIRST, "x", FAILURE_RETRY, &outcome, NULL));
	if (!is_mine) {
		assert_int_equal(outcome, LEASE_SUPERSEDED);
		return;
	}
	struct model_frame *f = &m->frames[frame];
	f->where = ++f->n_failed == 3 ? FAILED : QUEUED;
	assert_int_equal(outcome, f->where == FAILED ? LEASE_GIVEN_UP : LEASE_QUEUED_AGAIN);
}

static void do_give_back(struct model *m)
{
	if (m->n_leases == 0)
		return;
	int lease = draw(m, m->n_leases);
	assert_true(lease_give_back(m->r, m->leases[lease]->token, NULL));
	for (int i = 0; i < FRAMES; i++)
		if (m->frames[i].where == RUNNING && m->frames[i].lease == lease)
			m->frames[i].where = QUEUED;
}

/* Every frame that Redis shows is where the model has it, and none is missing. */
static void compare(struct model *m, struct arena *a)
{
	struct backlog *b = backlog_show(m->r, a, "p/a", NULL);
	gint64 n_shown = 0, n_known = 0;
	for (guint i = 0; i < b->n_queued; i++) {
		/* Runs of a set may interleave, so they are walked one by one. */
		for (guint j = 0; j < b->queued[i].frames.n_runs; j++) {
			struct frame_set run = { &b->queued[i].frames.runs[j], 1 };
			FRAMES_EACH (it, &run) {
				assert_int_equal(m->frames[it.frame - FIRST].where, QUEUED);
				assert_string_equal(keys[m->frames[it.frame - FIRST].key], b->queued[i].key);
				n_shown++;
			}
		}
	}
	for (guint i = 0; i < b->n_running; i++)
		FRAMES_EACH (it, &b->running[i].frames) {
			const struct model_frame *f = &m->frames[it.frame - FIRST];
			assert_int_equal(f->where, RUNNING);
			assert_string_equal(m->leases[f->lease]->token, b->running[i].token);
			assert_string_equal(keys[f->key], b->running[i].key);
			n_shown++;
		}
	for (guint i = 0; i < b->n_failed; i++) {
		assert_int_equal(m->frames[b->failed[i].frame - FIRST].where, FAILED);
		n_shown++;
	}
	for (int i = 0; i < FRAMES; i++)
		n_known += m->frames[i].where != NOWHERE;
	assert_int_equal(n_shown, n_known);
	const char *recount[] = { "FCALL", "cleave_recount", "0" };
	struct redisReply *wrong = redis_call(m->r, REDIS_REPEAT, 3, recount, NULL);
	assert_int_equal(wrong->integer, 0);
	freeReplyObject(wrong);
}

static void own(struct redis *r, struct authority *ret)
{
	SCOPED_ARENA(a);
	struct owner o;
	assert_true(owner_acquire(r, a, "test", 600000, &o, NULL));
	*ret = (struct authority){ o.fence, 0 };
}

static void play(struct redis_fixture *f, guint32 seed)
{
	SCOPED_ARENA(a);
	struct model m = { .r = redis_new(f->url, NULL, 2000, NULL), .rand = g_rand_new_with_seed(seed) };
	g_free(redis_fixture_ask(f, "FLUSHALL", NULL));
	own(m.r, &m.by);
	for (int i = 0; i < 300; i++) {
		int what = draw(&m, 10);
		if (what < 3)
			do_enqueue(&m, a);
		else if (what < 4)
			do_cancel(&m, a);
		else if (what < 6)
			do_lease(&m, a);
		else if (what < 9)
			do_report(&m);
		else
			do_give_back(&m);
		compare(&m, a);
	}
	g_rand_free(m.rand);
	redis_free(m.r);
}

static void agrees_with_a_model(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	for (guint32 seed = 1; seed <= 20; seed++)
		play(f, seed);
}

/* -- sizes ------------------------------------------------------------------------------------ */

static gint64 used_memory(struct redis_fixture *f)
{
	g_autofree char *info = redis_fixture_ask(f, "INFO", "memory", NULL);
	return g_ascii_strtoll(strstr(info, "used_memory:") + strlen("used_memory:"), NULL, 10);
}

static void million_frames_are_small(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 20000, NULL);
	SCOPED_ARENA(a);
	struct authority by;
	struct job_meta meta = { .chunk = 5 };
	guint64 n_added;
	own(r, &by);
	gint64 before = used_memory(f);
	struct backlog_part part = { "k", frames_range(a, 1, 10000000), &task };
	assert_true(backlog_enqueue(r, &by, "p/a", &meta, &part, 1, &n_added, NULL));
	assert_int_equal(n_added, 10000000);
	struct lease *l;
	for (int i = 0; i < 1000; i++)
		assert_true(lease_take(r, a, "w", &can, 60000, &l, NULL) && l);
	assert_true(used_memory(f) - before < 4 << 20);
	/* Every second frame under another key: still by its ends. */
	struct backlog_part odd = { "k2", frames_range(a, 1, 9999999), &task };
	odd.frames.runs[0].step = 2;
	gint64 start = g_get_monotonic_time();
	assert_true(backlog_enqueue(r, &by, "p/a", &meta, &odd, 1, &n_added, NULL));
	assert_int_equal(n_added, 5000000);
	assert_true(g_get_monotonic_time() - start < 2000000);
	struct backlog_count *counts;
	guint n;
	assert_true(backlog_list(r, a, &counts, &n, NULL));
	assert_int_equal(n, 1);
	assert_int_equal(counts[0].n_queued, 10000000 - 2500);
	assert_int_equal(counts[0].n_running, 2500);
	redis_free(r);
}

static void many_small_ranges(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 20000, NULL);
	SCOPED_ARENA(a);
	struct authority by;
	struct job_meta meta = { .chunk = 5 };
	guint64 n_added;
	enum { N = 20000 };
	own(r, &by);
	struct frame_set set = { ARENA_ARRAY(a, struct frame_run, N), N };
	for (gint64 i = 0; i < N; i++)
		set.runs[i] = (struct frame_run){ i * 10, i * 10 + 1, 1 };
	struct backlog_part part = { "k", set, &task };
	for (int i = 0; i < 2; i++) {
		gint64 start = g_get_monotonic_time();
		assert_true(backlog_enqueue(r, &by, "p/a", &meta, &part, 1, &n_added, NULL));
		assert_int_equal(n_added, i == 0 ? 2 * N : 0);
		assert_true(g_get_monotonic_time() - start < 5000000);
	}
	redis_free(r);
}

static void parts_may_not_overlap(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct authority by;
	struct job_meta meta = { .chunk = 5 };
	guint64 n_added;
	g_autoptr(GError) problem = NULL;
	own(r, &by);
	struct backlog_part parts[] = { { "k", frames_range(a, 1, 10), &task },
					{ "l", frames_range(a, 10, 12), &task } };
	assert_false(backlog_enqueue(r, &by, "p/a", &meta, parts, 2, &n_added, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID));
	parts[1].frames = frames_range(a, 11, 12);
	assert_true(backlog_enqueue(r, &by, "p/a", &meta, parts, 2, &n_added, NULL));
	struct backlog *b = backlog_show(r, a, "p/a", NULL);
	assert_int_equal(b->n_queued, 2);
	assert_string_equal(b->queued[1].key, "l");
	assert_int_equal(b->meta.chunk, 5);
	/* A key that nothing uses any more takes its task with it. */
	struct frame_set gone = frames_range(a, 11, 12);
	assert_true(backlog_cancel(r, &by, "p/a", &gone, NULL));
	assert_true(backlog_enqueue(r, &by, "p/a", &meta, parts, 1, &n_added, NULL));
	assert_int_equal(n_added, 0);
	g_autofree char *has = redis_fixture_ask(f, "HEXISTS", "cleave:job:p/a", "task:l", NULL);
	assert_string_equal(has, "0");
	redis_free(r);
}

/* -- notices and the crew --------------------------------------------------------------------- */

static void count_look(gpointer data)
{
	++*(int *)data;
}

static gboolean past(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Runs the main loop until *looks reaches `n`, for up to five seconds. */
static gboolean wait_for_looks(const int *looks, int n)
{
	gboolean is_late = FALSE;
	guint timer = g_timeout_add(5000, past, &is_late);
	while (*looks < n && !is_late)
		g_main_context_iteration(NULL, TRUE);
	if (!is_late)
		g_source_remove(timer);
	return !is_late;
}

static void notices_come_and_reconnect(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	int looks = 0;
	struct notice *n = notice_new(f->url, NULL, count_look, &looks, NULL);
	assert_true(wait_for_looks(&looks, 1));
	assert_true(notice_is_connected(n));
	struct crew_member m = { .name = "w" };
	assert_true(crew_report(r, &m, NULL));
	assert_true(wait_for_looks(&looks, 2));
	redis_fixture_stop(f);
	g_free(redis_fixture_ask(f, "PING", NULL));
	while (notice_is_connected(n))
		g_main_context_iteration(NULL, TRUE);
	redis_fixture_start(f);
	assert_true(wait_for_looks(&looks, 3));
	assert_true(crew_report(r, &m, NULL));
	assert_true(wait_for_looks(&looks, 4));
	notice_free(n);
	assert_null(notice_new("http://x", NULL, count_look, &looks, NULL));
	redis_free(r);
}

static void crew_reports(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct redis *r = redis_new(f->url, NULL, 2000, NULL);
	SCOPED_ARENA(a);
	struct crew_member m = {
		.name = "w1", .host = "vm1", .state = "rendering", .job = "p/a", .frame = -3, .n_done = 7
	};
	struct crew_member *all;
	struct lease *lease;
	guint n;
	assert_true(crew_report(r, &m, NULL));
	assert_true(lease_take(r, a, "w2", &can, 1000, &lease, NULL));
	assert_true(crew_list(r, a, &all, &n, NULL));
	assert_int_equal(n, 2);
	const struct crew_member *w1 = strcmp(all[0].name, "w1") == 0 ? &all[0] : &all[1];
	const struct crew_member *w2 = w1 == all ? &all[1] : &all[0];
	assert_string_equal(w1->host, "vm1");
	assert_string_equal(w1->blender, "");
	assert_int_equal(w1->frame, -3);
	assert_int_equal(w1->n_done, 7);
	assert_true(w1->age_ms >= 0 && w1->age_ms < 5000);
	assert_string_equal(w2->host, "");
	assert_true(crew_leave(r, "w1", NULL));
	assert_true(crew_list(r, a, &all, &n, NULL));
	assert_int_equal(n, 1);
	redis_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_model),        cmocka_unit_test(million_frames_are_small),
		cmocka_unit_test(many_small_ranges),          cmocka_unit_test(parts_may_not_overlap),
		cmocka_unit_test(notices_come_and_reconnect), cmocka_unit_test(crew_reports),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
