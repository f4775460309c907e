/* Links are made last, when nothing is written through them any more, and then the kernel tells where they lead. */
#include "worker/archive.h"
#include "base/error.h"
#include "frames/root.h"
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 1 << 16, PATH_MAX_LEN = 4096, DEEPEST = 64, FOLDER_MODE = 0755, FILE_MODE = 0644, ANY_EXECUTE = 0111 };

struct link {
	char *path, *target;
};

struct unpacking {
	struct archive *from;
	int folder_fd;
	const struct archive_limits *limits;
	guint n_entries;
	guint64 bytes;
	GArray *links;
};

static void link_clear(gpointer data)
{
	struct link *l = data;
	g_free(l->path);
	g_free(l->target);
}

/* Only what is read by libarchive itself: some of its filters start programs. */
static struct archive *open_archive(int fd)
{
	struct archive *a = archive_read_new();
	archive_read_support_format_zip(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_gnutar(a);
	archive_read_support_format_7zip(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_zstd(a);
	(void)lseek(fd, 0, SEEK_SET);
	return a;
}

enum archive_kind archive_kind_of(int fd)
{
	struct archive_entry *entry;
	struct archive *a = open_archive(fd);
	gboolean is_one = archive_read_open_fd(a, fd, BLOCK) == ARCHIVE_OK;
	int code = is_one ? archive_read_next_header(a, &entry) : ARCHIVE_FATAL;
	is_one = code == ARCHIVE_OK || code == ARCHIVE_WARN;
	archive_read_free(a);
	return is_one ? ARCHIVE_KNOWN : ARCHIVE_NONE;
}

/* -- names ----------------------------------------------------------------------------------- */

/* Without "./" and slashes at its end; NULL for the folder itself. */
static char *plain_path(const char *path, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	GString *plain = g_string_new(NULL);
	gboolean leads_out = *path == '/', is_deep = strlen(path) > PATH_MAX_LEN || g_strv_length(parts) > DEEPEST;
	for (guint i = 0; parts[i]; i++) {
		leads_out |= strcmp(parts[i], "..") == 0;
		if (*parts[i] && strcmp(parts[i], ".") != 0)
			g_string_append_printf(plain, "%s%s", plain->len ? "/" : "", parts[i]);
	}
	if (leads_out)
		fail(error, ERROR_INVALID, "the archive's entry \"%.200s\" leads out of it", path);
	else if (is_deep)
		fail(error, ERROR_INVALID, "the archive's entry \"%.200s…\" lies too deep", path);
	return g_string_free(plain, leads_out || is_deep);
}

static const char *entry_path(struct archive_entry *entry)
{
	const char *path = archive_entry_pathname_utf8(entry);
	return path ? path : archive_entry_pathname(entry);
}

/* -- writing --------------------------------------------------------------------------------- */

static int make_folder(int folder_fd, const char *path)
{
	int fd = root_openat(folder_fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	const char *slash = strrchr(path, '/');
	g_autofree char *above = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(".");
	SCOPED_FD(parent) = make_folder(folder_fd, above);
	if (parent < 0 || (mkdirat(parent, slash ? slash + 1 : path, FOLDER_MODE) < 0 && errno != EEXIST))
		return -1;
	return root_openat(folder_fd, path, O_RDONLY | O_DIRECTORY, 0);
}

/* The folder of a path, made where it is missing; its name in there is *ret_name. */
static int open_above(const struct unpacking *u, const char *path, const char **ret_name, GError **error)
{
	const char *slash = strrchr(path, '/');
	g_autofree char *folder = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(".");
	int fd = make_folder(u->folder_fd, folder);
	*ret_name = slash ? slash + 1 : path;
	if (fd < 0)
		fail_errno(error, errno, "unpacking %s", path);
	return fd;
}

static gboolean is_within(const struct unpacking *u, guint64 more, GError **error)
{
	const struct archive_limits *l = u->limits;
	if (l->is_over && l->is_over(l->user))
		return fail(error, ERROR_TIMEOUT, "interrupted");
	return (more <= l->bytes && u->bytes <= l->bytes - more) ||
	       fail(error, ERROR_INVALID, "the archive unpacks to more than %" G_GUINT64_FORMAT " bytes", l->bytes);
}

static gboolean write_all(int fd, const char *bytes, gsize size, gint64 at, const char *path, GError **error)
{
	for (gsize done = 0; done < size;) {
		ssize_t n = pwrite(fd, bytes + done, size - done, at + (off_t)done);
		if (n < 0 && errno != EINTR)
			return fail_errno(error, errno, "unpacking %s", path);
		done += n > 0 ? (gsize)n : 0;
	}
	return TRUE;
}

static gboolean fail_archive(const struct unpacking *u, const char *path, GError **error)
{
	const char *said = archive_error_string(u->from);
	return fail(error, ERROR_INVALID, "the archive is damaged%s%s: %s", path ? " at " : "", path ? path : "",
		    said ? said : "it ends too early");
}

/* A hole counts as if it were written: a file of nothing but holes is as large to who reads it. */
static gboolean write_content(struct unpacking *u, struct archive_entry *entry, int fd, const char *path, GError **error)
{
	gint64 size = archive_entry_size_is_set(entry) ? MAX(archive_entry_size(entry), 0) : 0;
	const void *bytes;
	size_t n;
	la_int64_t at;
	int code;
	while ((code = archive_read_data_block(u->from, &bytes, &n, &at)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
		if (at < 0 || at > G_MAXINT64 - (gint64)n)
			return fail_archive(u, path, error);
		size = MAX(size, at + (gint64)n);
		if (!is_within(u, (guint64)size, error) || !write_all(fd, bytes, n, at, path, error))
			return FALSE;
	}
	if (code != ARCHIVE_EOF)
		return fail_archive(u, path, error);
	if (!is_within(u, (guint64)size, error))
		return FALSE;
	u->bytes += (guint64)size;
	return ftruncate(fd, size) == 0 || fail_errno(error, errno, "unpacking %s", path);
}

static gboolean unpack_file(struct unpacking *u, struct archive_entry *entry, const char *path, GError **error)
{
	const char *name;
	SCOPED_FD(above) = open_above(u, path, &name, error);
	mode_t mode = archive_entry_perm(entry) & ANY_EXECUTE ? FILE_MODE | ANY_EXECUTE : FILE_MODE;
	if (above < 0)
		return FALSE;
	/* The last one of a name counts, as with tar. It may have been another file's hard link. */
	if (unlinkat(above, name, 0) < 0 && errno != ENOENT)
		return fail_errno(error, errno, "unpacking %s", path);
	SCOPED_FD(fd) = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail_errno(error, errno, "unpacking %s", path);
	return write_content(u, entry, fd, path, error) && (fchmod(fd, mode) == 0 || fail_errno(error, errno, "unpacking %s", path));
}

static gboolean unpack_hard_link(struct unpacking *u, struct archive_entry *entry, const char *path, GError **error)
{
	const char *name, *to_name;
	g_autofree char *to = plain_path(archive_entry_hardlink(entry), error);
	if (!to)
		return FALSE;
	SCOPED_FD(above) = open_above(u, path, &name, error);
	SCOPED_FD(to_above) = above < 0 ? -1 : open_above(u, to, &to_name, error);
	if (to_above < 0)
		return FALSE;
	return linkat(to_above, to_name, above, name, 0) == 0 || fail_errno(error, errno, "unpacking %s", path);
}

static gboolean unpack_entry(struct unpacking *u, struct archive_entry *entry, GError **error)
{
	const char *said = entry_path(entry);
	g_autofree char *path = said ? plain_path(said, error) : NULL;
	if (!path)
		return said ? FALSE : fail(error, ERROR_INVALID, "the archive has an entry without a readable name");
	if (!*path)
		return TRUE;
	if (archive_entry_hardlink(entry))
		return unpack_hard_link(u, entry, path, error);
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG: return unpack_file(u, entry, path, error);
	case AE_IFDIR: {
		SCOPED_FD(fd) = make_folder(u->folder_fd, path);
		return fd >= 0 || fail_errno(error, errno, "unpacking %s", path);
	}
	case AE_IFLNK: {
		const struct link l = { g_steal_pointer(&path), g_strdup(archive_entry_symlink(entry)) };
		g_array_append_val(u->links, l);
		return l.target || fail(error, ERROR_INVALID, "the archive's link %s leads nowhere", l.path);
	}
	default: return fail(error, ERROR_INVALID, "the archive's entry %s is neither file, folder nor link", path);
	}
}

/* -- links ----------------------------------------------------------------------------------- */

static gboolean make_link(const struct unpacking *u, const struct link *l, GError **error)
{
	const char *name;
	SCOPED_FD(above) = open_above(u, l->path, &name, error);
	if (above < 0)
		return FALSE;
	if (symlinkat(l->target, above, name) == 0)
		return TRUE;
	if (errno == EEXIST)
		return fail(error, ERROR_INVALID, "the archive's link %s is something else as well", l->path);
	return fail_errno(error, errno, "unpacking link %s", l->path);
}

/* Asked when all links are there, since one may lead through another. What leads nowhere is harmless and goes. */
static gboolean check_link(const struct unpacking *u, const struct link *l, GError **error)
{
	SCOPED_FD(fd) = root_openat(u->folder_fd, l->path, O_PATH, 0);
	if (fd >= 0)
		return TRUE;
	if (errno != ENOENT && errno != ENOTDIR)
		return fail(error, ERROR_INVALID, "the archive's link %s leads out of it, to %.200s", l->path, l->target);
	const char *name;
	SCOPED_FD(above) = open_above(u, l->path, &name, error);
	return above >= 0 && (unlinkat(above, name, 0) == 0 || fail_errno(error, errno, "unpacking link %s", l->path));
}

static gboolean unpack_links(const struct unpacking *u, GError **error)
{
	for (guint i = 0; i < u->links->len; i++)
		if (!make_link(u, &g_array_index(u->links, struct link, i), error))
			return FALSE;
	for (guint i = 0; i < u->links->len; i++)
		if (!check_link(u, &g_array_index(u->links, struct link, i), error))
			return FALSE;
	return TRUE;
}

/* -- all ------------------------------------------------------------------------------------- */

static gboolean unpack_entries(struct unpacking *u, GError **error)
{
	struct archive_entry *entry;
	int code;
	while ((code = archive_read_next_header(u->from, &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
		if (++u->n_entries > u->limits->n_entries)
			return fail(error, ERROR_INVALID, "the archive has more than %u entries", u->limits->n_entries);
		if (!is_within(u, 0, error) || !unpack_entry(u, entry, error))
			return FALSE;
	}
	return code == ARCHIVE_EOF || fail_archive(u, NULL, error);
}

gboolean archive_unpack(int fd, int folder_fd, const struct archive_limits *limits, guint64 *ret_bytes, GError **error)
{
	struct unpacking u = { .from = open_archive(fd), .folder_fd = folder_fd, .limits = limits };
	u.links = g_array_new(FALSE, FALSE, sizeof(struct link));
	g_array_set_clear_func(u.links, link_clear);
	gboolean is_done = (archive_read_open_fd(u.from, fd, BLOCK) == ARCHIVE_OK || fail_archive(&u, NULL, error)) &&
			   unpack_entries(&u, error) && unpack_links(&u, error);
	archive_read_free(u.from);
	g_array_unref(u.links);
	*ret_bytes = u.bytes;
	return is_done;
}
