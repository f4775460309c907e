/* Walks a directory with openat() and O_NOFOLLOW, so that no link leads out of it, and O_NONBLOCK,
 * so that a FIFO called x.yaml cannot stop the controller. */
#include "source/directory.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 64, FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define SCOPED_FD(name) __attribute__((cleanup(fd_close))) int name

/* Reads until the end of file, at most `limit` bytes: a file may grow while it is read. */
static gboolean read_whole(struct arena *arena, int fd, gsize size_hint, gsize limit, struct source_file *ret)
{
	gsize room = MIN(size_hint, limit) + 1, n = 0;
	char *bytes = g_malloc(room);
	for (;;) {
		ssize_t got = read(fd, bytes + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || (n += (gsize)got) > limit) {
			arena_own(arena, bytes, g_free);
			ret->bytes = bytes;
			ret->size = n;
			return got >= 0;
		}
		if (n == room)
			bytes = g_realloc(bytes, room = MIN(room * 2, limit + 2));
	}
}

static gboolean add_file(struct source_collect *c, int dir_fd, const char *name, const char *path, GError **error)
{
	SCOPED_FD(fd) = openat(dir_fd, name, FILE_FLAGS);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (errno == ENOENT) /* gone since the listing: as if it had never been there */
			return TRUE;
		source_collect_refuse(c, SEVERITY_ERROR, path, "%s",
				      errno == ELOOP
					      ? "is a symbolic link, which is not followed; put the file itself here"
					      : g_strerror(errno));
		return TRUE;
	}
	if (!S_ISREG(st.st_mode)) {
		source_collect_refuse(c, SEVERITY_ERROR, path, "is not a regular file; rename or remove it");
		return TRUE;
	}
	struct source_file file = { .path = arena_strdup(c->arena, path) };
	if (!source_collect_admits(c, path, (guint64)st.st_size))
		return TRUE;
	if (!read_whole(c->arena, fd, (gsize)st.st_size, SOURCE_FILE_MIB_MAX * MiB, &file)) {
		source_collect_refuse(c, SEVERITY_ERROR, path, "cannot be read: %s", g_strerror(errno));
		return TRUE;
	}
	return !source_collect_admits(c, path, file.size) || source_collect_add(c, &file, error);
}

static gboolean add_directory(struct source_collect *c, int fd, const char *path, guint depth, GError **error);

static gboolean add_subdirectory(struct source_collect *c, int dir_fd, const char *name, const char *path, guint depth,
				 GError **error)
{
	int fd = openat(dir_fd, name, FILE_FLAGS | O_DIRECTORY);
	if (fd < 0) {
		if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
			source_collect_refuse(c, SEVERITY_ERROR, path, "cannot be read: %s", g_strerror(errno));
		return TRUE;
	}
	if (faccessat(fd, ".git", F_OK, 0) == 0) {
		source_collect_refuse(c, SEVERITY_WARNING, path,
				      "is a repository of its own (submodule), which is not read; name it as a source");
		close(fd);
		return TRUE;
	}
	return add_directory(c, fd, path, depth + 1, error);
}

static gboolean add_entry(struct source_collect *c, int dir_fd, const struct dirent *e, const char *parent, guint depth,
			  GError **error)
{
	if (source_name_is_hidden(e->d_name))
		return TRUE;
	g_autofree char *path = g_strconcat(parent, *parent ? "/" : "", e->d_name, NULL);
	mode_t type = DTTOIF((mode_t)e->d_type);
	struct stat st;
	if (e->d_type == DT_UNKNOWN && fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		type = st.st_mode & S_IFMT;
	if (type == S_IFDIR)
		return add_subdirectory(c, dir_fd, e->d_name, path, depth, error);
	if (source_name_is_yaml(e->d_name))
		return add_file(c, dir_fd, e->d_name, path, error);
	return ++c->n_others <= SOURCE_OTHERS_MAX ||
	       fail(error, ERROR_INVALID, "more than %d files beside the specs (at %s): it is taken for no folder of specs; name the one that they are in",
	            SOURCE_OTHERS_MAX, path);
}

/* Owns `fd`. */
static gboolean add_directory(struct source_collect *c, int fd, const char *path, guint depth, GError **error)
{
	DIR *dir = fdopendir(fd);
	if (!dir || depth > DEPTH_MAX) {
		if (dir)
			closedir(dir);
		else
			close(fd);
		return fail(error, ERROR_INVALID, "%s: folders are nested deeper than %d", path, DEPTH_MAX);
	}
	gboolean done = TRUE;
	for (const struct dirent *e; done && (e = readdir(dir));)
		done = add_entry(c, dirfd(dir), e, path, depth, error);
	closedir(dir);
	return done;
}

gboolean source_directory_read(struct source_collect *c, const struct source_where *where, GError **error)
{
	if (where->kind == SOURCE_FILE) {
		g_autofree char *name = g_path_get_basename(where->path);
		return add_file(c, AT_FDCWD, where->path, name, error);
	}
	if (strcmp(where->path, "/") == 0)
		return fail(error, ERROR_INVALID, "/ is no folder of specs: name the one that they are in");
	int fd = open(where->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be read", where->path);
	return add_directory(c, fd, "", 0, error);
}

/* Part by part: O_NOFOLLOW speaks only of a path's last one. */
static int open_beneath(const char *root, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (char **part = parts; *part && fd >= 0; part++) {
		int next = openat(fd, *part, FILE_FLAGS | (part[1] ? O_DIRECTORY : 0));
		int why = errno;
		close(fd);
		errno = why;
		fd = next;
	}
	return fd;
}

/* A file that can be read as one. The descriptor, or -1. */
static int open_file(const struct source_where *where, const char *path, struct stat *ret, GError **error)
{
	g_autofree char *root = where->kind == SOURCE_FILE ? g_path_get_dirname(where->path) : g_strdup(where->path);
	int fd = open_beneath(root, path);
	if (fd < 0 || fstat(fd, ret) < 0)
		fail_errno(error, errno, "%s/%s cannot be read", root, path);
	else if (!S_ISREG(ret->st_mode))
		fail(error, ERROR_INVALID, "%s/%s is not a regular file", root, path);
	else
		return fd;
	fd_close(&fd);
	return -1;
}

gboolean source_directory_has_file(const struct source_where *where, const char *path, GError **error)
{
	char first[SOURCE_LFS_LEN];
	struct stat st;
	SCOPED_FD(fd) = open_file(where, path, &st, error);
	if (fd < 0)
		return FALSE;
	ssize_t n = read(fd, first, sizeof first);
	if (n < 0)
		return fail_errno(error, errno, "%s cannot be read", path);
	return !source_is_lfs_pointer(first, (gsize)n) || source_fail_lfs(path, error);
}

gboolean source_directory_file(struct arena *arena, const struct source_where *where, const char *path,
			       struct source_file *ret, GError **error)
{
	g_autofree char *root = where->kind == SOURCE_FILE ? g_path_get_dirname(where->path) : g_strdup(where->path);
	struct stat st;
	SCOPED_FD(fd) = open_file(where, path, &st, error);
	if (fd < 0)
		return FALSE;
	struct source_file file = { .path = arena_strdup(arena, path) };
	const gsize limit = SOURCE_FILE_MIB_MAX * MiB;
	if (!read_whole(arena, fd, (gsize)st.st_size, limit, &file))
		return fail_errno(error, errno, "%s/%s cannot be read", root, path);
	if (file.size > limit)
		return fail(error, ERROR_INVALID, "%s/%s has more than %d MiB", root, path, SOURCE_FILE_MIB_MAX);
	*ret = file;
	return TRUE;
}
