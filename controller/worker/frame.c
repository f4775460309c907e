/* Why this order: the manifest line is on disk before the commit, so that a frame which Redis knows as
 * done can always be delivered by the job owner, whatever happens to this worker. */
#include "worker/frame.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/deliver.h"
#include "frames/image.h"
#include "frames/root.h"
#include "worker/buckets.h"
#include "worker/fault.h"
#include "worker/frame_log.h"
#include "worker/make.h"
#include <poll.h>
#include <string.h>

enum { RETRY_MS = 500, LONGEST_PAUSE_MS = 10000 };

/* -- sessions -------------------------------------------------------------------------------- */

static gboolean check_output(const struct task_output *out, GError **error)
{
	if (!image_format_is_known(out->format))
		return fail(error, ERROR_INVALID, "frames of format %s cannot be verified", out->format);
	if (!strchr(out->path_template, '#'))
		return fail(error, ERROR_INVALID, "the output %s has no #### for the frame number", out->path_template);
	return !g_str_has_suffix(out->path_template, "/") || fail(error, ERROR_INVALID, "the task names no output file");
}

static gboolean check_task(const struct lease *lease, GError **error)
{
	const struct task *t = &lease->task;
	if (lease->problem)
		return fail(error, ERROR_INVALID, "%s", lease->problem);
	for (guint i = 0; i < t->n_outputs; i++)
		if (!check_output(&t->outputs[i], error))
			return FALSE;
	return sha256_is_valid(t->scene_sha256) || fail(error, ERROR_INVALID, "the task has no SHA-256 of its scene");
}

gboolean session_open(struct session *s, struct worker *w, const struct lease *lease, GError **error)
{
	*s = (struct session){ .w = w, .lease = lease, .root_fd = -1 };
	if (!check_task(lease, error))
		return FALSE;
	s->job_dir = root_job_dir(lease->job);
	s->project = g_strndup(lease->job, strcspn(lease->job, "/"));
	s->root_fd = worker_open_root(w, lease->task.output_root, error);
	if (s->root_fd < 0)
		return FALSE;
	s->remote = worker_bucket(w, lease->task.output_root, NULL); /* it was opened just now */
	s->stage = stage_begin(s->root_fd, s->job_dir, lease->token, error);
	if (s->stage)
		s->manifest = manifest_open_remote(s->remote, s->root_fd, s->job_dir, w->config->name, error);
	return s->manifest != NULL;
}

void session_close(struct session *s)
{
	scene_close(&s->scene);
	g_clear_pointer(&s->manifest, manifest_close);
	/* Files that are left are verified frames which wait for the job owner; of a bucket it has them there. */
	if (s->stage)
		remote_forget_stage(s->remote, s->root_fd, s->stage->path);
	if (s->stage)
		(void)stage_end(s->root_fd, s->stage, NULL);
	fd_clear(&s->root_fd);
	g_free(s->job_dir);
	g_free(s->project);
}

/* -- reporting ------------------------------------------------------------------------------- */

/* How long Redis is waited for, and how it went. */
struct patience {
	gint64 until_us; /* monotonic; 0: until the worker shall leave */
	guint pause_ms;
	gboolean was_away;
};

static struct patience patience(const struct session *s)
{
	return (struct patience){ g_get_monotonic_time() + s->w->config->lease_ms * 1000, RETRY_MS, FALSE };
}

/* Is it worth asking again? Only while Redis is away. A worker that shall leave still asks, but not for long. */
static gboolean ask_again(struct session *s, struct patience *p, GError **problem)
{
	gint64 now_us = g_get_monotonic_time();
	if (!g_error_matches(*problem, CLEAVE_ERROR, ERROR_AWAY) || (p->until_us && now_us > p->until_us))
		return FALSE;
	p->was_away = TRUE;
	worker_say_trouble(s->w, (*problem)->message);
	if (!worker_pause(s->w, p->pause_ms)) {
		gint64 last_us = now_us + s->w->config->lease_ms * 1000 / 2;
		p->until_us = p->until_us ? MIN(p->until_us, last_us) : last_us;
		g_usleep(RETRY_MS * 1000);
	}
	p->pause_ms = MIN(p->pause_ms * 2, (guint)LONGEST_PAUSE_MS);
	g_clear_error(problem);
	return TRUE;
}

