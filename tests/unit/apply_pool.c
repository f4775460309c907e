/* The graph of waits carried out: what runs beside each other, what waits, what is stuck and what is ended early. The
 * verbs are the test's own; they make calls to libvirt's test driver that take as long as they are told. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_call.h"
#include "spec/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 20000, MAX_ACTIONS = 600 };

/* What an action does, told by its id: "NAME", "NAME:MS" sleeps in a call, "NAME:stuck" hangs until the gate opens. */
struct ctx {
	struct virt *v;
	struct arena *arena;
	struct plan plan;
	struct object farm;
	struct action actions[MAX_ACTIONS];
	struct apply_input in;
	struct outcomes outcomes;
	GString *log; /* of the main thread: +begun -ended, by index */
	guint n_begun, ends_after; /* the pass ends after so many have begun; 0: it does not */
	GError *error;
};

/* cmocka has a macro of that name: (fail) is ours. */
static GMutex gate_lock;
static GCond gate_cond;
static gboolean gate_open;
static gint n_calls, n_at_once, most_at_once, n_undone, n_after_stuck, n_elsewhere;
static GThread *main_thread;

static void set_gate(gboolean is_open)
{
	g_mutex_lock(&gate_lock);
	gate_open = is_open;
	g_cond_broadcast(&gate_cond);
	g_mutex_unlock(&gate_lock);
}

static void note_at_once(void)
{
	gint now = g_atomic_int_add(&n_at_once, 1) + 1, most;
	do
		most = g_atomic_int_get(&most_at_once);
	while (now > most && !g_atomic_int_compare_and_exchange(&most_at_once, most, now));
}

static gpointer run_slow(virConnectPtr connection, gpointer data, GError **error)
{
	(void)error;
	const char *how = strchr(data, ':');
	g_atomic_int_inc(&n_calls);
	note_at_once();
	if (how && strcmp(how, ":stuck") == 0) {
		g_mutex_lock(&gate_lock);
		while (!gate_open)
			g_cond_wait(&gate_cond, &gate_lock);
		g_mutex_unlock(&gate_lock);
	} else if (how) {
		g_usleep((gulong)g_ascii_strtoull(how + 1, NULL, 10) * 1000);
	}
	g_atomic_int_add(&n_at_once, -1);
	return connection;
}

static gboolean make_call(const struct apply_input *in, const struct action *act, gint64 timeout_ms, GError **error)
{
	struct virt_job job = { .what = "poking",
		                .name = act->id,
		                .object = act->id,
		                .run = run_slow,
		                .data = g_strdup(act->id),
		                .data_free = g_free };
	return virt_call(in->virt, &job, timeout_ms, NULL, error);
}

/* Reads the plan while others do, and fills its own arena. */
static gboolean check_parallel(const struct apply_input *in, const struct action *act, GError **error)
{
	g_atomic_int_add(&n_elsewhere, g_thread_self() != main_thread);
	for (guint i = 0; i < 100; i++)
		arena_printf(in->arena, "%s %u", act->id, i);
	if (!objects_get(in->plan->want, KIND_FARM, "f"))
		return (fail)(error, ERROR_FAILED, "no farm");
	return in->redis || in->hands ? (fail)(error, ERROR_FAILED, "what is the main thread's is here") : TRUE;
}

static gboolean run_parallel(const struct apply_input *in, const struct action *act, GError **error)
{
	gint64 timeout_ms = act->count ? (gint64)act->count : TIMEOUT_MS;
	if (!make_call(in, act, timeout_ms, error))
		return FALSE;
	g_atomic_int_add(&n_after_stuck, g_str_has_suffix(act->id, ":stuck"));
	return !g_str_has_prefix(act->id, "bad") || (fail)(error, ERROR_FAILED, "it is bad");
}

static gboolean undo_parallel(const struct apply_input *in, const struct action *act, GError **error)
{
	g_atomic_int_inc(&n_undone);
	return make_call(in, act, 1000, error);
}

static gboolean run_here(const struct apply_input *in, const struct action *act, GError **error)
{
	if (g_thread_self() != main_thread || in->pool)
		return (fail)(error, ERROR_FAILED, "not on the main thread");
	return make_call(in, act, TIMEOUT_MS, error);
}

/* Of many parts, none of which lets the main loop turn. */
static gboolean run_parts(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)act;
	for (guint i = 0; i < 24; i++) {
		g_usleep(100000);
		if (!apply_goes_on(in, error))
			return FALSE;
	}
	return TRUE;
}

/* On the main thread, whoever asks. */
static gboolean count_in(const struct apply_input *in, gpointer data, GError **error)
{
	(void)in;
	if (g_thread_self() != main_thread)
		return (fail)(error, ERROR_FAILED, "asked of the main thread, done elsewhere");
	return ++*(guint *)data != 3 || (fail)(error, ERROR_FAILED, "three is too many");
}

