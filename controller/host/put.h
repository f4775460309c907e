/* A small file that a crash leaves as it was or as it should be, on the disk. */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* Writes a temporary file beside it, fsync, rename, fsync of the folder; the folder is made. */
gboolean put_file(const char *path, const char *text, mode_t mode, GError **error);
/* Absent is success. */
gboolean put_away(const char *path, GError **error);
