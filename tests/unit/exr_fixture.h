/* OpenEXR files of every shape, small, as Blender and other programs write them. */
#pragma once
#include <glib.h>
#ifdef __cplusplus
extern "C" {
#endif

enum exr_pattern { EXR_PICTURE, EXR_BLACK, EXR_GREY, EXR_NAN, EXR_NAN_IN_LAYER };
enum exr_tiles { EXR_LINES, EXR_TILES, EXR_MIPMAP, EXR_RIPMAP };

/* In the order of the format's own numbers. */
extern const char *const exr_compressions[];
extern const guint n_exr_compressions;

struct exr_shape {
	guint width, height;
	guint compression; /* index in exr_compressions */
	enum exr_tiles tiles;
	guint n_parts; /* at least 1 */
	gboolean is_float, has_layers, is_deep, is_grey, is_luminance, is_cropped, has_lines_from_below;
	enum exr_pattern pattern;
};

void exr_write(const char *path, const struct exr_shape *shape);

#ifdef __cplusplus
}
#endif
