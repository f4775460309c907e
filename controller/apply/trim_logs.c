/* trim-logs: removes the oldest logs of a job's frames until what is left is small enough. */
#include "apply/job.h"
#include "base/units.h"
#include "frames/log_keep.h"

gboolean trim_logs(const struct apply_input *in, const struct action *act, GError **error)
{
	struct upkeep_place p;
	struct log_excess gone;
	gboolean ok = upkeep_place_find(in, act, &p, error) &&
	              logs_trim(p.root_fd, p.job_dir, p.view, LOG_BYTES_MOST, TRUE, &gone, error);
	if (ok)
		apply_note(in, act, "%u logs, %s", gone.n, bytes_about(in->arena, gone.bytes));
	upkeep_place_clear(&p);
	return ok;
}
