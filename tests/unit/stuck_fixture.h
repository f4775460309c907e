/* A process that outlives SIGKILL, as one does that hangs in the kernel. */
#pragma once
#include <sys/types.h>

/* Traces `victim`, which then stops on its way out until its tracer ends. The tracer, to be killed and waited for; 0
 * where tracing is not allowed. */
pid_t stuck_start(pid_t victim);
