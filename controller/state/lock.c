/* flock(2) on DIR/lock: the kernel frees it however the process ends. */
#include "base/error.h"
#include "state/state.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct state_lock {
	int fd;
};

static int open_lock(const char *dir, int flags)
{
	g_autofree char *path = g_build_filename(dir, "lock", NULL);
	return open(path, flags | O_CLOEXEC, 0600);
}

static void read_holder(int fd, char *ret, gsize size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);
	ret[MAX(n, 0)] = '\0';
	g_strstrip(ret);
}

struct state_lock *state_lock(const char *dir, GError **error)
{
	if (g_mkdir_with_parents(dir, 0700) != 0) {
		fail_errno(error, errno, "making the state folder %s", dir);
		return NULL;
	}
	int fd = open_lock(dir, O_RDWR | O_CREAT);
	if (fd < 0) {
		fail_errno(error, errno, "opening %s/lock", dir);
		return NULL;
	}
	/* Who only asks whether it is held (state_is_locked) holds it for an instant. */
	int tries = 10;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0 && --tries > 0)
		g_usleep(20000);
	if (tries == 0) {
		char holder[32];
		read_holder(fd, holder, sizeof holder);
		close(fd);
		fail(error, ERROR_EXISTS, "process %s works with %s already; there is one controller a host", holder, dir);
		return NULL;
	}
	g_autofree char *pid = g_strdup_printf("%d\n", (int)getpid());
	/* The number is only for messages; the lock holds without it. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		errno = 0;
	struct state_lock *l = g_new(struct state_lock, 1);
	l->fd = fd;
	return l;
}

void state_unlock(struct state_lock *l)
{
	if (!l)
		return;
	close(l->fd);
	g_free(l);
}

gboolean state_is_locked(const char *dir)
{
	int fd = open_lock(dir, O_RDONLY);
	if (fd < 0)
		return FALSE;
	gboolean locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}
