/* The copy is made by descriptor, so that what was looked at is what is read. */
#include "worker/take.h"
#include "base/error.h"
#include "frames/digest.h"
#include "frames/image.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

/* Neither links nor pipes, on which reading waits for ever. */
static int open_regular(const char *folder, const char *file, GError **error)
{
	struct stat st;
	SCOPED_FD(dir) = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	SCOPED_FD(fd) = dir < 0 ? -1 : openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_errno(error, errno, "Blender's file %s cannot be opened", file);
		return -1;
	}
	if (S_ISREG(st.st_mode))
		return fd_steal(&fd);
	fail(error, ERROR_INVALID, "Blender's %s is no regular file", file);
	return -1;
}

/* copy_file_range(2) stays in the kernel, and shares blocks where both are on one file system; others give EXDEV,
 * EINVAL or nothing at all. */
static gboolean copy(int from, int to, gint64 size)
{
	g_autofree char *piece = NULL;
	ssize_t n = 0;
	/* What grows meanwhile is cut off, and fails its checks. */
	for (; size > 0 && (n = copy_file_range(from, NULL, to, NULL, (gsize)MIN(size, G_MAXINT), 0)) > 0; size -= n)
		;
	if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return FALSE;
	piece = g_malloc(PIECE);
	for (n = 0; size > 0 && (n = read(from, piece, (gsize)MIN(size, PIECE))) > 0; size -= n)
		for (ssize_t at = 0, m; at < n; at += m)
			if ((m = write(to, piece + at, (gsize)(n - at))) < 0)
				return FALSE;
	return n >= 0;
}

gboolean take_file(const char *folder, const char *file, guint64 max_bytes, int dir_fd, const char *name, GError **error)
{
	struct stat st;
	SCOPED_FD(from) = open_regular(folder, file, error);
	if (from < 0)
		return FALSE;
	if (fstat(from, &st) < 0)
		return fail_errno(error, errno, "Blender's file %s cannot be looked at", file);
	if ((guint64)st.st_size > max_bytes)
		return fail(error, ERROR_INVALID, "Blender's %s has %" G_GINT64_FORMAT " bytes, which no image of this size has",
			    file, (gint64)st.st_size);
	SCOPED_FD(to) = root_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0666);
	return (to >= 0 && copy(from, to, st.st_size)) || fail_errno(error, errno, "%s cannot be written", name);
}

/* -- comparing ------------------------------------------------------------------------------- */

/* Of all pixels with their places; rows come in any order, so that it is a sum. */
struct pixels {
	guint width, height;
	guint64 sum;
};

static guint64 mix(guint64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u; /* splitmix64 */
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static gboolean begin(void *data, guint width, guint height, GError **error)
{
	(void)error;
	*(struct pixels *)data = (struct pixels){ width, height, 0 };
	return TRUE;
}

static void add_row(void *data, guint y, guint x, guint step, const guint8 *rgb, guint n)
{
	struct pixels *p = data;
	for (guint i = 0; i < n; i++, rgb += 3) {
		guint64 place = (guint64)y * p->width + x + (guint64)i * step;
		guint64 colour = (guint64)rgb[0] << 16 | (guint64)rgb[1] << 8 | rgb[2];
		p->sum += mix(mix(place) ^ colour << 32);
	}
}

static gboolean read_pixels(int fd, const char *format, struct pixels *ret, GError **error)
{
	const struct image_expected expected = { .format = format };
	const struct image_sink sink = { begin, add_row, ret };
	struct image_facts facts;
	return image_decode_fd(fd, &expected, &sink, &facts, error);
}

gboolean take_same_pixels(int fd, const char *folder, const char *file, const char *format, gboolean *ret_same, GError **error)
{
	struct file_digest ours, theirs;
	struct pixels a = { 0 }, b = { 0 };
	SCOPED_FD(other) = open_regular(folder, file, error);
	if (other < 0 || !digest_fd(fd, &ours, error) || !digest_fd(other, &theirs, error))
		return FALSE;
	*ret_same = strcmp(ours.sha256, theirs.sha256) == 0;
	if (*ret_same)
		return TRUE;
	if (!read_pixels(fd, format, &a, error) || !read_pixels(other, format, &b, error))
		return FALSE;
	*ret_same = a.width == b.width && a.height == b.height && a.sum == b.sum;
	return TRUE;
}
