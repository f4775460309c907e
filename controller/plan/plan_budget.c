/* Farm.policy.budgets.maxRender: how many frames a pass hands to the queue, over all jobs together. The most urgent
 * jobs come first, by queue, then priority, then name; what is beyond waits for the next pass. It throttles and refuses
 * nothing: no frame is lost by it, whatever made so many missing. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <string.h>

enum { NEXT_PASS_MS = 1000 };

static const struct farm_spec *farm_of(const struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	return farm ? farm->spec : NULL;
}

static struct action *action_at(const struct builder *b, guint i)
{
	return &g_array_index(b->actions, struct action, i);
}

static gint by_urgency(gconstpointer x, gconstpointer y, gpointer user)
{
	const struct builder *b = user;
	const struct action *p = action_at(b, *(const guint *)x), *q = action_at(b, *(const guint *)y);
	const struct renderjob_spec *a = p->want->spec, *c = q->want->spec;
	int ranks[] = { farm_queue_rank(farm_of(b), a->queue), farm_queue_rank(farm_of(b), c->queue) };
	if (ranks[0] != ranks[1])
		return ranks[0] - ranks[1];
	if (a->priority != c->priority)
		return a->priority > c->priority ? -1 : 1;
	int by_id = strcmp(p->id, q->id);
	return by_id ? by_id : *(const guint *)x < *(const guint *)y ? -1 : 1;
}

/* Of jobs whose actions are carried out: what is only told costs nothing. */
static GArray *enqueues(struct builder *b)
{
	GArray *found = g_array_new(FALSE, FALSE, sizeof(guint));
	for (guint i = 0; i < b->actions->len; i++) {
		const struct action *act = action_at(b, i);
		if (act->verb == VERB_ENQUEUE_FRAMES && act->want && !builder_holds_back(b, act->want))
			g_array_append_val(found, i);
	}
	g_array_sort_with_data(found, by_urgency, b);
	return found;
}

/* The first `n` frames in ascending order; runs are cut, never walked. */
static struct frame_set first_frames(struct arena *a, const struct frame_set *all, guint64 n)
{
	struct frame_set some = { 0 };
	for (guint i = 0; i < all->n_runs && n > 0; i++) {
		struct frame_run run = all->runs[i];
		struct frame_set one = { &run, 1 };
		guint64 size = frames_count(&one);
		if (size > n)
			run.last = run.first + run.step * (gint64)(n - 1);
		n -= MIN(size, n);
		some = frames_union(a, &some, &one);
	}
	return some;
}

/* The job's own message, with what it waits for. */
static void tell(struct builder *b, const struct object *o, guint64 n_waiting, gint64 most)
{
	for (guint i = 0; i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (v->object == o)
			v->message = arena_printf(b->arena,
			                          "%s%s%" G_GUINT64_FORMAT " frames wait for the next pass (maxRender %" G_GINT64_FORMAT ")",
			                          v->message ? v->message : "", v->message ? "; " : "", n_waiting, most);
	}
}

/* Frames beyond the budget go out of the action; *left is what remains of it. */
static guint64 cut(struct builder *b, struct action *act, guint64 *left)
{
	guint64 n = MIN(act->count, *left), n_waiting = act->count - n;
	*left -= n;
	if (n_waiting) {
		act->frames = first_frames(b->arena, &act->frames, n);
		act->count = n;
	}
	return n_waiting;
}

void plan_bound_render(struct builder *b)
{
	const struct farm_spec *farm = farm_of(b);
	if (!farm)
		return;
	g_autoptr(GArray) order = enqueues(b);
	g_autoptr(GHashTable) waiting = g_hash_table_new(NULL, NULL); /* job → frames that wait */
	gint64 most = builder_budget(b, BUDGET_RENDER);
	guint64 left = (guint64)most;
	for (guint i = 0; i < order->len; i++) {
		struct action *act = action_at(b, g_array_index(order, guint, i));
		guint64 n = cut(b, act, &left);
		if (n)
			g_hash_table_insert(waiting, (gpointer)act->want,
			                    GSIZE_TO_POINTER(GPOINTER_TO_SIZE(g_hash_table_lookup(waiting, act->want)) + n));
	}
	OBJECTS_EACH (o, b->in->want, KIND_RENDERJOB)
		if (g_hash_table_contains(waiting, o))
			tell(b, o, GPOINTER_TO_SIZE(g_hash_table_lookup(waiting, o)), most);
	if (g_hash_table_size(waiting) && most)
		builder_wake(b, NEXT_PASS_MS);
	for (guint i = b->actions->len; i-- > 0;)
		if (action_at(b, i)->verb == VERB_ENQUEUE_FRAMES && action_at(b, i)->count == 0)
			g_array_remove_index(b->actions, i);
}
