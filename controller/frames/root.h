/* A root: the directory tree that holds frames, and cleave's own files beneath R/.cleave.
 *
 * In: a root's path. Out: a directory descriptor that is proven to be the mounted tree, and paths opened
 * beneath it. Called by all of frames/, and by whoever opens a root (observe, apply, worker).
 * Functions that say "errno" return -1 and set errno: their callers know the better sentence. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/types.h>
#include <unistd.h>

/* A file of this name in a root proves that it is mounted and not an empty mount point. */
#define ROOT_MARKER ".cleave-root"
#define ROOT_STORE  ".cleave/store"

/* Closes at the end of the scope and keeps errno: `SCOPED_FD(fd) = open(...);` */
#define SCOPED_FD(name) __attribute__((cleanup(fd_clear))) int name
static inline void fd_clear(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline int fd_steal(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* A directory entry: an open folder and a name in it. */
struct root_entry {
	int dir_fd;       /* -1 when the folder is not there */
	const char *name; /* points into the path it was made of */
};
#define SCOPED_ENTRY(variable) __attribute__((cleanup(root_entry_clear))) struct root_entry variable = { -1, NULL }
static inline void root_entry_clear(struct root_entry *e)
{
	fd_clear(&e->dir_fd);
}

/* The root's directory descriptor, or -1: ERROR_AWAY when it cannot be opened or bears no marker. */
int root_open(const char *path, GError **error);
/* The same with a marker of another name, a path below the root; NULL: the usual one. */
int root_open_marked(const char *path, const char *marker, GError **error);
/* Writes the marker with the root's name in it. ERROR_EXISTS when there is one. */
gboolean root_mark(const char *path, const char *name, GError **error);
gboolean root_mark_as(const char *path, const char *marker, const char *name, GError **error);
/* The name that the marker holds; g_free(). Tells one mounted root from another at the same place. */
char *root_name(int root_fd, GError **error);
char *root_name_in(int root_fd, const char *marker, GError **error);

/* openat(2) that never leaves `dir_fd`, neither by "..", an absolute path nor a symbolic link (EXDEV).
 * Before Linux 5.6 (no openat2) symbolic links are not followed at all (ELOOP). errno. */
int root_openat(int dir_fd, const char *path, int flags, mode_t mode);
/* mkdir -p below `dir_fd`, each new directory on disk before the next; the opened last one. errno. */
int root_mkdirs(int dir_fd, const char *path);
/* Opens the folder of `path`, making it when `make`. `path` must outlive *ret. A folder that is not
 * there gives dir_fd -1 and success. */
gboolean root_open_entry(int root_fd, const char *path, gboolean make, struct root_entry *ret, GError **error);

/* The names in a directory, without "." and ".."; char *, no order. g_ptr_array_unref(). */
GPtrArray *root_list(int dir_fd, GError **error);
/* fsync of a directory; file systems that have no such thing count as done. errno. */
int root_sync_dir(int dir_fd);

/* The folder of a job's own files: "project/name" → "project+name", which no other job has. g_free(). */
char *root_job_dir(const char *job_id);
/* The job of such a folder, or NULL when it is none; g_free(). */
char *root_job_id(const char *job_dir);
/* The folders of all jobs below the root, sorted; char *. g_ptr_array_unref(). */
GPtrArray *root_job_dirs(int root_fd, GError **error);
/* Can stand as one component of a path: `[A-Za-z0-9][A-Za-z0-9._+-]*`, at most 255 bytes. */
gboolean root_name_is_plain(const char *name);
/* ".cleave/<job_dir>/<folder>[/<name>]"; g_free(). NULL when job_dir or name is not plain. */
char *root_job_path(const char *job_dir, const char *folder, const char *name, GError **error);
