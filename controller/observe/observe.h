/* What is there, as the same kinds that people write, with their status.
 *
 * In: what is wanted (only that is looked for, besides domains and cards of this host) and the open
 * hands. Out: objects with status; a plane that does not answer is said to be away, never guessed.
 * Called by reconcile.c once a pass; changes nothing but what is noted with `claims`. */
#pragma once
#include "spec/kinds.h"

struct arena;
struct boot_family;
struct controller_spec;
struct domain_cache;
struct farm_spec;
struct farm_status;
struct helper;
struct host_state_spec;
struct host_status;
struct host_tree;
struct redis;
struct renderjob_status;
struct shelf;
struct taken;
struct virt;
struct vm_records;
struct vm_status;

struct observe_input {
	const char *host;
	const struct objects *want;
	const struct host_tree *tree;
	const char *lib; /* folder with what is installed for guests */
	struct helper *helper; /* reads PCI */
	const char *secret_key; /* of secrets' digests; NULL: none is told */
	struct taken *taken;   /* what cleave took from the host; may be NULL */
	struct vm_records *records; /* what is remembered of VMs; may be NULL */
	struct virt *virt;     /* NULL: left out, or away when libvirt_trouble is given */
	struct domain_cache *domains; /* as they were read in the pass before; may be NULL */
	const char *libvirt_trouble;
	struct redis *redis; /* the same */
	const char *redis_trouble;
	struct shelf *shelf;
	const char *host_taken; /* another controller acts as this host: the sentence; NULL: none does */
	const char *holder; /* this controller as job owner */
	gboolean claims;    /* acts on what it sees: becomes the job owner if nobody is and all roots are here, and notes
	                     * which VMs are here and since when they are as they are */
	const struct controller_spec *local; /* the host's own settings: which paths specs may name; NULL: any */
	gboolean leaves_jobs; /* others are to be the job owner */
	guint64 sweep_bytes; /* of visible frames read again in a second, with `claims` */
	struct list suspended; /* struct host_suspension: on this host alone */
	const struct host_state_spec *state_here; /* likewise; NULL: nothing is said there */
	gboolean checks;    /* look also at what only preflight asks for: who waits for a folder of a file server that
	                     * is gone, waits for ever, and no pass may */
};

struct objects *observe(struct arena *a, const struct observe_input *in);
/* What the manifest and the files say of one job; of the queue nothing: while Redis is away people still ask. Never
 * to be planned with. Of `in` only the wanted objects, shelf and tree matter. */
gboolean observe_job_files(struct arena *a, const struct observe_input *in, const struct object *job,
                           struct renderjob_status *ret, GError **error);

/* -- private to observe/ ----------------------------------------------------------------------------- */

/* The farm's lists for plain workers. */
void observe_plain(struct arena *a, const struct observe_input *in, const struct farm_spec *farm, struct farm_status *ret);
/* When the Farm's windows open. */
void observe_windows(struct arena *a, const struct observe_input *in, const struct objects *have, const struct farm_spec *farm,
                     struct farm_status *ret);
/* Whose turn it is. */
void observe_rollout(struct arena *a, const struct observe_input *in, const struct farm_spec *farm, struct farm_status *ret);
struct object *observed(struct arena *a, struct objects *have, enum kind_id kind, const char *name);
void observe_host(struct arena *a, const struct observe_input *in, struct objects *have);
/* Paths that the host does not allow: before anything that they name is read. */
void observe_allowed(struct arena *a, const struct observe_input *in, struct host_status *ret);
gboolean observe_is_allowed(struct arena *a, const struct observe_input *in, const char *path, enum host_place place);
void observe_boot(struct arena *a, const struct observe_input *in, struct objects *have);
/* The host's row of boot_families. */
const struct boot_family *observe_boot_family(const struct host_tree *t);
void observe_gpus(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_nvml(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_vms(struct arena *a, const struct observe_input *in, struct objects *have);
/* Its reason for the state, in a word or two; NULL: not told. `state` is enum virt_state. */
const char *observe_vm_reason(int state, int reason);
void observe_vm_history(struct arena *a, const struct observe_input *in, const char *name, struct vm_status *ret);
void observe_homes(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_guests(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_storage(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_farm(struct arena *a, const struct observe_input *in, struct objects *have);
/* The farm's other hosts, after the farm. */
void observe_fleet(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_checks(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_jobs(struct arena *a, const struct observe_input *in, struct objects *have);
/* What lies beside the frames: stores, staging, manifests, logs. After the jobs. */
void observe_store(struct arena *a, const struct observe_input *in, struct objects *have);
void observe_workers(struct arena *a, const struct observe_input *in, struct objects *have);
