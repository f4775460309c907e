/* Render jobs: queue, scene, roots. The queue is read before the frames: a frame committed in between is
 * then seen as running, never as missing. */
#include "base/arena.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "frames/shelf.h"
#include "observe/observe_job.h"
#include "queue/backlog.h"
#include "queue/redis.h"
#include "spec/farm.h"
#include "spec/limits.h"
#include <string.h>

/* -- scene and queue --------------------------------------------------------------------------------- */

static gboolean digest_of(const struct looking *l, struct remote *remote, int fd, const char *path, struct file_digest *ret,
                          GError **error)
{
	return remote ? remote_digest(remote, path, ret->sha256, error)
	              : digest_file(shelf_digests(l->in->shelf), fd, path, ret, error);
}

static void look_at_scene(struct looking *l, struct renderjob_status *status)
{
	g_autoptr(GError) error = NULL;
	const char *root, *path;
	struct file_digest digest;
	if (!l->job->scene.file)
		return;
	const struct record *pin = manifest_pin(l->inspection.view, l->job->scene.file);
	status->scene.pinned = pin ? arena_strdup(l->arena, pin->sha256) : NULL;
	root_path_split(l->arena, l->job->scene.file, &root, &path);
	const char *where = farm_root_where(farm_root_find(l->farm, root));
	int fd = shelf_root(l->in->shelf, where, &error);
	struct remote *remote = shelf_remote(l->in->shelf, where);
	if (fd < 0 || !digest_of(l, remote, fd, path, &digest, &error)) {
		status->scene.reason = arena_printf(l->arena, "scene %s: %s", l->job->scene.file, error->message);
		return;
	}
	status->scene.found = arena_strdup(l->arena, digest.sha256);
	/* an object is there all at once */
	status->scene.changing = l->job->scene.follow && !remote && !facts_are_settled(&digest.facts);
}

static struct list queued_list(struct arena *a, const struct backlog *b)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, b->n_queued);
	for (guint i = 0; i < b->n_queued; i++)
		items[i] = (struct job_frames){ b->queued[i].frames, b->queued[i].key, NULL };
	return (struct list){ items, b->n_queued };
}

static struct list running_list(struct arena *a, const struct backlog *b)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, b->n_running);
	for (guint i = 0; i < b->n_running; i++)
		items[i] = (struct job_frames){ b->running[i].frames, b->running[i].key, b->running[i].worker };
	return (struct list){ items, b->n_running };
}

static struct list failed_list(struct arena *a, const struct backlog *b)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, b->n_failed);
	for (guint i = 0; i < b->n_failed; i++)
		items[i] = (struct job_frames){ frames_range(a, b->failed[i].frame, b->failed[i].frame), b->failed[i].key,
			                        b->failed[i].reason };
	return (struct list){ items, b->n_failed };
}

/* Labels of the spec, which the queue has as key:value beside those of the machine. */
static struct job_requires requires_of(struct arena *a, const struct job_meta *meta)
{
	struct job_requires r = { .vram_bytes = meta->vram_bytes, .n_gpus = meta->n_gpus };
	guint n = g_strv_length((char **)meta->labels);
	struct label *labels = ARENA_ARRAY(a, struct label, n);
	for (guint i = 0; i < n; i++) {
		const char *text = meta->labels[i], *mark = strchr(text, ':');
		if (mark)
			labels[r.labels.n++] = (struct label){ arena_strndup(a, text, (gsize)(mark - text)), mark + 1 };
	}
	r.labels.items = labels;
	return r;
}

static const char *text_of_limits(struct arena *a, const struct job_meta *meta)
{
	struct scope_limit *limits = ARENA_ARRAY(a, struct scope_limit, meta->n_limits);
	for (guint i = 0; i < meta->n_limits; i++)
		limits[i] = (struct scope_limit){ meta->limits[i].scope, meta->limits[i].n_frames };
	return limits_text(a, limits, meta->n_limits);
}

