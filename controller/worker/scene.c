/* A root's file is opened where it lies: its digest is known while it does not change. */
#include "worker/scene.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>

/* ERROR_REFUSED: it is not what the job was queued for, and trying again does not help. */
static gboolean check_on_root(struct worker *w, const struct task *t, GError **error)
{
	struct file_digest digest;
	SCOPED_FD(fd) = worker_open_root(w, t->scene_root, error);
	if (fd < 0 || !digest_file(w->digests, fd, t->scene_path, &digest, error))
		return FALSE;
	return strcmp(digest.sha256, t->scene_sha256) == 0 ||
	       fail(error, ERROR_REFUSED, "SceneChanged: %s:%s is %.12s now, the job renders %.12s", t->scene_root,
		    t->scene_path, digest.sha256, t->scene_sha256);
}

gboolean scene_open(struct worker *w, const struct task *t, struct scene *ret, GError **error)
{
	if (*t->scene_url)
		return fail(error, ERROR_REFUSED, "%s: this worker fetches no scenes", t->scene_url);
	if (!check_on_root(w, t, error))
		return FALSE;
	const char *root = g_hash_table_lookup(w->config->mounts, t->scene_root);
	*ret = (struct scene){ .path = g_build_filename(root, t->scene_path, NULL), .folder = g_strdup(root) };
	return TRUE;
}

gboolean scene_check(struct worker *w, const struct task *t, const struct scene *s, GError **error)
{
	return s->entry || check_on_root(w, t, error);
}

void scene_close(struct scene *s)
{
	g_free(s->path);
	g_free(s->folder);
	*s = (struct scene){ 0 };
}
