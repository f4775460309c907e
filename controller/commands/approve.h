/* The parts of `cleave approve`. Private to them. */
#pragma once
#include "commands/command.h"

enum { APPROVE_LIST };

/* 8 to 16 hexadecimal digits. */
gboolean approve_is_digest(const char *word);
/* What waits in the plan of this digest is approved, after it was shown. -1: that is the name of a VM. */
int approve_plan(struct invocation *in);
int approve_list(struct invocation *in);
