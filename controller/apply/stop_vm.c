/* stop-vm: asks the guest to power off, destroys it when its time is over, and sees it gone. */
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "host/tree.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Of a VM that is in no specs any more: what its spec said last, as far as its host remembers that. */
static gint64 shutdown_ms_of(const struct apply_input *in, const struct action *act)
{
	const struct object *have = objects_get(in->plan->have, KIND_VM, act->id);
	const char *last = have ? ((const struct vm_status *)have->status)->history.shutdown_timeout : NULL;
	gint64 ms = 0;
	if (act->vm)
		return act->vm->shutdown_ms;
	if (!last || duration_parse(in->arena, last, &ms) || ms < 0)
		duration_parse(in->arena, field_find(vm_fields, "shutdownTimeout")->def, &ms);
	return ms;
}

/* This plan has told its worker to take no frames, since it had none; it may have begun one before it heard. */
static gboolean waits_for_drain(const struct apply_input *in, const struct action *act)
{
	for (guint i = 0; i < act->n_waits; i++)
		if (in->plan->actions[act->waits[i]].verb == VERB_DRAIN_VM)
			return TRUE;
	return FALSE;
}

/* -- stopped to be started again: what the start needs has to be there ------------------------------------------------- */

static gboolean is_restart(const struct apply_input *in, const struct action *act)
{
	for (guint i = 0; i < in->plan->n_actions; i++)
		if (in->plan->actions[i].verb == VERB_START_VM && strcmp(in->plan->actions[i].id, act->id) == 0)
			return TRUE;
	return FALSE;
}

/* Only what is known to be absent: a file that this user may not see may well be there for QEMU's. */
static gboolean is_there(const struct apply_input *in, const char *what, const char *path, GError **error)
{
	struct stat st;
	const char *here = path ? host_path(in->arena, in->tree, "%s", path) : NULL;
	if (!here || stat(here, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return TRUE;
	return fail(error, ERROR_REFUSED, "its %s %s is not there, so that it would not start again; nothing is stopped", what, path);
}

static gboolean is_made(const struct apply_input *in, const char *path)
{
	for (guint i = 0; i < in->plan->n_actions; i++)
		for (guint k = 0; k < in->plan->actions[i].n_volumes; k++)
			if (in->plan->actions[i].verb == VERB_CREATE_VOLUMES && g_strcmp0(in->plan->actions[i].volumes[k].path, path) == 0)
				return TRUE;
	return FALSE;
}

static gboolean may_start_again(const struct apply_input *in, const struct vm_spec *want, GError **error)
{
	const char *log = want->serial_log ? strrchr(want->serial_log, '/') : NULL;
	if (!is_there(in, "kernel", want->boot.kernel, error) || !is_there(in, "initrd", want->boot.initrd, error))
		return FALSE;
	if (log > want->serial_log && !is_there(in, "serialLog's folder", arena_strndup(in->arena, want->serial_log, (gsize)(log - want->serial_log)), error))
		return FALSE;
	for (guint i = 0; i < want->shares.n; i++)
		if (!is_there(in, "share's folder", LIST_AT(want->shares, struct vm_share, i)->path, error))
			return FALSE;
	for (guint i = 0; i < want->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(want->disks, struct vm_disk, i);
		if (!is_made(in, d->file) && !is_there(in, "disk's file", d->file, error))
			return FALSE;
	}
	return TRUE;
}

gboolean stop_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look_at_ours(in, act, FALSE, &now, error))
		return FALSE;
	if (waits_for_drain(in, act) && vm_has_work(in, &now))
		return fail(error, ERROR_REFUSED, "its worker has begun a frame since it was planned; it is drained, and stopped after that");
	return !in->tree || !act->vm || !is_restart(in, act) || may_start_again(in, act->vm, error);
}

gboolean stop_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look(in, act, &now, error))
		return FALSE;
	gint64 graceful_ms = shutdown_ms_of(in, act), begun_us = g_get_monotonic_time();
	gboolean was_active = now.is_active;
	if (!virt_stop(in->virt, &now.id, graceful_ms, VM_STOP_MS, error) || !vm_look(in, act, &now, error))
		return FALSE;
	if (now.is_active)
		return fail(error, ERROR_FAILED, "it still runs");
	if (was_active && g_get_monotonic_time() - begun_us >= graceful_ms * 1000)
		apply_note(in, act, "destroyed: its guest had not powered off after %s (shutdownTimeout)", duration_format(in->arena, graceful_ms));
	return vm_note_stopped(in, act, &now, error) && vm_leave_home(in, act, error);
}
