/* Threads on which actions run beside each other; private to apply/.
 *
 * The main thread keeps all state: it starts actions, takes their ends, and iterates the default main context while
 * it waits. An action on a thread reads the plan, calls libvirt, and has an arena of its own; it ends in bounded time,
 * for each of its calls has a deadline (host/virt_call.h), and so no thread knows the plan any more when apply_plan()
 * returns. */
#pragma once
#include "apply/apply.h"

enum { APPLY_THREADS = 8 };

struct apply_pool;

/* What became of an action on a thread. */
struct apply_end {
	guint action;
	GError *error; /* NULL: done; the taker's */
	gint64 took_ms;
};

/* `act` does the whole of an action. `in` outlives the pool. */
struct apply_pool *apply_pool_new(struct apply_input *in,
                                  gboolean (*act)(struct apply_input *in, const struct action *action, GError **error));
/* Nothing may be under way. */
void apply_pool_free(struct apply_pool *p);
gboolean apply_pool_has_room(const struct apply_pool *p);
void apply_pool_start(struct apply_pool *p, guint action);
/* FALSE when none has ended since. With `waits`, and something under way: iterates until one has. */
gboolean apply_pool_take(struct apply_pool *p, gboolean waits, struct apply_end *ret);