static gboolean run_asking(const struct apply_input *in, const struct action *act, GError **error)
{
	struct ctx *x = in->user;
	(void)act;
	return apply_on_main(in, count_in, &x->plan.epoch, error);
}

static const struct apply_row rows[N_VERBS] = {
	[VERB_DEFINE_VM] = { .check = check_parallel, .run = run_parallel, .is_parallel = TRUE },
	[VERB_STOP_VM] = { .check = check_parallel, .run = run_parallel, .is_parallel = TRUE },
	[VERB_START_VM] = { .check = check_parallel, .run = run_parallel, .is_parallel = TRUE },
	[VERB_UPDATE_VM] = { .run = run_parallel, .undo = undo_parallel, .is_parallel = TRUE },
	[VERB_UNDEFINE_VM] = { .run = run_asking, .is_parallel = TRUE },
	[VERB_BIND_DEVICE] = { .run = run_here },
	[VERB_SET_HUGEPAGES] = { .run = run_here },
	[VERB_DELIVER_FRAMES] = { .run = run_parts },
};

/* -- a plan ------------------------------------------------------------------------------------------------ */

static void on_acting(void *user, guint action)
{
	struct ctx *x = user;
	assert_ptr_equal(g_thread_self(), main_thread);
	x->n_begun++;
	g_string_append_printf(x->log, "+%u ", action);
}

static void on_acted(void *user, const struct outcome *o)
{
	struct ctx *x = user;
	assert_ptr_equal(g_thread_self(), main_thread);
	g_string_append_printf(x->log, "-%u ", o->action);
}

static gboolean is_over(void *user)
{
	const struct ctx *x = user;
	return x->ends_after && x->n_begun >= x->ends_after;
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	gint *counts[] = { &n_calls, &n_at_once, &most_at_once, &n_undone, &n_after_stuck, &n_elsewhere };
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		g_atomic_int_set(counts[i], 0);
	main_thread = g_thread_self();
	set_gate(FALSE);
	x->arena = arena_new();
	x->log = g_string_new(NULL);
	x->v = virt_open("test:///default", NULL, TIMEOUT_MS, &x->error);
	assert_non_null(x->v);
	struct objects *want = objects_new(x->arena);
	x->farm = (struct object){ .kind = &kinds[KIND_FARM], .meta = { .name = "f" }, .id = "f" };
	objects_add(want, &x->farm);
	x->plan = (struct plan){ .want = want, .have = objects_new(x->arena), .actions = x->actions };
	x->in = (struct apply_input){ .arena = x->arena, .plan = &x->plan, .rows = rows, .virt = x->v, .acting = on_acting,
		                      .acted = on_acted, .is_over = is_over, .user = x };
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	set_gate(TRUE);
	virt_close(x->v, 2000);
	arena_free(x->arena);
	g_string_free(x->log, TRUE);
	g_clear_error(&x->error);
	g_free(x);
	return 0;
}

/* Waits: indices of earlier ones, -1 ends them. */
static guint add(struct ctx *x, enum verb verb, const char *id, int wait_1, int wait_2)
{
	struct action *act = &x->actions[x->plan.n_actions];
	*act = (struct action){ .verb = verb, .kind = KIND_VM, .id = id, .waits = ARENA_ARRAY(x->arena, guint, 2) };
	if (wait_1 >= 0)
		act->waits[act->n_waits++] = (guint)wait_1;
	if (wait_2 >= 0)
		act->waits[act->n_waits++] = (guint)wait_2;
	return x->plan.n_actions++;
}

static double apply(struct ctx *x)
{
	gint64 before = g_get_monotonic_time();
	if (!apply_plan(&x->in, &x->outcomes, &x->error))
		fail_msg("%s", x->error->message);
	assert_int_equal(x->outcomes.n, x->plan.n_actions);
	for (guint i = 0; i < x->outcomes.n; i++)
		assert_int_equal(x->outcomes.items[i].action, i);
	return (double)(g_get_monotonic_time() - before) / 1000;
}

static void assert_outcome(struct ctx *x, guint i, enum outcome_state state, const char *words)
{
	const struct outcome *o = &x->outcomes.items[i];
	if (o->state != state || (words && (!o->message || !strstr(o->message, words))))
		fail_msg("%u %s: state %d, \"%s\"", i, x->actions[i].id, o->state, o->message ? o->message : "");
}

static void assert_order(struct ctx *x, const char *first, const char *second)
{
	const char *a = strstr(x->log->str, first), *b = strstr(x->log->str, second);
	if (!a || !b || a > b)
		fail_msg("%snot before %sin %s", first, second, x->log->str);
}

