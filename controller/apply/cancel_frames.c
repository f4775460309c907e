/* cancel-frames: what waits goes, what runs is revoked: its late report changes nothing. */
#include "apply/job.h"

gboolean cancel_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	struct authority by = job_authority(in);
	return backlog_cancel(in->redis, &by, act->id, &act->frames, error);
}
