/* copy-frames: the job's `output` was changed, and frames are whole where they were before. They are copied to where
 * they are wanted now, also from another root; the old files stay, for cleave deletes no frame. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/move.h"
#include "frames/root.h"
#include <string.h>

struct copying {
	const struct apply_input *in;
	const struct job_place *p;
	struct move_place *places; /* the first is where they are wanted */
	guint n_places;
	struct manifest *manifest;
	guint64 n_files;
};

static void add_places(struct copying *c)
{
	const struct list *roots = &c->p->farm->roots;
	c->places = ARENA_ARRAY(c->in->arena, struct move_place, roots->n + 1);
	c->n_places = 1;
	for (guint i = 0; i < roots->n; i++) {
		const struct farm_root *root = LIST_AT(*roots, struct farm_root, i);
		int fd = root->path ? shelf_root(c->in->shelf, root->path, NULL) : -1;
		struct manifest_view *v = fd >= 0 ? shelf_view(c->in->shelf, root->path, c->p->job_dir) : NULL;
		struct move_place place = { root->name, { .root_fd = fd, .job_dir = c->p->job_dir, .view = v,
			                                  .cache = shelf_digests(c->in->shelf) } };
		if (fd == c->p->root_fd)
			c->places[0] = place;
		else if (fd >= 0 && manifest_view_update(v, fd, c->p->job_dir, NULL))
			c->places[c->n_places++] = place;
	}
}

/* One file of a frame; one that is there already, or comes from elsewhere, is nothing to do. */
static gboolean copy_file(struct copying *c, gint64 frame, const char *key, const char *visible, GError **error)
{
	struct frame_sight sight;
	struct move_source source;
	if (!frame_inspect(&c->places[0].look, frame, key, visible, &sight, error))
		return FALSE;
	if (sight.state == FRAME_WHOLE && strcmp(sight.key, key) == 0 && strcmp(sight.record->file, visible) == 0)
		return TRUE;
	if (!move_find(c->places, c->n_places, &c->places[0], frame, key, visible, c->p->outputs.n == 1, &source))
		return TRUE;
	c->n_files++;
	return move_copy(&source, &c->places[0], visible, c->manifest, error);
}

static gboolean copy_all(struct copying *c, const struct action *act, GError **error)
{
	FRAMES_EACH (it, &act->frames)
		for (guint i = 0; i < c->p->outputs.n; i++) {
			g_autofree char *visible = job_place_visible(c->p, i, it.frame);
			if (!apply_goes_on(c->in, error) || !copy_file(c, it.frame, act->key, visible, error)) {
				g_prefix_error(error, "frame %" G_GINT64_FORMAT ": ", it.frame);
				return FALSE;
			}
		}
	return TRUE;
}

gboolean copy_frames(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	struct copying c = { .in = in, .p = &p };
	gboolean ok = job_place_find(in, act, &p, error);
	c.manifest = ok ? job_place_manifest(in, &p, error) : NULL;
	ok = c.manifest != NULL;
	if (ok) {
		add_places(&c);
		ok = copy_all(&c, act, error);
	}
	if (ok)
		apply_note(in, act, "%" G_GUINT64_FORMAT " files copied; the old ones stay where they are", c.n_files);
	manifest_close(c.manifest);
	job_place_clear(&p);
	return ok;
}
