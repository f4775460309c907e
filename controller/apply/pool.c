/* A queue leads back to the main thread: ends of actions, and what they ask it to do. */
#include "apply/pool.h"
#include "base/arena.h"

struct apply_pool {
	struct apply_input *in;
	gboolean (*act)(struct apply_input *in, const struct action *action, GError **error);
	GThreadPool *threads;
	GAsyncQueue *to_main; /* struct message */
	guint n_under_way;
};

struct ask {
	gboolean (*run)(const struct apply_input *in, gpointer data, GError **error);
	gpointer data;
	GMutex lock;
	GCond answered;
	gboolean is_answered, is_done;
	GError *error;
};

/* One or the other. */
struct message {
	struct ask *ask; /* lies with who asks, and waits; NULL: an end */
	struct apply_end end;
};

static void tell_main(struct apply_pool *p, struct message *m)
{
	g_async_queue_push(p->to_main, m);
	g_main_context_wakeup(NULL);
}

/* On a thread. What belongs to the main thread alone is not there to be used by mistake. */
static void run_action(gpointer data, gpointer user)
{
	struct apply_pool *p = user;
	struct message *m = data;
	gint64 begun_us = g_get_monotonic_time();
	struct apply_input in = *p->in;
	in.arena = arena_new();
	in.pool = p;
	in.turned_us = NULL;
	in.redis = NULL;
	in.shelf = NULL;
	in.hands = NULL;
	p->act(&in, &in.plan->actions[m->end.action], &m->end.error);
	arena_free(in.arena);
	m->end.took_ms = (g_get_monotonic_time() - begun_us) / 1000;
	tell_main(p, m);
}

/* An index is filled when it is first asked, which no two threads may do. */
static void fill_indices(const struct plan *p)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		if (p->want)
			objects_get(p->want, (enum kind_id)kind, "");
		if (p->have)
			objects_get(p->have, (enum kind_id)kind, "");
	}
}

struct apply_pool *apply_pool_new(struct apply_input *in,
                                  gboolean (*act)(struct apply_input *in, const struct action *action, GError **error))
{
	struct apply_pool *p = g_new0(struct apply_pool, 1);
	p->in = in;
	p->act = act;
	p->threads = g_thread_pool_new(run_action, p, APPLY_THREADS, FALSE, NULL);
	p->to_main = g_async_queue_new();
	fill_indices(in->plan);
	return p;
}

void apply_pool_free(struct apply_pool *p)
{
	g_assert(p->n_under_way == 0);
	g_thread_pool_free(p->threads, FALSE, TRUE);
	g_async_queue_unref(p->to_main);
	g_free(p);
}

gboolean apply_pool_has_room(const struct apply_pool *p)
{
	return p->n_under_way < APPLY_THREADS;
}

void apply_pool_start(struct apply_pool *p, guint action)
{
	struct message *m = g_new0(struct message, 1);
	m->end.action = action;
	p->n_under_way++;
	g_thread_pool_push(p->threads, m, NULL);
}

static void answer(struct apply_pool *p, struct ask *ask)
{
	gboolean is_done = ask->run(p->in, ask->data, &ask->error);
	g_mutex_lock(&ask->lock);
	ask->is_done = is_done;
	ask->is_answered = TRUE;
	g_cond_signal(&ask->answered);
	g_mutex_unlock(&ask->lock); /* from here on it is gone */
}

gboolean apply_pool_take(struct apply_pool *p, gboolean waits, struct apply_end *ret)
{
	while (p->n_under_way) {
		struct message *m = g_async_queue_try_pop(p->to_main);
		if (m && !m->ask) {
			*ret = m->end;
			g_free(m);
			p->n_under_way--;
			return TRUE;
		}
		if (m) {
			answer(p, m->ask);
			g_free(m);
		} else if (waits) {
			g_main_context_iteration(NULL, TRUE); /* tell_main() wakes it */
		} else {
			return FALSE;
		}
	}
	return FALSE;
}

gboolean apply_on_main(const struct apply_input *in,
                       gboolean (*run)(const struct apply_input *in, gpointer data, GError **error), gpointer data,
                       GError **error)
{
	if (!in->pool)
		return run(in, data, error);
	struct ask ask = { .run = run, .data = data };
	struct message *m = g_new0(struct message, 1);
	m->ask = &ask;
	g_mutex_init(&ask.lock);
	g_cond_init(&ask.answered);
	tell_main(in->pool, m);
	g_mutex_lock(&ask.lock);
	while (!ask.is_answered)
		g_cond_wait(&ask.answered, &ask.lock);
	g_mutex_unlock(&ask.lock);
	g_cond_clear(&ask.answered);
	g_mutex_clear(&ask.lock);
	if (ask.error)
		g_propagate_error(error, ask.error);
	return ask.is_done;
}
