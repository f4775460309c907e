/* The graph of the plan's waits, action by action. */
#include "apply/apply.h"
#include "apply/pool.h"
#include "apply/turn.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "queue/slot.h"
#include "spec/vm.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

const struct apply_row apply_rows[N_VERBS] = {
	[VERB_CANCEL_FRAMES] = { .run = cancel_frames },
	[VERB_STOP_VM] = { .check = stop_vm_check, .run = stop_vm, .is_parallel = TRUE },
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
	[VERB_FETCH_IMAGES] = { .check = fetch_images_check, .run = fetch_images, .is_parallel = TRUE },
	[VERB_CREATE_VOLUMES] = { .check = create_volumes_check, .run = create_volumes, .is_parallel = TRUE },
	[VERB_GROW_VOLUMES] = { .check = grow_volumes_check, .run = grow_volumes, .is_parallel = TRUE },
	[VERB_DELETE_VOLUMES] = { .check = delete_volumes_check, .run = delete_volumes, .is_parallel = TRUE },
	[VERB_DRAIN_VM] = { .check = drain_vm_check, .run = drain_vm },
	[VERB_UNDEFINE_VM] = { .check = undefine_vm_check, .run = undefine_vm, .is_parallel = TRUE },
	[VERB_UPDATE_VM] = { .check = update_vm_check, .run = update_vm, .is_parallel = TRUE },
	[VERB_DEFINE_VM] = { .check = define_vm_check, .run = define_vm, .is_parallel = TRUE },
	[VERB_START_VM] = { .check = start_vm_check, .run = start_vm, .is_parallel = TRUE },
	[VERB_UNDRAIN_VM] = { .check = undrain_vm_check, .run = undrain_vm },
	[VERB_PIN_SCENE] = { .run = pin_scene },
	[VERB_PIN_INPUTS] = { .run = pin_inputs },
	[VERB_DELIVER_FRAMES] = { .run = deliver_frames },
	[VERB_PUT_BACK_FRAMES] = { .run = put_back_frames },
	[VERB_UPDATE_JOB] = { .run = update_job },
	[VERB_ENQUEUE_FRAMES] = { .run = enqueue_frames },
	[VERB_TAKE_PLAIN_RESULTS] = { .run = take_plain_results },
	[VERB_FEED_PLAIN_WORKERS] = { .run = feed_plain_workers },
	[VERB_COMPLETE_JOB] = { .run = complete_job },
	[VERB_RECORD_DAMAGE] = { .run = record_damage },
	[VERB_COPY_FRAMES] = { .run = copy_frames },
	[VERB_COLLECT_STAGING] = { .run = collect_staging },
	[VERB_TRIM_LOGS] = { .run = trim_logs },
	[VERB_COMPACT_MANIFEST] = { .run = compact_manifest_files },
	[VERB_CLEAR_STORE] = { .run = clear_store },
};
G_STATIC_ASSERT(G_N_ELEMENTS(apply_rows) == N_VERBS);

static const struct apply_row *row_of(const struct apply_input *in, const struct action *action)
{
	return &(in->rows ? in->rows : apply_rows)[action->verb];
}

void apply_fault(const char *when, enum verb verb)
{
	const char *fault = g_getenv("CLEAVE_FAULT");
	if (!fault)
		return;
	g_autofree char *here = g_strdup_printf("%s:%s", when, verbs[verb].name);
	if (strcmp(fault, here) == 0)
		kill(getpid(), SIGKILL);
}

void apply_note(const struct apply_input *in, const struct action *act, const char *format, ...)
{
	va_list args;
	if (!in->notes)
		return;
	va_start(args, format);
	in->notes[act - in->plan->actions] = g_strdup_vprintf(format, args);
	va_end(args);
}

/* Renewed before it runs out: files carry no fence, so nothing is written without the lease, nor for a commit that is
 * older than one that was acted on. */
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
	/* Who reads an older commit than the last one that was acted on is of no use as the owner: let others be it. */
	if (!owner_pass(in->redis, owner.fence, (gint64)in->plan->epoch, in->plan->revision, error)) {
		(void)owner_release(in->redis, in->holder, NULL);
		return FALSE;
	}
	in->fence = owner.fence;
	in->owner_us = now;
	return TRUE;
}

gboolean apply_goes_on(const struct apply_input *in, GError **error)
{
	enum { EVERY_US = 1000000, MOST_AT_ONCE = 64 };
	gint64 now = g_get_monotonic_time();
	if (!in->turned_us || now - *in->turned_us < EVERY_US)
		return TRUE;
	*in->turned_us = now;
	for (guint i = 0; i < MOST_AT_ONCE && g_main_context_iteration(NULL, FALSE); i++)
		;
	struct apply_input mine = *in;
	return !in->fence || become_owner(&mine, error);
}

