/* The plan was made a moment ago; a pass may take longer than what it was made by. */
#include "apply/turn.h"
#include "base/error.h"
#include "queue/slot.h"
#include "spec/farm.h"

gboolean turn_take(const struct apply_input *in, GError **error)
{
	const struct plan *p = in->plan;
	const struct object *farm = objects_farm(p->want);
	gboolean is_needed = FALSE, has = FALSE;
	for (guint i = 0; i < p->n_actions; i++)
		is_needed |= p->actions[i].needs_slot;
	if (!is_needed || !farm)
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
