/* How a VM is drained before it goes down: its worker, as it registered in Redis, finishes the frames that it has
 * and takes no new ones, for the VM's drain time at the most. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/farm.h"
#include "spec/vm_history.h"
#include <string.h>

/* -- the worker ------------------------------------------------------------------------------------------------ */

int vm_redis(const struct builder *b)
{
	const struct object *want = objects_farm(b->in->want);
	const struct object *farm = want ? objects_get(b->in->have, KIND_FARM, want->id) : NULL;
	const struct farm_status *s = farm ? farm->status : NULL;
	return s ? s->redis : PLANE_LEFT_OUT;
}

/* By the UUID that the VM's firmware tells it; a worker that tells none, by its name. */
static gboolean is_in(const struct object *worker, const char *id, const struct vm_status *have)
{
	const struct worker_status *s = worker->status;
	if (!s || s->silent_ms >= WORKER_SILENT_MS)
		return FALSE;
	if (s->uuid && have && have->uuid)
		return g_ascii_strcasecmp(s->uuid, have->uuid) == 0;
	return strcmp(s->vm ? s->vm : worker->id, id) == 0;
}

const struct worker_status *vm_worker(const struct builder *b, const char *id, const struct vm_status *have)
{
	OBJECTS_EACH (o, b->in->have, KIND_WORKER)
		if (is_in(o, id, have))
			return o->status;
	return NULL;
}

/* Each slot is a worker of its own. */
struct crew {
	guint n, n_busy, n_answered;
};

static struct crew crew_of(const struct builder *b, const char *id, const struct vm_status *have)
{
	struct crew c = { 0 };
	OBJECTS_EACH (o, b->in->have, KIND_WORKER) {
		const struct worker_status *s = o->status;
		if (!is_in(o, id, have))
			continue;
		c.n++;
		c.n_busy += s->job != NULL;
		c.n_answered += s->blender != NULL;
	}
	return c;
}

/* The card of its screen is a display to the guest as well. */
static guint n_gpus_seen(const struct worker_status *w, const struct vm_spec *want)
{
	int video = want->console.video ? want->console.video : vm_usual_video(want);
	return w->gpus.n - MIN(w->gpus.n, video != VIDEO_NONE);
}

const char *vm_worker_lacks(const struct vm_target *t)
{
	const struct vm_spec *want = t->want;
	if (!want->worker.enabled || vm_redis(t->b) == PLANE_LEFT_OUT)
		return NULL;
	const struct worker_status *w = vm_worker(t->b, t->object->id, t->have);
	struct crew c = crew_of(t->b, t->object->id, t->have);
	guint n_slots = (guint)want->worker.slots_per_gpu * MAX(want->gpus.n, 1);
	if (!w)
		return vm_redis(t->b) == PLANE_OK ? "its worker has not registered" : "Redis does not answer, so that its worker is not known";
	if (c.n < n_slots)
		return arena_printf(t->b->arena, "%u of its %u workers have registered", c.n, n_slots);
	if (n_gpus_seen(w, want) < want->gpus.n)
		return arena_printf(t->b->arena, "its worker sees %u of its %u GPUs", n_gpus_seen(w, want), want->gpus.n);
	return c.n_answered >= n_slots ? NULL : "no Blender has answered its worker";
}

/* -- the drain --------------------------------------------------------------------------------------------------- */

enum work { WORK_NONE, WORK_IDLE, WORK_BUSY, WORK_UNKNOWN };

static enum work work_of(const struct vm_going *g)
{
	struct crew c = crew_of(g->b, g->id, g->have);
	/* One that was drained had a worker, whatever its spec says. */
	gboolean may_work = !g->spec || g->spec->worker.enabled || g->have->history.draining_since;
	if (vm_redis(g->b) == PLANE_AWAY)
		return may_work ? WORK_UNKNOWN : WORK_NONE;
	return !c.n ? WORK_NONE : c.n_busy ? WORK_BUSY : WORK_IDLE;
}

/* Of a VM that is in no specs any more: as of one that does not say it. */
static gint64 drain_ms_of(const struct vm_going *g)
{
	gint64 ms = 0;
	if (g->spec)
		return g->spec->drain_ms;
	duration_parse(g->b->arena, field_find(vm_fields, "drain")->def, &ms);
	return ms;
}

static gint64 drain_until_ms(const struct vm_going *g)
{
	gint64 since = vm_time_ms(g->have->history.draining_since);
	return (since ? since : builder_now_ms(g->b)) + drain_ms_of(g);
}

enum drain_step vm_drain_step(const struct vm_going *g)
{
	enum work work = work_of(g);
	gboolean is_draining = g->have->history.draining_since != NULL;
	if (work == WORK_NONE || (g->spec && g->spec->update == UPDATE_NOW) || drain_ms_of(g) == 0)
		return DRAIN_OVER;
	if (work == WORK_IDLE)
		return is_draining ? DRAIN_OVER : DRAIN_IDLE;
	if (!is_draining)
		return DRAIN_BEGIN;
	return builder_now_ms(g->b) >= drain_until_ms(g) ? DRAIN_OVER : DRAIN_WAIT;
}

/* Workers do not tell this host when they are done. */
enum { LOOK_MS = 5000 };

const char *vm_drain_words(const struct vm_going *g)
{
	struct arena *a = g->b->arena;
	gint64 until = drain_until_ms(g);
	builder_wake(g->b, MIN(LOOK_MS, until - builder_now_ms(g->b)));
	/* Before it begins no time is told: a plan looks the same whenever it is made. */
	if (!g->have->history.draining_since)
		return arena_printf(a, "its worker finishes its frames, for %s at the most (drain)", duration_format(a, drain_ms_of(g)));
	return arena_printf(a, "its worker finishes its frames, until %s at the most (drain: %s)", vm_time_text(a, until),
	                    duration_format(a, drain_ms_of(g)));
}