/* The error then says as well how the host was left. */
static gboolean run_or_undo(const struct apply_input *in, const struct action *action, GError **error)
{
	const struct apply_row *row = row_of(in, action);
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
	const struct apply_row *row = row_of(in, action);
	/* stores and lists are of all jobs */
	gboolean is_of_jobs = action->kind == KIND_RENDERJOB || action->kind == KIND_FARM;
	if (is_of_jobs && !become_owner(in, error))
		return FALSE;
	struct apply_input mine = *in;
	gpointer seen = NULL;
	mine.seen = &seen;
	if (row->check && !row->check(&mine, action, error))
		return FALSE;
	apply_fault("before", action->verb);
	if (!run_or_undo(&mine, action, error))
		return FALSE;
	apply_fault("after", action->verb);
	return TRUE;
}

/* -- one after the other, and beside each other ------------------------------------------------------------ */

enum step { STEP_PENDING, STEP_UNDER_WAY, STEP_OVER };

struct work {
	struct apply_input *in;
	struct outcomes *outcomes; /* of those that are over */
	enum step *steps;
	struct apply_pool *pool;
	guint n_over, first_pending;
	guint n_pending_here; /* on the main thread */
};

static void end(struct work *w, guint i, enum outcome_state state, const char *message, gint64 took_ms)
{
	struct outcomes *all = w->outcomes;
	struct outcome *o = &all->items[i];
	if (state == OUTCOME_DONE)
		message = w->in->notes[i];
	w->n_pending_here -= w->steps[i] == STEP_PENDING && !row_of(w->in, &w->in->plan->actions[i])->is_parallel;
	w->steps[i] = STEP_OVER;
	w->n_over++;
	*o = (struct outcome){ i, state, arena_strdup(w->in->arena, message), took_ms };
	all->n++;
	all->n_done += state == OUTCOME_DONE;
	all->n_failed += state == OUTCOME_FAILED;
	all->n_skipped += state == OUTCOME_SKIPPED;
	if (w->in->acted)
		w->in->acted(w->in->user, o);
}

static void take_end(struct work *w, struct apply_end *e)
{
	g_autoptr(GError) error = e->error;
	end(w, e->action, error ? OUTCOME_FAILED : OUTCOME_DONE, error ? error->message : NULL, e->took_ms);
}

static void do_here(struct work *w, guint i)
{
	g_autoptr(GError) error = NULL;
	gint64 begun_us = g_get_monotonic_time();
	gboolean is_done = act(w->in, &w->in->plan->actions[i], &error);
	end(w, i, is_done ? OUTCOME_DONE : OUTCOME_FAILED, error ? error->message : NULL,
	    (g_get_monotonic_time() - begun_us) / 1000);
}

/* Pages are given back by who stops and made by the Host, whether or not all succeed; who is short of them then fails
 * by itself. */
static gboolean may_need_pages_of(const struct action *act, const struct action *before)
{
	if (act->verb == VERB_SET_HUGEPAGES)
		return before->verb == VERB_STOP_VM;
	if (act->verb != VERB_START_VM || !act->vm || !act->vm->hugepage_bytes)
		return FALSE;
	return before->verb == VERB_STOP_VM || before->verb == VERB_SET_HUGEPAGES;
}

/* Whether something has to be over first. *ret_missing is the first action that it waits for and that is not done. */
static gboolean is_blocked(const struct work *w, guint i, const struct action **ret_missing)
{
	const struct plan *p = w->in->plan;
	const struct action *act = &p->actions[i];
	*ret_missing = NULL;
	for (guint k = 0; k < act->n_waits; k++) {
		guint before = act->waits[k];
		if (w->steps[before] != STEP_OVER)
			return TRUE;
		if (!*ret_missing && w->outcomes->items[before].state != OUTCOME_DONE)
			*ret_missing = &p->actions[before];
	}
	for (guint k = w->first_pending; k < i && (p->actions[k].is_before_stop || p->actions[k].verb <= VERB_SET_HUGEPAGES); k++)
		if (w->steps[k] != STEP_OVER && may_need_pages_of(act, &p->actions[k]))
			return TRUE;
	return FALSE;
}

