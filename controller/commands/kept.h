/* What passes found and did, for commands that only read it: of the controller that holds the state folder, else of the files there. */
#pragma once
#include "commands/command.h"
#include "state/conditions.h"
#include "state/events.h"
#include "state/history.h"

/* NULL with an error when a controller runs and cannot be asked. Each is freed by its own _free(). */
struct events *kept_events(const char *state, guint64 since, GError **error);
struct history *kept_history(const char *state, GError **error);
/* Waits until something newer than `since` happens, for so long at most (0: for ever); ERROR_TIMEOUT, ERROR_AWAY when no controller
 * runs or it ends. */
struct events *kept_wait(const char *state, guint64 since, gint64 timeout_ms, GError **error);
