/* A frame's path helps where its root is mounted; a PNG helps where the frame is an EXR. */
#include "commands/first_frame.h"
#include "base/arena.h"
#include "base/frameset.h"
#include "frames/image.h"
#include "frames/root.h"
#include "frames/thumbnail.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

enum { WIDTH = 480, HEIGHT_MAX = 480 };

struct first_frame {
	const struct farm_root *root;
	const char *format;
	gint64 frame;
	char *path; /* below the root; owned */
};

/* The least frame that is whole, in the first of the job's outputs. */
static gboolean find(struct arena *a, const struct plan *p, const char *job, struct first_frame *ret)
{
	const struct object *have = objects_get(p->have, KIND_RENDERJOB, job), *want = objects_get(p->want, KIND_RENDERJOB, job);
	const struct renderjob_status *s = have ? have->status : NULL;
	const struct object *farm = objects_farm(p->want);
	const char *root, *path;
	gint64 least = G_MAXINT64;
	for (guint i = 0; s && i < s->whole.n; i++) {
		const struct frame_set *frames = &LIST_AT(s->whole, struct job_frames, i)->frames;
		least = frames->n_runs ? MIN(least, frames->runs[0].first) : least;
	}
	if (least == G_MAXINT64 || !want || !farm)
		return FALSE;
	struct list outputs = renderjob_outputs(a, want->spec);
	const struct job_output *output = LIST_AT(outputs, struct job_output, 0);
	if (!root_path_split(a, output->file, &root, &path))
		return FALSE;
	*ret = (struct first_frame){ .root = farm_root_find(farm->spec, root), .format = name_of(&image_format_names, output->format),
		                     .frame = least, .path = frame_path(path, least) };
	return TRUE;
}

/* The folder for thumbnails; NULL: nothing can be written. */
static char *cache_folder(void)
{
	char *folder = g_build_filename(g_get_user_cache_dir(), "cleave", "thumbnails", NULL);
	if (g_mkdir_with_parents(folder, 0700) == 0 && access(folder, W_OK) == 0)
		return folder;
	g_free(folder);
	/* a name that nobody else can have made before */
	return g_dir_make_tmp("cleave-XXXXXX", NULL);
}

/* The PNG's path, or NULL: there is nothing to be seen, and the frame's own path is told all the same. */
static char *make_thumbnail(const struct first_frame *f, const char *job)
{
	struct thumbnail t;
	SCOPED_FD(root_fd) = f->root && f->root->path ? root_open_marked(f->root->path, f->root->marker, NULL) : -1;
	SCOPED_FD(fd) = root_fd >= 0 ? root_openat(root_fd, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0) : -1;
	if (fd < 0 || !thumbnail_make(fd, f->format, WIDTH, HEIGHT_MAX, &t, NULL))
		return NULL;
	struct contact *sheet = contact_new(1, 1, t.width, t.height);
	contact_put(sheet, 0, f->frame, &t);
	g_autoptr(GByteArray) png = contact_png(sheet, NULL);
	contact_free(sheet);
	thumbnail_clear(&t);
	g_autofree char *folder = cache_folder(), *dir = root_job_dir(job);
	g_autofree char *name = g_strdup_printf("%s.%04" G_GINT64_FORMAT ".png", dir, f->frame);
	g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;
	if (!png || !path || !g_file_set_contents(path, (const char *)png->data, png->len, NULL))
		return NULL;
	return g_steal_pointer(&path);
}

gboolean first_frame_show(const struct plan *p, const char *job, void (*before)(void *user), void *user)
{
	SCOPED_ARENA(a);
	struct first_frame f;
	if (!find(a, p, job, &f))
		return FALSE;
	g_autofree char *thumbnail = make_thumbnail(&f, job);
	before(user);
	if (f.root && f.root->path)
		printf("  first frame: %s/%s\n", f.root->path, f.path);
	else
		printf("  first frame: %s:%s\n", f.root ? f.root->name : "?", f.path);
	if (thumbnail)
		printf("  thumbnail: %s\n", thumbnail);
	fflush(stdout);
	g_free(f.path);
	return TRUE;
}
