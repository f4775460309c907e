/* The folder is looked at each time: the test decides while the worker runs. */
#include "worker/fault.h"
#include <glib.h>
#include <signal.h>
#include <unistd.h>

void worker_fault(const char *point)
{
	const char *folder = g_getenv("CLEAVE_FAULT_STOP");
	if (!folder)
		return;
	g_autofree char *file = g_build_filename(folder, point, NULL);
	if (unlink(file) == 0)
		kill(getpid(), SIGSTOP);
}
