/* Where a job's frames have been besides their wanted path, and the slow reading of those that are visible. */
#include "base/arena.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "frames/shelf.h"
#include "observe/observe_job.h"
#include <string.h>

static gboolean has_manifest(int root_fd, const char *job_dir)
{
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, NULL);
	SCOPED_FD(fd) = folder ? root_openat(root_fd, folder, O_PATH | O_DIRECTORY, 0) : -1;
	return fd >= 0;
}

static gboolean add_place(struct looking *l, const struct farm_root *root)
{
	int fd = root->path ? shelf_root(l->in->shelf, root->path, NULL) : -1;
	const char *job_dir = l->inspection.job_dir;
	if (fd < 0 || !has_manifest(fd, job_dir))
		return FALSE;
	struct manifest_view *view = shelf_view(l->in->shelf, root->path, job_dir);
	if (!manifest_view_update(view, fd, job_dir, NULL))
		return FALSE;
	l->places[l->n_places++] = (struct move_place){ root->name, { .root_fd = fd, .job_dir = job_dir, .view = view,
		                                                      .cache = l->inspection.cache } };
	return TRUE;
}

/* Another root that is not there, or cannot be read, only means that nothing is copied from it. */
void observe_places(struct looking *l, const char *own_root)
{
	l->places = ARENA_ARRAY(l->arena, struct move_place, l->farm->roots.n + 1);
	l->n_places = 1;
	for (guint i = 0; i < l->farm->roots.n; i++) {
		const struct farm_root *root = LIST_AT(l->farm->roots, struct farm_root, i);
		if (strcmp(farm_root_where(root), own_root) == 0)
			l->places[0] = (struct move_place){ root->name, l->inspection };
		else
			add_place(l, root);
	}
}

gboolean observe_elsewhere(const struct looking *l, gint64 frame, const char *key, const char *visible)
{
	struct move_source source;
	/* into a bucket nothing is copied: it is rendered */
	return !l->inspection.remote &&
	       move_find(l->places, l->n_places, &l->places[0], frame, key, visible, l->n_outputs == 1, &source);
}

void observe_sweep(const struct looking *l, const char *job)
{
	/* a bucket keeps digests of its own, and each reading is paid for */
	if (!l->in->claims || !l->in->sweep_bytes || l->inspection.remote)
		return;
	const char **templates = ARENA_ARRAY(l->arena, const char *, l->n_outputs + 1);
	memcpy(templates, l->templates, l->n_outputs * sizeof *templates);
	sweep_job(shelf_sweep(l->in->shelf), &l->inspection, job, &l->job->frames, templates);
}
