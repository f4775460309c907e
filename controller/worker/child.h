/* The process behind a warm Blender: a child in a folder of its own, two pipes to talk, and what it prints.
 *
 * In: a command. Out: lines that it answers, until one of several things ends the wait. What it says may be anything:
 * lines and printed text are bounded, and no amount of either keeps the caller from its deadline. Private to blender.c. */
#pragma once
#include "worker/sandbox.h"
#include "worker/scratch.h"

struct child {
	GPid pid; /* 0: not running */
	pid_t parent;
	int orders_fd, answers_fd, log_fd;
	GString *answers; /* read, not yet a whole line */
	gsize n_searched; /* of these, in which no line ends */
	GString *tail;    /* of what it printed */
	struct scratch scratch;
	const struct sandbox *sandbox;
};

/* Descriptors of the child, as warm.py is told them. */
#define CHILD_ORDERS_FD  3
#define CHILD_ANSWERS_FD 4

enum { CHILD_TAIL_SIZE = 64 << 10 };

struct child_order {
	const char *const *command;   /* the first is an absolute path */
	const char *const *variables; /* see sandbox_environment() */
	const char *const *readable;  /* beside its own scripts; NULL: nothing */
};

/* Its folders; nothing runs. child_clear() in any case. */
gboolean child_init(struct child *c, const struct sandbox *sandbox, GError **error);
gboolean child_spawn(struct child *c, const struct child_order *o, GError **error);
/* Kills it, if it still lives, and removes its folder. */
void child_clear(struct child *c);

/* FALSE: it does not read any more; its answers then end. */
gboolean child_send(const struct child *c, const char *line);

enum heard {
	HEARD_LINE,
	HEARD_END,  /* no more will come */
	HEARD_LATE,
	HEARD_STOP,
	HEARD_FULL, /* its memory */
	HEARD_LOUD, /* a line without an end */
};

/* What ends the wait for a line. */
struct patience {
	gint64 deadline_us;   /* monotonic; 0: none */
	guint64 memory_bytes; /* 0: no limit */
	const int *stop_fds;  /* two, or NULL */
};
enum heard child_hear(struct child *c, const struct patience *p, char **ret_line);

/* Takes what it printed until now into the tail, at most a piece of it. */
void child_read_log(struct child *c);
/* How it ended, in a sentence; after HEARD_END. */
char *child_describe_end(struct child *c);
