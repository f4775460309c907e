/* Jobs of the earlier specs as they are when their workers are done; nothing was begun of those that are suspended. */
#include "plan/assume_made.h"
#include "base/arena.h"
#include "plan/plan_job.h"
#include <string.h>

/* The scene as it lies there now: what the later revision declares was put there with it. */
static const char *scene_found(struct assuming *s, const struct renderjob_spec *job, const struct renderjob_spec *before)
{
	if (job->scene.sha256 || !job->scene.file)
		return job->scene.sha256;
	gboolean is_same = before && g_strcmp0(before->scene.file, job->scene.file) == 0;
	return is_same && before->scene.sha256 ? before->scene.sha256 : assume_digest(s->arena, "scene", job->scene.file);
}

static const char *inputs_found(struct assuming *s, const struct renderjob_spec *job)
{
	g_autoptr(GString) names = g_string_new(NULL);
	if (job->inputs.sha256 || !job->inputs.files.n)
		return job->inputs.sha256;
	for (guint i = 0; i < job->inputs.files.n; i++)
		g_string_append_printf(names, "%s\n", job->inputs.files.items[i]);
	return assume_digest(s->arena, "inputs", names->str);
}

/* What was recorded when the first frames were handed out, unless the spec said it. */
static void pin(struct assuming *s, struct renderjob_status *status, const struct renderjob_spec *job, const struct renderjob_spec *before)
{
	if (before->scene.file && !before->scene.sha256 && g_strcmp0(before->scene.file, job->scene.file) == 0)
		status->scene.pinned = scene_found(s, before, NULL);
	if (before->inputs.files.n && !before->inputs.sha256)
		status->inputs.pinned = inputs_found(s, before);
}

/* Its frames have the keys that they had then, whatever the later revision declares. */
static void render(struct assuming *s, struct renderjob_status *status, const struct object *before)
{
	const struct renderjob_spec *job = job_without_waived(s->arena, before->spec);
	const struct renderjob_status then = { .scene = { .found = scene_found(s, job, NULL) }, .inputs = { .found = inputs_found(s, job) } };
	const struct key_digests of = frame_key_digests(job, &then);
	if (!of.scene)
		return;
	struct key_groups groups = frame_key_groups(s->arena, job, &of);
	struct list frames = { 0 };
	for (guint i = 0; i < groups.n; i++)
		ASSUME_APPEND(s->arena, frames, struct job_frames, { groups.items[i].frames, groups.items[i].key, NULL });
	status->whole = status->rendered = frames;
	status->completed = frame_key_groups_digest(s->arena, &groups);
}

void assume_jobs(struct assuming *s)
{
	OBJECTS_EACH (o, s->in->to, KIND_RENDERJOB) {
		const struct object *before = objects_get(s->in->from, KIND_RENDERJOB, o->id);
		const struct renderjob_spec *job = o->spec, *then = before ? before->spec : NULL;
		struct renderjob_status *status = ARENA_NEW(s->arena, struct renderjob_status);
		status->scene.found = scene_found(s, job, then);
		status->inputs.found = inputs_found(s, job);
		if (then && !then->suspend.reason) {
			pin(s, status, job, then);
			render(s, status, before);
		}
		assume_seen(s, KIND_RENDERJOB, o->id, status);
	}
}
