/* The scene is looked at before and after: it may be saved over between the first look and Blender's. */
#include "worker/make.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/checks.h"
#include "frames/image.h"
#include "frames/root.h"
#include "worker/buckets.h"
#include "worker/stamped.h"
#include "worker/take.h"
#include "worker/traced.h"
#include "worker/words.h"
#include <string.h>

/* -- files ----------------------------------------------------------------------------------- */

/* Several outputs may have one name in different folders. */
static void name_files(const struct session *s, gint64 frame, struct made *m)
{
	const struct task *t = &s->lease->task;
	m->frame = frame;
	m->n = t->n_outputs;
	m->files = g_new0(struct made_file, m->n);
	for (guint i = 0; i < m->n; i++) {
		struct made_file *f = &m->files[i];
		f->visible = frame_path(t->outputs[i].path_template, frame);
		g_autofree char *name = g_path_get_basename(f->visible);
		f->staged = m->n == 1 ? g_steal_pointer(&name) : g_strdup_printf("%u.%s", i, name);
	}
}

void made_clear(struct made *m)
{
	for (guint i = 0; i < m->n; i++) {
		g_free(m->files[i].visible);
		g_free(m->files[i].staged);
		g_free(m->files[i].warnings);
	}
	g_free(m->files);
	*m = (struct made){ 0 };
}

/* In a bucket the owner removes what it has delivered; between its copy and that it cannot be stopped. */
gboolean made_withdraw(const struct session *s, const struct made *m)
{
	struct s3_facts facts;
	gboolean is_there = TRUE;
	if (!s->remote)
		return m->n == 0 || stage_withdraw(s->stage, m->files[0].staged);
	g_autofree char *path = m->n ? g_strconcat(s->stage->path, "/", m->files[0].staged, NULL) : NULL;
	return !path || !remote_ask(s->remote, path, &is_there, &facts, NULL) || is_there;
}

void made_drop(const struct session *s, const struct made *m)
{
	for (guint i = 0; i < m->n; i++) {
		g_autofree char *withdrawn = g_strconcat(m->files[i].staged, STAGE_WITHDRAWN, NULL);
		(void)unlinkat(s->stage->dir_fd, m->files[i].staged, 0);
		(void)unlinkat(s->stage->dir_fd, withdrawn, 0);
		remote_unstage(s->remote, s->stage->path, m->files[i].staged);
	}
}

/* -- rendering ------------------------------------------------------------------------------- */

static guint64 memory_limit(const struct session *s)
{
	guint64 ours = s->w->config->blender_memory_bytes, wanted = (guint64)s->lease->task.memory_limit_bytes;
	return ours && wanted ? MIN(ours, wanted) : ours + wanted;
}

static gboolean order(struct session *s, struct blender *b, gint64 frame, struct answer *ret, struct made *m, GError **error)
{
	const struct order order = { .task = &s->lease->task,
				     .scene = s->scene.path,
				     .frame = frame,
				     .memory_bytes = memory_limit(s) };
	const int stop_fds[] = { s->w->stop_fd, heartbeat_lost_fd(s->w->heartbeat) };
	switch (blender_render(b, &order, stop_fds, ret)) {
	case RENDER_DONE: return TRUE;
	case RENDER_INTERRUPTED: return fail(error, ERROR_TIMEOUT, "interrupted");
	case RENDER_FAILED: break;
	}
	m->failure = ret->is_gpu_full ? FAILURE_VRAM : ret->is_final ? FAILURE_FINAL : FAILURE_RETRY;
	return fail(error, ERROR_FAILED, "%s", ret->reason);
}

static void say_answer(const struct session *s, gint64 frame, const struct answer *done)
{
	if (done->muted)
		log_warning("worker", "File Output nodes are silenced job=%s frame=%" G_GINT64_FORMAT " nodes=%s",
			    s->lease->job, frame, done->muted);
	if (done->missing)
		log_warning("worker", "missing job=%s frame=%" G_GINT64_FORMAT " files=%s", s->lease->job, frame,
			    done->missing);
}

static gboolean render(struct session *s, gint64 frame, struct answer *ret, struct made *m, GError **error)
{
	m->was_ordered = TRUE;
	if (!order(s, s->w->blender, frame, ret, m, error))
		return FALSE;
	if (ret->was_loaded)
		traced_forget(s->w->traced);
	m->seconds = ret->seconds;
	say_answer(s, frame, ret);
	return TRUE;
}

/* What an image may take at most, with room for texts, previews, and four times the pixels from a node: layers of an
 * OpenEXR are many, the others have four channels. */
