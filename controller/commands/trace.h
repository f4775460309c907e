/* Where an object or a field of it is written, which commit changed it last, and what became of that. */
#pragma once
#include "commands/command.h"
#include "report/object.h"
#include "state/history.h"

/* Of a wanted object; `field` as "spec.memory", or NULL. `history` may be NULL. Strings in the look's arena. FALSE: there is no such field. */
gboolean trace_find(const struct looked *l, const struct history *history, const struct object *o, const char *field, struct traced *ret,
                    GError **error);
