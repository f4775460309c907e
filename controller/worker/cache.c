/* Why locks on files: they end with the process that holds them, whatever becomes of it. */
#include "worker/cache.h"
#include "base/error.h"
#include "frames/digest.h"
#include "frames/root.h"
#include "worker/cache_tree.h"
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

enum { FOLDER_MODE = 0755, FILE_MODE = 0644, WAIT_US = 100000, TURNS = 3, KEEP_PART_S = 3 * 86400 };

struct cache {
	char *folder;
	guint64 most_bytes;
};

struct cache_entry {
	int use_fd;
	char *tree;
};

struct cache *cache_new(const char *folder, guint64 most_bytes)
{
	struct cache *c = g_new0(struct cache, 1);
	c->folder = g_strdup(folder);
	c->most_bytes = most_bytes;
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	g_free(c->folder);
	g_free(c);
}

guint64 cache_most_bytes(const struct cache *c)
{
	return c->most_bytes;
}

static int open_folders(const struct cache *c, GError **error)
{
	g_autofree char *partial = g_build_filename(c->folder, "partial", NULL), *gone = g_build_filename(c->folder, "gone", NULL);
	if (g_mkdir_with_parents(partial, FOLDER_MODE) < 0 || g_mkdir_with_parents(gone, FOLDER_MODE) < 0) {
		fail_errno(error, errno, "the cache %s cannot be made", c->folder);
		return -1;
	}
	int fd = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail_errno(error, errno, "opening the cache %s", c->folder);
	return fd;
}

/* -- locks ----------------------------------------------------------------------------------- */

/* The file under this name, locked; -1 with EWOULDBLOCK when somebody has it. The one that was opened may have been
 * removed before it was locked: then it keeps nobody out. */
static int lock_file(int dir_fd, const char *path, int flags, int how)
{
	for (guint i = 0; i < TURNS; i++) {
		struct stat locked, named;
		SCOPED_FD(fd) = openat(dir_fd, path, flags | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
		if (fd < 0 || flock(fd, how) < 0)
			return -1;
		if (fstat(fd, &locked) == 0 && fstatat(dir_fd, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && locked.st_ino == named.st_ino)
			return fd_steal(&fd);
	}
	errno = EWOULDBLOCK;
	return -1;
}

/* -- what is there --------------------------------------------------------------------------- */

/* Renamed first: an entry is whole or not there, also after a power cut in the middle. */
static void discard(int cache_fd, const char *path)
{
	g_autofree char *random = g_uuid_string_random(), *gone = g_strconcat("gone/", random, NULL);
	if (renameat(cache_fd, path, cache_fd, gone) == 0)
		cache_tree_remove(cache_fd, gone);
}

static gboolean read_facts(int cache_fd, const char *sha256, struct cache_tree_facts *ret)
{
	g_autofree char *path = g_strconcat(sha256, "/facts", NULL);
	char text[256] = "", *end;
	SCOPED_FD(fd) = openat(cache_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return FALSE;
	ret->bytes = g_ascii_strtoull(text, &end, 10);
	g_strlcpy(ret->digest, *end == ' ' ? g_strchomp(end + 1) : "", sizeof ret->digest);
	return sha256_is_valid(ret->digest);
}

static gboolean is_intact(int cache_fd, const char *sha256)
{
	g_autofree char *path = g_strconcat(sha256, "/tree", NULL);
	struct cache_tree_facts known, found;
	return read_facts(cache_fd, sha256, &known) && cache_tree_look(cache_fd, path, &found, NULL) && strcmp(known.digest, found.digest) == 0;
}

/* NULL: it is not there, or no longer what was brought; then it is not there afterwards. */
static struct cache_entry *hold(const struct cache *c, int cache_fd, const char *sha256)
{
	g_autofree char *use = g_strconcat(sha256, "/use", NULL);
	SCOPED_FD(fd) = lock_file(cache_fd, use, O_RDWR, LOCK_SH);
	if (fd < 0)
		return NULL;
	if (!is_intact(cache_fd, sha256)) {
		discard(cache_fd, sha256);
		return NULL;
	}
	(void)futimens(fd, NULL);
	struct cache_entry *e = g_new0(struct cache_entry, 1);
	e->use_fd = fd_steal(&fd);
	e->tree = g_build_filename(c->folder, sha256, "tree", NULL);
	return e;
}

void cache_release(struct cache_entry *e)
{
	if (!e)
		return;
	close(e->use_fd);
	g_free(e->tree);
	g_free(e);
}

const char *cache_entry_folder(const struct cache_entry *e)
{
	return e->tree;
}

/* -- room ------------------------------------------------------------------------------------ */

struct kept {
	char sha256[SHA256_HEX_SIZE];
	guint64 bytes;
	gint64 used_at;
};

static gint compare_use(gconstpointer a, gconstpointer b)
{
	const struct kept *one = a, *other = b;
	return one->used_at < other->used_at ? -1 : one->used_at > other->used_at;
}

/* Entries, what was used longest ago first. */
static GArray *list_kept(int cache_fd, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(cache_fd, error);
	if (!names)
		return NULL;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct kept));
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *use = g_strconcat(name, "/use", NULL);
		struct cache_tree_facts facts = { 0 };
		struct kept k = { 0 };
		struct stat st;
		if (!sha256_is_valid(name) || fstatat(cache_fd, use, &st, 0) < 0)
			continue;
		(void)read_facts(cache_fd, name, &facts);
		g_strlcpy(k.sha256, name, sizeof k.sha256);
		k.bytes = facts.bytes;
		k.used_at = (gint64)st.st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) + st.st_mtim.tv_nsec;
		g_array_append_val(all, k);
	}
	g_array_sort(all, compare_use);
	return all;
}

