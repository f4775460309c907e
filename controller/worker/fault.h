/* Where a worker stops dead when a test asks for it. In: a folder in CLEAVE_FAULT_STOP. Called by frame.c. */
#pragma once

/* When the folder has a file of this name, removes it and stops the process (SIGSTOP), as a machine does that falls asleep.
 * Somebody has to send SIGCONT. For tests of what may happen between two steps that nothing else can hit. */
void worker_fault(const char *point);
