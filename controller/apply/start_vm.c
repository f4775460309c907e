/* start-vm: starts the domain and sees it run. */
#include "apply/media.h"
#include "apply/vm.h"
#include "base/error.h"
#include "spec/diff.h"

gboolean start_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	return vm_look_at_ours(in, act, FALSE, &now, error);
}

/* By an earlier plan, or by this one. */
static gboolean was_drained(const struct apply_input *in, const struct action *act)
{
	const struct vm_status *before = vm_as_planned(in, act);
	for (guint i = 0; i < act->n_waits; i++)
		if (in->plan->actions[act->waits[i]].verb == VERB_DRAIN_VM)
			return TRUE;
	return before && before->history.draining_since;
}

gboolean start_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	const struct vm_spec *want = act->vm;
	if (!vm_look(in, act, &now, error) || !vm_take_home(in, act, FALSE, error) || !vm_media_restore(in, act, &now, error))
		return FALSE;
	if (!vm_start(in, &now.id, error) || !vm_look(in, act, &now, error))
		return FALSE;
	/* Also of a run that has ended already: it was a short one. */
	if (!vm_note_started(in, act, &now, error))
		return FALSE;
	if (!now.is_active)
		return fail(error, ERROR_FAILED, "it started and ended at once; see its serial log and libvirt's log");
	struct vm_spec live = vm_in_words_of(in->arena, &now.live, want, now.facts.machine_type);
	/* A guest gives memory back once its driver runs. */
	if (live.max_memory_bytes && live.memory_bytes > want->memory_bytes)
		live.memory_bytes = want->memory_bytes;
	struct changes left = diff_structs(in->arena, vm_fields, &live, want, FIELD_IN_DOMAIN);
	if (left.n)
		return vm_note_not_taken(in, act, &now, &left, error) &&
		       fail(error, ERROR_FAILED, "it runs, but with %s %s instead of %s", left.items[0].field,
		            left.items[0].before ? left.items[0].before : "(none)",
		            left.items[0].after ? left.items[0].after : "(none)");
	/* What the run before had. */
	if (!vm_media_tidy(in, act, &now, error))
		return FALSE;
	return !was_drained(in, act) || vm_end_drain(in, act, &now, error);
}