gboolean frame_fail(struct session *s, gint64 frame, const char *reason, enum lease_failure how)
{
	g_autoptr(GError) problem = NULL;
	enum lease_failed outcome;
	struct patience until = patience(s);
	log_warning("worker", "failed job=%s frame=%" G_GINT64_FORMAT ": %s", s->lease->job, frame, reason);
	heartbeat_count(s->w->heartbeat, FALSE);
	measure_failed_frame(s->w->measure);
	while (!lease_fail(s->w->redis, s->lease->token, frame, reason, how, &outcome, &problem))
		if (!ask_again(s, &until, &problem))
			return FALSE;
	return TRUE;
}

enum verdict {
	VERDICT_ACCEPTED,
	VERDICT_SUPERSEDED,
	VERDICT_KEPT, /* the queue cannot tell: it was away, or still is. The job owner finds the frame in staging. */
};

/* A verified frame is not given up: nothing else is rendered until Redis has answered, or the worker shall leave. */
static enum verdict commit(struct session *s, gint64 frame, double seconds)
{
	g_autoptr(GError) problem = NULL;
	gboolean is_accepted;
	struct patience until = { .pause_ms = RETRY_MS };
	while (!lease_commit(s->w->redis, s->lease->token, frame, seconds, &is_accepted, &problem))
		if (!ask_again(s, &until, &problem)) {
			log_warning("worker", "a verified frame stays in staging job=%s frame=%" G_GINT64_FORMAT ": %s",
				    s->lease->job, frame, problem->message);
			return VERDICT_KEPT;
		}
	if (is_accepted)
		return VERDICT_ACCEPTED;
	if (!until.was_away)
		return VERDICT_SUPERSEDED;
	log_warning("worker", "the lease ran out while Redis was away; a verified frame stays in staging job=%s frame=%" G_GINT64_FORMAT,
		    s->lease->job, frame);
	return VERDICT_KEPT;
}

static void deliver_file(struct session *s, gint64 frame, const struct made_file *f)
{
	g_autoptr(GError) problem = NULL;
	enum delivered delivered;
	const struct delivery delivery = {
		.root_fd = s->root_fd,
		.job_dir = s->job_dir,
		.token = s->lease->token,
		.staged = f->staged,
		.sha256 = f->digest.sha256,
		.visible = f->visible,
		.may_replace = TRUE,
		.remote = s->remote,
		.keeps_copy = s->lease->task.keeps_copies != 0,
	};
	if (!frame_deliver(&delivery, &delivered, &problem))
		log_warning("worker", "the job owner has to deliver job=%s frame=%" G_GINT64_FORMAT ": %s",
			    s->lease->job, frame, problem->message);
}

/* The report came too late: its manifest line is void, its files go. Unless the job owner found the frame verified in
 * staging, when the queue could not be reached for long, and delivered it: a void line would make that a foreign file. */
static void drop(struct session *s, gint64 frame, const struct made *made)
{
	g_autoptr(GError) problem = NULL;
	const struct record record = { .type = RECORD_SUPERSEDED, .frame = frame, .token = s->lease->token };
	if (!made_withdraw(s, made)) {
		log_notice("worker", "the job owner has it already, delivered or stored job=%s frame=%" G_GINT64_FORMAT, s->lease->job, frame);
		return;
	}
	log_warning("worker", "superseded job=%s frame=%" G_GINT64_FORMAT, s->lease->job, frame);
	if (!manifest_append(s->manifest, &record, &problem)) {
		log_warning("worker", "%s", problem->message);
		return;
	}
	made_drop(s, made);
}

static enum frame_end settle(struct session *s, gint64 frame, const struct made *made)
{
	switch (commit(s, frame, made->seconds)) {
	case VERDICT_ACCEPTED:
		heartbeat_count(s->w->heartbeat, TRUE);
		measure_frame(s->w->measure, s->lease->job, made->seconds);
		worker_fault("committed");
		for (guint i = 0; i < made->n; i++)
			deliver_file(s, frame, &made->files[i]);
		return FRAME_SETTLED;
	case VERDICT_SUPERSEDED: drop(s, frame, made); return FRAME_SETTLED;
	case VERDICT_KEPT: return FRAME_LEASE_OVER;
	}
	g_assert_not_reached();
}

/* Does the queue still want this frame from this lease? A Redis that is away is waited for. ERROR_REFUSED: this
 * VM is drained. */
static gboolean is_wanted(struct session *s, gint64 frame, gboolean *ret_wanted, GError **error)
{
	g_autoptr(GError) problem = NULL;
	struct patience until = patience(s);
	gint64 lease_ms = s->w->config->lease_ms;
	while (!lease_extend(s->w->redis, s->lease->token, lease_ms, &frame, ret_wanted, &problem))
		if (!ask_again(s, &until, &problem)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return FALSE;
		}
	worker_say_trouble(s->w, NULL);
	return TRUE;
}

