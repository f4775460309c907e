/* update-job: priority, chunk, retries… act on the next lease; nothing is rendered again. */
#include "apply/job.h"
#include "base/error.h"

gboolean update_job(const struct apply_input *in, const struct action *act, GError **error)
{
	struct authority by = job_authority(in);
	struct job_meta meta = job_meta_of(in->arena, act->want, objects_farm(in->plan->want)->spec);
	meta.is_paused = act->values->is_paused;
	g_autoptr(GError) local = NULL;
	if (backlog_update(in->redis, &by, act->id, &meta, &local))
		return TRUE;
	/* The last frame was committed meanwhile: nothing waits that could be treated otherwise. */
	if (g_error_matches(local, CLEAVE_ERROR, ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}
