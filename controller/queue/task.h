/* What a worker is told about a range of frames: all that decides the pixels, and where they go.
 *
 * In: a struct task from the controller. Out: JSON in Redis, and the struct again at the worker. One
 * table of fields makes both; a worker that meets a field it does not know refuses the task. */
#pragma once
#include "base/units.h"
#include <glib.h>

struct arena;

struct task {
	const char *scene_root;   /* name of a root; the worker knows where it is mounted */
	const char *scene_path;   /* below the root */
	const char *scene_sha256; /* hexadecimal; the worker refuses another file */
	const char *blender;      /* declared version */
	const char *engine;       /* CYCLES, BLENDER_EEVEE, BLENDER_WORKBENCH */
	const char *device;       /* CPU, OPTIX, CUDA, HIP, ONEAPI; never another one instead */
	gint64 samples;           /* 0: the scene's */
	gint64 width, height;     /* pixels; 0: the scene's */
	const char *camera;       /* name of an object; "": the scene's */
	const char *view_layer;   /* name; "": those that the scene renders */
	const char *denoise;      /* "": the scene's; none, optix, oidn */
	gint64 n_threads;         /* 0: all */
	const char *output_root;
	const char *output_template; /* below the root, with #### */
	const char *format;          /* Blender's name: PNG, OPEN_EXR, JPEG, TIFF */
	const char *color_mode;      /* BW, RGB, RGBA; "": the scene's */
	const char *color_depth;     /* 8, 16, 32; "": the scene's */
	const char *codec;           /* OpenEXR's or TIFF's; "": the scene's */
	gint64 time_limit_ms;        /* for one frame; 0: none */
};

/* JSON on one line; equal tasks give equal bytes. g_free(). */
char *task_encode(const struct task *task);
/* Strings live in the arena. ERROR_INVALID names the field and what it should be. */
gboolean task_decode(struct arena *a, const char *json, struct task *ret, GError **error);
