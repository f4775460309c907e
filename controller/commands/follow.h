/* Watching jobs until they are complete or one stands still: bars on a terminal, plain lines elsewhere. */
#pragma once
#include "commands/command.h"

/* A job that was just submitted, as the branch of --specs has it now; tells where its first frame lies. Exit codes: 0
 * complete, 1 it stands still or cannot be looked at, 130 interrupted. */
int follow_submitted(const struct invocation *in, const char *job);
