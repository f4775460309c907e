/* What is known of a VM beside its definition: how it came to its state, since when, what this host remembers of it,
 * which host has it by the farm's word; and, where that is asked for, what its guest tells. */
#include "base/arena.h"
#include "base/units.h"
#include "host/virt_guest.h"
#include "host/vm_records.h"
#include "observe/observe.h"
#include "queue/homes.h"
#include "spec/farm.h"
#include "spec/vm.h"
#include <string.h>

/* -- why ---------------------------------------------------------------------------------------------------------- */

/* libvirt's virDomainShutoffReason, virDomainPausedReason and virDomainCrashedReason, same order; "" is not told.
 * https://libvirt.org/html/libvirt-libvirt-domain.html */
static const char *const shut_off_words[] = { "", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed",
	                                      "restored from a snapshot", "ended by the daemon" };
static const char *const paused_words[] = { "", "by hand", "migrating", "saving", "dumping", "I/O error", "watchdog",
	                                    "restored from a snapshot", "shutting down", "making a snapshot", "crashed",
	                                    "starting up", "post-copy", "post-copy failed", "API error" };
static const char *const crashed_words[] = { "", "panicked" };

const char *observe_vm_reason(int state, int reason)
{
	const char *const *words = state == VIRT_SHUT_OFF ? shut_off_words : state == VIRT_PAUSED ? paused_words : crashed_words;
	guint n = state == VIRT_SHUT_OFF ? G_N_ELEMENTS(shut_off_words) : state == VIRT_PAUSED ? G_N_ELEMENTS(paused_words) : G_N_ELEMENTS(crashed_words);
	gboolean is_told = state == VIRT_SHUT_OFF || state == VIRT_PAUSED || state == VIRT_CRASHED;
	return is_told && reason > 0 && (guint)reason < n ? words[reason] : NULL;
}

/* -- what is remembered --------------------------------------------------------------------------------------------- */

static const struct vm_spec *wanted_here(const struct observe_input *in, const char *name)
{
	const struct object *o = objects_get(in->want, KIND_VM, name);
	const struct vm_spec *spec = o ? o->spec : NULL;
	return spec && strcmp(spec->host, in->host) == 0 ? spec : NULL;
}

/* Who only looks notes nothing: the state may be seen for the first time, and nobody knows since when. */
void observe_vm_history(struct arena *a, const struct observe_input *in, const char *name, struct vm_status *ret)
{
	struct vm_record r;
	const char *state = name_of(&domain_state_names, ret->state);
	const struct vm_spec *want = wanted_here(in, name);
	gboolean is_known = vm_records_find(in->records, a, name, ret->uuid, &r) && g_strcmp0(r.state, state) == 0;
	const char *timeout = want ? duration_format(a, want->shutdown_ms) : r.shutdown_timeout;
	if (in->claims && (!is_known || g_strcmp0(r.shutdown_timeout, timeout) != 0)) {
		r.since = is_known ? r.since : vm_records_now(a);
		r.state = state;
		r.shutdown_timeout = timeout;
		/* What cannot be remembered is not known later; nothing else is lost. */
		is_known = vm_records_save(in->records, name, &r, NULL);
	}
	ret->since = is_known ? r.since : NULL;
	ret->history = (struct vm_history){ r.started_at, r.started_revision, r.n_short_runs, r.draining_since, r.left_at, r.not_taken,
		                          r.shutdown_timeout };
}

/* -- homes ------------------------------------------------------------------------------------------------------------ */

static const char *owner_name(const struct observe_input *in)
{
	const struct object *farm = objects_farm(in->want);
	return farm ? farm->meta.name : NULL;
}

/* FALSE when it cannot be noted: then it is still said to be here. */
static gboolean note_left(struct arena *a, const struct observe_input *in, const char *name, struct vm_status *s, const char *at)
{
	struct vm_record r;
	vm_records_find(in->records, a, name, s->uuid, &r);
	r.left_at = s->history.left_at = at;
	return vm_records_save(in->records, name, &r, NULL);
}

/* What is here and wanted here, or runs, is said to be here; what is off and wanted elsewhere is not any more. While
 * Redis is away later, who let go of it does not know who has it. */
