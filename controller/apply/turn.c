/* The plan was made a moment ago; a pass may take longer than what it was made by. */
#include "apply/turn.h"
#include "base/error.h"
#include "queue/slot.h"
#include "spec/farm.h"

static gboolean is_needed(const struct plan *p)
{
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].needs_slot)
			return objects_farm(p->want) != NULL;
	return FALSE;
}

gboolean turn_take(const struct apply_input *in, GError **error)
{
	const struct plan *p = in->plan;
	const struct object *farm = objects_farm(p->want);
	gboolean has = FALSE;
	if (!is_needed(p))
		return TRUE;
	const struct farm_rollout *rollout = &((const struct farm_spec *)farm->spec)->policy.rollout;
	if (!in->redis)
		return fail(error, ERROR_REFUSED, "nothing was done: hosts take turns, and Redis was left out");
	if (!slot_take(in->redis, p->host, MAX(rollout->hosts_at_once, 1), SLOT_TTL_MS, &has, error)) {
		g_prefix_error(error, "nothing was done: ");
		return FALSE;
	}
	return has || fail(error, ERROR_REFUSED, "nothing was done: other hosts were first, it is their turn now");
}

/* What came of it is asked before the next action. */
static gboolean keep(gpointer user)
{
	const struct apply_input *in = user;
	gboolean has;
	slot_keep(in->redis, in->plan->host, SLOT_TTL_MS, &has, NULL);
	return G_SOURCE_CONTINUE;
}

guint turn_hold(const struct apply_input *in, guint interval_ms)
{
	return in->redis && is_needed(in->plan) ? g_timeout_add(interval_ms, keep, (gpointer)in) : 0;
}

const char *turn_is_over(const struct apply_input *in, const struct action *act)
{
	gboolean has = FALSE;
	if (act->until_ms && g_get_real_time() / 1000 >= act->until_ms)
		return "its window has closed";
	if (!act->needs_slot)
		return NULL;
	if (!slot_keep(in->redis, in->plan->host, SLOT_TTL_MS, &has, NULL))
		return "Redis, which knows whose turn it is, does not answer";
	return has ? NULL : "it is another host's turn by now";
}
