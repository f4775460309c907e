/* Files of sysfs that the kernel serves under the device's lock: driver_override and sriov_numvfs in Linux 6.1, and
 * those that a driver answers itself. While a driver is bound to the device or unbound, reading them blocks, past SIGKILL; where an unbind never ends, for ever. So
 * they are read in a thread, which is given up at a deadline. In the helper alone: a thread that was given up keeps
 * the process from ending. */
#pragma once
#include <glib.h>

struct arena;

/* A look at the devices begins: its patience is fresh. */
void locked_begin(void);
/* The text without white space at its end; NULL when the file is absent, or, with *ret_busy set, does not answer. While
 * a thread still waits for the file it is not asked again. *ret_busy is left alone else. */
char *locked_read(struct arena *a, const char *path, gboolean *ret_busy);