static void say_home(struct arena *a, const struct observe_input *in, const char *name, struct vm_status *s)
{
	gboolean is_ours = s->host && g_strcmp0(s->owner, owner_name(in)) == 0;
	gboolean stays = is_ours && (wanted_here(in, name) || vm_status_is_up(s));
	if (stays && !s->home)
		home_take(in->redis, a, name, in->host, &s->home, NULL);
	else if (is_ours && !stays && (s->history.left_at || note_left(a, in, name, s, vm_records_now(a))) && g_strcmp0(s->home, in->host) == 0 &&
	         home_leave(in->redis, name, in->host, NULL))
		s->home = NULL;
	if (stays && s->history.left_at && g_strcmp0(s->home, in->host) == 0)
		note_left(a, in, name, s, NULL);
}

/* VMs that are wanted here and are not here have a status when another host has them: it says no more than that. */
static struct vm_status *status_of(struct arena *a, const struct observe_input *in, struct objects *have, const char *name, const char *home)
{
	struct object *o = objects_get(have, KIND_VM, name);
	if (!o && (!home || strcmp(home, in->host) == 0))
		return NULL;
	return o ? o->status : observed(a, have, KIND_VM, name)->status;
}

void observe_homes(struct arena *a, const struct observe_input *in, struct objects *have)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	if (!in->redis)
		return;
	OBJECTS_EACH (o, have, KIND_VM)
		g_ptr_array_add(names, (gpointer)o->id);
	OBJECTS_EACH (o, in->want, KIND_VM)
		if (wanted_here(in, o->id) && !objects_get(have, KIND_VM, o->id))
			g_ptr_array_add(names, (gpointer)o->id);
	const char **homes = ARENA_ARRAY(a, const char *, names->len);
	if (!names->len || !home_list(in->redis, a, (const char *const *)names->pdata, names->len, homes, NULL))
		return; /* the farm's status says that Redis is away */
	for (guint i = 0; i < names->len; i++) {
		struct vm_status *s = status_of(a, in, have, names->pdata[i], homes[i]);
		if (!s)
			continue;
		s->home = homes[i];
		if (in->claims)
			say_home(a, in, names->pdata[i], s);
	}
}

/* -- guests ----------------------------------------------------------------------------------------------------------- */

enum { USE_MS = 10000, GUEST_MS = 4000, GUESTS_MS = 12000 };

static void observe_use(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct virt_use *uses;
	guint n;
	if (!virt_list_use(in->virt, a, USE_MS, &uses, &n, NULL))
		return; /* not all drivers tell */
	for (guint i = 0; i < n; i++) {
		struct object *o = objects_get(have, KIND_VM, uses[i].name);
		struct vm_status *s = o ? o->status : NULL;
		if (!s)
			continue;
		s->memory_used_bytes = uses[i].memory_bytes;
		s->cpu_time_ms = uses[i].cpu_ms;
	}
}

/* To ask an agent leaves a mark on its domain: how long libvirt waits for it. */
static gboolean may_ask(const struct observe_input *in, const struct vm_status *s)
{
	return s->state == DOMAIN_RUNNING && s->live.guest_agent && s->owner && g_strcmp0(s->owner, owner_name(in)) == 0;
}

/* An agent that hangs keeps its own VM's facts away; several of them, those of VMs further down. */
void observe_guests(struct arena *a, const struct observe_input *in, struct objects *have)
{
	gint64 until_us = g_get_monotonic_time() + GUESTS_MS * 1000;
	if (!in->virt)
		return;
	observe_use(a, in, have);
	OBJECTS_EACH (o, have, KIND_VM) {
		struct vm_status *s = o->status;
		struct virt_guest guest = { 0 };
		const struct virt_id id = { o->id, s->uuid };
		if (!may_ask(in, s) || g_get_monotonic_time() > until_us ||
		    !virt_guest_info(in->virt, a, &id, GUEST_MS, &guest, NULL))
			continue;
		s->guest = (struct vm_guest_status){ guest.hostname, guest.os, guest.kernel,
			                             { arena_memdup(a, guest.addresses, guest.n_addresses * sizeof(char *)), guest.n_addresses } };
	}
}