/* Attempts outlive the queue's memory of them, which `retries` empties. */
static void record_failure(struct session *s, gint64 frame, const char *reason, double seconds)
{
	g_autoptr(GError) problem = NULL;
	/* Blender's words may be in any encoding. */
	g_autofree char *valid = g_utf8_make_valid(reason, -1);
	struct record r = frame_record(s, RECORD_FAILED, frame);
	r.reason = valid;
	r.device = s->lease->task.device;
	r.seconds = seconds;
	if (!manifest_append(s->manifest, &r, &problem))
		log_warning("worker", "%s", problem->message);
}

/* What Blender printed of another frame is not of this one. */
static void write_log(struct session *s, gint64 frame, gboolean was_ordered, const char *reason)
{
	g_autoptr(GError) problem = NULL;
	const char *printed = was_ordered && s->w->blender ? blender_printed(s->w->blender) : "";
	if (!frame_log_write(s->root_fd, s->job_dir, frame, s->lease->token, printed, reason, &problem) ||
	    !remote_send_log(s->remote, s->root_fd, s->job_dir, frame, &problem))
		log_warning("worker", "%s", problem->message);
}

/* What a failure to make the frame means for it and for the lease. */
static enum frame_end settle_failure(struct session *s, gint64 frame, const struct made *made, double seconds,
				     GError *problem, GError **error)
{
	gboolean is_interrupted = g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT);
	if (is_interrupted && !worker_must_stop(s->w)) {
		log_warning("worker", "the lease was revoked or ran out job=%s frame=%" G_GINT64_FORMAT, s->lease->job,
			    frame);
		return FRAME_LEASE_OVER;
	}
	if (is_interrupted || g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY)) {
		g_propagate_error(error, g_error_copy(problem));
		return FRAME_GIVE_BACK;
	}
	write_log(s, frame, made->was_ordered, problem->message);
	record_failure(s, frame, problem->message, seconds);
	return frame_fail(s, frame, problem->message, made->failure) ? FRAME_SETTLED : FRAME_LEASE_OVER;
}

/* Where this machine's usual Blender does not start, frames wait for better times; what only this task wants of it is
 * the task's failure, or it would be given back for ever. */
static enum frame_end settle_no_blender(struct session *s, gint64 frame, GError *problem, GError **error)
{
	const struct task *t = &s->lease->task;
	gboolean is_special = t->arguments || t->runs_scripts || *t->blender;
	const struct made none = { .failure = g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED) ? FAILURE_FINAL : FAILURE_RETRY };
	if (is_special || !g_error_matches(problem, CLEAVE_ERROR, ERROR_FAILED))
		return settle_failure(s, frame, &none, 0, problem, error);
	g_propagate_error(error, g_error_copy(problem));
	return FRAME_GIVE_BACK;
}

/* After an error of its own nothing is known of Blender's state; a source that gives no scene is not its error. */
static enum frame_end work(struct session *s, gint64 frame, struct made *made, GError **error)
{
	g_autoptr(GError) problem = NULL;
	gint64 begun_us = g_get_monotonic_time();
	enum frame_end end;
	if (frame_make(s, frame, made, &problem)) {
		write_log(s, frame, TRUE, NULL);
		worker_fault("verified");
		end = settle(s, frame, made);
		if (!s->w->config->is_warm || blender_is_worn(s->w->blender))
			g_clear_pointer(&s->w->blender, blender_stop);
		return end;
	}
	double seconds = (double)(g_get_monotonic_time() - begun_us) / G_USEC_PER_SEC;
	end = settle_failure(s, frame, made, seconds, problem, error);
	if (made->was_ordered)
		g_clear_pointer(&s->w->blender, blender_stop);
	return end;
}

enum frame_end frame_work(struct session *s, gint64 frame, GError **error)
{
	g_autoptr(GError) problem = NULL;
	struct made made = { 0 };
	gboolean is_wanted_still;
	if (!is_wanted(s, frame, &is_wanted_still, &problem)) {
		if (!g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED))
			return FRAME_LEASE_OVER;
		g_propagate_error(error, g_steal_pointer(&problem));
		return FRAME_GIVE_BACK;
	}
	if (!is_wanted_still)
		return FRAME_SETTLED;
	if (!worker_may_begin(s->w, error))
		return FRAME_GIVE_BACK;
	if (!worker_need_blender(s->w, &s->lease->task, &problem))
		return settle_no_blender(s, frame, problem, error);
	heartbeat_frame(s->w->heartbeat, frame);
	enum frame_end end = work(s, frame, &made, error);
	made_clear(&made);
	return end;
}
