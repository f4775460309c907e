/* OpenEXR in two steps: the walk over its chunks in C, which bounds what the second may be asked for, and
 * the decoding, in C++ because the C core knows no DWAA and DWAB. Between image_exr_chunks.c and
 * image_exr.cc alone. */
#pragma once
#include "frames/image_reader.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Sets width and height of *facts. TRUE: every part is flat, has the same window, of the expected size; each
 * chunk of each part stands where the table says and belongs there; together they fill the file to its end. */
gboolean image_exr_walk(int fd, const struct image_expected *expected, struct image_facts *facts, GError **error);

#ifdef __cplusplus
}
#endif
