/* What is said of a frame comes from the same look as a plan: its state from the lists of the job's status, its past
 * from the manifest, which outlives the queue. */
#include "commands/story.h"
#include "base/arena.h"
#include "commands/bucket.h"
#include "base/frameset.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { LOG_TAIL = 2000, ATTEMPTS_MAX = 20 };

/* -- the job ------------------------------------------------------------------------------------------------ */

static int no_job(const struct plan *p, const char *name, const char *several)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	if (several) {
		fprintf(stderr, "cleave: %s is a job of several projects: %s; write PROJECT/NAME\n", name, several);
		return EXIT_FAILED;
	}
	OBJECTS_EACH (o, p->want, KIND_RENDERJOB)
		g_ptr_array_add(ids, (gpointer)o->id);
	return command_no_object(&kinds[KIND_RENDERJOB], name, ids, p->revision);
}

static void open_folder(struct story_book *b, const struct farm_root *r, GError **error)
{
	b->root_path = b->root_where = r->path;
	b->root_fd = root_open_marked(r->path, r->marker, error);
}

static void open_bucket(struct story_book *b, const struct farm_root *r, GError **error)
{
	b->remote = bucket_open(r, error);
	if (!b->remote)
		return;
	b->root_path = remote_local(b->remote);
	b->root_where = remote_name(b->remote);
	b->root_fd = remote_open(b->remote, r->marker, error);
	if (b->root_fd >= 0 && !remote_fetch_manifest(b->remote, b->root_fd, b->job_dir, error))
		fd_clear(&b->root_fd);
}

/* Of a bucket's object nothing stays in the local folder. */
int story_open_file(const struct story_book *b, const char *path)
{
	if (b->remote && !remote_fetch(b->remote, b->root_fd, path, NULL, 0, NULL))
		return -1;
	int fd = root_openat(b->root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (b->remote)
		(void)unlinkat(b->root_fd, path, 0);
	return fd;
}

/* The manifest is beside the frames; without the root only the queue's word is left. */
static void open_root(struct story_book *b)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = b->looked.arena;
	const char *root;
	struct list outputs = renderjob_outputs(a, b->want->spec);
	if (!root_path_split(a, LIST_AT(outputs, struct job_output, 0)->file, &root, &b->output))
		return;
	const struct farm_root *r = farm_root_find(objects_farm(b->looked.plan->want)->spec, root);
	if (r && r->url)
		open_bucket(b, r, &error);
	else if (r)
		open_folder(b, r, &error);
	if (b->root_fd >= 0)
		b->view = manifest_read(a, b->root_fd, b->job_dir, &error);
	if (error)
		fprintf(stderr, "cleave: what was rendered cannot be told: %s\n", error->message);
}

/* While the queue cannot be asked the manifest and the files still tell: what is there, and who tried. */
static void look_without_queue(struct story_book *b, const struct object *farm)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = b->looked.arena;
	struct renderjob_status *s = arena_alloc(a, sizeof *s);
	const struct farm_status *f = farm ? farm->status : NULL;
	if (!f || f->redis == PLANE_OK)
		return;
	if (!session_observe_files(b->looked.session, a, b->looked.plan->want, b->want, s, &error)) {
		b->blind = arena_printf(a, "nothing is known of its frames: %s", error->message);
	} else {
		b->have = s;
		b->blind = "what waits, is rendered now or has failed for good is not known";
	}
	b->redis = f->redis == PLANE_LEFT_OUT ? "Redis was not looked at"
	                                      : arena_printf(a, "Redis is away (%s)", f->redis_reason ? f->redis_reason : "no answer");
	fprintf(stderr, "cleave: %s: %s\n", b->redis, b->blind);
}

int story_open(struct invocation *in, const char *job, struct story_book *ret)
{
	*ret = (struct story_book){ .root_fd = -1 };
	g_autofree char *several = NULL;
	int code = command_look(in, &ret->looked);
	if (code >= 0)
		return code;
	const struct plan *p = ret->looked.plan;
	const struct object *want = objects_find(p->want, KIND_RENDERJOB, job, &several);
	if (!want)
		return no_job(p, job, several);
	const struct object *have = objects_get(p->have, KIND_RENDERJOB, want->id);
	ret->want = want;
	ret->have = have ? have->status : NULL;
	ret->verdict = plan_verdict(p, KIND_RENDERJOB, want->id);
	ret->job_dir = root_job_dir(want->id);
	open_root(ret);
	const struct object *farm = objects_farm(p->want);
	if (!ret->have && !in->have)
		look_without_queue(ret, objects_get(p->have, KIND_FARM, farm ? farm->id : ""));
	if (ret->have)
		ret->of = frame_key_digests(want->spec, ret->have);
	if (ret->of.scene)
		ret->groups = frame_key_groups(ret->looked.arena, want->spec, &ret->of);
	return -1;
}

