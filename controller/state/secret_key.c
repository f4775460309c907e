/* DIR/secret-key: what digests of secrets are keyed with, so that whoever reads a plan cannot try passwords against them.
 * It never leaves the host. */
#include "state/state.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { KEY_BYTES = 32, KEY_LEN = 2 * KEY_BYTES };

static char *read_key(const char *path)
{
	char text[KEY_LEN + 1] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, KEY_LEN);
	if (fd >= 0)
		close(fd);
	return n == KEY_LEN && strspn(text, "0123456789abcdef") == KEY_LEN ? g_strdup(text) : NULL;
}

static char *new_key(void)
{
	guint8 bytes[KEY_BYTES];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return NULL;
	GString *hex = g_string_new(NULL);
	for (guint i = 0; i < KEY_BYTES; i++)
		g_string_append_printf(hex, "%02x", bytes[i]);
	return g_string_free(hex, FALSE);
}

/* Linked into place: of two that make it at once both have the first one's. */
static void put_key(const char *path)
{
	g_autofree char *key = new_key(), *part = g_strdup_printf("%s.XXXXXX", path);
	int fd = key ? g_mkstemp_full(part, O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	gboolean ok = write(fd, key, KEY_LEN) == KEY_LEN && fsync(fd) == 0;
	close(fd);
	if (ok && link(part, path) < 0)
		errno = 0; /* read again: somebody else's, or none */
	unlink(part);
}

char *state_secret_key(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "secret-key", NULL);
	char *key = read_key(path);
	if (key || access(path, F_OK) == 0)
		return key;
	if (g_mkdir_with_parents(dir, 0711) == 0)
		put_key(path);
	return read_key(path);
}
