/* /proc/PID/task/TID/children names what each thread started (CONFIG_PROC_CHILDREN, which distributions set); one that
 * was started by a process which ended meanwhile hangs below its reaper, and is found there. */
#include "worker/memory.h"
#include <stdlib.h>
#include <unistd.h>

enum { DEPTH_MAX = 16 };

static guint64 resident(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	char *end;
	(void)g_ascii_strtoull(text, &end, 10); /* its size; what is resident follows (proc(5)) */
	return g_ascii_strtoull(end, NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
}

static guint64 measure(pid_t pid, guint depth)
{
	guint64 bytes = resident(pid);
	g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
	g_autoptr(GDir) dir = depth < DEPTH_MAX ? g_dir_open(tasks, 0, NULL) : NULL;
	const char *thread;
	while (dir && (thread = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(tasks, thread, "children", NULL);
		g_autofree char *text = NULL;
		if (!g_file_get_contents(path, &text, NULL, NULL))
			continue;
		char *at = text, *end;
		for (long child; (child = strtol(at, &end, 10)) > 0; at = end)
			bytes += measure((pid_t)child, depth + 1);
	}
	return bytes;
}

guint64 memory_of_tree(pid_t pid)
{
	return measure(pid, 0);
}
