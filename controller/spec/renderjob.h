/* RenderJob: frames of a Blender scene that have to be there, verified. */
#pragma once
#include "spec/field.h"

enum job_device { DEVICE_CPU, DEVICE_CUDA, DEVICE_OPTIX, DEVICE_HIP, DEVICE_ONEAPI };
enum job_heal { HEAL_UNTIL_COMPLETE, HEAL_ALWAYS, HEAL_NEVER };
extern const struct name_table device_names, image_format_names, engine_names;

struct job_scene {
	const char *file, *sha256;
};

struct job_override {
	struct frame_set frames;
	gint64 samples;
	struct resolution resolution;
};

struct renderjob_spec {
	const char *project;
	struct job_scene scene;
	const char *blender;
	struct frame_set frames;
	gint64 chunk;
	int engine, device, format;
	gint64 samples;
	struct resolution resolution;
	const char *output;
	struct list overrides; /* struct job_override */
	const char *queue;
	gint64 priority, retries, time_limit_ms;
	int heal;         /* enum job_heal */
	gboolean suspend; /* frames wait in the queue, none is leased */
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
};

/* What the queue knows of the job: FIELD_IN_QUEUE rows of renderjob_fields. */
struct job_queue_status {
	gboolean known;
	gint64 rank;
	struct renderjob_spec values;
};

struct renderjob_status {
	const char *trouble; /* why it could not be looked at; the rest is then empty */
	struct job_scene_status scene;
	struct list whole;   /* struct job_frames: visible files as the manifest says */
	struct list damaged; /* visible, ours, but not what was verified */
	struct list foreign; /* a file cleave did not make stands at the frame's name */
	struct list unseen;  /* whole, but its facts are not recorded yet: the next pass would read it again */
	struct list staged;  /* verified, not delivered */
	struct list stored;  /* superseded, can be put back */
	struct list rendered; /* verified at least once, whatever became of the file */
	struct list queued, running, failed;
	struct job_queue_status queue;
	const char *completed; /* digest of the frames and keys that were complete last */
};

/* The digest that the job's frames are keyed with: declared, else pinned, else of the file as it is now;
 * NULL when there is none of them. */
const char *renderjob_scene_sha256(const struct renderjob_spec *job, const struct renderjob_status *status);

extern const struct field renderjob_fields[];
extern const struct field renderjob_status_fields[];
