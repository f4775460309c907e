/* Writing and reading the file of `plan --out` and `apply FILE`. */
#pragma once
#include "commands/command.h"
#include "report/saved_plan.h"

gboolean saved_plan_write(const char *path, const struct plan *p, GError **error);
/* ERROR_INVALID when it is no plan, or of a newer form. */
gboolean saved_plan_read(const char *path, struct saved_plan *ret, GError **error);
