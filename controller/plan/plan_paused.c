/* Pauses: actions that failed a moment ago, or heal what somebody else keeps changing, are taken out of the plan, and so is
 * what waits for them. All else goes on. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/vm_history.h"
#include <string.h>

struct taken {
	const struct plan_pause *pause; /* its own; NULL: that of what it waits for */
	const struct action *other;     /* which waits or is paused; NULL: it is paused itself */
	gboolean is_out;
};

/* A card or a VM is brought to its spec by steps that are of no use alone; what is done to a Host, the Farm or a job
 * stands by itself. */
static gboolean stands_alone(const struct action *act)
{
	return act->kind != KIND_VM && act->kind != KIND_GPU;
}

static gboolean is_same_object(const struct action *x, const struct action *y)
{
	return x->kind == y->kind && strcmp(x->id, y->id) == 0;
}

static const struct plan_pause *find_pause(const struct builder *b, const struct action *act)
{
	for (guint i = 0; i < b->in->n_pauses; i++) {
		const struct plan_pause *p = &b->in->pauses[i];
		gboolean is_meant = !p->n_failed || !stands_alone(act) || p->verb == (int)act->verb;
		if (p->kind == act->kind && is_meant && strcmp(p->id, act->id) == 0)
			return p;
	}
	return NULL;
}

/* TRUE when something was taken out by this. */
static gboolean take_waiting(const struct builder *b, struct taken *t, guint i)
{
	const struct action *all = (const struct action *)(gpointer)b->actions->data, *act = &all[i];
	for (guint k = 0; k < act->n_waits && !t[i].is_out; k++)
		if (t[act->waits[k]].is_out)
			t[i] = (struct taken){ t[act->waits[k]].pause, &all[act->waits[k]], TRUE };
	return t[i].is_out;
}

/* The steps of one card or VM go together: one that is to be started again is not stopped and left off. */
static gboolean take_siblings(const struct builder *b, struct taken *t, guint i)
{
	const struct action *all = (const struct action *)(gpointer)b->actions->data;
	gboolean has_taken = FALSE;
	for (guint k = 0; k < b->actions->len && !stands_alone(&all[i]); k++)
		if (!t[k].is_out && is_same_object(&all[i], &all[k])) {
			t[k] = t[i];
			has_taken = TRUE;
		}
	return has_taken;
}

static void take_out(const struct builder *b, struct taken *t)
{
	for (guint i = 0; i < b->actions->len; i++) {
		const struct plan_pause *p = find_pause(b, &g_array_index(b->actions, struct action, i));
		if (p)
			t[i] = (struct taken){ p, NULL, TRUE };
	}
	for (gboolean goes_on = TRUE; goes_on;) {
		goes_on = FALSE;
		for (guint i = 0; i < b->actions->len; i++)
			if (t[i].is_out || take_waiting(b, t, i))
				goes_on |= take_siblings(b, t, i);
	}
}

/* -- telling --------------------------------------------------------------------------------------------------- */

/* From so often on it is no passing trouble. */
enum { STALLS_AFTER = 5 };

static struct verdict verdict_of(struct builder *b, const struct action *act, const struct taken *t)
{
	const struct plan_pause *p = t->pause;
	if (t->other && !is_same_object(t->other, act))
		return (struct verdict){ .object = act->want, .readiness = IS_RECONCILING, .reason = "WaitsForOther",
			                 .message = arena_printf(b->arena, "%s waits for %s of %s %s, which is paused", verbs[act->verb].name,
			                                         verbs[t->other->verb].name, kinds[t->other->kind].name, t->other->id) };
	if (!p->n_failed)
		return (struct verdict){ .object = act->want, .readiness = IS_STALLED, .reason = "Oscillating", .is_settled = TRUE,
			                 .message = arena_printf(b->arena, "%s; a newer revision or `cleave apply` heals it again", p->why) };
	const char *times = p->n_failed == 1 ? "once" : arena_printf(b->arena, "%u times in a row", p->n_failed);
	return (struct verdict){ .object = act->want, .readiness = p->n_failed < STALLS_AFTER ? IS_RECONCILING : IS_STALLED, .reason = "BackOff",
		                 .is_settled = TRUE,
		                 .message = arena_printf(b->arena, "%s failed %s: %s; tried again at %s", verbs[p->verb].name, times, p->why,
		                                         vm_time_text(b->arena, p->until_ms + 999)) };
}

/* What the plan refuses or only waits for is told before this. */
static void judge(struct builder *b, const struct action *act, const struct taken *t)
{
	struct verdict new = verdict_of(b, act, t);
	for (guint i = 0; i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (v->object != act->want)
			continue;
		if (v->readiness != IS_STALLED && strcmp(v->reason, "BackOff") != 0)
			*v = new;
		return;
	}
}

static void tell(struct builder *b, const struct action *act, const struct taken *t)
{
	if (act->want)
		judge(b, act, t);
	else
		builder_note(b, act->kind, act->id, verdict_of(b, act, t).message);
	if (t->pause->until_ms)
		builder_wake(b, t->pause->in_ms);
}

/* What is left keeps its order; waits are indices, which change. */
static void close_gaps(struct builder *b, const struct taken *t)
{
	g_autofree guint *new_index = g_new0(guint, b->actions->len);
	guint n = 0;
	for (guint i = 0; i < b->actions->len; i++) {
		new_index[i] = n;
		if (!t[i].is_out)
			g_array_index(b->actions, struct action, n++) = g_array_index(b->actions, struct action, i);
	}
	b->n_paused = b->actions->len - n;
	g_array_set_size(b->actions, n);
	for (guint i = 0; i < n; i++) {
		struct action *act = &g_array_index(b->actions, struct action, i);
		for (guint k = 0; k < act->n_waits; k++)
			act->waits[k] = new_index[act->waits[k]];
	}
}

void plan_pause(struct builder *b)
{
	if (!b->in->n_pauses || !b->actions->len)
		return;
	g_autofree struct taken *t = g_new0(struct taken, b->actions->len);
	take_out(b, t);
	for (guint i = 0; i < b->actions->len; i++)
		if (t[i].is_out)
			tell(b, &g_array_index(b->actions, struct action, i), &t[i]);
	close_gaps(b, t);
}