/* `known`: what was read of it before; NULL: it is read now. */
static gboolean look_at_queue(struct arena *a, struct redis *redis, const char *id, const struct backlog *known,
                              struct renderjob_status *status, GError **error)
{
	const struct backlog *b = known ? known : backlog_show(redis, a, id, error);
	if (!b)
		return FALSE;
	status->queued = queued_list(a, b);
	status->running = running_list(a, b);
	status->failed = failed_list(a, b);
	status->queue.known = b->n_queued + b->n_running + b->n_failed > 0;
	if (!status->queue.known)
		return TRUE;
	status->queue.rank = b->meta.rank;
	status->queue.values.priority = b->meta.priority;
	status->queue.values.chunk.n_frames = b->meta.chunk;
	status->queue.values.retries = b->meta.n_retries;
	status->queue.values.is_paused = b->meta.is_paused;
	status->queue.values.order = ORDER_FORWARD + b->meta.order;
	status->queue.values.chunk.seconds = b->meta.chunk_seconds;
	status->queue.values.requires = requires_of(a, &b->meta);
	status->queue.limits = text_of_limits(a, &b->meta);
	return TRUE;
}

/* -- the jobs ------------------------------------------------------------------------------------------ */

static gboolean all_roots_there(struct arena *a, const struct observe_input *in, const struct farm_spec *farm,
                                const struct renderjob_spec *job)
{
	const struct strings paths = renderjob_paths(a, job);
	for (guint i = 0; i < paths.n; i++) {
		const char *root, *path;
		if (!root_path_split(a, paths.items[i], &root, &path))
			return FALSE;
		const char *where = farm_root_where(farm_root_find(farm, root));
		if (!where || shelf_root(in->shelf, where, NULL) < 0)
			return FALSE;
	}
	return TRUE;
}

/* The root's path, which all outputs share. */
static const char *split_outputs(struct looking *l)
{
	const char *root = NULL;
	struct list outputs = renderjob_outputs(l->arena, l->job);
	l->templates = ARENA_ARRAY(l->arena, const char *, outputs.n);
	for (l->n_outputs = 0; l->n_outputs < outputs.n; l->n_outputs++)
		root_path_split(l->arena, LIST_AT(outputs, struct job_output, l->n_outputs)->file, &root, &l->templates[l->n_outputs]);
	return farm_root_where(farm_root_find(l->farm, root));
}

/* Manifest, scene, inputs and frames; the roots are there. */
static gboolean look_at_files(struct arena *a, const struct observe_input *in, const struct farm_spec *farm,
                              const struct object *o, struct renderjob_status *status, GError **error)
{
	const struct renderjob_spec *job = o->spec;
	g_autofree char *job_dir = root_job_dir(o->id);
	struct looking l = { .arena = a, .in = in, .farm = farm, .job = job };
	const char *root_path = split_outputs(&l);
	struct manifest_view *view = shelf_view(in->shelf, root_path, job_dir);
	l.inspection = (struct inspection){ .root_fd = shelf_root(in->shelf, root_path, NULL),
		                            .job_dir = job_dir,
		                            .view = view,
		                            .cache = shelf_digests(in->shelf),
		                            .remote = shelf_remote(in->shelf, root_path) };
	if (!remote_fetch_manifest(l.inspection.remote, l.inspection.root_fd, job_dir, error) ||
	    !manifest_view_update(view, l.inspection.root_fd, job_dir, error))
		return FALSE;
	const struct manifest_counts counts = manifest_counts(view);
	status->frame_seconds = counts.timed ? (gint64)(counts.seconds / (double)counts.timed * 1e6) : 0;
	status->n_timed = (gint64)counts.timed;
	const struct record *complete = manifest_complete(view);
	status->completed = complete ? arena_strdup(a, complete->digest) : NULL;
	look_at_scene(&l, status);
	observe_inputs(&l, status);
	observe_places(&l, root_path);
	observe_sweep(&l, o->id);
	const struct key_digests of = frame_key_digests(job, status);
	return !of.scene || observe_frames(&l, &of, status, error);
}

