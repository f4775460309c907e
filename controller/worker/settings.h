/* A worker's settings file: lines of KEY=VALUE, as systemd's EnvironmentFile has them.
 *
 * In: its path. Out: a table, or the line that is none. Keys that nobody asks for are somebody else's. */
#pragma once
#include <glib.h>

#define SETTINGS_FILE "/etc/cleave/worker.env"

/* Key → value, both char *. Empty lines and those that begin with # are passed over; a value may stand in quotes. */
GHashTable *settings_read(const char *path, GError **error);
