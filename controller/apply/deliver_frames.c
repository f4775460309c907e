/* deliver-frames: makes visible what a worker verified and could not deliver itself.
 * put-back-frames: the same with content from the store; no pixel is rendered.
 *
 * A frame may have several files, and of one of them a part may have been made visible before: each is done
 * with what there is of it, so both verbs do the same. */
#include "apply/job.h"
#include "base/error.h"
#include "base/frameset.h"
#include "frames/collect.h"
#include "frames/deliver_remote.h"
#include "frames/inspect.h"

struct delivering {
	const struct job_place *place;
	const char *key;
	struct inspection look;
	GHashTable *tokens; /* whose folders in staging were used */
};

/* A folder of its own for what is put back, the same at each try, so that a crash half-way is taken up again. */
static char *put_back_token(guint output, gint64 frame)
{
	return output ? g_strdup_printf("put-back-%" G_GINT64_FORMAT "-%u", frame, output) : g_strdup_printf("put-back-%" G_GINT64_FORMAT, frame);
}

static gboolean deliver_output(const struct delivering *d, guint output, gint64 frame, GError **error)
{
	const struct job_place *p = d->place;
	g_autofree char *visible = job_place_visible(p, output, frame);
	const struct record *staged = frame_staged(&d->look, frame, d->key, visible);
	const struct record *stored = staged ? NULL : frame_kept(&d->look, frame, d->key, visible);
	/* Neither: an earlier call made it visible, which is found out by its content. */
	const struct record *r = staged ? staged : stored ? stored : manifest_output(p->view, frame, d->key, visible);
	enum delivered how;
	if (!r)
		return fail(error, ERROR_NOT_FOUND, "the manifest has no record of %s", visible);
	char *token = stored ? put_back_token(output, frame) : g_strdup(r->token);
	g_hash_table_add(d->tokens, token);
	struct delivery delivery = { .root_fd = p->root_fd,
		                     .job_dir = p->job_dir,
		                     .token = token,
		                     .staged = stored ? NULL : record_staged_name(r),
		                     .sha256 = r->sha256,
		                     .visible = visible,
		                     .may_replace = TRUE,
		                     /* Another frame may have had the same content; clearing the store is an act of its own. */
		                     .keeps_stored = stored != NULL,
		                     .keeps_copy = !stored && p->root->store.copies,
		                     .remote = p->remote };
	return stored ? frame_put_back(&delivery, &how, error) : frame_deliver(&delivery, &how, error);
}

static gboolean deliver_one(const struct apply_input *in, const struct delivering *d, gint64 frame, GError **error)
{
	for (guint i = 0; i < d->place->outputs.n; i++)
		if (!apply_goes_on(in, error) || !deliver_output(d, i, frame, error)) {
			g_prefix_error(error, "frame %" G_GINT64_FORMAT ": ", frame);
			return FALSE;
		}
	return TRUE;
}

/* What is left of the attempts up to frame `last` goes: also content that turned out damaged, or it would
 * be tried for ever. What cannot be cleared now is not worth failing for; the next look finds it. */
static void collect(const struct delivering *d, const struct action *act, gint64 last)
{
	const struct job_place *p = d->place;
	struct collected left;
	GHashTableIter tokens;
	gpointer token;
	g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
	/* One attempt may have several of the frames: those behind `last` are still to be delivered. */
	FRAMES_EACH (it, &act->frames) {
		const struct record *r = NULL;
		while (it.frame > last && (r = manifest_next(p->view, it.frame, r)))
			if (g_strcmp0(r->key, d->key) == 0)
				g_hash_table_add(wanted, (gpointer)r->sha256);
	}
	g_hash_table_iter_init(&tokens, d->tokens);
	while (g_hash_table_iter_next(&tokens, &token, NULL))
		if (p->remote)
			remote_collect(p->remote, p->root_fd, p->job_dir, token, p->view, wanted, &left, NULL);
		else
			frame_collect(p->root_fd, p->job_dir, token, p->view, wanted, &left, NULL);
}

static gboolean deliver_all(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	gint64 last = G_MININT64;
	g_autoptr(GHashTable) tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	gboolean ok = job_place_find(in, act, &p, error);
	if (ok) {
		struct delivering d = { &p, act->key, job_place_look(in, &p), tokens };
		FRAMES_EACH (it, &act->frames) {
			last = it.frame;
			ok = deliver_one(in, &d, last, error);
			if (!ok)
				break;
		}
		collect(&d, act, last);
	}
	job_place_clear(&p);
	return ok;
}

gboolean deliver_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	return deliver_all(in, act, error);
}

gboolean put_back_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	return deliver_all(in, act, error);
}
