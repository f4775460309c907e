/* What the planners of the kinds share while a plan is built. Private to plan/. */
#pragma once
#include "plan/plan.h"

struct farm_status;
struct vm_target;

struct builder {
	struct arena *arena;
	const struct plan_input *in;
	GArray *actions, *held, *verdicts, *refusals, *notes;
	guint n_data_loss; /* disks that are made anew */
	gboolean is_unlimited;  /* what would be done if budgets, windows and rollout were none */
	const char *approval;   /* the digest of that; NULL: not known yet */
	GPtrArray *waiting;     /* as in struct plan */
	guint n_paused;
	gint64 wake_ms; /* as in struct plan */
	struct gpu_target *gpus; /* those of this host: identified before VMs are planned, planned after them */
	guint n_gpus;
	struct vm_target *vms;
	guint n_vms;
};

struct action *builder_act(struct builder *b, enum verb verb, const struct object *want, enum kind_id kind,
                           const char *id, const char *reason);
void builder_judge(struct builder *b, const struct object *o, enum readiness readiness, const char *reason,
                   const char *message);
/* Stalled, and nobody waits for it to change: it is as the specs say. */
void builder_judge_settled(struct builder *b, const struct object *o, const char *reason, const char *message);
/* The same, since people want it so for a while: nothing is wrong. */
void builder_judge_halted(struct builder *b, const struct object *o, const char *reason, const char *message);
/* Reconciling, and the plan's own actions are all there is to say: `get` has no plan to show them. */
void builder_judge_acted(struct builder *b, const struct object *o, const char *reason, const char *message);
/* Stalled: libvirt or Redis, which would tell of it, does not answer. */
void builder_judge_unseen(struct builder *b, const struct object *o, const char *reason, const char *message);
/* TRUE, and judged, when the spec says something that does not act yet: half of it would be another object. */
gboolean builder_judge_later(struct builder *b, const struct object *o);
/* Of another host: as its controller told, else OtherHost with `message`, which may be NULL. */
void builder_judge_elsewhere(struct builder *b, const struct object *o, const char *host, const char *message);
/* To be looked at again so long after the observation, though nothing happens. */
void builder_wake(struct builder *b, gint64 in_ms);
/* The clock is part of what was observed: ms since 1970; 0: not told. */
gint64 builder_now_ms(const struct builder *b);
void builder_note(struct builder *b, enum kind_id kind, const char *id, const char *message);

/* That it is suspended, itself or by what it belongs to; NULL: it is not (plan_suspend.c). `o` NULL: the Farm. */
const struct suspension *builder_suspension(const struct builder *b, const struct object *o);
/* Whether what the action is done to is suspended, also where the specs do not speak of it any more. */
gboolean builder_suspends(const struct builder *b, const struct action *act);
/* "Host/h1 is suspended by ada until 2026-…: reason" */
/* "by Ada until 2026-11-22T18:00:00Z: its fan is changed": what of these is given. */
const char *decided_words(struct arena *a, const char *by, const char *until, const char *reason);
const char *suspension_words(struct arena *a, const struct suspension *s, const struct object *o);
/* Rewrites the verdicts of suspended objects, at the end. */
void plan_judge_suspended(struct builder *b);
/* What is suspended on this host alone is said in each plan. */
void plan_note_local(struct builder *b);

/* Of this object what would be done is only told, not done: `reconcile` or `suspend` says so. */
gboolean builder_holds_back(const struct builder *b, const struct object *want);
/* Takes the actions on such objects out of the plan: .held has them, and their verdicts tell them (plan_held.c). */
void plan_hold_back(struct builder *b);
/* Takes out what failed or oscillates, and what waits for it, once all waits are known (plan_paused.c). */
void plan_pause(struct builder *b);
/* The object that was judged last is as it is because a rule refused what would have been done. */
void builder_refused(struct builder *b);

/* The first path that the object names, or the Farm for it, and the host does not allow, as a sentence; NULL (plan_paths.c). */
const char *plan_path_refused(const struct builder *b, const struct object *o);
/* The same of one path. */
const char *plan_host_path_refused(const struct builder *b, const char *path, enum host_place place);

/* An action on volumes waits for their pools and images (plan_pools.c). */
gboolean storage_waits_for(const struct action *act, const struct action *before);

/* -- limits: budgets, windows, rollout (plan_limits.c, plan_gate.c) -- */

enum budget { BUDGET_DELETE, BUDGET_RESTART, BUDGET_DATA_LOSS, BUDGET_RENDER, N_BUDGETS };
extern const char *const budget_keys[N_BUDGETS];
/* What the Farm lets a pass do, and no more than this host's own ceiling; all of it where there is no Farm. */
gint64 builder_budget(const struct builder *b, enum budget budget);
/* The item is held back by a limit; told once. */
void builder_waits(struct builder *b, const char *item);
/* "beyond maxRestart 2 (5 wanted)" */
const char *builder_beyond(const struct builder *b, enum budget budget, guint64 n_wanted);
/* "`cleave approve 0123456789abcdef`" */
const char *builder_approve_words(const struct builder *b);

/* The approval by which the limits do not count: of this digest, or one that has begun and of which `waiting` is the rest. */
const struct plan_approval *plan_find_approval(const struct plan_input *in, const struct strings *waiting, const char *digest);

/* Why an effect may not be had now. */
struct gate {
	const char *reason, *message; /* as of a verdict */
};
/* FALSE: outside of its windows, or the host's turn has not come. */
gboolean builder_may(struct builder *b, enum effect effect, struct gate *ret);
/* Of an object of which nothing is planned now, since it may not be. */
void builder_judge_gated(struct builder *b, const struct object *o, const struct gate *gate, const char *item);
/* Takes out of the plan what may not be done now, and says until when the rest may begin. */
void plan_gate(struct builder *b);

void plan_hosts(struct builder *b);
/* Which card each GPU of this host means, and which VM has which piece of it. */
void gpus_identify(struct builder *b);
void plan_gpus(struct builder *b);
void plan_vms(struct builder *b);
/* When cards are planned: VMs whose GPUs this plan does not make ready are not started, nor are those plugged in. */
void vms_wait_for_gpus(struct builder *b);
/* Whether a running guest gets devices of the host. */
gboolean action_plugs_devices(const struct action *act);
void plan_jobs(struct builder *b);
/* Lists for plain workers, once the jobs are planned (plan_plain.c). */
void plan_plain(struct builder *b, const struct object *farm, const struct farm_status *seen);
/* What lies beside the frames: garbage, manifests, stores, logs (plan_upkeep.c). */
void plan_upkeep(struct builder *b);
/* Takes out of the jobs' actions what is beyond the Farm's maxRender (plan_budget.c). */
void plan_bound_render(struct builder *b);