static const char *name(struct ctx *x, guint i, const char *how)
{
	return arena_printf(x->arena, "vm-%u%s", i, how);
}

/* -- tests -------------------------------------------------------------------------------------------------- */

static void test_independent_ones_overlap(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < 16; i++)
		add(x, VERB_DEFINE_VM, name(x, i, ":100"), -1, -1);
	double ms = apply(x);
	assert_int_equal(x->outcomes.n_done, 16);
	assert_int_equal(g_atomic_int_get(&most_at_once), 8); /* bounded */
	assert_int_equal(g_atomic_int_get(&n_elsewhere), 16);
	assert_true(ms >= 200 && ms < 800);
	assert_true(x->outcomes.items[0].took_ms >= 100);
}

static void test_waits_are_kept(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < 4; i++)
		add(x, VERB_DEFINE_VM, name(x, i, ":40"), -1, -1);
	guint device = add(x, VERB_BIND_DEVICE, "card", -1, -1);
	for (int i = 0; i < 4; i++)
		add(x, VERB_START_VM, name(x, (guint)i, ":5"), i, (int)device);
	apply(x);
	assert_int_equal(x->outcomes.n_done, 9);
	assert_order(x, "-0 ", "+5 ");
	assert_order(x, "-3 ", "+8 ");
	assert_order(x, "-4 ", "+5 ");
	/* The main thread does its own while others are under way. */
	assert_order(x, "+3 ", "+4 ");
	assert_order(x, "-4 ", "-0 ");
}

/* 300 × two actions, some of which fail: what waits for those is skipped, all else is done. */
static void test_many(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < 300; i++)
		add(x, VERB_DEFINE_VM, arena_printf(x->arena, "%s-%u", i % 10 == 7 ? "bad" : "vm", i), -1, -1);
	for (guint i = 0; i < 300; i++)
		add(x, VERB_START_VM, arena_printf(x->arena, "vm-%u", i), (int)i, -1);
	apply(x);
	assert_int_equal(x->outcomes.n_done, 540);
	assert_int_equal(x->outcomes.n_failed, 30);
	assert_int_equal(x->outcomes.n_skipped, 30);
	assert_outcome(x, 7, OUTCOME_FAILED, "it is bad");
	assert_outcome(x, 307, OUTCOME_SKIPPED, "waits for define-vm");
	assert_int_equal(g_atomic_int_get(&n_calls), 570);
}

static void test_stuck_one_holds_back_only_its_own(void **state)
{
	struct ctx *x = *state;
	guint stuck = add(x, VERB_DEFINE_VM, "a:stuck", -1, -1);
	x->actions[stuck].count = 400; /* its deadline */
	guint fine = add(x, VERB_DEFINE_VM, "b", -1, -1), waits = add(x, VERB_START_VM, "a", (int)stuck, -1);
	guint goes = add(x, VERB_START_VM, "b", (int)fine, -1);
	guint after = add(x, VERB_START_VM, "c", (int)waits, -1);
	double ms = apply(x);
	assert_true(ms >= 400 && ms < 2000);
	assert_outcome(x, stuck, OUTCOME_FAILED, "libvirt did not answer in 400 ms");
	assert_outcome(x, waits, OUTCOME_SKIPPED, "waits for define-vm");
	assert_outcome(x, after, OUTCOME_SKIPPED, "waits for start-vm");
	assert_outcome(x, goes, OUTCOME_DONE, NULL);
	assert_order(x, "-3 ", "-0 ");
	assert_int_equal(virt_count_stuck(x->v), 1);

	/* Its object is left alone until the call returns; then it is free again. */
	x->plan.n_actions = 0;
	x->actions[add(x, VERB_DEFINE_VM, "a:stuck", -1, -1)].count = 400;
	assert_true(apply(x) < 300);
	assert_outcome(x, 0, OUTCOME_FAILED, "libvirt is still busy with poking a:stuck");
	set_gate(TRUE);
	for (guint i = 0; i < 2000 && virt_count_stuck(x->v); i++)
		g_usleep(5000);
	assert_int_equal(g_atomic_int_get(&n_after_stuck), 0); /* who was given up did nothing more */
	apply(x);
	assert_outcome(x, 0, OUTCOME_DONE, NULL);
	assert_int_equal(g_atomic_int_get(&n_calls), 4);
}

