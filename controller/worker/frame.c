/* Why this order: the manifest line is on disk before the commit, so that a frame which Redis knows as
 * done can always be delivered by the job owner, whatever happens to this worker. */
#include "worker/frame.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/deliver.h"
#include "frames/image.h"
#include "frames/root.h"
#include <poll.h>
#include <string.h>

enum { RETRY_MS = 500 };

/* -- sessions -------------------------------------------------------------------------------- */

static gboolean check_task(const struct lease *lease, GError **error)
{
	const struct task *t = &lease->task;
	if (lease->problem)
		return fail(error, ERROR_INVALID, "%s", lease->problem);
	const struct task_output *out = &t->outputs[0];
	if (!image_format_is_known(out->format))
		return fail(error, ERROR_INVALID, "frames of format %s cannot be verified", out->format);
	if (!strchr(out->path_template, '#'))
		return fail(error, ERROR_INVALID, "the output %s has no #### for the frame number", out->path_template);
	if (g_str_has_suffix(out->path_template, "/") || !sha256_is_valid(t->scene_sha256))
		return fail(error, ERROR_INVALID, "the task names no output file, or no SHA-256 of its scene");
	return TRUE;
}

gboolean session_open(struct session *s, struct worker *w, const struct lease *lease, GError **error)
{
	*s = (struct session){ .w = w, .lease = lease, .root_fd = -1 };
	if (!check_task(lease, error))
		return FALSE;
	s->job_dir = root_job_dir(lease->job);
	s->root_fd = worker_open_root(w, lease->task.output_root, error);
	if (s->root_fd < 0)
		return FALSE;
	s->stage = stage_begin(s->root_fd, s->job_dir, lease->token, error);
	if (s->stage)
		s->manifest = manifest_open(s->root_fd, s->job_dir, w->config->name, error);
	return s->manifest != NULL;
}

void session_close(struct session *s)
{
	g_clear_pointer(&s->manifest, manifest_close);
	/* Files that are left are verified frames which wait for the job owner. */
	if (s->stage)
		(void)stage_end(s->root_fd, s->stage, NULL);
	fd_clear(&s->root_fd);
	g_free(s->job_dir);
}

/* -- making ---------------------------------------------------------------------------------- */

/* The scene is what the job was queued for. ERROR_REFUSED: it is not, and trying again does not help. */
static gboolean check_scene(const struct session *s, GError **error)
{
	const struct task *t = &s->lease->task;
	struct file_digest digest;
	SCOPED_FD(fd) = worker_open_root(s->w, t->scene_root, error);
	if (fd < 0 || !digest_file(s->w->digests, fd, t->scene_path, &digest, error))
		return FALSE;
	if (strcmp(digest.sha256, t->scene_sha256) == 0)
		return TRUE;
	return fail(error, ERROR_REFUSED, "SceneChanged: %s:%s is %.12s now, the job renders %.12s", t->scene_root,
		    t->scene_path, digest.sha256, t->scene_sha256);
}

static char *scene_path(const struct session *s)
{
	const struct task *t = &s->lease->task;
	return g_build_filename(g_hash_table_lookup(s->w->config->mounts, t->scene_root), t->scene_path, NULL);
}

/* Has Blender render into staging. ERROR_TIMEOUT: interrupted. */
static gboolean render(struct session *s, gint64 frame, const char *staged, struct answer *ret, GError **error)
{
	struct worker *w = s->w;
	const char *root = g_hash_table_lookup(w->config->mounts, s->lease->task.output_root);
	g_autofree char *scene = scene_path(s);
	g_autofree char *output = g_build_filename(root, s->stage->path, staged, NULL);
	const struct order order = { &s->lease->task, scene, frame, output };
	const int stop_fds[] = { w->stop_fd, heartbeat_lost_fd(w->heartbeat) };
	enum render_end end = blender_render(w->blender, &order, stop_fds, ret);
	if (end == RENDER_DONE) {
		if (ret->muted)
			log_warning("worker",
				    "File Output nodes are silenced job=%s frame=%" G_GINT64_FORMAT " nodes=%s",
				    s->lease->job, frame, ret->muted);
		return TRUE;
	}
	/* After an error nothing is known of its state. */
	g_clear_pointer(&w->blender, blender_stop);
	if (end == RENDER_INTERRUPTED)
		return fail(error, ERROR_TIMEOUT, "interrupted");
	return fail(error, ERROR_FAILED, "%s", ret->reason ? ret->reason : "Blender gave no reason");
}

