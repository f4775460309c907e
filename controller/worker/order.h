/* What is said between the worker and the Blender it keeps warm: JSON lines (see warm.py).
 *
 * In: a task and a frame. Out: the line to send; and the typed answer of a line that came. */
#pragma once
#include "queue/task.h"

struct order {
	const struct task *task;
	const char *scene; /* absolute path of the .blend */
	gint64 frame;
	const char *folder;   /* absolute; where the files go */
	guint64 memory_bytes; /* what Blender may take; 0: no limit */
};

/* The file in `folder` that output `i` is written to: "0.png". g_free(). */
char *order_file(const struct task *t, guint i);
/* With its newline; g_free(). */
char *order_encode(const struct order *o);

enum answer_type { ANSWER_UNKNOWN, ANSWER_HELLO, ANSWER_LOADED, ANSWER_DONE, ANSWER_FAILED };

struct answer {
	enum answer_type type;
	char *version;       /* HELLO */
	char **devices;      /* HELLO */
	char *reason;        /* FAILED */
	gboolean is_gpu_full; /* FAILED: for want of the GPU's memory */
	gboolean is_final;    /* FAILED: the scene or the task is wrong, and will be anywhere */
	char *device;        /* DONE: what rendered, as people call it */
	double seconds;      /* LOADED, DONE */
	guint width, height; /* DONE: pixels; 0 unknown */
	gboolean has_frame;  /* DONE: it says which */
	gint64 frame;
	guint32 n_samples;   /* DONE */
	char *muted;         /* DONE: names of File Output nodes that were silenced; NULL none */
	char *missing;       /* DONE: files that the scene uses and that are not there; NULL none */
	char **opened;       /* DONE: absolute paths of the files that it uses and that are; NULL: as told before */
	gboolean was_loaded; /* DONE: the scene was read for this frame; set by blender.c */
};

/* A line that is no answer gives ANSWER_UNKNOWN. answer_clear() what it gives. */
struct answer answer_decode(const char *line);
void answer_clear(struct answer *a);