static guint64 most_bytes(const struct task *t, const struct task_output *out, const struct answer *done)
{
	enum { BESIDE = 16 << 20, A_PIXEL = 16, LAYERED = 4096, NODE = 4 };
	guint64 n = MAX((guint64)done->width * done->height, (guint64)t->width * (guint64)t->height);
	if (n == 0)
		return G_MAXINT64;
	return BESIDE + n * (g_str_has_prefix(out->format, "OPEN_EXR") ? LAYERED : A_PIXEL) * (*out->node ? NODE : 1);
}

/* As the task says; Blender says 0 of a border that it crops to, and what it knows where the task leaves it open. */
static void expect_size(const struct task *t, const struct answer *done, struct image_expected *ret)
{
	gboolean is_whole = done->width && t->width;
	ret->width = is_whole ? (guint)t->width : done->width;
	ret->height = is_whole ? (guint)t->height : done->height;
}

/* Puts the image on disk and decodes all of it. A node may write another size than the render's. */
static gboolean take_and_verify(const struct session *s, guint i, struct made *m, const struct answer *done, GError **error)
{
	const struct task *t = &s->lease->task;
	const struct task_output *out = &t->outputs[i];
	const struct check_words words = { t->check_black, t->check_constant, t->check_nan };
	struct made_file *f = &m->files[i];
	struct image_expected expected = { 0 };
	struct image_facts facts;
	g_autofree char *written = order_file(t, i);
	g_autoptr(GPtrArray) warnings = g_ptr_array_new();
	if (!*out->node)
		expect_size(t, done, &expected);
	image_expect(out->format, out->color_mode, out->color_depth, &expected);
	if (!take_file(blender_folder(s->w->blender), written, most_bytes(t, out, done), s->stage->dir_fd, f->staged, error) ||
	    !stage_seal(s->stage, f->staged, &f->digest, error))
		return FALSE;
	if (!image_check(s->stage->dir_fd, f->staged, &expected, &facts, error) ||
	    !stamped_check(s->stage->dir_fd, f->staged, m->frame, s->scene.path, error) ||
	    !checks_judge(&facts, &words, warnings, error)) {
		measure_bad_image(s->w->measure);
		return FALSE;
	}
	f->width = facts.width;
	f->height = facts.height;
	g_autofree char *missing = done->missing ? g_strconcat("missing: ", done->missing, NULL) : NULL;
	if (missing)
		g_ptr_array_add(warnings, missing);
	g_autofree char *error_of_script = t->runs_scripts ? words_script_error(blender_printed(s->w->blender)) : NULL;
	g_autofree char *script = error_of_script ? g_strconcat("script failed: ", error_of_script, NULL) : NULL;
	if (script)
		g_ptr_array_add(warnings, g_utf8_validate(script, -1, NULL) ? script : (char *)"script failed");
	g_ptr_array_add(warnings, NULL);
	f->warnings = warnings->len > 1 ? g_strjoinv("; ", (char **)warnings->pdata) : NULL;
	return TRUE;
}

static gboolean take_all(const struct session *s, struct made *m, const struct answer *done, GError **error)
{
	for (guint i = 0; i < m->n; i++)
		if (!take_and_verify(s, i, m, done, error)) {
			if (*s->lease->task.outputs[i].name)
				g_prefix_error(error, "output %s: ", s->lease->task.outputs[i].name);
			return FALSE;
		}
	return TRUE;
}

/* -- the cold check -------------------------------------------------------------------------- */

static gboolean compare_with(const struct session *s, const struct blender *cold, const struct made *m, GError **error)
{
	const struct task *t = &s->lease->task;
	for (guint i = 0; i < m->n; i++) {
		gboolean is_same;
		g_autofree char *written = order_file(t, i);
		SCOPED_FD(fd) = root_openat(s->stage->dir_fd, m->files[i].staged, O_RDONLY | O_NOFOLLOW, 0);
		if (fd < 0)
			return fail_errno(error, errno, "%s", m->files[i].staged);
		if (!take_same_pixels(fd, blender_folder(cold), written, t->outputs[i].format, &is_same, error))
			return FALSE;
		if (!is_same)
			return fail(error, ERROR_FAILED,
				    "ColdCheckFailed: a fresh Blender renders other pixels of %s: the frame depends on what "
				    "was rendered before it, or on chance",
				    m->files[i].visible);
	}
	return TRUE;
}

/* Renders the frame once more where nothing is left of other frames. */
static gboolean check_cold(struct session *s, gint64 frame, struct made *m, GError **error)
{
	struct answer answer = { 0 };
	if (g_random_int_range(0, 100) >= s->w->config->cold_check_percent)
		return TRUE;
	struct blender *cold = worker_start_blender(s->w, &s->lease->task, error);
	gboolean is_same = cold && order(s, cold, frame, &answer, m, error) && compare_with(s, cold, m, error);
	if (cold && !is_same)
		log_error("worker", "the cold check failed job=%s frame=%" G_GINT64_FORMAT, s->lease->job, frame);
	answer_clear(&answer);
	blender_stop(cold);
	return is_same;
}

