/* A simulated host for plan properties: VMs, cards, a queue, a root with frames, and each verb on them.
 *
 * It observes as observe/ does and obeys as apply/ does, in memory; a verb whose expectation does not
 * hold fails the test. Frames are told apart one by one, so that it shares no code with plan/. */
#pragma once
#include "plan/plan.h"
#include "plan_card_fixture.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/status.h"
#include "spec/vm.h"

enum { SIM_FRAMES = 24 };           /* frames are 0 to SIM_FRAMES - 1 */
enum { SIM_NOTHING, SIM_DAMAGED, SIM_FOREIGN, SIM_FIRST_KEY }; /* what a visible file is, or its key */
enum sim_slot { SLOT_FREE, SLOT_QUEUED, SLOT_RUNNING, SLOT_FAILED };

struct sim_frame {
	guint visible;                    /* SIM_… or a key's number */
	guint64 staged, stored, rendered; /* sets of keys' numbers */
	enum sim_slot slot;
	guint slot_key;
};

struct sim_job {
	const char *id;
	const char *pinned, *found, *completed;
	struct sim_frame frames[SIM_FRAMES];
	gint64 rank;
	struct renderjob_spec queue_values;
};

enum sim_worker { WORKER_NONE, WORKER_IDLE, WORKER_BUSY };

struct sim_vm {
	const char *id, *uuid, *owner, *machine_type;
	enum domain_state state;
	const char *reason;           /* of the state */
	gboolean has_no_blender;
	gboolean has_worker;          /* one registers whenever it runs */
	enum sim_worker worker;
	gint64 since_s, started_s, draining_s; /* by the host's clock; 0: not remembered */
	const char *started_revision;
	gint64 n_short_runs;
	struct vm_spec defined, live; /* FIELD_IN_DOMAIN rows only */
	const char *device;           /* of a card, or NULL; libvirt keeps it through every define */
};

struct sim {
	struct arena *arena;
	GPtrArray *keys; /* number → key; the first SIM_FIRST_KEY are NULL */
	GPtrArray *vms, *jobs, *cards;
	GPtrArray *modules; /* that are loaded */
	enum plane_state libvirt, redis;
	gboolean mounted;
	const char *job_owner;
	gint64 now_s;       /* the host's clock */
	GPtrArray *away;    /* VMs that another host says it has */
	const char *revision;
};

struct sim *sim_new(struct arena *a);
/* The number of a key; new ones get the next. */
guint sim_key(struct sim *s, const char *key);
struct sim_vm *sim_vm_add(struct sim *s, const char *id);
struct sim_job *sim_job_add(struct sim *s, const char *id);
struct sim_vm *sim_vm_find(const struct sim *s, const char *id);
struct sim_job *sim_job_find(const struct sim *s, const char *id);
/* What libvirt keeps of a VM: the rows that it is told. */
struct vm_spec sim_definition(const struct vm_spec *effective);
gboolean sim_vm_is_up(const struct sim_vm *vm);

/* What the host's controller would see. */
struct objects *sim_observe(const struct sim *s, struct arena *a, const struct objects *want);
/* Does one action; `half` leaves it in the middle: only every other frame. */
void sim_apply(struct sim *s, const struct objects *want, const struct action *act, gboolean half);
/* Time passes: workers that are drained finish what they have. */
void sim_wait(struct sim *s, gint64 ms);
/* The guest ends, by itself. */
void sim_vm_crash(struct sim *s, struct sim_vm *vm);
/* Workers finish all that waits or runs in jobs that are not suspended; some only get as far as staging. */
void sim_work(struct sim *s, GRand *rand);