void story_close(struct story_book *b)
{
	fd_clear(&b->root_fd);
	remote_free(b->remote);
	g_free(b->job_dir);
	looked_clear(&b->looked);
}

/* -- a frame ------------------------------------------------------------------------------------------------ */

static const struct job_frames *find_in(const struct list *list, gint64 frame)
{
	for (guint i = 0; i < list->n; i++)
		if (frames_contain(&LIST_AT(*list, struct job_frames, i)->frames, frame))
			return LIST_AT(*list, struct job_frames, i);
	return NULL;
}

static gboolean is_key(const char *x, const char *y)
{
	return x && y && strcmp(x, y) == 0;
}

static void tell_state(const struct story_book *b, struct frame_story *f)
{
	const struct renderjob_spec *job = b->want->spec;
	const struct renderjob_status *s = b->have;
	const struct job_frames *whole = find_in(&s->whole, f->frame), *found;
	const struct {
		const struct list *list;
		const char *state;
		gboolean has_worker;
	} order[] = {
		{ &s->running, "running", TRUE },   { &s->failed, "failed", FALSE },   { &s->staged, "delivering", FALSE },
		{ &s->foreign, "foreign", FALSE },  { &s->damaged, "damaged", FALSE }, { &s->queued, "queued", FALSE },
		{ &s->stored, "stored", FALSE },    { &s->elsewhere, "elsewhere", FALSE },
	};
	f->found_key = whole ? whole->key : NULL;
	f->state = frames_contain(&job->waive, f->frame) ? "waived" : !frames_contain(&job->frames, f->frame) ? "notWanted" : "missing";
	f->is_waived = strcmp(f->state, "waived") == 0;
	if (whole && is_key(whole->key, f->key))
		f->state = "whole";
	/* What is not wanted may lie there, and stands in nobody's way. */
	if (strcmp(f->state, "missing") != 0)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
		found = find_in(order[i].list, f->frame);
		if (!found)
			continue;
		f->state = order[i].state;
		if (order[i].has_worker)
			f->worker = found->detail;
		else
			f->detail = found->detail;
		return;
	}
}

static void tell_key(const struct story_book *b, struct frame_story *f, gboolean is_full)
{
	for (guint i = 0; i < b->groups.n; i++)
		if (frames_contain(&b->groups.items[i].frames, f->frame)) {
			f->key = b->groups.items[i].key;
			if (is_full)
				f->values = frame_key_text(b->looked.arena, &b->groups.items[i].values, &b->of);
		}
}

static struct frame_attempt attempt_of(const struct record *r)
{
	return (struct frame_attempt){ .time_us = r->time_us,
		                       .worker = r->worker,
		                       .host = r->host,
		                       .device = r->device,
		                       .seconds = r->seconds,
		                       .is_done = r->type == RECORD_FRAME,
		                       .reason = r->reason,
		                       .key = r->key };
}

/* Done and failed ones, merged, latest first. */
static void tell_attempts(const struct story_book *b, struct frame_story *f)
{
	struct frame_attempt *all = ARENA_ARRAY(b->looked.arena, struct frame_attempt, ATTEMPTS_MAX);
	const struct record *done = manifest_next(b->view, f->frame, NULL), *failed = manifest_next_failure(b->view, f->frame, NULL);
	const char *token = NULL;
	while (f->n_attempts < ATTEMPTS_MAX && (done || failed)) {
		gboolean takes_done = done && (!failed || done->time_us >= failed->time_us);
		const struct record *r = takes_done ? done : failed;
		/* Of several outputs one line is enough. */
		if (g_strcmp0(token, r->token) != 0 || !takes_done)
			all[f->n_attempts++] = attempt_of(r);
		token = r->token;
		if (takes_done)
			done = manifest_next(b->view, f->frame, done);
		else
			failed = manifest_next_failure(b->view, f->frame, failed);
	}
	f->attempts = all;
}

