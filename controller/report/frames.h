/* The story of a frame: what is wanted, what is there, who tried, what comes next. */
#pragma once
#include "plan/plan.h"
#include "report/report.h"

struct frame_attempt {
	gint64 time_us;     /* when it ended */
	const char *worker, *host, *device;
	double seconds;
	gboolean is_done;
	const char *reason; /* why it failed; of one that is done what its checks warn of; may be NULL */
	const char *key;
};

struct frame_story {
	const char *job;
	gint64 frame;
	const char *state;     /* whole, delivering, stored, queued, running, failed, damaged, foreign, missing, waived, notWanted */
	const char *key;       /* the wanted one; NULL: not known */
	const char *values;    /* canonical text of what decides its pixels, a line each; NULL: not told */
	const char *found_key; /* of what is visible; NULL: nothing of cleave is */
	const char *file;      /* its first output */
	const char *worker;    /* that has it now, or that made what is there */
	const char *detail;    /* why it failed; what it waits for */
	double seconds;        /* of what is there; 0: not known */
	const struct frame_attempt *attempts; /* latest first */
	guint n_attempts;
	const char *log, *log_file; /* its last lines, and where it lies; NULL: none */
	const char *next;
};

/* All of it: `cleave why`. As JSON one array. */
void report_frame_text(GString *out, const struct frame_story *f, struct report_style style);
void report_stories_json(GString *out, const struct frame_story *frames, guint n);
/* A line a frame: `cleave get frames JOB`. */
void report_frames_text(GString *out, const struct frame_story *frames, guint n, struct report_style style);
void report_frames_json(GString *out, const struct frame_story *frames, guint n);