/* -- the manifest ---------------------------------------------------------------------------- */

struct record frame_record(const struct session *s, enum record_type type, gint64 frame)
{
	const struct worker *w = s->w;
	return (struct record){ .type = type,
				.frame = frame,
				.key = s->lease->key,
				.token = s->lease->token,
				.worker = w->config->name,
				.host = w->host,
				.project = s->project };
}

/* "OPTIX: NVIDIA RTX A5000, …" → "NVIDIA RTX A5000"; NULL: no GPU. */
static char *gpu_of(const char *device)
{
	const char *names = device ? strstr(device, ": ") : NULL;
	return names ? g_strndup(names + 2, strcspn(names + 2, ",")) : NULL;
}

/* One write for all of the frame's files. */
static gboolean write_manifest(const struct session *s, gint64 frame, const struct made *m, const struct answer *done,
			       const char *inputs, GError **error)
{
	g_autofree struct record *records = g_new(struct record, m->n);
	g_autofree char *gpu = gpu_of(done->device);
	for (guint i = 0; i < m->n; i++) {
		const struct made_file *f = &m->files[i];
		struct record r = frame_record(s, RECORD_FRAME, frame);
		r.file = f->visible;
		r.staged = m->n > 1 ? f->staged : NULL;
		r.sha256 = f->digest.sha256;
		r.size = f->digest.facts.size;
		r.mtime_ns = f->digest.facts.mtime_ns;
		r.width = f->width;
		r.height = f->height;
		r.samples = done->n_samples;
		r.boot_id = s->w->boot_id;
		r.blender = blender_version(s->w->blender);
		r.device = done->device ? done->device : s->lease->task.device;
		r.gpu = gpu;
		r.inputs = *inputs ? inputs : NULL;
		r.reason = f->warnings;
		r.etag = *f->etag ? f->etag : NULL;
		/* Once a frame, not once a file: it is summed up. */
		r.seconds = i == 0 ? done->seconds : 0;
		records[i] = r;
	}
	return manifest_append_all(s->manifest, records, m->n, error);
}

/* What a line of the manifest speaks of is there for all. */
static gboolean stage_all(const struct session *s, struct made *m, GError **error)
{
	for (guint i = 0; i < m->n; i++) {
		struct made_file *f = &m->files[i];
		if (!remote_stage(s->remote, s->root_fd, s->stage->path, f->staged, f->digest.sha256, f->etag, error))
			return FALSE;
	}
	return TRUE;
}

/* -- all of it ------------------------------------------------------------------------------- */

static gboolean need_scene(struct session *s, GError **error)
{
	const struct task *t = &s->lease->task;
	if (s->scene.path)
		return scene_check(s->w, t, &s->scene, error);
	return worker_bring_inputs(s->w, t->inputs, error) && scene_open(s->w, t, &s->scene, error) &&
	       worker_show_scene(s->w, t, s->scene.entry ? s->scene.folder : NULL, error);
}

static gboolean make(struct session *s, gint64 frame, struct made *m, struct answer *done, GError **error)
{
	struct worker *w = s->w;
	const struct task *t = &s->lease->task;
	char inputs[SHA256_HEX_SIZE];
	return need_scene(s, error) && traced_check(w, t, error) && render(s, frame, done, m, error) &&
	       scene_check(w, t, &s->scene, error) && take_all(s, m, done, error) &&
	       check_cold(s, frame, m, error) &&
	       traced_record(w, s->manifest, s->lease->job, &s->scene, blender_opened(w->blender), inputs, error) &&
	       traced_check(w, t, error) && stage_all(s, m, error) && write_manifest(s, frame, m, done, inputs, error);
}

gboolean frame_make(struct session *s, gint64 frame, struct made *ret, GError **error)
{
	g_autoptr(GError) problem = NULL;
	struct answer done = { 0 };
	*ret = (struct made){ .failure = FAILURE_RETRY };
	name_files(s, frame, ret);
	gboolean is_made = make(s, frame, ret, &done, &problem);
	if (is_made)
		log_notice("worker", "rendered job=%s frame=%" G_GINT64_FORMAT " seconds=%.2f device=\"%s\"",
			   s->lease->job, frame, done.seconds, done.device ? done.device : "");
	else
		made_drop(s, ret);
	answer_clear(&done);
	if (is_made)
		return TRUE;
	if (g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED))
		ret->failure = FAILURE_FINAL;
	g_propagate_error(error, g_steal_pointer(&problem));
	return FALSE;
}