/* FALSE: nothing of it is known, so nothing of it is planned. */
static gboolean look_at_job(struct arena *a, const struct observe_input *in, const struct farm_spec *farm, const struct object *o,
                            const struct backlog *queued, struct renderjob_status *status, GError **error)
{
	return all_roots_there(a, in, farm, o->spec) && look_at_queue(a, in->redis, o->id, queued, status, error) &&
	       look_at_files(a, in, farm, o, status, error);
}

gboolean observe_job_files(struct arena *a, const struct observe_input *in, const struct object *job,
                           struct renderjob_status *ret, GError **error)
{
	const struct object *farm = objects_farm(in->want);
	if (!farm)
		return fail(error, ERROR_NOT_FOUND, "the specs have no Farm");
	observe_farm(a, in, objects_new(a)); /* opens the roots */
	if (!all_roots_there(a, in, farm->spec, job->spec))
		return fail(error, ERROR_AWAY, "not all of its roots are on this machine");
	return look_at_files(a, in, farm->spec, job, ret, error);
}

/* Jobs that the queue still has and nobody wants. */
static void observe_gone_jobs(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct backlog_count *jobs;
	guint n;
	if (!backlog_list(in->redis, a, &jobs, &n, NULL))
		return;
	for (guint i = 0; i < n; i++) {
		const char *slash = strchr(jobs[i].job, '/');
		if (!slash || form_check(a, FORM_NAME, slash + 1) || objects_get(in->want, KIND_RENDERJOB, jobs[i].job))
			continue;
		struct renderjob_status *status = arena_alloc(a, sizeof *status);
		if (!look_at_queue(a, in->redis, jobs[i].job, NULL, status, NULL))
			continue;
		struct object *o = ARENA_NEW(a, struct object);
		*o = (struct object){ .kind = &kinds[KIND_RENDERJOB], .id = jobs[i].job, .status = status };
		o->meta.name = slash + 1;
		objects_add(have, o);
	}
}

/* What the queue has of the wanted jobs, in their order: one way to Redis for many. NULL for one that is to be asked for by
 * itself. */
static struct backlog **read_queue(struct arena *a, const struct observe_input *in)
{
	guint n = 0, n_jobs = in->want->by_kind[KIND_RENDERJOB]->len;
	const char **ids = ARENA_ARRAY(a, const char *, n_jobs);
	struct backlog **queued = ARENA_ARRAY(a, struct backlog *, n_jobs);
	OBJECTS_EACH (want, in->want, KIND_RENDERJOB)
		ids[n++] = want->id;
	gboolean is_told = backlog_show_many(in->redis, a, ids, n_jobs, queued);
	for (guint i = 0; !is_told && i < n_jobs; i++)
		queued[i] = NULL;
	return queued;
}

void observe_jobs(struct arena *a, const struct observe_input *in, struct objects *have)
{
	const struct object *farm = objects_farm(in->want);
	const struct object *seen = farm ? objects_get(have, KIND_FARM, farm->id) : NULL;
	if (!seen || ((const struct farm_status *)seen->status)->redis != PLANE_OK)
		return;
	sweep_begin(shelf_sweep(in->shelf), in->sweep_bytes, g_get_monotonic_time());
	struct backlog **queued = read_queue(a, in);
	OBJECTS_EACH (want, in->want, KIND_RENDERJOB) {
		g_autoptr(GError) error = NULL;
		struct renderjob_status *status = arena_alloc(a, sizeof *status);
		gboolean ok = look_at_job(a, in, farm->spec, want, *queued++, status, &error);
		if (!ok && !error)
			continue;
		struct object *o = ARENA_NEW(a, struct object);
		*o = (struct object){ .kind = want->kind, .meta = { .name = want->meta.name }, .id = want->id, .status = status };
		/* Half a look is none: plan must not take unread frames for missing ones. */
		if (error)
			*status = (struct renderjob_status){ .trouble = arena_strdup(a, error->message) };
		objects_add(have, o);
	}
	observe_gone_jobs(a, in, have);
}
