/* Opening a root and paths beneath it, so that no name from a spec or a manifest leads out of it. */
#include "frames/root.h"
#include "base/error.h"
#include <dirent.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
	DIR_MODE = 0777,     /* the umask decides: frames belong to artists, not to cleave */
	NAME_MAX_SIZE = 256, /* of a root's name in its marker */
	RACE_RETRIES = 16,   /* openat2 gives EAGAIN when a rename crosses its walk */
};

/* Regular, and reached without leaving the root. */
static gboolean marker_is_there(int fd, const char *path, const char *marker, GError **error)
{
	struct stat st;
	SCOPED_FD(found) = root_openat(fd, marker, O_PATH | O_NOFOLLOW, 0);
	if (found >= 0 && fstat(found, &st) == 0)
		return S_ISREG(st.st_mode) || fail(error, ERROR_AWAY, "root %s: its %s is not a regular file", path, marker);
	if (errno == ENOENT || errno == ENOTDIR)
		return fail(error, ERROR_AWAY, "root %s is not mounted: no %s in it", path, marker);
	return fail(error, ERROR_AWAY, "root %s cannot be read: %s", path, g_strerror(errno));
}

int root_open_marked(const char *path, const char *marker, GError **error)
{
	SCOPED_FD(fd) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail(error, ERROR_AWAY, "root %s cannot be opened: %s", path, g_strerror(errno));
		return -1;
	}
	return marker_is_there(fd, path, marker ? marker : ROOT_MARKER, error) ? fd_steal(&fd) : -1;
}

int root_open(const char *path, GError **error)
{
	return root_open_marked(path, NULL, error);
}

gboolean root_mark_as(const char *path, const char *marker, const char *name, GError **error)
{
	SCOPED_ENTRY(at);
	SCOPED_FD(dir) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(error, errno, "root %s cannot be opened", path);
	if (!root_open_entry(dir, marker, TRUE, &at, error))
		return FALSE;
	SCOPED_FD(fd) = openat(at.dir_fd, at.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return fail(error, ERROR_EXISTS, "root %s has a %s already", path, marker);
	if (fd < 0)
		return fail_errno(error, errno, "root %s: %s cannot be written", path, marker);
	g_autofree char *line = g_strdup_printf("%s\n", name);
	ssize_t size = (ssize_t)strlen(line);
	if (write(fd, line, (size_t)size) != size || fsync(fd) || root_sync_dir(at.dir_fd))
		return fail_errno(error, errno, "root %s: %s cannot be written", path, marker);
	return TRUE;
}

gboolean root_mark(const char *path, const char *name, GError **error)
{
	return root_mark_as(path, ROOT_MARKER, name, error);
}

char *root_name_in(int root_fd, const char *marker, GError **error)
{
	char text[NAME_MAX_SIZE] = "";
	SCOPED_FD(fd) = root_openat(root_fd, marker ? marker : ROOT_MARKER, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0) {
		fail(error, ERROR_AWAY, "%s cannot be read: %s", marker ? marker : ROOT_MARKER, g_strerror(errno));
		return NULL;
	}
	return g_strdup(g_strstrip(text));
}

char *root_name(int root_fd, GError **error)
{
	return root_name_in(root_fd, NULL, error);
}

static gboolean is_link(int dir_fd, const char *name)
{
	struct stat st;
	int saved = errno;
	gboolean yes = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
	errno = saved;
	return yes;
}

/* Without openat2: component by component. A symbolic link anywhere is refused, since where it leads
 * can only be checked by following it. */
static int open_walking(int dir_fd, const char *path, int flags, mode_t mode)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	guint last = g_strv_length(parts);
	while (last > 0 && !*parts[last - 1])
		last--;
	SCOPED_FD(at) = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	for (guint i = 0; i < last && at >= 0; i++) {
		if (strcmp(parts[i], "..") == 0 || (i == 0 && !*parts[i])) {
			errno = EXDEV;
			return -1;
		}
		if (!*parts[i])
			continue;
		int f = i + 1 == last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW;
		int next = openat(at, parts[i], f | O_CLOEXEC, mode);
		/* O_DIRECTORY says ENOTDIR for a link, which would read as "nothing is there" */
		if (next < 0 && errno == ENOTDIR && is_link(at, parts[i]))
			errno = ELOOP;
		fd_clear(&at);
		at = next;
	}
	return fd_steal(&at);
}

