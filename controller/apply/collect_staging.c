/* collect-staging: clears up after attempts whose leases are gone. The queue is asked once more: a token that came to
 * life, as no token does, would be left alone. Attempts whose files wait to be delivered are not among them; other
 * verified content goes to the store, from where it can be put back. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/collect.h"
#include "frames/deliver_remote.h"
#include "frames/manifest.h"

static gboolean collect(const struct apply_input *in, const struct action *act, const struct upkeep_place *p, GError **error)
{
	struct collected one, all = { 0 };
	const struct backlog *b = backlog_show(in->redis, in->arena, act->id, error);
	if (!b)
		return FALSE;
	for (guint i = 0; i < act->upkeep->tokens.n; i++) {
		const char *token = act->upkeep->tokens.items[i];
		if (backlog_holds(b, token))
			continue;
		if (p->remote ? !remote_collect(p->remote, p->root_fd, p->job_dir, token, p->view, NULL, &one, error)
		              : !frame_collect(p->root_fd, p->job_dir, token, p->view, NULL, &one, error))
			return FALSE;
		all.removed += one.removed;
		all.stored += one.stored;
	}
	apply_note(in, act, "%u files removed, %u put into the store", all.removed, all.stored);
	return TRUE;
}

gboolean collect_staging(const struct apply_input *in, const struct action *act, GError **error)
{
	struct upkeep_place p;
	gboolean ok = upkeep_place_find(in, act, &p, error) && collect(in, act, &p, error);
	upkeep_place_clear(&p);
	return ok;
}
