/* The name changes hands by rename(2), after fsync(2): a crash leaves the old file or the new one. */
#include "state/state_file.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_MAX_BYTES = 4 << 20 };

gboolean state_file_read(const char *path, json_t **ret, GError **error)
{
	json_error_t wrong;
	struct stat st;
	*ret = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES || fail_errno(error, errno, "reading %s", path);
	if (fstat(fd, &st) == 0 && st.st_size <= SIZE_MAX_BYTES)
		*ret = json_loadfd(fd, 0, &wrong);
	else
		g_strlcpy(wrong.text, "it is too large", sizeof wrong.text);
	close(fd);
	return *ret || fail(error, ERROR_INVALID, "%s cannot be understood: %s; mend or remove it", path, wrong.text);
}

gboolean state_file_write(const char *path, json_t *value, GError **error)
{
	if (!value)
		return g_unlink(path) == 0 || errno == ENOENT || fail_errno(error, errno, "removing %s", path);
	char *text = json_dumps(value, JSON_INDENT(1));
	gboolean ok = g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
	free(text);
	return ok;
}
