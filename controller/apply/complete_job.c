/* complete-job: records that every wanted frame is there, and the facts under which the next pass may
 * believe it without reading each file again. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/frameset.h"
#include "frames/collect.h"
#include "frames/deliver_remote.h"
#include "frames/inspect.h"
#include "frames/manifest.h"
#include "frames/remote.h"
#include "frames/stage.h"

/* Looks once more: a job is not complete when a file of a frame went in between. */
static gboolean add_sight(struct arena *a, const struct inspection *look, const char *path, gint64 frame,
                          const char *key, GArray *records, GError **error)
{
	struct frame_sight *sight = ARENA_NEW(a, struct frame_sight);
	const char *visible = arena_strdup(a, path);
	if (!frame_inspect(look, frame, key, visible, sight, error))
		return FALSE;
	if (sight->state != FRAME_WHOLE)
		return fail(error, ERROR_REFUSED, "frame %" G_GINT64_FORMAT " is not whole any more", frame);
	if (sight->should_record) {
		struct record seen = frame_seen_record(sight, frame, visible);
		g_array_append_val(records, seen);
	}
	return TRUE;
}

static gboolean add_sights(struct arena *a, const struct inspection *look, const struct job_place *p, gint64 frame,
                           const char *key, GArray *records, GError **error)
{
	for (guint i = 0; i < p->outputs.n; i++) {
		g_autofree char *path = job_place_visible(p, i, frame);
		if (!add_sight(a, look, path, frame, key, records, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean gather_sights(const struct apply_input *in, const struct action *act, const struct job_place *p,
                              GArray *records, GError **error)
{
	const struct object *have = objects_get(in->plan->have, KIND_RENDERJOB, act->id);
	const struct list *unseen = &((const struct renderjob_status *)have->status)->unseen;
	struct inspection look = job_place_look(in, p);
	for (guint i = 0; i < unseen->n; i++) {
		const struct job_frames *f = LIST_AT(*unseen, struct job_frames, i);
		FRAMES_EACH (it, &f->frames)
			if (!add_sights(in->arena, &look, p, it.frame, f->key, records, error))
				return FALSE;
	}
	return TRUE;
}

static void clear_remote(const struct job_place *p, const struct backlog *queue)
{
	g_autoptr(GPtrArray) tokens = remote_tokens(p->remote, p->job_dir, NULL);
	struct collected done;
	for (guint i = 0; tokens && i < tokens->len; i++)
		if (!backlog_holds(queue, tokens->pdata[i]))
			remote_collect(p->remote, p->root_fd, p->job_dir, tokens->pdata[i], p->view, NULL, &done, NULL);
}

static void clear_local(const struct apply_input *in, const struct job_place *p, const struct backlog *queue)
{
	g_autoptr(GArray) left = stage_list(in->arena, p->root_fd, p->job_dir, NULL, NULL);
	struct collected done;
	for (guint i = 0; left && i < left->len; i++) {
		const char *token = g_array_index(left, struct leftover, i).token;
		if (!backlog_holds(queue, token))
			frame_collect(p->root_fd, p->job_dir, token, p->view, NULL, &done, NULL);
	}
}

/* All frames are visible: what still lies in staging was left by attempts that died or came too late, but for those
 * that run, as the second rendering of a late frame; theirs is not touched under their hands. What was verified
 * meanwhile has to be known, or it would not go to the store. What cannot be cleared is not worth failing for. */
static void clear_staging(const struct apply_input *in, const struct job_place *p, const char *job)
{
	const struct backlog *queue = backlog_show(in->redis, in->arena, job, NULL);
	if (!queue || !remote_fetch_manifest(p->remote, p->root_fd, p->job_dir, NULL) ||
	    !manifest_view_update(p->view, p->root_fd, p->job_dir, NULL))
		return;
	if (p->remote)
		clear_remote(p, queue);
	else
		clear_local(in, p, queue);
}

gboolean complete_job(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(struct record));
	struct manifest *m = job_place_find(in, act, &p, error) ? job_place_manifest(in, &p, error) : NULL;
	gboolean ok = m && gather_sights(in, act, &p, records, error);
	if (ok) {
		struct record complete = { .type = RECORD_COMPLETE, .digest = act->digest };
		g_array_append_val(records, complete);
		ok = manifest_append_all(m, (const struct record *)(gpointer)records->data, records->len, error);
	}
	if (m)
		manifest_close(m);
	if (ok)
		clear_staging(in, &p, act->id);
	job_place_clear(&p);
	return ok;
}