/* Puts the image on disk and decodes all of it. */
static gboolean verify(const struct session *s, const char *staged, const struct answer *done, struct file_digest *ret,
		       struct image_facts *ret_image, GError **error)
{
	const struct task_output *out = &s->lease->task.outputs[0];
	struct image_expected expected = { .width = done->width, .height = done->height };
	image_expect(out->format, out->color_mode, out->color_depth, &expected);
	return stage_seal(s->stage, staged, ret, error) &&
	       image_check(s->stage->dir_fd, staged, &expected, ret_image, error);
}

static gboolean write_manifest(const struct session *s, gint64 frame, const char *visible, const struct answer *done,
			       const struct file_digest *digest, const struct image_facts *image, GError **error)
{
	const struct worker *w = s->w;
	const struct record record = {
		.type = RECORD_FRAME,
		.frame = frame,
		.key = s->lease->key,
		.token = s->lease->token,
		.file = visible,
		.sha256 = digest->sha256,
		.size = digest->facts.size,
		.mtime_ns = digest->facts.mtime_ns,
		.width = image->width,
		.height = image->height,
		.samples = done->n_samples,
		.worker = w->config->name,
		.host = w->host,
		.boot_id = w->boot_id,
		.blender = blender_version(w->blender),
		.device = done->device ? done->device : s->lease->task.device,
		.seconds = done->seconds,
	};
	return manifest_append(s->manifest, &record, error);
}

/* From the order to the manifest line. The scene is checked again afterwards: it may have been saved
 * between the first look and Blender's. */
static gboolean make(struct session *s, gint64 frame, const char *visible, const char *staged, struct file_digest *ret,
		     double *ret_seconds, GError **error)
{
	struct answer done = { 0 };
	struct image_facts image;
	gboolean is_made = check_scene(s, error) && render(s, frame, staged, &done, error) && check_scene(s, error) &&
			   verify(s, staged, &done, ret, &image, error) &&
			   write_manifest(s, frame, visible, &done, ret, &image, error);
	if (is_made)
		log_notice("worker", "rendered job=%s frame=%" G_GINT64_FORMAT " seconds=%.2f device=\"%s\"",
			   s->lease->job, frame, done.seconds, done.device ? done.device : "");
	else
		(void)unlinkat(s->stage->dir_fd, staged, 0);
	*ret_seconds = done.seconds;
	answer_clear(&done);
	return is_made;
}

/* -- reporting ------------------------------------------------------------------------------- */

/* Is it worth asking again? Only while Redis is away, and only as long as the lease may stand. */
static gboolean ask_again(struct session *s, gint64 until_us, GError **problem)
{
	if (!g_error_matches(*problem, CLEAVE_ERROR, ERROR_AWAY) || g_get_monotonic_time() > until_us)
		return FALSE;
	worker_say_trouble(s->w, (*problem)->message);
	/* A worker that shall leave still asks, but not for long. */
	if (!worker_pause(s->w, RETRY_MS) && g_get_monotonic_time() > until_us - s->w->config->lease_ms * 1000 / 2)
		return FALSE;
	if (worker_must_stop(s->w))
		g_usleep(RETRY_MS * 1000);
	g_clear_error(problem);
	return TRUE;
}

static gint64 patience(const struct session *s)
{
	return g_get_monotonic_time() + s->w->config->lease_ms * 1000;
}

gboolean frame_fail(struct session *s, gint64 frame, const char *reason, enum lease_failure how)
{
	g_autoptr(GError) problem = NULL;
	enum lease_failed outcome;
	gint64 until_us = patience(s);
	log_warning("worker", "failed job=%s frame=%" G_GINT64_FORMAT ": %s", s->lease->job, frame, reason);
	heartbeat_count(s->w->heartbeat, FALSE);
	while (!lease_fail(s->w->redis, s->lease->token, frame, reason, how, &outcome, &problem))
		if (!ask_again(s, until_us, &problem))
			return FALSE;
	return TRUE;
}

/* FALSE when Redis did not answer for as long as the lease lasts. */
static gboolean commit(struct session *s, gint64 frame, double seconds, gboolean *ret_accepted)
{
	g_autoptr(GError) problem = NULL;
	gint64 until_us = patience(s);
	while (!lease_commit(s->w->redis, s->lease->token, frame, seconds, ret_accepted, &problem))
		if (!ask_again(s, until_us, &problem)) {
			log_warning("worker", "a verified frame stays in staging job=%s frame=%" G_GINT64_FORMAT ": %s",
				    s->lease->job, frame, problem->message);
			return FALSE;
		}
	return TRUE;
}

