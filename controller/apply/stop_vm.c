/* stop-vm: asks the guest to power off, destroys it when its time is over, and sees it gone. */
#include "apply/vm.h"
#include "base/error.h"

/* A guest with an agent has a system to shut down; one without may be anything, and often does not listen. */
enum { GRACEFUL_MS = 10000, GRACEFUL_WITH_AGENT_MS = 60000 };

/* This plan has told its worker to take no frames, since it had none; it may have begun one before it heard. */
static gboolean waits_for_drain(const struct apply_input *in, const struct action *act)
{
	for (guint i = 0; i < act->n_waits; i++)
		if (in->plan->actions[act->waits[i]].verb == VERB_DRAIN_VM)
			return TRUE;
	return FALSE;
}

gboolean stop_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look_at_ours(in, act, FALSE, &now, error))
		return FALSE;
	if (waits_for_drain(in, act) && vm_has_work(in, &now))
		return fail(error, ERROR_REFUSED, "its worker has begun a frame since it was planned; it is drained, and stopped after that");
	return TRUE;
}

gboolean stop_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look(in, act, &now, error))
		return FALSE;
	gint64 graceful_ms = now.live.guest_agent ? GRACEFUL_WITH_AGENT_MS : GRACEFUL_MS;
	if (!virt_stop(in->virt, &now.id, graceful_ms, VM_STOP_MS, error) || !vm_look(in, act, &now, error))
		return FALSE;
	if (now.is_active)
		return fail(error, ERROR_FAILED, "it still runs");
	return vm_note_stopped(in, act, &now, error) && vm_leave_home(in, act, error);
}
