/* A plan is a value: built from what is wanted and what is there, without I/O; equal for equal input,
 * printable, savable. Who applies it looks once more before each action. */
#pragma once
#include "plan/verbs.h"
#include "spec/diff.h"
#include "spec/frame_key.h"
#include "spec/kinds.h"

struct controller_spec;
struct gpu_status;
struct suspend_spec;
struct vm_spec;

/* One device of an action on a card. */
struct device_step {
	const char *address;   /* of the function, VF, or parent of a vGPU */
	const char *from, *to; /* drivers; of vGPUs the type's id; of a MIG card the profile; NULL = none */
	const char *uuid;      /* of a vGPU (mdev) */
};

/* A volume of an action: one that is made, grown or deleted. */
struct volume_step {
	const char *disk;       /* of the VM */
	const char *pool, *volume;
	const char *path;       /* its file */
	const char *image;      /* the Farm's image that it begins as; NULL = empty */
	guint64 before_bytes, size_bytes;
	int format;             /* as of vm_disk */
};

/* What is done to a Host: each verb fills in its own. */
struct host_work {
	struct strings modules;   /* load-modules */
	struct list pools;        /* define-pools: struct host_pool */
	struct list pages;        /* set-hugepages: struct host_hugepages in this order; node -1: a kernel without NUMA */
	struct list files;        /* struct host_drop_in; write-boot-files: text NULL = remove it; update-boot: what has to be there */
	struct list commands;     /* update-boot: const char **, each a program with its arguments */
	struct strings arguments; /* kernel arguments that cleave has set by a program; update-boot: then */
};

/* What is cleared up beside the frames. */
struct upkeep_work {
	const char *root;       /* its name */
	struct strings tokens;  /* collect-staging */
	guint64 bytes;          /* trim-logs, clear-store: what is expected to go */
};

struct action {
	enum verb verb;
	enum kind_id kind;
	const char *id;
	const struct object *want; /* NULL: the object is not wanted any more */
	const char *reason;        /* why, as a phrase */
	struct changes changes;
	enum effect effect;
	guint64 count;            /* frames; VFs, vGPUs or MIG instances; 0 for other targets */
	const char *expect;       /* what it expects to find, as a phrase */
	struct frame_set frames;  /* jobs: which */
	const char *key;          /* jobs: their key; NULL = any */
	const struct renderjob_spec *values; /* enqueue: the job's values for these frames */
	const char *digest;       /* pin-scene: the scene's; complete-job: of frames and keys; update-boot: of its files */
	const struct upkeep_work *upkeep; /* what lies beside the frames */
	struct host_work *host;   /* Host: what is done */
	const struct vm_spec *vm;       /* VM: what it is to be, resolved; NULL where it is not wanted any more */
	struct volume_step *volumes;    /* VM: its disks; Host: images */
	guint n_volumes;
	const struct gpu_status *card;  /* GPU: the card as observed */
	struct device_step *steps;      /* GPU: what is done, in this order */
	guint n_steps;                  /* VFs that only come to be are not named: .count says how many are bound */
	struct strings holders;         /* GPU: who uses it, as "Xorg (1234)"; they are not in the way, or it is refused */
	const char *list;         /* Farm: the Redis list of plain workers */
	struct strings jobs;      /* feed-plain-workers: whose frames they get */
	gint64 until_ms;          /* of the clock of the observation: from then on it may not begin; 0: no end */
	gboolean needs_slot;      /* disturbs while the Farm has a rollout: its host has to have a slot */
	gboolean is_before_stop;  /* define-vm of a restart: it comes before all that takes the VM down */
	guint *waits;             /* indices of actions that have to succeed first */
	guint n_waits;
};

/* Unknown: of another host, which is not heard. */
enum readiness { IS_READY, IS_RECONCILING, IS_STALLED, IS_UNKNOWN, N_READINESS };
extern const struct name_table readiness_names;

/* Why an object is not acted on for a while. */
struct suspension {
	const struct object *speaker;   /* who is suspended: the object, its Host, or the Farm */
	const struct suspend_spec *how; /* .since, as RFC 3339, when that is known */
	gboolean is_here;               /* on this host alone, not in git */
};

/* What `get` says of an object that is wanted, before anything is done. */
struct verdict {
	const struct object *object;
	enum readiness readiness;
	const char *reason;  /* one CamelCase word */
	const char *message; /* a sentence; may be NULL */
	gboolean is_settled; /* stalled by what the specs say: looking again changes nothing */
	gboolean is_halted;  /* stalled since people want it so: suspended, or its host is drained; nothing is wrong */
	gboolean is_refused; /* a rule took its actions out of the plan; all else goes on */
	gboolean is_acted;   /* the plan's actions say what the message says */
	gboolean is_held;   /* what would be done is in .held: the message tells it */
	const struct suspension *suspension; /* NULL: it is not suspended */
	gboolean is_unseen;  /* what would tell of it does not answer: whether there is something to do is not known */
};

