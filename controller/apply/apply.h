/* Carries a plan out: one row a verb (check, run, undo), same index as plan/verbs.
 *
 * In: a plan and the open hands. Out: an outcome per action. Each action looks once more before it acts
 * (check) and ends by observing its effect (run); what waits for a failed one is skipped.
 *
 * An action begins as soon as what it waits for is done. Those of parallel verbs run on a few threads, all others on
 * the main thread, in the plan's order; a slow one holds back only what waits for it. */
#pragma once
#include "apply/outcome.h"
#include "plan/plan.h"

struct apply_pool;
struct apply_row;
struct arena;
struct hands;
struct host_tree;
struct redis;
struct shelf;
struct virt;
struct vm_records;

struct apply_input {
	struct arena *arena; /* of a parallel action: its own, freed when it ends */
	const struct plan *plan;
	const struct apply_row *rows; /* by verb; NULL: apply_rows. Tests have verbs of their own */
	struct apply_pool *pool; /* of a parallel action: then redis, shelf and hands are NULL; see apply_on_main() */
	char **notes;   /* by action: what an action that is done says beside that; filled in by apply_plan() */
	gpointer *seen; /* of one action: what its check saw; the verbs' own */
	struct virt *virt;
	struct vm_records *records; /* what is remembered of VMs; NULL: nothing */
	struct redis *redis;
	struct shelf *shelf;
	const struct hands *hands; /* on the devices of this host */
	const char *holder; /* this controller as job owner */
	const struct host_tree *tree; /* what VMs are told is read below it, on any thread */
	const char *lib;   /* folder with what is installed for guests */
	const char *secret_key; /* of secrets' digests */
	const char *state; /* this controller's folder: media of VMs are written below it */
	gint64 fence;       /* of the job owner; filled in when jobs are acted on */
	gint64 owner_us;    /* when it was renewed last */
	gint64 *turned_us;  /* when the main loop had its turn last; filled in by apply_plan() */
	void (*acting)(void *user, guint action);
	void (*acted)(void *user, const struct outcome *o);
	/* Asked between actions: a newer revision or a signal ends the pass there, but for VMs that are down meanwhile. May
	 * be NULL. */
	gboolean (*is_over)(void *user);
	void *user;
};

struct apply_row {
	/* Is what the plan expected still there? ERROR_REFUSED when it is not; NULL: run looks by itself. */
	gboolean (*check)(const struct apply_input *in, const struct action *act, GError **error);
	gboolean (*run)(const struct apply_input *in, const struct action *act, GError **error);
	/* After a run that failed: takes back what it did. Where plan/verbs says that there is one. */
	gboolean (*undo)(const struct apply_input *in, const struct action *act, GError **error);
	/* Runs on a thread, beside others: uses the plan, libvirt and its arena, each call with a deadline; all else by
	 * apply_on_main(). */
	gboolean is_parallel;
};

extern const struct apply_row apply_rows[N_VERBS];

/* ERROR_REFUSED before the first write when the plan holds refusals. Else TRUE; failures are in *ret. */
gboolean apply_plan(struct apply_input *in, struct outcomes *ret, GError **error);

/* For parallel verbs: runs a function on the main thread, between its actions, and waits for it. */
gboolean apply_on_main(const struct apply_input *in,
                       gboolean (*run)(const struct apply_input *in, gpointer data, GError **error), gpointer data,
                       GError **error);

/* For what takes long on the main thread, as thousands of frames do: called between two parts of it. Once a second the main
 * loop has its turn: leases and the claim of the host are renewed there, and the watchdog is told. FALSE: the jobs are
 * another controller's by now, and nothing more is to be written. */
gboolean apply_goes_on(const struct apply_input *in, GError **error);

/* What the outcome of an action that ends well says. On any thread; once an action. */
void apply_note(const struct apply_input *in, const struct action *act, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Ends the process as a crash would when CLEAVE_FAULT is "before:VERB" or "after:VERB". For tests of
 * recovery: every verb has both points. */
void apply_fault(const char *when, enum verb verb);

/* -- the verbs, one file each -------------------------------------------------------------------- */

gboolean load_modules(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_hugepages(const struct apply_input *in, const struct action *act, GError **error);
gboolean write_boot_files_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean write_boot_files(const struct apply_input *in, const struct action *act, GError **error);
gboolean update_boot_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean update_boot(const struct apply_input *in, const struct action *act, GError **error);

gboolean define_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean define_vm(const struct apply_input *in, const struct action *act, GError **error);
gboolean start_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean start_vm(const struct apply_input *in, const struct action *act, GError **error);
gboolean stop_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean stop_vm(const struct apply_input *in, const struct action *act, GError **error);

gboolean define_pools_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean define_pools(const struct apply_input *in, const struct action *act, GError **error);
gboolean fetch_images_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean fetch_images(const struct apply_input *in, const struct action *act, GError **error);
gboolean create_volumes_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean create_volumes(const struct apply_input *in, const struct action *act, GError **error);
gboolean grow_volumes_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean grow_volumes(const struct apply_input *in, const struct action *act, GError **error);
gboolean delete_volumes_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean delete_volumes(const struct apply_input *in, const struct action *act, GError **error);
gboolean drain_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean drain_vm(const struct apply_input *in, const struct action *act, GError **error);
gboolean undrain_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean undrain_vm(const struct apply_input *in, const struct action *act, GError **error);
gboolean undefine_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean undefine_vm(const struct apply_input *in, const struct action *act, GError **error);
gboolean update_vm_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean update_vm(const struct apply_input *in, const struct action *act, GError **error);

gboolean bind_device_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean bind_device(const struct apply_input *in, const struct action *act, GError **error);
gboolean bind_device_undo(const struct apply_input *in, const struct action *act, GError **error);
gboolean release_device_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean release_device(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_vfs_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_vfs(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_vfs_undo(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_mig_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean set_mig(const struct apply_input *in, const struct action *act, GError **error);
gboolean create_vgpus_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean create_vgpus(const struct apply_input *in, const struct action *act, GError **error);
gboolean create_vgpus_undo(const struct apply_input *in, const struct action *act, GError **error);
gboolean remove_vgpus_check(const struct apply_input *in, const struct action *act, GError **error);
gboolean remove_vgpus(const struct apply_input *in, const struct action *act, GError **error);

gboolean cancel_frames(const struct apply_input *in, const struct action *act, GError **error);
gboolean update_job(const struct apply_input *in, const struct action *act, GError **error);
gboolean enqueue_frames(const struct apply_input *in, const struct action *act, GError **error);
gboolean pin_scene(const struct apply_input *in, const struct action *act, GError **error);
gboolean pin_inputs(const struct apply_input *in, const struct action *act, GError **error);
gboolean deliver_frames(const struct apply_input *in, const struct action *act, GError **error);
gboolean put_back_frames(const struct apply_input *in, const struct action *act, GError **error);
gboolean take_plain_results(const struct apply_input *in, const struct action *act, GError **error);
gboolean feed_plain_workers(const struct apply_input *in, const struct action *act, GError **error);
gboolean complete_job(const struct apply_input *in, const struct action *act, GError **error);
gboolean record_damage(const struct apply_input *in, const struct action *act, GError **error);
gboolean copy_frames(const struct apply_input *in, const struct action *act, GError **error);
gboolean collect_staging(const struct apply_input *in, const struct action *act, GError **error);
gboolean trim_logs(const struct apply_input *in, const struct action *act, GError **error);
gboolean compact_manifest_files(const struct apply_input *in, const struct action *act, GError **error);
gboolean clear_store(const struct apply_input *in, const struct action *act, GError **error);