static void deliver(struct session *s, gint64 frame, const char *visible, const struct file_digest *digest)
{
	g_autoptr(GError) problem = NULL;
	enum delivered delivered;
	const struct delivery delivery = {
		.root_fd = s->root_fd,
		.job_dir = s->job_dir,
		.token = s->lease->token,
		.sha256 = digest->sha256,
		.visible = visible,
		.may_replace = TRUE,
	};
	heartbeat_count(s->w->heartbeat, TRUE);
	if (!frame_deliver(&delivery, &delivered, &problem))
		log_warning("worker", "the job owner has to deliver job=%s frame=%" G_GINT64_FORMAT ": %s",
			    s->lease->job, frame, problem->message);
}

/* The report came too late: its manifest line is void, its file goes. */
static void drop(struct session *s, gint64 frame, const char *staged)
{
	g_autoptr(GError) problem = NULL;
	const struct record record = { .type = RECORD_SUPERSEDED, .frame = frame, .token = s->lease->token };
	log_warning("worker", "superseded job=%s frame=%" G_GINT64_FORMAT, s->lease->job, frame);
	if (!manifest_append(s->manifest, &record, &problem)) {
		log_warning("worker", "%s", problem->message);
		return;
	}
	(void)unlinkat(s->stage->dir_fd, staged, 0);
}

/* Does the queue still want this frame from this lease? A Redis that is away is waited for. ERROR_REFUSED: this
 * VM is drained. */
static gboolean is_wanted(struct session *s, gint64 frame, gboolean *ret_wanted, GError **error)
{
	g_autoptr(GError) problem = NULL;
	gint64 until_us = patience(s), lease_ms = s->w->config->lease_ms;
	while (!lease_extend(s->w->redis, s->lease->token, lease_ms, &frame, ret_wanted, &problem))
		if (!ask_again(s, until_us, &problem)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return FALSE;
		}
	worker_say_trouble(s->w, NULL);
	return TRUE;
}

/* What a failure to make the frame means for it and for the lease. */
static enum frame_end settle_failure(struct session *s, gint64 frame, GError *problem, GError **error)
{
	gboolean is_interrupted = g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT);
	gboolean is_refused = g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED);
	if (is_interrupted && !worker_must_stop(s->w)) {
		log_warning("worker", "the lease was revoked or ran out job=%s frame=%" G_GINT64_FORMAT, s->lease->job,
			    frame);
		return FRAME_LEASE_OVER;
	}
	if (is_interrupted || g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY)) {
		g_propagate_error(error, g_error_copy(problem));
		return FRAME_GIVE_BACK;
	}
	return frame_fail(s, frame, problem->message, is_refused ? FAILURE_FINAL : FAILURE_RETRY) ? FRAME_SETTLED : FRAME_LEASE_OVER;
}

enum frame_end frame_work(struct session *s, gint64 frame, GError **error)
{
	g_autofree char *visible = frame_path(s->lease->task.outputs[0].path_template, frame);
	g_autofree char *staged = g_path_get_basename(visible);
	g_autoptr(GError) problem = NULL;
	struct file_digest digest;
	gboolean is_wanted_still, is_accepted;
	double seconds;
	if (!is_wanted(s, frame, &is_wanted_still, &problem)) {
		if (!g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED))
			return FRAME_LEASE_OVER;
		g_propagate_error(error, g_steal_pointer(&problem));
		return FRAME_GIVE_BACK;
	}
	if (!is_wanted_still)
		return FRAME_SETTLED;
	if (!worker_may_begin(s->w, error) || !worker_need_blender(s->w, &s->lease->task, error))
		return FRAME_GIVE_BACK;
	heartbeat_frame(s->w->heartbeat, frame);
	if (!make(s, frame, visible, staged, &digest, &seconds, &problem))
		return settle_failure(s, frame, problem, error);
	if (!commit(s, frame, seconds, &is_accepted))
		return FRAME_LEASE_OVER;
	if (is_accepted)
		deliver(s, frame, visible, &digest);
	else
		drop(s, frame, staged);
	return FRAME_SETTLED;
}
