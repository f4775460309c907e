/* A new file takes the old one's place; it is not put on disk by force, since it only tells. */
#include "worker/frame_log.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>

static gboolean write_all(int fd, const char *text, gsize size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FALSE;
		text += n;
		size -= (gsize)n;
	}
	return TRUE;
}

gboolean frame_log_write(int root_fd, const char *job_dir, gint64 frame, const char *token, const char *printed,
			 const char *reason, GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "log", NULL, error);
	g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT ".log", frame);
	g_autofree char *fresh = g_strdup_printf(".%" G_GINT64_FORMAT ".%s", frame, token);
	gsize size = strlen(printed), skipped = size > FRAME_LOG_MAX ? size - FRAME_LOG_MAX : 0;
	g_autofree char *text = g_strconcat(printed + skipped, reason ? "\nfailed: " : "", reason ? reason : "", reason ? "\n" : "", NULL);
	SCOPED_FD(dir) = folder ? root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY, 0) : -1;
	if (folder && dir < 0 && errno == ENOENT)
		dir = root_mkdirs(root_fd, folder);
	if (dir < 0)
		return folder ? fail_errno(error, errno, "%s cannot be opened", folder) : FALSE;
	SCOPED_FD(fd) = root_openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
	if (fd >= 0 && write_all(fd, text, strlen(text)) && renameat(dir, fresh, dir, name) == 0)
		return TRUE;
	int why = errno;
	(void)unlinkat(dir, fresh, 0);
	return fail_errno(error, why, "%s/%s cannot be written", folder, name);
}
