/* What the farm knows of a VM (its home, its drain: Redis) and what this host remembers of it (host/vm_records.h).
 * Redis belongs to the main thread. */
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_guest.h"
#include "host/vm_records.h"
#include "queue/crew.h"
#include "queue/drain.h"
#include "queue/homes.h"
#include "spec/status.h"
#include "spec/vm_history.h"
#include <string.h>

const struct vm_status *vm_as_planned(const struct apply_input *in, const struct action *act)
{
	const struct object *have = objects_get(in->plan->have, KIND_VM, act->id);
	const struct vm_status *s = have ? have->status : NULL;
	return s && s->host ? s : NULL;
}

/* What is asked of Redis. */
struct question {
	const char *vm, *uuid, *reason;
	gboolean is_new;
	gboolean has_work; /* the answer */
};

/* -- its home ----------------------------------------------------------------------------------------------------- */

static gboolean take_home(const struct apply_input *in, gpointer data, GError **error)
{
	const struct question *q = data;
	const char *home = NULL;
	g_autoptr(GError) why = NULL;
	if (!in->redis)
		return TRUE;
	if (!home_take(in->redis, in->arena, q->vm, in->plan->host, &home, &why)) {
		if (q->is_new)
			g_propagate_error(error, g_steal_pointer(&why));
		return !q->is_new;
	}
	if (strcmp(home, in->plan->host) == 0)
		return TRUE;
	return fail(error, ERROR_REFUSED, "the host %s has it by now", home);
}

gboolean vm_take_home(const struct apply_input *in, const struct action *act, gboolean is_new, GError **error)
{
	struct question q = { .vm = act->id, .is_new = is_new };
	return apply_on_main(in, take_home, &q, error);
}

static gboolean leave_home(const struct apply_input *in, gpointer data, GError **error)
{
	const struct question *q = data;
	return !in->redis || home_leave(in->redis, q->vm, in->plan->host, error);
}

gboolean vm_leave_home(const struct apply_input *in, const struct action *act, GError **error)
{
	struct question q = { .vm = act->id };
	const struct vm_spec *want = act->want ? act->want->spec : NULL;
	if (want && strcmp(want->host, in->plan->host) == 0)
		return TRUE;
	return apply_on_main(in, leave_home, &q, error);
}

/* -- its drain ---------------------------------------------------------------------------------------------------- */

static gboolean set_drain(const struct apply_input *in, gpointer data, GError **error)
{
	const struct question *q = data;
	(void)error;
	/* Away, or an older Redis: the drain time counts. */
	if (in->redis)
		drain_set(in->redis, q->uuid, q->reason, NULL);
	return TRUE;
}

static gboolean clear_drain(const struct apply_input *in, gpointer data, GError **error)
{
	const struct question *q = data;
	return !in->redis || drain_clear(in->redis, q->uuid, error);
}

static void tell_guest(const struct apply_input *in, const struct vm_now *now, const char *text)
{
	/* One without an agent is told by Redis alone. */
	if (now->is_active && now->live.guest_agent)
		virt_guest_write(in->virt, &now->id, VM_DRAIN_FILE, text, VM_AGENT_MS, NULL);
}

static struct question question_of(const struct apply_input *in, const struct action *act, const struct vm_now *now)
{
	g_autofree char *lower = g_ascii_strdown(now->id.uuid, -1);
	return (struct question){ .vm = act->id, .uuid = arena_strdup(in->arena, lower), .reason = act->reason };
}

gboolean vm_begin_drain(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	struct vm_record r;
	struct question q = question_of(in, act, now);
	vm_records_find(in->records, in->arena, act->id, now->id.uuid, &r);
	if (!r.draining_since)
		r.draining_since = vm_records_now(in->arena);
	if (!vm_records_save(in->records, act->id, &r, error) || !apply_on_main(in, set_drain, &q, error))
		return FALSE;
	tell_guest(in, now, act->reason);
	return TRUE;
}

gboolean vm_end_drain(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	struct vm_record r;
	struct question q = question_of(in, act, now);
	if (!apply_on_main(in, clear_drain, &q, error))
		return FALSE;
	tell_guest(in, now, VM_DRAIN_OVER "\n");
	vm_records_find(in->records, in->arena, act->id, now->id.uuid, &r);
	r.draining_since = NULL;
	return vm_records_save(in->records, act->id, &r, error);
}

static gboolean ask_work(const struct apply_input *in, gpointer data, GError **error)
{
	struct question *q = data;
	struct crew_member *crew;
	guint n;
	(void)error;
	if (!in->redis || !crew_list(in->redis, in->arena, &crew, &n, NULL))
		return TRUE;
	for (guint i = 0; i < n; i++)
		q->has_work |= *crew[i].job && crew[i].age_ms < WORKER_SILENT_MS && g_ascii_strcasecmp(crew[i].uuid, q->uuid) == 0;
	return TRUE;
}

gboolean vm_has_work(const struct apply_input *in, const struct vm_now *now)
{
	struct question q = { .uuid = now->id.uuid };
	apply_on_main(in, ask_work, &q, NULL);
	return q.has_work;
}

/* -- its runs ------------------------------------------------------------------------------------------------------- */

static void see(struct vm_record *r, struct arena *a, enum domain_state state)
{
	r->state = name_of(&domain_state_names, (int)state);
	r->since = vm_records_now(a);
}

gboolean vm_note_started(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	struct vm_record r;
	const struct vm_status *before = vm_as_planned(in, act);
	vm_records_find(in->records, in->arena, act->id, now->id.uuid, &r);
	see(&r, in->arena, DOMAIN_RUNNING);
	r.started_at = r.since;
	r.started_revision = in->plan->revision;
	r.n_short_runs = before ? vm_short_runs(before, in->plan->revision) : 0;
	r.not_taken = NULL;
	return vm_records_save(in->records, act->id, &r, error);
}

gboolean vm_note_not_taken(const struct apply_input *in, const struct action *act, const struct vm_now *now, const struct changes *left, GError **error)
{
	struct vm_record r;
	vm_records_find(in->records, in->arena, act->id, now->id.uuid, &r);
	r.not_taken = changes_digest(in->arena, left);
	return vm_records_save(in->records, act->id, &r, error);
}

gboolean vm_note_stopped(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	struct vm_record r;
	vm_records_find(in->records, in->arena, act->id, now->id.uuid, &r);
	see(&r, in->arena, DOMAIN_SHUT_OFF);
	r.started_at = NULL;
	return vm_records_save(in->records, act->id, &r, error);
}

gboolean vm_forget(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	struct question q = question_of(in, act, now);
	return vm_records_forget(in->records, act->id, error) && vm_leave_home(in, act, error) &&
	       apply_on_main(in, clear_drain, &q, error);
}
