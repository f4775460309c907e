/* What Blender wrote into an image about its making: the number of the frame, and the .blend that it is of.
 *
 * In: an open file that was decoded whole. Out: what it says; an image that says nothing is no error, since other
 * programs write none of this. Called by the worker: pixels alone do not tell one frame from another. */
#pragma once
#include <glib.h>

struct image_stamp {
	gboolean has_frame;
	gint64 frame;
	char *scene; /* the path of the .blend, cut off by Blender at some 500 bytes; NULL: not said */
};

/* Of PNG, JPEG and OpenEXR; others carry none. */
void image_stamp_read(int fd, struct image_stamp *ret);
void image_stamp_clear(struct image_stamp *s);
