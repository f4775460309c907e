/* Does an image say that it is what was asked for?
 *
 * In: a verified image in staging, and the order's frame and scene. Out: the sentence that says whose it is instead.
 * Called by make.c. */
#pragma once
#include <glib.h>

/* An image that says nothing passes. `scene` is an absolute path. */
gboolean stamped_check(int dir_fd, const char *file, gint64 frame, const char *scene, GError **error);
