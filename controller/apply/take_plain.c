/* take-plain-results: what plain workers say is a claim. Each file is copied, for who wrote it may write on; the copy is
 * decoded, put on disk, written to the manifest, committed and delivered, in this order, as a worker of cleave's does it;
 * what is not there or not whole has failed.
 *
 * A crash in between is taken up by the next pass: a frame with a manifest line is delivered by deliver-frames, one
 * without is verified again. */
#include "apply/plain.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/checks.h"
#include "frames/collect.h"
#include "frames/copy.h"
#include "frames/image.h"
#include "frames/inputs.h"
#include "frames/root.h"
#include "frames/stage.h"
#include <string.h>

#define OWN_COPY "own-" /* before the name of the worker's file */

struct taking {
	const struct apply_input *in;
	const struct action *act;
	const struct plain_task *task;
	const char *worker;
	int root_fd;
	char *job_dir;
	struct manifest_view *view;
	struct stage *stage;
	struct manifest *manifest;
	guint n_frames, n_failed; /* over all tasks */
};

/* -- one frame --------------------------------------------------------------------------------------- */

/* Blender adds the extension unless the scene says otherwise; g_free(). NULL: neither is there. */
static char *find_file(const struct taking *t, const char *visible, gint64 frame)
{
	struct stat st;
	const char *dot = strrchr(visible, '.');
	g_autofree char *plain = frame_path(PLAIN_OUTPUT, frame);
	g_autofree char *name = g_strconcat(plain, dot && !strchr(dot, '/') ? dot : "", NULL);
	if (fstatat(t->stage->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return g_steal_pointer(&name);
	return fstatat(t->stage->dir_fd, plain, &st, AT_SYMLINK_NOFOLLOW) == 0 ? g_steal_pointer(&plain) : NULL;
}

/* The scene that they read has no digest of theirs: it has to be the right one now, after they read it. */
static gboolean check_scene(const struct taking *t, GError **error)
{
	const struct task *task = &t->task->task;
	const struct farm_root *root = farm_root_find(t->act->want->spec, task->scene_root);
	struct file_digest digest;
	if (*task->scene_url)
		return TRUE;
	/* the Farm may have changed since the task was given */
	if (!root || !root->path)
		return fail(error, ERROR_REFUSED, "root %s of the scene is no folder any more", task->scene_root);
	int fd = shelf_root(t->in->shelf, root->path, error);
	if (fd < 0 || !digest_file(shelf_digests(t->in->shelf), fd, task->scene_path, &digest, error))
		return FALSE;
	return strcmp(digest.sha256, task->scene_sha256) == 0 ||
	       fail(error, ERROR_REFUSED, "SceneChanged: %s:%s is %.12s now, the job renders %.12s", task->scene_root,
	            task->scene_path, digest.sha256, task->scene_sha256);
}

static int root_of(void *user, const char *name, GError **error)
{
	const struct taking *t = user;
	const struct farm_root *root = farm_root_find(t->act->want->spec, name);
	if (root && root->path)
		return shelf_root(t->in->shelf, root->path, error);
	fail(error, ERROR_REFUSED, "root %s of the inputs is no folder any more", name);
	return -1;
}

/* The same of the files beside it. */
static gboolean check_inputs(const struct taking *t, GError **error)
{
	const struct task *task = &t->task->task;
	const struct inputs_from from = { root_of, (void *)t, shelf_digests(t->in->shelf), NULL };
	char sum[SHA256_HEX_SIZE];
	if (!*task->inputs_sha256)
		return TRUE;
	return inputs_digest(&from, task->inputs, sum, error) &&
	       (strcmp(sum, task->inputs_sha256) == 0 ||
	        fail(error, ERROR_REFUSED, "InputsChanged: the inputs are %.12s now, the job renders %.12s", sum, task->inputs_sha256));
}

static gboolean verify(const struct taking *t, const char *staged, struct file_digest *ret, struct image_facts *ret_image,
                       GPtrArray *warnings, GError **error)
{
	const struct task *task = &t->task->task;
	const struct task_output *out = &task->outputs[0];
	const struct check_words words = { task->check_black, task->check_constant, task->check_nan };
	struct image_expected expected = { .width = (guint)task->width, .height = (guint)task->height };
	image_expect(out->format, out->color_mode, out->color_depth, &expected);
	return check_scene(t, error) && check_inputs(t, error) && stage_seal(t->stage, staged, ret, error) &&
	       image_check(t->stage->dir_fd, staged, &expected, ret_image, error) &&
	       checks_judge(ret_image, &words, warnings, error);
}

static gboolean write_record(const struct taking *t, gint64 frame, const char *visible, const char *staged,
                             const struct file_digest *digest, const struct image_facts *image, const char *warnings, GError **error)
{
	const char *slash = strchr(t->task->job, '/');
	g_autofree char *project = g_strndup(t->task->job, slash ? (gsize)(slash - t->task->job) : 0);
	const struct record record = {
		.type = RECORD_FRAME,
		.frame = frame,
		.key = t->task->key,
		.token = t->task->id,
		.file = visible,
		.staged = staged,
		.sha256 = digest->sha256,
		.size = digest->facts.size,
		.mtime_ns = digest->facts.mtime_ns,
		.width = image->width,
		.height = image->height,
		.samples = (guint32)t->task->task.samples,
		.worker = t->worker,
		.device = t->task->task.device,
		.project = project,
		.reason = *warnings ? warnings : NULL,
	};
	return manifest_append(t->manifest, &record, error);
}

/* The commit is refused when the frame is another's by now; its line is void then. */
static gboolean commit(const struct taking *t, gint64 frame, const char *visible, const char *staged, const char *sha256,
                       GError **error)
{
	gboolean is_accepted;
	enum delivered how;
	const struct record superseded = { .type = RECORD_SUPERSEDED, .frame = frame, .token = t->task->id };
	const struct delivery d = { .root_fd = t->root_fd,
		                    .job_dir = t->job_dir,
		                    .token = t->task->id,
		                    .staged = staged,
		                    .sha256 = sha256,
		                    .visible = visible,
		                    .may_replace = TRUE };
	if (!lease_commit(t->in->redis, t->task->id, frame, 0, &is_accepted, error))
		return FALSE;
	if (!is_accepted)
		return manifest_append(t->manifest, &superseded, error);
	return frame_deliver(&d, &how, error);
}

static gboolean fail_frame(struct taking *t, gint64 frame, const char *reason, enum lease_failure how, GError **error)
{
	enum lease_failed ignored;
	const struct record record = { .type = RECORD_FAILED, .frame = frame, .key = t->task->key, .token = t->task->id, .reason = reason,
		                       .worker = t->worker };
	g_autofree char *said = g_utf8_make_valid(reason, -1);
	struct record valid = record;
	valid.reason = said;
	t->n_failed++;
	return manifest_append(t->manifest, &valid, error) && lease_fail(t->in->redis, t->task->id, frame, said, how, &ignored, error);
}

/* A worker that renders a task again after it said "done" has the file open: what it writes then is not to be in the frame that
 * was verified. */
static gboolean copy_own(const struct taking *t, const char *staged, const char *own, GError **error)
{
	struct file_digest digest;
	int fd = t->stage->dir_fd;
	return stage_seal(t->stage, staged, &digest, error) && copy_checked(fd, staged, fd, own, digest.sha256, NULL, error);
}

/* What went wrong before there is a file, or with it: `claim`, if the worker said that it failed. */
static gboolean take_frame(struct taking *t, gint64 frame, const char *claim, GError **error)
{
	g_autofree char *visible = frame_path(t->task->task.outputs[0].path_template, frame);
	g_autofree char *staged = find_file(t, visible, frame);
	g_autoptr(GPtrArray) warnings = g_ptr_array_new();
	g_autoptr(GError) problem = NULL;
	struct file_digest digest;
	struct image_facts image;
	if (!staged)
		return fail_frame(t, frame, claim ? claim : "the plain worker says done, and there is no file", FAILURE_RETRY, error);
	g_autofree char *own = g_strconcat(OWN_COPY, staged, NULL);
	if (!copy_own(t, staged, own, &problem) || !verify(t, own, &digest, &image, warnings, &problem)) {
		if (g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return FALSE;
		}
		gboolean is_final = g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED);
		return fail_frame(t, frame, claim && !is_final ? claim : problem->message, is_final ? FAILURE_FINAL : FAILURE_RETRY, error);
	}
	g_ptr_array_add(warnings, NULL);
	g_autofree char *words = g_strjoinv("; ", (char **)warnings->pdata);
	t->n_frames++;
	return write_record(t, frame, visible, own, &digest, &image, words, error) &&
	       commit(t, frame, visible, own, digest.sha256, error);
}

/* -- one task ---------------------------------------------------------------------------------------- */

static gboolean open_task(struct taking *t, GError **error)
{
	const struct farm_root *root = farm_root_find(t->act->want->spec, t->task->task.output_root);
	t->job_dir = root_job_dir(t->task->job);
	if (!root->path)
		return fail(error, ERROR_INVALID, "plain workers write to folders; root %s is none", root->name);
	t->root_fd = shelf_root(t->in->shelf, root->path, error);
	if (t->root_fd < 0)
		return FALSE;
	t->view = shelf_view(t->in->shelf, root->path, t->job_dir);
	t->stage = stage_open(t->root_fd, t->job_dir, t->task->id, NULL);
	if (!t->stage) /* somebody removed it, and every frame in it */
		t->stage = stage_begin(t->root_fd, t->job_dir, t->task->id, error);
	t->manifest = t->stage ? manifest_open(t->root_fd, t->job_dir, t->worker, error) : NULL;
	return t->manifest != NULL;
}

static void close_task(struct taking *t)
{
	g_clear_pointer(&t->manifest, manifest_close);
	g_clear_pointer(&t->stage, stage_free);
	g_clear_pointer(&t->job_dir, g_free);
}

/* Nothing of the attempt is needed any more; what cannot be cleared now is found later. */
static void clear_stage(struct taking *t)
{
	struct collected left;
	g_clear_pointer(&t->manifest, manifest_close);
	if (manifest_view_update(t->view, t->root_fd, t->job_dir, NULL))
		frame_collect(t->root_fd, t->job_dir, t->task->id, t->view, NULL, &left, NULL);
}

/* It ended. Frames that are whole are taken also from one that failed with another. */
static gboolean settle(struct taking *t, enum plain_state state, GError **error)
{
	const char *claim = state == PLAIN_DONE ? NULL : state == PLAIN_LATE ? "the plain worker did not end in time" : plain_reason(t->task);
	FRAMES_EACH (it, &t->task->frames)
		if (!take_frame(t, it.frame, claim, error))
			return FALSE;
	clear_stage(t);
	return TRUE;
}

/* Its frames go to whoever comes first; a report that comes later is not read. */
static gboolean abandon(struct taking *t, enum plain_state state, GError **error)
{
	gboolean was_unread;
	struct authority by = job_authority(t->in);
	gboolean only_unread = state == PLAIN_UNUSED;
	if (!plain_drop(t->in->redis, &by, t->act->list, t->task, only_unread, &was_unread, error))
		return FALSE;
	return (only_unread && !was_unread) || lease_give_back(t->in->redis, t->task->id, error);
}

static gboolean end_task(struct taking *t, enum plain_state state, GError **error)
{
	gboolean was_unread;
	struct authority by = job_authority(t->in);
	if (!farm_root_find(t->act->want->spec, t->task->task.output_root))
		return abandon(t, PLAIN_REVOKED, error);
	gboolean ok = open_task(t, error) && settle(t, state, error);
	close_task(t);
	return ok && plain_drop(t->in->redis, &by, t->act->list, t->task, FALSE, &was_unread, error);
}

static gboolean look_after(struct taking *t, enum plain_state state, gint64 now_ms, GError **error)
{
	struct plain_task noted = *t->task;
	struct authority by = job_authority(t->in);
	switch (state) {
	case PLAIN_LEFT:
	case PLAIN_BEGUN:
		*(state == PLAIN_LEFT ? &noted.left_ms : &noted.began_ms) = now_ms;
		return plain_note(t->in->redis, &by, t->act->list, &noted, error);
	case PLAIN_DONE:
	case PLAIN_FAILED:
	case PLAIN_LATE: return end_task(t, state, error);
	case PLAIN_UNUSED:
	case PLAIN_LOST:
	case PLAIN_REVOKED: return abandon(t, state, error);
	case PLAIN_WAITING:
	case PLAIN_TAKEN:
	case PLAIN_RUNNING: return TRUE;
	}
	g_assert_not_reached();
}

gboolean take_plain_results(const struct apply_input *in, const struct action *act, GError **error)
{
	struct plain_window w;
	g_autofree char *worker = plain_worker(act->list);
	struct taking t = { .in = in, .act = act, .worker = worker, .root_fd = -1 };
	g_autoptr(GError) first = NULL;
	if (!plain_show(in->redis, in->arena, act->list, &w, error))
		return FALSE;
	/* A task that cannot be looked after now does not keep the others. */
	for (guint i = 0; i < w.n; i++) {
		g_autoptr(GError) problem = NULL;
		t.task = &w.tasks[i];
		if (!look_after(&t, plain_judge(&w, i), w.now_ms, &problem) && !first) {
			g_prefix_error(&problem, "task %s of %s: ", t.task->id, t.task->job);
			first = g_steal_pointer(&problem);
		}
	}
	if (t.n_frames || t.n_failed)
		apply_note(in, act, "%u frames delivered, %u failed", t.n_frames, t.n_failed);
	if (first)
		g_propagate_error(error, g_steal_pointer(&first));
	return !first;
}