static void tell_log(const struct story_book *b, struct frame_story *f)
{
	struct arena *a = b->looked.arena;
	gsize size;
	char *text;
	const char *name = arena_printf(a, ".cleave/%s/log/%" G_GINT64_FORMAT ".log", b->job_dir, f->frame);
	const char *path = arena_printf(a, "%s/%s", b->root_path, name);
	if (b->remote && !remote_fetch(b->remote, b->root_fd, name, NULL, 0, NULL))
		return;
	if (!g_file_get_contents(path, &text, &size, NULL))
		return;
	const char *tail = size > LOG_TAIL ? text + size - LOG_TAIL : text;
	const char *line = size > LOG_TAIL ? strchr(tail, '\n') : NULL;
	g_autofree char *valid = g_utf8_make_valid(line ? line + 1 : tail, -1);
	f->log = arena_strdup(a, valid);
	f->log_file = path;
	g_free(text);
}

/* The plan judges those that are there; the observation also has what a killed one left. */
static gboolean has_worker(const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object->kind->id == KIND_WORKER)
			return TRUE;
	return FALSE;
}

/* What the plan does about the frame, or what a person can. */
static const char *tell_next(const struct story_book *b, const struct frame_story *f)
{
	struct arena *a = b->looked.arena;
	const struct plan *p = b->looked.plan;
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		if (act->kind == KIND_RENDERJOB && strcmp(act->id, f->job) == 0 && frames_contain(&act->frames, f->frame))
			return arena_printf(a, "%s: such frames %s", verbs[act->verb].name, act->reason);
	}
	if (strcmp(f->state, "whole") == 0)
		return f->is_waived ? "nothing: it is waived" : "nothing: it is as it should be";
	if (b->redis && strcmp(f->state, "missing") == 0)
		return arena_printf(a, "not known: %s", b->redis);
	if (strcmp(f->state, "failed") == 0)
		return arena_printf(a, "a person: mend the scene and `cleave repin %s`, or raise `retries` to try again, or `cleave waive %s %" G_GINT64_FORMAT "` to give it up", f->job, f->job, f->frame);
	if (strcmp(f->state, "foreign") == 0)
		return "a person: move that file away";
	if (strcmp(f->state, "queued") == 0)
		return has_worker(p) ? "a worker takes it"
		                     : "a worker takes it, and none is there: start `cleave-worker` where the root is mounted";
	if (strcmp(f->state, "running") == 0)
		return "its worker commits it, or its lease runs out";
	if (strcmp(f->state, "waived") == 0 || strcmp(f->state, "notWanted") == 0)
		return "nothing";
	return b->verdict && b->verdict->message ? arena_printf(a, "%s: %s", b->verdict->reason, b->verdict->message) : NULL;
}

/* The queue alone knows whether it waits, or is being rendered; the manifest, how it went last. */
static const char *tell_missing(const struct story_book *b, gint64 frame)
{
	const struct record *failed = b->view ? manifest_next_failure(b->view, frame, NULL) : NULL;
	const struct record *done = b->view ? manifest_next(b->view, frame, NULL) : NULL;
	if (!failed || (done && done->time_us > failed->time_us))
		return "or queued, or running";
	return arena_printf(b->looked.arena, "or queued, or running; failed last: %s", failed->reason ? failed->reason : "");
}

struct frame_story story_tell(const struct story_book *b, gint64 frame, gboolean is_full)
{
	struct arena *a = b->looked.arena;
	struct frame_story f = { .job = b->want->id, .frame = frame, .state = "unknown" };
	if (b->output) {
		g_autofree char *path = frame_path(b->output, frame);
		f.file = b->root_where ? arena_printf(a, "%s/%s", b->root_where, path) : arena_strdup(a, path);
	}
	if (b->have && !b->have->trouble) {
		tell_key(b, &f, is_full);
		tell_state(b, &f);
	} else {
		f.detail = b->redis ? b->redis : b->verdict ? b->verdict->message : NULL;
	}
	if (b->redis && strcmp(f.state, "missing") == 0)
		f.detail = tell_missing(b, frame);
	const struct record *made = b->view && f.found_key ? manifest_frame(b->view, frame, f.found_key) : NULL;
	if (made && strcmp(f.state, "whole") == 0) {
		f.worker = made->worker;
		f.seconds = made->seconds;
		f.detail = f.is_waived ? "waived, and there all the same" : made->reason;
	}
	if (is_full && b->view)
		tell_attempts(b, &f);
	if (is_full && b->root_fd >= 0)
		tell_log(b, &f);
	if (is_full)
		f.next = tell_next(b, &f);
	return f;
}