/* A window that closes between the stop and the start of a VM ends what has not begun, and leaves nothing off. */
static void test_window_closes_in_mid_restart(void **state)
{
	struct ctx *x = *state;
	guint stop = add(x, VERB_STOP_VM, "v:150", -1, -1), card = add(x, VERB_BIND_DEVICE, "card", (int)stop, -1);
	guint other = add(x, VERB_BIND_DEVICE, "other", (int)stop, -1), start = add(x, VERB_START_VM, "v:150", (int)stop, (int)card);
	guint late = add(x, VERB_STOP_VM, "w", (int)stop, -1);
	for (guint i = 0; i < x->plan.n_actions; i++)
		x->actions[i].until_ms = i == start ? 0 : g_get_real_time() / 1000 + 100;
	apply(x);
	assert_outcome(x, stop, OUTCOME_DONE, NULL);
	assert_outcome(x, card, OUTCOME_DONE, NULL);
	assert_outcome(x, start, OUTCOME_DONE, NULL);
	assert_outcome(x, other, OUTCOME_SKIPPED, "its window has closed");
	assert_outcome(x, late, OUTCOME_SKIPPED, "its window has closed");
}

/* The pass, with all that its actions knew, is gone by the time the call returns. */
static void test_pass_ends_before_the_call(void **state)
{
	struct ctx *x = *state;
	x->in.arena = arena_new();
	x->actions[add(x, VERB_UPDATE_VM, arena_strdup(x->in.arena, "a:stuck"), -1, -1)].count = 50;
	apply(x);
	assert_outcome(x, 0, OUTCOME_FAILED, "did not answer in 50 ms; left as it is: poking a:stuck: libvirt is still busy");
	assert_int_equal(g_atomic_int_get(&n_undone), 1);
	arena_free(x->in.arena);
	memset(x->actions, 0xa5, sizeof x->actions);
	set_gate(TRUE);
	for (guint i = 0; i < 2000 && virt_count_stuck(x->v); i++)
		g_usleep(5000);
	assert_int_equal(virt_count_stuck(x->v), 0);
	assert_int_equal(g_atomic_int_get(&n_calls), 1);
}

static void test_over(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < 20; i++)
		add(x, VERB_DEFINE_VM, name(x, i, ":50"), -1, -1);
	add(x, VERB_START_VM, "vm-0", 0, -1);
	x->ends_after = 5;
	double ms = apply(x);
	assert_int_equal(x->outcomes.n_done, 5); /* those under way are waited for */
	assert_int_equal(x->outcomes.n_skipped, 16);
	assert_outcome(x, 5, OUTCOME_SKIPPED, "the pass ended before it");
	assert_outcome(x, 20, OUTCOME_SKIPPED, "the pass ended before it");
	assert_int_equal(g_atomic_int_get(&n_calls), 5);
	assert_true(ms < 500);
}

/* Pages come after all who may give some back, whether or not they do; what needs none does not wait. */
static void test_pages(void **state)
{
	struct ctx *x = *state;
	static const struct vm_spec with_pages = { .hugepage_bytes = 2 << 20 };
	add(x, VERB_STOP_VM, "bad:60", -1, -1);
	guint pages = add(x, VERB_SET_HUGEPAGES, "host", -1, -1), start = add(x, VERB_START_VM, "b", -1, -1);
	x->actions[start].vm = &with_pages;
	add(x, VERB_START_VM, "c", -1, -1);
	apply(x);
	assert_outcome(x, 0, OUTCOME_FAILED, "it is bad");
	assert_outcome(x, pages, OUTCOME_DONE, NULL);
	assert_outcome(x, start, OUTCOME_DONE, NULL);
	assert_order(x, "-0 ", "+1 ");
	assert_order(x, "-1 ", "+2 ");
	assert_order(x, "-3 ", "-0 ");
}

static void test_asking_the_main_thread(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < 5; i++)
		add(x, VERB_UNDEFINE_VM, name(x, i, ""), -1, -1);
	apply(x);
	assert_int_equal(x->plan.epoch, 5);
	assert_int_equal(x->outcomes.n_done, 4);
	assert_int_equal(x->outcomes.n_failed, 1);
}

static gboolean on_beat(gpointer n)
{
	++*(guint *)n;
	return G_SOURCE_CONTINUE;
}

/* What is due meanwhile, as a heartbeat, does not wait for its end. */
static void test_long_one_lets_the_loop_turn(void **state)
{
	struct ctx *x = *state;
	guint n = 0, beat = g_timeout_add(200, on_beat, &n);
	add(x, VERB_DELIVER_FRAMES, "frames", -1, -1);
	apply(x);
	g_source_remove(beat);
	assert_int_equal(x->outcomes.n_done, 1);
	assert_in_range(n, 2, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_independent_ones_overlap),
		TEST(test_waits_are_kept),
		TEST(test_many),
		TEST(test_stuck_one_holds_back_only_its_own),
		TEST(test_pass_ends_before_the_call),
		TEST(test_window_closes_in_mid_restart),
		TEST(test_over),
		TEST(test_pages),
		TEST(test_asking_the_main_thread),
		TEST(test_long_one_lets_the_loop_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
