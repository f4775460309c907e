/* RenderJob: frames of a Blender scene that have to be there, verified. */
#pragma once
#include "spec/suspend.h"

struct arena;

enum job_need { NEED_UNSAID, NEED_COMPLETE, NEED_FRAMES };
enum job_device { DEVICE_CPU, DEVICE_CUDA, DEVICE_OPTIX, DEVICE_HIP, DEVICE_ONEAPI };
enum job_heal { HEAL_UNTIL_COMPLETE, HEAL_ALWAYS, HEAL_NEVER };
enum job_order { ORDER_UNSAID, ORDER_FORWARD, ORDER_REVERSE, ORDER_INTERLEAVE };
enum job_engine { ENGINE_CYCLES, ENGINE_EEVEE, ENGINE_WORKBENCH };
enum job_format { FORMAT_PNG, FORMAT_OPEN_EXR, FORMAT_OPEN_EXR_MULTILAYER, FORMAT_JPEG, FORMAT_TIFF };
enum job_depth { DEPTH_UNSAID, DEPTH_8BIT, DEPTH_16BIT, DEPTH_HALF, DEPTH_FLOAT };
extern const struct name_table device_names, image_format_names, engine_names;
/* How names of files in it end, as ".exr"; of PNG when it is NULL or no format. */
const char *image_format_suffix(const char *format);

struct job_scene {
	const char *file, *url, *blend, *sha256; /* exactly one of file and url */
	gboolean follow;
	const char *name, *camera; /* in the .blend */
	struct strings view_layers;
};

enum job_inputs_mode { INPUTS_UNSAID, INPUTS_TRACED, INPUTS_NONE };

struct job_inputs {
	int mode;
	struct strings files;
	const char *sha256; /* of all of them together (frames/inputs.h) */
};

struct job_chunk {
	gint64 n_frames, seconds;
};

struct job_output {
	const char *name, *file, *node;
	int format, depth, codec;
};

struct job_preview {
	const char *movie;
	gint64 fps;
};

struct job_requires {
	struct list labels; /* struct label */
	guint64 vram_bytes;
	gint64 n_gpus;
};

struct job_checks {
	int black, constant, nan, missing_assets;
};

struct job_after {
	const char *job;
	int need;
};

struct job_override {
	struct frame_set frames;
	gint64 samples;
	struct resolution resolution;
};

struct renderjob_spec {
	const char *project;
	struct job_scene scene;
	struct job_inputs inputs;
	const char *blender;
	struct frame_set frames;
	int order;
	struct job_chunk chunk;
	int engine, device, denoise;
	gint64 n_threads;
	int format, depth, codec;
	gint64 samples;
	struct resolution resolution;
	const char *output;
	struct list outputs; /* struct job_output; instead of output */
	struct job_preview preview;
	struct list overrides; /* struct job_override */
	const char *queue;
	gint64 priority, retries, time_limit_ms;
	guint64 memory_limit_bytes;
	struct job_requires requires;
	int heal;         /* enum job_heal */
	struct job_checks checks;
	struct list after; /* struct job_after */
	struct strings arguments;
	gboolean scripts;
	struct frame_set waive; /* the job is complete without them */
	struct suspend_spec suspend;
	gboolean is_paused; /* derived: suspended, so that none is leased */
	gint64 ttl_after_complete_ms;
	int reconcile; /* enum reconcile_mode */
};

/* Frames that share a key and a state. */
struct job_frames {
	struct frame_set frames;
	const char *key;    /* of their declared values; NULL when unknown */
	const char *detail; /* worker that renders them, or why they failed */
};

struct job_scene_status {
	const char *pinned; /* recorded at the first enqueue */
	const char *found;  /* of the file as it is now; NULL when it cannot be read */
	const char *reason; /* why it cannot */
	gboolean changing;  /* written in the last 2 s: it may be half of a file */
};

/* Of `inputs: files` the listed ones, of `traced` those that Blender opened. */
struct job_inputs_status {
	const char *pinned;        /* listed: recorded at the first enqueue */
	const char *found;         /* listed: of all as they are now; traced: of those that changed, NULL when none did */
	const char *reason;        /* why they cannot be read */
	gboolean changing;         /* one was written in the last 2 s */
	struct strings changed;    /* the first of those that are not what was recorded */
	gint64 n_changed;
	struct strings undeclared; /* the first of those that Blender opened and the spec does not name */
	gint64 n_undeclared;
};

/* What a key of earlier frames stands for. */
struct job_key {
	const char *key;
	struct strings values; /* "samples 128": the lines of its text, without the first */
};

/* What the queue knows of the job: FIELD_IN_QUEUE rows of renderjob_fields. */
struct job_queue_status {
	gboolean known;
	gint64 rank;
	const char *limits; /* as limits_text() */
	struct renderjob_spec values;
};

struct renderjob_status {
	const char *trouble; /* why it could not be looked at; the rest is then empty */
	struct job_scene_status scene;
	struct job_inputs_status inputs;
	struct list whole;   /* struct job_frames: visible files as the manifest says */
	struct list damaged; /* visible, ours, but not what was verified */
	struct list foreign; /* a file cleave did not make stands at the frame's name */
	struct list unseen;  /* whole, but its facts are not recorded yet: the next pass would read it again */
	struct list rotten;  /* damaged, and the manifest does not say so yet */
	struct list elsewhere; /* whole at another path, from where they are copied */
	struct list staged;  /* verified, not delivered */
	struct list stored;  /* superseded, can be put back */
	struct list rendered; /* verified at least once, whatever became of the file */
	struct list queued, running, failed;
	struct list keys; /* struct job_key: of whole and rendered frames, as far as they are recorded */
	struct job_queue_status queue;
	gint64 frame_seconds;  /* millionths: what a frame took on average; 0: none was timed */
	gint64 n_timed;        /* of how many that is the average */
	const char *completed; /* digest of the frames and keys that were complete last */
};

/* The id of the job that it comes after. */
const char *renderjob_after_id(struct arena *a, const struct renderjob_spec *job, const struct job_after *after);
/* The digest that the job's frames are keyed with: declared, else pinned, else of the file as it is now;
 * NULL when there is none of them. Where the job follows the file: as it is now, else pinned. */
const char *renderjob_scene_sha256(const struct renderjob_spec *job, const struct renderjob_status *status);
/* The same of its inputs; NULL when they do not count: none are listed, or of traced ones none has changed. */
const char *renderjob_inputs_sha256(const struct renderjob_spec *job, const struct renderjob_status *status);
/* What has to be mounted where the job is looked at: ROOT:path of outputs, scene and inputs, each that is said. */
struct strings renderjob_paths(struct arena *a, const struct renderjob_spec *job);

/* The files of a frame: `outputs`, or the one that `output`, `format`, `depth` and `codec` say, without a name.
 * The items live in the spec or the arena. All lie below one root (rule job-outputs-one-root). */
struct list renderjob_outputs(struct arena *a, const struct renderjob_spec *job);

extern const struct name_table depth_names, codec_names, denoise_names, check_names, order_names, inputs_names;
extern const struct field renderjob_fields[];
extern const struct field renderjob_status_fields[];
