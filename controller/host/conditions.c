/* Kernel: Documentation/admin-guide/pm/cpuidle.rst; adjtimex(2), statvfs(3). */
#include "host/conditions.h"
#include "base/arena.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

void host_read_idle(struct arena *arena, const struct host_tree *t, struct host_idle *ret)
{
	static const char states[] = "sys/devices/system/cpu/cpu0/cpuidle";
	*ret = (struct host_idle){ .driver = host_read(arena, t, "sys/devices/system/cpu/cpuidle/current_driver") };
	for (guint i = 0;; i++) { /* the next is deeper */
		const char *name = host_read(arena, t, "%s/state%u/name", states, i);
		if (!name)
			return;
		if (host_read_number(t, 0, "%s/state%u/disable", states, i) != 0)
			continue;
		ret->deepest = name;
		ret->latency_us = MAX(host_read_number(t, 0, "%s/state%u/latency", states, i), 0);
	}
}

static gboolean is_this_machine(const struct host_tree *t)
{
	return strcmp(t->root, "/") == 0;
}

int host_clock_is_synchronised(const struct host_tree *t)
{
	struct timex now = { .modes = 0 };
	if (!is_this_machine(t))
		return -1;
	int state = adjtimex(&now);
	return state < 0 ? -1 : state != TIME_ERROR && !(now.status & STA_UNSYNC);
}

const char *host_machine(struct arena *arena, const struct host_tree *t)
{
	struct utsname name;
	return is_this_machine(t) && uname(&name) == 0 ? arena_strdup(arena, name.machine) : NULL;
}

const char *host_measure_folder(struct arena *arena, const struct host_tree *t, const char *path, guint64 *ret_size,
                                guint64 *ret_free)
{
	const char *below = host_path(arena, t, "%s", path + strspn(path, "/"));
	struct stat st;
	struct statvfs fs;
	if (stat(below, &st) != 0 || statvfs(below, &fs) != 0)
		return arena_strdup(arena, g_strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return arena_strdup(arena, g_strerror(ENOTDIR));
	*ret_size = (guint64)fs.f_blocks * fs.f_frsize;
	*ret_free = (guint64)fs.f_bavail * fs.f_frsize;
	return NULL;
}

const char *host_check_file(struct arena *arena, const struct host_tree *t, const char *path)
{
	const char *below = host_path(arena, t, "%s", path + strspn(path, "/"));
	struct stat st;
	if (stat(below, &st) != 0 || access(below, R_OK) != 0)
		return arena_strdup(arena, g_strerror(errno));
	return S_ISREG(st.st_mode) ? NULL : "it is no regular file";
}
