/* What a host is like to run VMs on: how its CPUs sleep, whether its clock is right, what its file systems hold. */
#pragma once
#include "host/tree.h"

struct host_idle {
	const char *driver;  /* "intel_idle"; NULL: not told */
	const char *deepest; /* name of the deepest state that is allowed; NULL: not told */
	gint64 latency_us;   /* to leave it */
};

void host_read_idle(struct arena *arena, const struct host_tree *t, struct host_idle *ret);
/* Whether the clock follows a time server (adjtimex(2), which changes nothing here). -1: the tree is of another
 * machine, or the kernel does not tell. */
int host_clock_is_synchronised(const struct host_tree *t);
/* "x86_64"; NULL: the tree is of another machine. */
const char *host_machine(struct arena *arena, const struct host_tree *t);
/* Size and free space of the file system of a folder. NULL when it is there, else why it cannot be used. */
const char *host_measure_folder(struct arena *arena, const struct host_tree *t, const char *path, guint64 *ret_size,
                                guint64 *ret_free);
/* NULL when the file is there, regular and readable, else why it cannot be used. */
const char *host_check_file(struct arena *arena, const struct host_tree *t, const char *path);
