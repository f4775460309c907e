/* A root's .blend is opened where it lies. What is fetched, and what an archive holds, lies in the cache. Its bytes, not
 * its name, say what a file is. */
#include "worker/scene.h"
#include "base/error.h"
#include "frames/root.h"
#include "worker/archive.h"
#include "worker/bring.h"
#include "worker/buckets.h"
#include <stdio.h>
#include <string.h>

enum { MAGIC_LEN = 7, LISTED_MAX = 10, DEEPEST = 64 };

/* -- on a root ------------------------------------------------------------------------------- */

/* ERROR_REFUSED: it is not what the job was queued for, and trying again does not help. */
static gboolean check_on_root(struct worker *w, const struct task *t, GError **error)
{
	struct file_digest digest;
	SCOPED_FD(fd) = worker_open_root(w, t->scene_root, error);
	if (fd < 0 || !worker_bring(w, fd, t->scene_root, t->scene_path, t->scene_sha256, error) ||
	    !digest_file(w->digests, fd, t->scene_path, &digest, error))
		return FALSE;
	return strcmp(digest.sha256, t->scene_sha256) == 0 ||
	       fail(error, ERROR_REFUSED, "SceneChanged: %s:%s is %.12s now, the job renders %.12s", t->scene_root,
		    t->scene_path, digest.sha256, t->scene_sha256);
}

static int open_on_root(struct worker *w, const struct task *t, GError **error)
{
	SCOPED_FD(root) = worker_open_root(w, t->scene_root, error);
	if (root < 0)
		return -1;
	int fd = root_openat(root, t->scene_path, O_RDONLY, 0);
	if (fd < 0)
		fail_errno(error, errno, "opening %s:%s", t->scene_root, t->scene_path);
	return fd;
}

/* -- what it is ------------------------------------------------------------------------------ */

enum content { CONTENT_BLEND, CONTENT_ARCHIVE, CONTENT_UNKNOWN };

/* A .blend may be compressed as a whole; so may an archive, which is looked for first. */
static enum content content_of(int fd)
{
	static const char gzip[] = "\x1f\x8b", zstd[] = "\x28\xb5\x2f\xfd";
	char begin[MAGIC_LEN] = "";
	ssize_t n = pread(fd, begin, sizeof begin, 0);
	if (n == MAGIC_LEN && memcmp(begin, "BLENDER", MAGIC_LEN) == 0)
		return CONTENT_BLEND;
	if (archive_kind_of(fd) == ARCHIVE_KNOWN)
		return CONTENT_ARCHIVE;
	gboolean is_packed = n == MAGIC_LEN && (memcmp(begin, gzip, strlen(gzip)) == 0 || memcmp(begin, zstd, strlen(zstd)) == 0);
	return is_packed ? CONTENT_BLEND : CONTENT_UNKNOWN;
}

/* -- which .blend ---------------------------------------------------------------------------- */

static gboolean is_blend(const char *name)
{
	/* "._shot.blend" is what macOS adds to a zip. */
	return g_str_has_suffix(name, ".blend") && !g_str_has_prefix(name, "._");
}

static void list_blends(int dir_fd, const char *above, guint depth, GPtrArray *all)
{
	g_autoptr(GPtrArray) names = depth < DEEPEST ? root_list(dir_fd, NULL) : NULL;
	for (guint i = 0; names && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		struct stat st;
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		g_autofree char *path = *above ? g_strconcat(above, "/", name, NULL) : g_strdup(name);
		if (S_ISDIR(st.st_mode)) {
			SCOPED_FD(fd) = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd >= 0)
				list_blends(fd, path, depth + 1, all);
		} else if (is_blend(name)) {
			g_ptr_array_add(all, g_steal_pointer(&path));
		}
	}
}

static gint compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *describe(const GPtrArray *blends)
{
	GString *text = g_string_new(blends->len ? "" : "none");
	for (guint i = 0; i < MIN(blends->len, (guint)LISTED_MAX); i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "", (const char *)g_ptr_array_index(blends, i));
	if (blends->len > LISTED_MAX)
		g_string_append_printf(text, " and %u more", blends->len - LISTED_MAX);
	return g_string_free(text, FALSE);
}

static gboolean is_named(const char *path, const char *wanted)
{
	g_autofree char *end = g_strconcat("/", wanted, NULL);
	return strcmp(path, wanted) == 0 || g_str_has_suffix(path, end);
}

/* The one of this path; else the only one of this name; without a name the only one. Never the first of several. */
static const char *choose_blend(const GPtrArray *blends, const char *wanted, GError **error)
{
	const char *found = NULL;
	guint n = 0;
	for (guint i = 0; i < blends->len; i++) {
		const char *path = g_ptr_array_index(blends, i);
		if (strcmp(path, wanted) == 0)
			return path;
		if (*wanted && !is_named(path, wanted))
			continue;
		found = path;
		n++;
	}
	g_autofree char *all = describe(blends);
	if (n == 1)
		return found;
	if (!*wanted)
		fail(error, ERROR_REFUSED, "the archive has %u .blend files, and scene.blend says not which: %s", blends->len, all);
	else
		fail(error, ERROR_REFUSED, "the archive has %s %s; there: %s", n ? "more than one" : "no", wanted, all);
	return NULL;
}

