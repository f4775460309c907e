/* What lies beside the frames: attempts that are over, logs, manifests, stores. The job owner clears it up; nothing of
 * it is needed for a frame that is wanted. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <string.h>

enum { SWEEP_MS = 30000 };

static struct action *act_on_root(struct builder *b, enum verb verb, const struct farm_root_status *root, const char *job,
                                  guint64 count, guint64 bytes, const char *reason)
{
	const struct object *want = objects_get(b->in->want, KIND_RENDERJOB, job);
	struct action *act = builder_act(b, verb, want, KIND_RENDERJOB, job, reason);
	struct upkeep_work *work = ARENA_NEW(b->arena, struct upkeep_work);
	*work = (struct upkeep_work){ .root = root->name, .bytes = bytes };
	act->upkeep = work;
	act->count = count;
	return act;
}

static const char *plural(gint64 n)
{
	return n == 1 ? "" : "s";
}

static void plan_root_job(struct builder *b, const struct farm_root_status *root, const struct root_job_status *s)
{
	struct arena *a = b->arena;
	if (s->abandoned.n) {
		const char *reason = arena_printf(a, "%u attempt%s in root %s %s over", s->abandoned.n, plural(s->abandoned.n), root->name,
		                                  s->abandoned.n == 1 ? "is" : "are");
		struct action *act = act_on_root(b, VERB_COLLECT_STAGING, root, s->job, s->abandoned.n, 0, reason);
		struct upkeep_work *work = arena_memdup(a, act->upkeep, sizeof *act->upkeep);
		work->tokens = s->abandoned;
		act->upkeep = work;
	}
	if (s->n_logs)
		act_on_root(b, VERB_TRIM_LOGS, root, s->job, (guint64)s->n_logs, s->log_bytes,
		            arena_printf(a, "%" G_GINT64_FORMAT " log%s, %s, are more than is kept", s->n_logs, plural(s->n_logs),
		                         bytes_about(a, s->log_bytes)));
	if (s->n_segments)
		act_on_root(b, VERB_COMPACT_MANIFEST, root, s->job, (guint64)s->n_segments, 0,
		            arena_printf(a, "%" G_GINT64_FORMAT " segment%s in root %s", s->n_segments, plural(s->n_segments), root->name));
}

static void plan_store(struct builder *b, const struct object *farm, const struct farm_root_status *root)
{
	const struct root_store_status *s = &root->store;
	if (!s->n_clear)
		return;
	const char *reason = arena_printf(b->arena, "%" G_GINT64_FORMAT " superseded file%s, %s, in %s", s->n_clear, plural(s->n_clear),
	                                  bytes_about(b->arena, s->clear_bytes), root->name);
	struct action *act = builder_act(b, VERB_CLEAR_STORE, farm, KIND_FARM, farm->id, reason);
	struct upkeep_work *work = ARENA_NEW(b->arena, struct upkeep_work);
	*work = (struct upkeep_work){ .root = root->name, .bytes = s->clear_bytes };
	act->upkeep = work;
	act->count = (guint64)s->n_clear;
}

/* Rendering it again may take long, and until then only this process knows. */
static void plan_damage(struct builder *b)
{
	OBJECTS_EACH (o, b->in->want, KIND_RENDERJOB) {
		const struct object *have = objects_get(b->in->have, KIND_RENDERJOB, o->id);
		const struct renderjob_status *s = have ? have->status : NULL;
		if (!s || !s->rotten.n)
			continue;
		struct action *act = builder_act(b, VERB_RECORD_DAMAGE, o, KIND_RENDERJOB, o->id, "are not what was verified any more");
		act->frames = LIST_AT(s->rotten, struct job_frames, 0)->frames;
		act->count = frames_count(&act->frames);
	}
}

void plan_upkeep(struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	const struct object *have = farm ? objects_get(b->in->have, KIND_FARM, farm->id) : NULL;
	const struct farm_status *s = have ? have->status : NULL;
	/* Another host's controller owns the jobs: it clears up. Without the queue nobody knows which attempts live. */
	if (!s || s->redis != PLANE_OK || (s->job_owner && strcmp(s->job_owner, b->in->host) != 0))
		return;
	plan_damage(b);
	for (guint i = 0; i < s->roots.n; i++) {
		const struct farm_root_status *root = LIST_AT(s->roots, struct farm_root_status, i);
		for (guint k = 0; root->mounted && k < root->jobs.n; k++)
			plan_root_job(b, root, LIST_AT(root->jobs, struct root_job_status, k));
		if (root->mounted)
			plan_store(b, farm, root);
	}
	if (s->is_sweeping)
		builder_wake(b, SWEEP_MS);
}
