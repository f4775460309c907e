/* deliver-frames: makes visible what a worker verified and could not deliver itself.
 * put-back-frames: the same with content from the store; no pixel is rendered. */
#include "apply/job.h"
#include "base/error.h"
#include "base/frameset.h"
#include "frames/collect.h"

typedef gboolean (*deliver_function)(const struct delivery *d, enum delivered *ret, GError **error);

/* The attempt whose folder in staging is used. A folder of its own for what is put back, the same at each
 * try, so that a crash half-way is taken up again. */
static char *token_of(const struct record *r, gint64 frame, gboolean put_back)
{
	return put_back ? g_strdup_printf("put-back-%" G_GINT64_FORMAT, frame) : g_strdup(r->token);
}

static gboolean deliver_one(const struct job_place *p, gint64 frame, const char *key, gboolean put_back, GError **error)
{
	g_autofree char *visible = frame_path(p->output, frame);
	const struct record *r = manifest_frame(p->view, frame, key);
	enum delivered how;
	if (!r)
		return fail(error, ERROR_NOT_FOUND, "frame %" G_GINT64_FORMAT ": the manifest has no record of it", frame);
	g_autofree char *token = token_of(r, frame, put_back);
	struct delivery d = { .root_fd = p->root_fd,
		              .job_dir = p->job_dir,
		              .token = token,
		              .staged = put_back ? NULL : record_staged_name(r),
		              .sha256 = r->sha256,
		              .visible = visible,
		              .may_replace = TRUE,
		              /* Another frame may have had the same content; clearing the store is an act of its own. */
		              .keeps_stored = put_back };
	deliver_function deliver = put_back ? frame_put_back : frame_deliver;
	if (!deliver(&d, &how, error)) {
		g_prefix_error(error, "frame %" G_GINT64_FORMAT ": ", frame);
		return FALSE;
	}
	return TRUE;
}

/* What is left of the attempts up to frame `last` goes: also content that turned out damaged, or it would
 * be tried for ever. What cannot be cleared now is not worth failing for; the next look finds it. */
static void collect(const struct job_place *p, const struct action *act, gint64 last, gboolean put_back)
{
	struct collected left;
	g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
	/* One attempt may have several of the frames: those behind `last` are still to be delivered. */
	FRAMES_EACH (it, &act->frames) {
		const struct record *r = it.frame > last ? manifest_frame(p->view, it.frame, act->key) : NULL;
		if (r)
			g_hash_table_add(wanted, (gpointer)r->sha256);
	}
	FRAMES_EACH (it, &act->frames) {
		const struct record *r = it.frame <= last ? manifest_frame(p->view, it.frame, act->key) : NULL;
		g_autofree char *token = r ? token_of(r, it.frame, put_back) : NULL;
		if (token)
			frame_collect(p->root_fd, p->job_dir, token, p->view, wanted, &left, NULL);
	}
}

static gboolean deliver_all(const struct apply_input *in, const struct action *act, gboolean put_back, GError **error)
{
	struct job_place p;
	gint64 last = G_MININT64;
	gboolean ok = job_place_find(in, act, &p, error);
	if (ok) {
		FRAMES_EACH (it, &act->frames) {
			last = it.frame;
			ok = deliver_one(&p, last, act->key, put_back, error);
			if (!ok)
				break;
		}
		collect(&p, act, last, put_back);
	}
	job_place_clear(&p);
	return ok;
}

gboolean deliver_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	return deliver_all(in, act, FALSE, error);
}

gboolean put_back_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	return deliver_all(in, act, TRUE, error);
}
