/* pin-scene: records which content of the scene this job renders, before the first frame is queued. */
#include "apply/job.h"

gboolean pin_scene(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	struct manifest *m = job_place_find(in, act, &p, error) ? job_place_manifest(in, &p, error) : NULL;
	gboolean ok = FALSE;
	if (m) {
		struct record pin = { .type = RECORD_PIN, .file = p.job->scene.file, .sha256 = act->digest };
		ok = manifest_append(m, &pin, error);
		manifest_close(m);
	}
	job_place_clear(&p);
	return ok;
}
