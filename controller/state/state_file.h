/* Small JSON files of the state folder: read whole with a bound, written whole or not at all. Private to state/. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* *ret NULL: there is no such file, or it may not be read. json_decref(). */
gboolean state_file_read(const char *path, json_t **ret, GError **error);
/* Takes the old one's place when it is on the disk; `value` NULL: there is none any more. */
gboolean state_file_write(const char *path, json_t *value, GError **error);
