/* What the benches of rendering share: a Redis of their own, a root with a small scene, a worker, and figures of samples.
 *
 * In: BUILD (folder with the programs), and blender in PATH. Everything lies in a temporary folder and ends with the bench. */
#pragma once
#include "base/arena.h"
#include "queue/backlog.h"
#include "queue/task.h"
#include <stdio.h>

enum { FARM_SIDE = 32, FARM_CHUNK = 5 };

struct farm {
	struct arena *arena;
	char *folder, *url, *root, *scene, *scene_sha256;
	struct redis *redis;
	GPid redis_pid;
	gint64 fence; /* of farm_own(); 0: the bench does not own the jobs */
	struct task_output output;
};

/* FALSE: something is not installed, and that was told. */
gboolean farm_start(struct farm *f, const char *bench);
/* Without Blender: there is no scene, only its path. */
gboolean farm_open(struct farm *f, const char *bench);
void farm_stop(struct farm *f);
/* Becomes the jobs' owner, so that farm_enqueue() may be called. */
void farm_own(struct farm *f);
void farm_disown(struct farm *f);
/* The farm's scene, rendered so small that only what is around it takes time. */
struct task farm_task(struct farm *f);
void farm_enqueue(struct farm *f, const char *job, gint64 first, gint64 last, const struct task *task);
gboolean farm_has(struct farm *f, const char *job);
/* Waits until nothing of the job is in the queue any more. */
void farm_drain(struct farm *f, const char *job);
/* Until the only worker waits for work. */
void farm_wait_idle(struct farm *f);
/* blender: what the worker starts; it speaks to `log` of the folder. */
GPid farm_worker(struct farm *f, const char *blender);
char *farm_read_log(const struct farm *f, const char *log);

/* A program of BUILD or PATH, which dies with the bench. */
GPid farm_spawn(const struct farm *f, const char *const *argv, const char *log);
/* Ends it and waits for it. */
void farm_end(GPid pid);
/* Runs it to its end, which must be a good one. Its seconds; ret_peak_bytes may be NULL. */
double farm_run(const struct farm *f, const char *const *argv, guint64 *ret_peak_bytes);
/* CPU that it and all that it started have used: what others do on the machine does not count. */
double farm_cpu_s(GPid pid);
const char *farm_program(struct farm *f, const char *name);
double farm_now_s(void);

/* Of an array of doubles, which is sorted; 0.5 is the median. */
double samples_quantile(GArray *samples, double quantile);