static gboolean choose(struct scene *s, const struct task *t, GError **error)
{
	g_autoptr(GPtrArray) blends = g_ptr_array_new_with_free_func(g_free);
	SCOPED_FD(fd) = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", s->folder);
	list_blends(fd, "", 0, blends);
	g_ptr_array_sort(blends, compare_paths);
	const char *path = choose_blend(blends, t->scene_blend, error);
	if (!path)
		return FALSE;
	s->path = g_build_filename(s->folder, path, NULL);
	return TRUE;
}

/* -- in the cache ---------------------------------------------------------------------------- */

struct bringing {
	struct worker *w;
	const struct task *task;
};

/* The only file of its entry; task.scene_blend means nothing then. */
static gboolean take_blend(const struct cache_place *place, const char *part, GError **error)
{
	g_autofree char *path = g_build_filename(place->tree, "scene.blend", NULL);
	return rename(part, path) == 0 || fail_errno(error, errno, "moving %s", part);
}

static gboolean bring_download(const struct bringing *b, const struct cache_place *place, GError **error)
{
	const struct task *t = b->task;
	g_autofree char *part = g_build_filename(place->folder, place->part, NULL);
	if (!bring_url(b->w, t->scene_url, t->scene_sha256, place, error))
		return FALSE;
	SCOPED_FD(fd) = open(part, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", part);
	(void)fchmod(fd, 0644);
	switch (content_of(fd)) {
	case CONTENT_BLEND: return take_blend(place, part, error);
	case CONTENT_ARCHIVE:
		if (bring_archive(b->w, fd, place, error))
			return TRUE;
		break;
	case CONTENT_UNKNOWN: fail(error, ERROR_INVALID, "it is neither a .blend nor an archive that is read here (zip, tar, 7z)"); break;
	}
	(void)unlink(part);
	return FALSE;
}

static gboolean bring_from_root(const struct bringing *b, const struct cache_place *place, GError **error)
{
	SCOPED_FD(fd) = open_on_root(b->w, b->task, error);
	return fd >= 0 && bring_archive(b->w, fd, place, error) && check_on_root(b->w, b->task, error);
}

static gboolean bring(const struct cache_place *place, void *user, GError **error)
{
	const struct bringing *b = user;
	return *b->task->scene_url ? bring_download(b, place, error) : bring_from_root(b, place, error);
}

static gboolean is_over(void *user)
{
	return bring_is_over(((const struct bringing *)user)->w);
}

static gboolean open_cached(struct worker *w, const struct task *t, struct scene *s, GError **error)
{
	struct bringing b = { w, t };
	const struct cache_order order = { t->scene_sha256, bring, is_over, &b };
	g_autofree char *on_root = g_strdup_printf("%s:%s", t->scene_root, t->scene_path);
	const char *what = *t->scene_url ? t->scene_url : on_root;
	g_autoptr(GError) problem = NULL;
	struct stat st;
	s->entry = cache_take(w->cache, &order, &problem);
	if (!s->entry)
		return bring_fail(w, problem, what, error);
	s->folder = g_strdup(cache_entry_folder(s->entry));
	if (!choose(s, t, error)) {
		g_prefix_error(error, "%s: ", what);
		return FALSE;
	}
	if (stat(s->path, &st) < 0)
		return fail_errno(error, errno, "looking at %s", s->path);
	s->facts = facts_of(&st);
	return TRUE;
}

/* -- for frames ------------------------------------------------------------------------------ */

static gboolean open_on_its_root(struct worker *w, const struct task *t, struct scene *s, GError **error)
{
	const char *root = g_hash_table_lookup(w->config->mounts, t->scene_root);
	if (!check_on_root(w, t, error))
		return FALSE;
	SCOPED_FD(fd) = open_on_root(w, t, error);
	if (fd < 0)
		return FALSE;
	if (!g_str_has_suffix(t->scene_path, ".blend") && content_of(fd) == CONTENT_ARCHIVE)
		return open_cached(w, t, s, error);
	s->path = g_build_filename(root, t->scene_path, NULL);
	s->folder = g_strdup(root);
	return TRUE;
}

gboolean scene_open(struct worker *w, const struct task *t, struct scene *ret, GError **error)
{
	struct scene s = { 0 };
	if (!sha256_is_valid(t->scene_sha256))
		return fail(error, ERROR_REFUSED, "the task has no SHA-256 of its scene");
	if (*t->scene_url ? open_cached(w, t, &s, error) : open_on_its_root(w, t, &s, error)) {
		*ret = s;
		return TRUE;
	}
	scene_close(&s);
	return FALSE;
}

/* Nobody writes to the cache's files; who does it all the same is noticed. */
static gboolean check_cached(const struct scene *s, GError **error)
{
	struct stat st;
	if (stat(s->path, &st) < 0)
		return fail_errno(error, errno, "looking at %s", s->path);
	struct file_facts now = facts_of(&st);
	return memcmp(&now, &s->facts, sizeof now) == 0 || fail(error, ERROR_FAILED, "%s was changed in the cache", s->path);
}

gboolean scene_check(struct worker *w, const struct task *t, const struct scene *s, GError **error)
{
	if (s->entry && !check_cached(s, error))
		return FALSE;
	return *t->scene_url || check_on_root(w, t, error);
}

void scene_close(struct scene *s)
{
	cache_release(s->entry);
	g_free(s->path);
	g_free(s->folder);
	*s = (struct scene){ 0 };
}
