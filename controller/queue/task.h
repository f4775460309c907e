/* What a worker is told about a range of frames: all that decides the pixels, and where they go.
 *
 * In: a struct task from the controller. Out: JSON in Redis, and the struct again at the worker. One
 * table of fields makes both; a worker that meets a field it does not know refuses the task. */
#pragma once
#include "base/units.h"
#include <glib.h>

struct arena;

/* One file of a frame. */
struct task_output {
	const char *name;          /* of several; "" the only one */
	const char *path_template; /* below the task's output_root, with #### */
	const char *node;          /* the File Output node that writes it; "" the render itself */
	const char *format;        /* Blender's name: PNG, OPEN_EXR, OPEN_EXR_MULTILAYER, JPEG, TIFF */
	const char *color_mode;    /* BW, RGB, RGBA; "": the scene's */
	const char *color_depth;   /* 8, 16, 32; "": the scene's */
	const char *codec;         /* OpenEXR's or TIFF's; "": the scene's */
};

/* Lists of texts are NULL-terminated, and NULL for none. */
struct task {
	const char *scene_root;   /* name of a root; the worker knows where it is mounted; "" for scene_url */
	const char *scene_path;   /* below the root */
	const char *scene_url;    /* http, https or s3: what is fetched instead */
	const char *scene_blend;  /* the .blend inside, when that is an archive */
	const char *scene_sha256; /* hexadecimal, of the file or archive; the worker refuses another one */
	const char *inputs_mode;  /* "": not said; traced, none, files */
	const char *const *inputs; /* files: ROOT:path with `*` */
	const char *inputs_sha256; /* of all inputs together; "": nothing to compare with yet */
	const char *blender;      /* declared version */
	const char *blender_url, *blender_file, *blender_sha256; /* its archive; "": as it is installed */
	const char *engine;       /* CYCLES, BLENDER_EEVEE, BLENDER_WORKBENCH */
	const char *device;       /* CPU, OPTIX, CUDA, HIP, ONEAPI; never another one instead */
	gint64 samples;           /* 0: the scene's */
	gint64 width, height;     /* pixels; 0: the scene's */
	const char *scene_name;   /* of the scenes in the .blend; "": the one it was saved with */
	const char *camera;       /* name of an object; "": the scene's */
	const char *const *view_layers; /* names; none: those that the scene renders */
	const char *denoise;      /* "": the scene's; none, optix, oidn */
	gint64 n_threads;         /* 0: all */
	const char *const *arguments; /* for Blender's command line, allowed ones */
	gint64 runs_scripts;      /* 1: scripts and drivers of the scene run */
	const char *output_root;
	gint64 keeps_copies;      /* 1: what is delivered is copied into the root's store as well */
	struct task_output *outputs; /* at least one */
	guint n_outputs;
	const char *check_black, *check_constant, *check_nan, *check_missing_assets; /* "" and warn; accept, reject */
	gint64 time_limit_ms;        /* for one frame; 0: none */
	gint64 memory_limit_bytes;   /* of Blender; 0: the worker's own */
};

/* JSON on one line; equal tasks give equal bytes. g_free(). */
char *task_encode(const struct task *task);
/* Strings live in the arena. ERROR_INVALID names the field and what it should be. */
gboolean task_decode(struct arena *a, const char *json, struct task *ret, GError **error);
