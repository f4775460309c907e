/* What this host tells the others where hosts take turns. */
#include "queue/slot.h"
#include "reconcile_session.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <string.h>

static gboolean is_here(const struct object *o, const char *host)
{
	switch (o->kind->id) {
	case KIND_HOST: return strcmp(o->id, host) == 0;
	case KIND_GPU: return o->spec && g_strcmp0(((const struct gpu_spec *)o->spec)->host, host) == 0;
	case KIND_VM: return o->spec && g_strcmp0(((const struct vm_spec *)o->spec)->host, host) == 0;
	default: return FALSE;
	}
}

/* What is only observed or proposed counts for nothing: others would wait for it for ever. */
static gboolean is_all_ready(const struct plan *p)
{
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].kind == KIND_HOST || p->actions[i].kind == KIND_GPU || p->actions[i].kind == KIND_VM)
			return FALSE;
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		if (v->readiness != IS_READY && is_here(v->object, p->host) && reconcile_mode_of(p->want, v->object) == RECONCILE_ENFORCE)
			return FALSE;
	}
	return p->n_refusals == 0;
}

static gboolean has_slot(const struct plan *p, const struct object *farm)
{
	const struct object *have = objects_get(p->have, KIND_FARM, farm->id);
	const struct farm_status *s = have ? have->status : NULL;
	for (guint i = 0; s && i < s->rollout.slots.n; i++)
		if (strcmp(s->rollout.slots.items[i], p->host) == 0)
			return TRUE;
	return FALSE;
}

gboolean session_tell_turn(struct session *s, const struct plan *p, GError **error)
{
	const struct object *farm = objects_farm(p->want);
	gboolean is_ready = is_all_ready(p), ignored;
	if (!s->redis || !farm || !farm_has_rollout(farm->spec))
		return TRUE;
	if (!slot_say(s->redis, p->host, p->revision, is_ready, error))
		return FALSE;
	if (!has_slot(p, farm))
		return TRUE;
	return is_ready ? slot_leave(s->redis, p->host, error) : slot_keep(s->redis, p->host, SLOT_TTL_MS, &ignored, error);
}