/* Downloads that nobody goes on with, and what another process had begun to remove. */
static void sweep(int cache_fd)
{
	SCOPED_FD(partial) = openat(cache_fd, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SCOPED_FD(gone) = openat(cache_fd, "gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GPtrArray) parts = partial < 0 ? NULL : root_list(partial, NULL);
	g_autoptr(GPtrArray) removed = gone < 0 ? NULL : root_list(gone, NULL);
	for (guint i = 0; removed && i < removed->len; i++)
		cache_tree_remove(gone, g_ptr_array_index(removed, i));
	for (guint i = 0; parts && i < parts->len; i++) {
		const char *name = g_ptr_array_index(parts, i);
		g_autofree char *lock = g_strdup_printf("%.64s.lock", name);
		struct stat st;
		if (fstatat(partial, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || time(NULL) - st.st_mtim.tv_sec < KEEP_PART_S)
			continue;
		SCOPED_FD(fd) = lock_file(partial, lock, O_RDWR | O_CREAT, LOCK_EX | LOCK_NB);
		if (fd < 0)
			continue;
		cache_tree_remove(partial, name);
		(void)unlinkat(partial, lock, 0);
	}
}

static gboolean evict(int cache_fd, const char *sha256)
{
	g_autofree char *use = g_strconcat(sha256, "/use", NULL);
	SCOPED_FD(fd) = lock_file(cache_fd, use, O_RDWR, LOCK_EX | LOCK_NB);
	if (fd < 0)
		return FALSE;
	discard(cache_fd, sha256);
	return TRUE;
}

/* One at a time on the machine, else two would count the same room twice: the lock is kept until the entry has its
 * name. */
static int make_room(const struct cache *c, int cache_fd, guint64 bytes, GError **error)
{
	SCOPED_FD(lock) = lock_file(cache_fd, "lock", O_RDWR | O_CREAT, LOCK_EX);
	if (lock < 0) {
		fail_errno(error, errno, "locking the cache %s", c->folder);
		return -1;
	}
	sweep(cache_fd);
	g_autoptr(GArray) all = list_kept(cache_fd, error);
	guint64 there = bytes;
	for (guint i = 0; all && i < all->len; i++)
		there += g_array_index(all, struct kept, i).bytes;
	for (guint i = 0; all && i < all->len && there > c->most_bytes; i++)
		if (evict(cache_fd, g_array_index(all, struct kept, i).sha256))
			there -= g_array_index(all, struct kept, i).bytes;
	if (all && there <= c->most_bytes)
		return fd_steal(&lock);
	if (all)
		fail(error, ERROR_FAILED,
		     "the cache %s has no room for %" G_GUINT64_FORMAT " bytes beside what is in use; CLEAVE_CACHE_SIZE allows %" G_GUINT64_FORMAT,
		     c->folder, bytes, c->most_bytes);
	return -1;
}

/* -- bringing -------------------------------------------------------------------------------- */

static gboolean write_text(int dir_fd, const char *path, const char *text, GError **error)
{
	SCOPED_FD(fd) = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	gssize size = (gssize)strlen(text);
	return (fd >= 0 && write(fd, text, (gsize)size) == size && fsync(fd) == 0) || fail_errno(error, errno, "writing %s in the cache", path);
}

/* What was brought gets its name: whole, on disk, and within the limit. */
static gboolean take_in(const struct cache *c, int cache_fd, const char *sha256, const char *made, GError **error)
{
	g_autofree char *tree = g_strconcat(made, "/tree", NULL), *facts_path = g_strconcat(made, "/facts", NULL);
	g_autofree char *use = g_strconcat(made, "/use", NULL);
	struct cache_tree_facts facts;
	if (!cache_tree_look(cache_fd, tree, &facts, error))
		return FALSE;
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " %s\n", facts.bytes, facts.digest);
	if (!write_text(cache_fd, facts_path, text, error) || !write_text(cache_fd, use, "", error))
		return FALSE;
	if (syncfs(cache_fd) < 0)
		return fail_errno(error, errno, "writing the cache %s to disk", c->folder);
	SCOPED_FD(lock) = make_room(c, cache_fd, facts.bytes, error);
	if (lock < 0)
		return FALSE;
	return (renameat(cache_fd, made, cache_fd, sha256) == 0 && root_sync_dir(cache_fd) == 0) ||
	       fail_errno(error, errno, "naming %.12s in the cache", sha256);
}

static gboolean bring(const struct cache *c, int cache_fd, const struct cache_order *order, GError **error)
{
	g_autofree char *folder = g_build_filename(c->folder, "partial", NULL), *made = g_strconcat("partial/", order->sha256, ".entry", NULL);
	g_autofree char *tag = g_strconcat(order->sha256, ".tag", NULL), *tree = g_build_filename(c->folder, made, "tree", NULL);
	const struct cache_place place = { folder, order->sha256, tag, tree };
	cache_tree_remove(cache_fd, made);
	if (g_mkdir_with_parents(tree, FOLDER_MODE) < 0)
		return fail_errno(error, errno, "making %s", tree);
	gboolean is_there = order->bring(&place, order->user, error) && take_in(c, cache_fd, order->sha256, made, error);
	if (is_there) {
		g_autofree char *part = g_strconcat("partial/", order->sha256, NULL);
		(void)unlinkat(cache_fd, part, 0);
	} else {
		cache_tree_remove(cache_fd, made);
	}
	return is_there;
}

/* -1, and no error: another worker brings it. */
static int lock_order(int cache_fd, const struct cache_order *order, GError **error)
{
	g_autofree char *lock = g_strdup_printf("partial/%s.lock", order->sha256);
	int fd = lock_file(cache_fd, lock, O_RDWR | O_CREAT, LOCK_EX | LOCK_NB);
	if (fd < 0 && errno != EWOULDBLOCK)
		fail_errno(error, errno, "locking %s in the cache", lock);
	return fd;
}

/* Under the lock: whoever had it before may have brought it meanwhile. `error` is not NULL. */
static struct cache_entry *hold_or_bring(const struct cache *c, int cache_fd, const struct cache_order *order, GError **error)
{
	struct cache_entry *e = hold(c, cache_fd, order->sha256);
	for (guint i = 0; !e && i < TURNS && bring(c, cache_fd, order, error); i++)
		e = hold(c, cache_fd, order->sha256);
	if (!e && !*error)
		fail(error, ERROR_FAILED, "%.12s left the cache %s as soon as it was there", order->sha256, c->folder);
	return e;
}

struct cache_entry *cache_take(struct cache *c, const struct cache_order *order, GError **error)
{
	g_autofree char *lock_path = g_strdup_printf("partial/%s.lock", order->sha256);
	g_autoptr(GError) problem = NULL;
	SCOPED_FD(cache_fd) = open_folders(c, error);
	if (cache_fd < 0)
		return NULL;
	for (;;) {
		struct cache_entry *e = hold(c, cache_fd, order->sha256);
		if (e)
			return e;
		SCOPED_FD(lock) = lock_order(cache_fd, order, &problem);
		if (lock >= 0) {
			e = hold_or_bring(c, cache_fd, order, &problem);
			(void)unlinkat(cache_fd, lock_path, 0);
		} else if (!problem && order->is_over && order->is_over(order->user)) {
			fail(&problem, ERROR_TIMEOUT, "interrupted");
		}
		if (e || problem) {
			if (problem)
				g_propagate_error(error, g_steal_pointer(&problem));
			return e;
		}
		g_usleep(WAIT_US);
	}
}
