/* Files out of Blender's scratch folder, which is a stranger's: only what is a regular file is copied.
 *
 * In: two open or named folders. Out: a copy that nobody else can write. Called by make.c. */
#pragma once
#include <glib.h>

/* Makes `name` in `dir_fd`, where nothing may be, of FOLDER/FILE, which has at most `max_bytes`: a sparse file takes
 * nothing where it lies, and a whole disk as a copy. ERROR_INVALID: more. */
gboolean take_file(const char *folder, const char *file, guint64 max_bytes, int dir_fd, const char *name, GError **error);
/* Do two images show the same? Equal bytes do; else both are decoded, and compared as 8-bit sRGB. */
gboolean take_same_pixels(int fd, const char *folder, const char *file, const char *format, gboolean *ret_same, GError **error);
