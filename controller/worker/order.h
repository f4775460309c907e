/* What is said between the worker and the Blender it keeps warm: JSON lines (see warm.py).
 *
 * In: a task and a frame. Out: the line to send; and the typed answer of a line that came. */
#pragma once
#include "queue/task.h"

struct order {
	const struct task *task;
	const char *scene; /* absolute path of the .blend */
	gint64 frame;
	const char *output; /* absolute path of the image to write */
};

/* With its newline; g_free(). */
char *order_encode(const struct order *o);

enum answer_type { ANSWER_UNKNOWN, ANSWER_HELLO, ANSWER_LOADED, ANSWER_DONE, ANSWER_FAILED };

struct answer {
	enum answer_type type;
	char *version;       /* HELLO */
	char **devices;      /* HELLO */
	char *reason;        /* FAILED */
	char *device;        /* DONE: what rendered, as people call it */
	double seconds;      /* LOADED, DONE */
	guint width, height; /* DONE: pixels; 0 unknown */
	guint32 n_samples;   /* DONE */
	char *muted;         /* DONE: names of File Output nodes that were silenced; NULL none */
};

/* A line that is no answer gives ANSWER_UNKNOWN. answer_clear() what it gives. */
struct answer answer_decode(const char *line);
void answer_clear(struct answer *a);