static gboolean was_stopped(const struct work *w, const char *vm)
{
	const struct plan *p = w->in->plan;
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].verb == VERB_STOP_VM && w->steps[i] == STEP_OVER && w->outcomes->items[i].state == OUTCOME_DONE && strcmp(p->actions[i].id, vm) == 0)
			return TRUE;
	return FALSE;
}

/* A VM that this pass has stopped to start it again is not left off: that goes on when the pass is to end, when its window
 * closes and when its host's turn is over. */
static gboolean ends_restart(const struct work *w, guint i)
{
	const struct plan *p = w->in->plan;
	for (guint k = i; k < p->n_actions; k++) {
		const struct action *start = &p->actions[k];
		gboolean is_needed = k == i;
		for (guint n = 0; n < start->n_waits; n++)
			is_needed |= start->waits[n] == i;
		if (is_needed && start->verb == VERB_START_VM && was_stopped(w, start->id))
			return TRUE;
	}
	return FALSE;
}

/* Begins the action if it may; FALSE when it has to wait. */
static gboolean try_one(struct work *w, guint i)
{
	struct apply_input *in = w->in;
	const struct action *missing;
	gboolean is_parallel = row_of(in, &in->plan->actions[i])->is_parallel;
	if (is_blocked(w, i, &missing) || (is_parallel && !missing && !apply_pool_has_room(w->pool)))
		return FALSE;
	if (missing) {
		end(w, i, OUTCOME_SKIPPED, arena_printf(in->arena, "waits for %s", verbs[missing->verb].name), 0);
		return TRUE;
	}
	const char *over = turn_is_over(in, &in->plan->actions[i]);
	if (over && !ends_restart(w, i)) {
		end(w, i, OUTCOME_SKIPPED, over, 0);
		return TRUE;
	}
	if (in->is_over && in->is_over(in->user) && !ends_restart(w, i)) {
		end(w, i, OUTCOME_SKIPPED, "the pass ended before it", 0);
		return TRUE;
	}
	if (in->acting)
		in->acting(in->user, i);
	w->n_pending_here -= !is_parallel;
	w->steps[i] = STEP_UNDER_WAY;
	if (is_parallel)
		apply_pool_start(w->pool, i);
	else
		do_here(w, i);
	return TRUE;
}

/* In the plan's order. After one on the main thread, during which others may have ended, from the beginning: so what
 * may begin does so before anything that comes later. FALSE when nothing could begin. */
static gboolean try_all(struct work *w)
{
	const struct plan *p = w->in->plan;
	gboolean has_begun = FALSE;
	while (w->first_pending < p->n_actions && w->steps[w->first_pending] == STEP_OVER)
		w->first_pending++;
	for (guint i = w->first_pending; i < p->n_actions; i++) {
		if (!w->n_pending_here && !apply_pool_has_room(w->pool))
			break;
		if (w->steps[i] != STEP_PENDING || !try_one(w, i))
			continue;
		has_begun = TRUE;
		if (!row_of(w->in, &w->in->plan->actions[i])->is_parallel)
			break;
	}
	return has_begun;
}

gboolean apply_plan(struct apply_input *in, struct outcomes *ret, GError **error)
{
	const struct plan *p = in->plan;
	if (p->n_refusals)
		return fail(error, ERROR_REFUSED, "nothing was done: %s", p->refusals[0].message);
	if (!turn_take(in, error))
		return FALSE;
	guint holding = turn_hold(in, SLOT_TTL_MS / 10);
	gint64 turned_us = g_get_monotonic_time();
	in->turned_us = &turned_us;
	in->notes = g_new0(char *, p->n_actions + 1);
	*ret = (struct outcomes){ .items = ARENA_ARRAY(in->arena, struct outcome, p->n_actions) };
	struct work w = { in, ret, ARENA_ARRAY(in->arena, enum step, p->n_actions), apply_pool_new(in, act), 0, 0, 0 };
	for (guint i = 0; i < p->n_actions; i++)
		w.n_pending_here += !row_of(in, &in->plan->actions[i])->is_parallel;
	for (gboolean has_begun = TRUE; w.n_over < p->n_actions;) {
		struct apply_end e;
		while (apply_pool_take(w.pool, !has_begun, &e)) {
			take_end(&w, &e);
			has_begun = TRUE; /* something is free for what waits */
		}
		has_begun = try_all(&w);
	}
	apply_pool_free(w.pool);
	if (holding)
		g_source_remove(holding);
	for (guint i = 0; i < p->n_actions; i++)
		g_free(in->notes[i]);
	g_clear_pointer(&in->notes, g_free);
	in->turned_us = NULL;
	return TRUE;
}