/* Something that forbids the whole plan: nothing of it may be written. */
struct refusal {
	const char *rule; /* name of the row in plan_rules */
	enum kind_id kind;
	const char *id;
	const char *message;
};

/* Seen and left alone: worth saying, nothing to do. */
struct note {
	enum kind_id kind;
	const char *id, *message;
};

struct plan {
	const char *host, *revision;
	guint64 epoch;
	const struct objects *want, *have;
	struct action *actions;
	guint n_actions;
	struct action *held; /* what would be done, were it not for `reconcile` or `suspend`: told, never done; nothing waits for them */
	guint n_held;
	struct verdict *verdicts;
	guint n_verdicts;
	struct refusal *refusals;
	guint n_refusals;
	struct note *notes;
	guint n_notes;
	guint n_paused; /* actions that a pause took out */
	gint64 wake_ms; /* something is due so long after the observation; 0: nothing is */
	struct strings waiting; /* what the limits hold back, an item each, as "restart VM/a 0123456789abcdef" */
	const char *approval;   /* what `cleave approve` takes, so that these go on: the digest of the plan without limits; NULL: nothing waits */
	const char *approved;   /* the same of a plan that was approved: here no limit counts for .waiting */
};

/* A plan that somebody approved. Until something of it was done it has to be this very one; from then on, as VMs take their
 * time to drain, what is left of it. */
struct plan_approval {
	const char *digest;
	gboolean has_begun;
	struct strings items; /* .waiting of the plan when it began */
};

/* Actions that failed wait before they are tried again, and what somebody else keeps changing is not healed any more. */
struct plan_pause {
	enum kind_id kind;
	const char *id;
	int verb;        /* that failed; of a Host, the Farm and a job it alone waits, else all that is to be done to the object */
	guint n_failed;  /* in a row; 0: the object oscillates */
	const char *why; /* the last error; what was put back how often */
	gint64 until_ms; /* since 1970; 0: until a newer revision or a person says so */
	gint64 in_ms;    /* the same from now */
};

struct plan_input {
	const char *host;     /* whose objects are reconciled */
	const char *revision; /* as source/ says */
	const char *held;     /* why this is not the branch's newest, as a sentence; NULL: it is */
	guint64 epoch;
	const struct objects *want, *have;
	const struct plan_approval *approvals; /* of this host and revision */
	guint n_approvals;
	gboolean ignores_suspend; /* as if nobody had halted anything: what a host became before that */
	gboolean is_assumed; /* `have` follows from older specs: an approval of this plan would not be one of the host's own */
	gboolean is_attended; /* a person applies it: what is only proposed else is done */
	const struct plan_pause *pauses;
	guint n_pauses;
	gboolean devices_only; /* `apply --devices`: Hosts and GPUs; VMs and jobs are not spoken of */
	const struct controller_spec *local; /* the host's own settings: its ceilings; NULL: there are none */
};

struct gpu_target;
struct vm_target;

/* Whom a rule refuses: the whole plan; one object, whose actions are taken out while all else goes on. */
enum rule_scope { RULE_OF_PLAN, RULE_OF_OBJECT };

/* Refusals: rules over want × have, all asked before the first write. */
struct plan_rule {
	const char *name, *doc;
	enum rule_scope scope;
	const char *reason; /* OF_OBJECT: what its condition says, one CamelCase word */
	gboolean is_limit;  /* a budget: `cleave approve` lets it pass */
	gboolean (*forbids)(struct arena *a, const struct plan *p, const char **ret_message); /* OF_PLAN */
	/* OF_OBJECT, of the one kind that it is for: one sentence with the fix, or NULL */
	const char *(*refuses)(const struct gpu_target *t);
	const char *(*refuses_vm)(const struct vm_target *t);
};
extern const struct plan_rule plan_rules[];
extern const guint n_plan_rules;

struct plan *plan_build(struct arena *a, const struct plan_input *in);
/* Tells what is done to Hosts, GPUs and VMs apart from all else: 16 hexadecimal digits, of host, revision and those actions
 * with their changes; no ages and no estimates, and nothing of jobs, which move with each frame. */
const char *plan_digest(struct arena *a, const struct plan *p);
/* The readiness of an object, or NULL when the plan does not speak of it. */
const struct verdict *plan_verdict(const struct plan *p, enum kind_id kind, const char *id);
/* What another host's controller told: `get` shows it, a plan of this host has nothing to do with it. */
gboolean plan_is_elsewhere(const struct plan *p, const struct object *o);
/* Objects of which a rule took the actions out. */
guint plan_n_refused(const struct plan *p);
/* Objects of this host that could not be looked at, of one kind. */
guint plan_n_unseen(const struct plan *p, enum kind_id kind);
/* Sum of .count over actions of that effect; number of actions for uncounted ones; one reboot of the host does for all. */
guint64 plan_effect_count(const struct plan *p, enum effect effect);
