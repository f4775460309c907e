/* deliver-frames: makes visible what a worker verified and could not deliver itself.
 * put-back-frames: the same with content from the store; no pixel is rendered. */
#include "apply/job.h"
#include "base/error.h"
#include "base/frameset.h"
#include "frames/collect.h"

typedef gboolean (*deliver_function)(const struct delivery *d, enum delivered *ret, GError **error);

static gboolean deliver_one(const struct job_place *p, gint64 frame, const char *key, gboolean put_back, GError **error)
{
	g_autofree char *visible = frame_path(p->output, frame);
	g_autofree char *token = NULL;
	const struct record *r = manifest_frame(p->view, frame, key);
	enum delivered how;
	struct collected left;
	if (!r)
		return fail(error, ERROR_NOT_FOUND, "frame %" G_GINT64_FORMAT ": the manifest has no record of it", frame);
	/* A folder of its own, the same at each try, so that a crash half-way is taken up again. */
	token = put_back ? g_strdup_printf("put-back-%" G_GINT64_FORMAT, frame) : g_strdup(r->token);
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
	gboolean ok = deliver(&d, &how, error);
	/* What is left of the attempt goes: also content that turned out damaged, or it would be tried for
	 * ever. What cannot be cleared now is not worth failing for; the next look finds it. */
	frame_collect(p->root_fd, p->job_dir, token, p->view, NULL, &left, NULL);
	if (!ok)
		g_prefix_error(error, "frame %" G_GINT64_FORMAT ": ", frame);
	return ok;
}

static gboolean deliver_all(const struct apply_input *in, const struct action *act, gboolean put_back, GError **error)
{
	struct job_place p;
	gboolean ok = job_place_find(in, act, &p, error);
	if (ok)
		FRAMES_EACH (it, &act->frames) {
			ok = deliver_one(&p, it.frame, act->key, put_back, error);
			if (!ok)
				break;
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
