/* Watching a job until it is complete or nothing goes on: bars on a terminal, plain lines elsewhere. */
#pragma once
#include "commands/command.h"

/* The job as the branch of --specs has it now. Exit codes: 0 complete, 1 it stands still or cannot
 * be looked at, 130 interrupted. */
int follow_job(const struct invocation *in, const char *job);
