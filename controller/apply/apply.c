/* The order of the plan, action by action. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

const struct apply_row apply_rows[N_VERBS] = {
	[VERB_CANCEL_FRAMES] = { .run = cancel_frames },
	[VERB_STOP_VM] = { .check = stop_vm_check, .run = stop_vm },
	[VERB_REMOVE_VGPUS] = { .check = remove_vgpus_check, .run = remove_vgpus },
	[VERB_RELEASE_DEVICE] = { .check = release_device_check, .run = release_device },
	[VERB_SET_VFS] = { .check = set_vfs_check, .run = set_vfs, .undo = set_vfs_undo },
	[VERB_SET_MIG] = { .check = set_mig_check, .run = set_mig },
	[VERB_BIND_DEVICE] = { .check = bind_device_check, .run = bind_device, .undo = bind_device_undo },
	[VERB_CREATE_VGPUS] = { .check = create_vgpus_check, .run = create_vgpus, .undo = create_vgpus_undo },
	[VERB_WRITE_BOOT_FILES] = { .check = write_boot_files_check, .run = write_boot_files },
	[VERB_UPDATE_BOOT] = { .check = update_boot_check, .run = update_boot },
	[VERB_LOAD_MODULES] = { .run = load_modules },
	[VERB_SET_HUGEPAGES] = { .run = set_hugepages },
	[VERB_DEFINE_POOLS] = { .check = define_pools_check, .run = define_pools },
	[VERB_FETCH_IMAGES] = { .check = fetch_images_check, .run = fetch_images },
	[VERB_CREATE_VOLUMES] = { .check = create_volumes_check, .run = create_volumes },
	[VERB_GROW_VOLUMES] = { .check = grow_volumes_check, .run = grow_volumes },
	[VERB_DELETE_VOLUMES] = { .check = delete_volumes_check, .run = delete_volumes },
	[VERB_DRAIN_VM] = { .check = drain_vm_check, .run = drain_vm },
	[VERB_UNDEFINE_VM] = { .check = undefine_vm_check, .run = undefine_vm },
	[VERB_UPDATE_VM] = { .check = update_vm_check, .run = update_vm },
	[VERB_DEFINE_VM] = { .check = define_vm_check, .run = define_vm },
	[VERB_START_VM] = { .check = start_vm_check, .run = start_vm },
	[VERB_PIN_SCENE] = { .run = pin_scene },
	[VERB_DELIVER_FRAMES] = { .run = deliver_frames },
	[VERB_PUT_BACK_FRAMES] = { .run = put_back_frames },
	[VERB_UPDATE_JOB] = { .run = update_job },
	[VERB_ENQUEUE_FRAMES] = { .run = enqueue_frames },
	[VERB_COMPLETE_JOB] = { .run = complete_job },
};
G_STATIC_ASSERT(G_N_ELEMENTS(apply_rows) == N_VERBS);

void apply_fault(const char *when, enum verb verb)
{
	const char *fault = g_getenv("CLEAVE_FAULT");
	if (!fault)
		return;
	g_autofree char *here = g_strdup_printf("%s:%s", when, verbs[verb].name);
	if (strcmp(fault, here) == 0)
		kill(getpid(), SIGKILL);
}

/* Renewed before it runs out: files carry no fence, so nothing is written without the lease. */
static gboolean become_owner(struct apply_input *in, GError **error)
{
	struct owner owner;
	gint64 now = g_get_monotonic_time();
	if (in->fence && now - in->owner_us < OWNER_TTL_MS * 1000 / 3)
		return TRUE;
	if (!owner_acquire(in->redis, in->arena, in->holder, OWNER_TTL_MS, &owner, error))
		return FALSE;
	if (!owner.is_mine || (in->fence && owner.fence != in->fence))
		return fail(error, ERROR_REFUSED, "the jobs are reconciled by another controller: %s", owner.holder);
	in->fence = owner.fence;
	in->owner_us = now;
	return TRUE;
}

/* The error then says as well how the host was left. */
static gboolean run_or_undo(const struct apply_input *in, const struct action *action, GError **error)
{
	const struct apply_row *row = &apply_rows[action->verb];
	g_autoptr(GError) failure = NULL, why = NULL;
	if (row->run(in, action, &failure))
		return TRUE;
	int code = failure->code;
	if (!row->undo)
		return fail(error, (enum cleave_error)code, "%s", failure->message);
	if (row->undo(in, action, &why))
		return fail(error, (enum cleave_error)code, "%s; put back as it was", failure->message);
	return fail(error, (enum cleave_error)code, "%s; left as it is: %s", failure->message, why->message);
}

static gboolean act(struct apply_input *in, const struct action *action, GError **error)
{
	const struct apply_row *row = &apply_rows[action->verb];
	if (action->kind == KIND_RENDERJOB && !become_owner(in, error))
		return FALSE;
	if (row->check && !row->check(in, action, error))
		return FALSE;
	apply_fault("before", action->verb);
	if (!run_or_undo(in, action, error))
		return FALSE;
	apply_fault("after", action->verb);
	return TRUE;
}

/* The first action it waits for that is not done, or NULL. */
static const struct action *missing_wait(const struct plan *p, const struct action *action,
                                         const struct outcomes *so_far)
{
	for (guint i = 0; i < action->n_waits; i++)
		if (so_far->items[action->waits[i]].state != OUTCOME_DONE)
			return &p->actions[action->waits[i]];
	return NULL;
}

static void do_one(struct apply_input *in, guint i, struct outcomes *ret)
{
	const struct action *action = &in->plan->actions[i];
	struct outcome *o = &ret->items[i];
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();
	const struct action *missing = missing_wait(in->plan, action, ret);
	*o = (struct outcome){ .action = i };
	if (missing) {
		o->state = OUTCOME_SKIPPED;
		o->message = arena_printf(in->arena, "waits for %s", verbs[missing->verb].name);
	} else if (in->is_over && in->is_over(in->user)) {
		o->state = OUTCOME_SKIPPED;
		o->message = "the pass ended before it";
	} else {
		if (in->acting)
			in->acting(in->user, i);
		gboolean ok = act(in, action, &error);
		o->state = ok ? OUTCOME_DONE : OUTCOME_FAILED;
		o->message = error ? arena_strdup(in->arena, error->message) : NULL;
	}
	o->took_ms = (g_get_monotonic_time() - start) / 1000;
	ret->n_done += o->state == OUTCOME_DONE;
	ret->n_failed += o->state == OUTCOME_FAILED;
	ret->n_skipped += o->state == OUTCOME_SKIPPED;
	ret->n++;
	if (in->acted)
		in->acted(in->user, o);
}

gboolean apply_plan(struct apply_input *in, struct outcomes *ret, GError **error)
{
	const struct plan *p = in->plan;
	if (p->n_refusals)
		return fail(error, ERROR_REFUSED, "nothing was done: %s", p->refusals[0].message);
	*ret = (struct outcomes){ .items = ARENA_ARRAY(in->arena, struct outcome, p->n_actions) };
	for (guint i = 0; i < p->n_actions; i++)
		do_one(in, i, ret);
	return TRUE;
}