int root_openat(int dir_fd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (guint64)(guint)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	for (guint i = 0; i < RACE_RETRIES; i++) {
		long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
		if (fd >= 0)
			return (int)fd;
		if (errno == ENOSYS)
			return open_walking(dir_fd, path, flags, mode);
		if (errno != EAGAIN)
			break;
	}
	return -1;
}

int root_mkdirs(int dir_fd, const char *path)
{
	int found = root_openat(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (found >= 0 || errno != ENOENT)
		return found;
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	g_autofree char *above = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(".");
	SCOPED_FD(parent) = root_mkdirs(dir_fd, above);
	if (parent < 0)
		return -1;
	/* another process may have been faster, and its fsync is not ours to rely on */
	if (mkdirat(parent, name, DIR_MODE) < 0 && errno != EEXIST)
		return -1;
	if (root_sync_dir(parent) < 0)
		return -1;
	return root_openat(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
}

gboolean root_open_entry(int root_fd, const char *path, gboolean make, struct root_entry *ret, GError **error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (path[0] == '/' || !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(error, ERROR_INVALID, "%s: not a path of a file below a root", path);
	g_autofree char *folder = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(".");
	int fd = make ? root_mkdirs(root_fd, folder) : root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == EXDEV)
		return fail(error, ERROR_REFUSED, "%s: leads out of the root", path);
	if (fd < 0 && (make || errno != ENOENT))
		return fail_errno(error, errno, "folder %s cannot be %s", folder, make ? "made" : "opened");
	*ret = (struct root_entry){ fd, name };
	return TRUE;
}

GPtrArray *root_list(int dir_fd, GError **error)
{
	SCOPED_FD(own) = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		fail_errno(error, errno, "folder cannot be read");
		return NULL;
	}
	fd_steal(&own); /* closedir() closes it */
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	errno = 0;
	for (struct dirent *e; (e = readdir(dir)); errno = 0)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			g_ptr_array_add(names, g_strdup(e->d_name));
	if (errno) {
		fail_errno(error, errno, "folder cannot be read");
		g_clear_pointer(&names, g_ptr_array_unref);
	}
	closedir(dir);
	return names;
}

int root_sync_dir(int dir_fd)
{
	if (fsync(dir_fd) == 0 || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	return -1;
}

char *root_job_dir(const char *job_id)
{
	return g_strdelimit(g_strdup(job_id), "/", '+');
}

gboolean root_name_is_plain(const char *name)
{
	gsize len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-");
	return len > 0 && len <= 255 && !name[len] && g_ascii_isalnum(name[0]);
}

char *root_job_path(const char *job_dir, const char *folder, const char *name, GError **error)
{
	const char *wrong = !root_name_is_plain(job_dir) ? job_dir : name && !root_name_is_plain(name) ? name : NULL;
	if (wrong) {
		fail(error, ERROR_INVALID,
		     "\"%s\" cannot name a folder: letters, digits, '.', '_', '+' and '-', the first a letter or digit",
		     wrong);
		return NULL;
	}
	return g_strconcat(".cleave/", job_dir, "/", folder, name ? "/" : NULL, name, NULL);
}

char *root_job_id(const char *job_dir)
{
	const char *plus = strchr(job_dir, '+');
	if (!plus || plus == job_dir || !plus[1] || !root_name_is_plain(job_dir))
		return NULL;
	return g_strdup_printf("%.*s/%s", (int)(plus - job_dir), job_dir, plus + 1);
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

GPtrArray *root_job_dirs(int root_fd, GError **error)
{
	SCOPED_FD(dir) = root_openat(root_fd, ".cleave", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir < 0 && errno == ENOENT)
		return g_ptr_array_new_with_free_func(g_free);
	if (dir < 0) {
		fail_errno(error, errno, ".cleave cannot be opened");
		return NULL;
	}
	GPtrArray *names = root_list(dir, error);
	for (guint i = names ? names->len : 0; i-- > 0;) {
		g_autofree char *id = root_job_id(names->pdata[i]);
		if (!id)
			g_ptr_array_remove_index_fast(names, i);
	}
	if (names)
		g_ptr_array_sort(names, by_text);
	return names;
}
