/* Plain workers: programs that take JSON tasks from a Redis list and set a status, and know nothing else of the queue.
 *
 * In: a lease of the job owner, who stands for them under one name a list. Out: the item that they understand, and how
 * each one goes. What they report is a claim: who reads it verifies the files (apply/plain_results.c). */
#pragma once
#include "queue/backlog.h"
#include "queue/lease.h"

enum {
	PLAIN_LEASE_MS = 86400000, /* the owner ends leases by what plain_judge() says; this, when no owner ever comes back */
	PLAIN_TAKEN_MS = 60000,    /* from leaving the list to `running` */
	PLAIN_UNUSED_MS = 60000,   /* in a list of which nobody takes anything: then others get the frames */
	PLAIN_SPARE = 2,           /* tasks in the list beside those that run */
	PLAIN_WINDOW_MAX = 256,    /* tasks out at a time, of one list */
};

struct plain_task {
	const char *id; /* of its lease: the token; also the folder in staging that it writes to */
	const char *job, *key;
	struct frame_set frames;
	struct task task;
	const char *payload;                  /* the item in the list */
	gint64 left_ms, began_ms;             /* unix time, by Redis's clock; 0: not seen yet */
	/* As it is now; only read. */
	gint64 pushed_ms;                     /* the same; when it was leased */
	const char *status;                   /* "" none */
	gboolean is_listed, is_held;          /* still in the list; its lease stands */
};

/* What the workers are told. `directory` is the output root as they see it, `blend` the scene's path there or, with
 * `src`, its name in what they fetch. g_free(). */
char *plain_payload(const struct plain_task *t, const char *blend, const char *src, const char *output);
/* The name under which a list's tasks are leased, also of the manifest's segment: "plain.queue-blender". */
char *plain_worker(const char *list);

/* Tasks at the head of the list; all or none. */
gboolean plain_push(struct redis *r, const struct authority *by, const char *list, const struct plain_task *tasks, guint n,
		    GError **error);

struct plain_window {
	struct plain_task *tasks; /* sorted by when they were pushed */
	guint n;
	gint64 now_ms; /* unix time, by Redis's clock */
};
gboolean plain_show(struct redis *r, struct arena *a, const char *list, struct plain_window *ret, GError **error);
/* Remembers the task's times. */
gboolean plain_note(struct redis *r, const struct authority *by, const char *list, const struct plain_task *t, GError **error);
/* Forgets the task, which nobody can take from the list any more; `only_unread`: not when somebody has taken it. */
gboolean plain_drop(struct redis *r, const struct authority *by, const char *list, const struct plain_task *t,
		    gboolean only_unread, gboolean *ret_unread, GError **error);

enum plain_state {
	PLAIN_WAITING, /* in the list */
	PLAIN_LEFT,    /* out of it since now: to be noted */
	PLAIN_TAKEN,   /* out of it, and not begun */
	PLAIN_BEGUN,   /* running since now: to be noted */
	PLAIN_RUNNING,
	PLAIN_DONE,    /* says the worker */
	PLAIN_FAILED,  /* says the worker: plain_reason() */
	PLAIN_UNUSED,  /* nobody takes anything from the list */
	PLAIN_LOST,    /* left the list and was not begun, or its hash is gone */
	PLAIN_LATE,    /* did not end in its frames' time */
	PLAIN_REVOKED, /* the frames are not wanted from it any more */
};
/* Of task i. Pure. */
enum plain_state plain_judge(const struct plain_window *w, guint i);
/* Whether the owner has something to do about it. */
gboolean plain_is_news(enum plain_state state);
/* What follows "error:". */
const char *plain_reason(const struct plain_task *t);
/* Whether the worker has begun it and not ended. */
gboolean plain_is_running(enum plain_state state);
/* How many more tasks the list should get. Pure. */
guint plain_room(const struct plain_window *w);
