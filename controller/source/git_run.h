/* The git program, run beside the main loop: with a deadline, without a shell, without hooks, without questions.
 *
 * In: its arguments. Out: how it ended and its last words, both bounded. Called by source/mirror.c. */
#pragma once
#include <glib.h>

struct git_run;

struct git_end {
	const char *out;     /* what it printed, without the space around it */
	const GError *error; /* NULL: it ended well; ERROR_TIMEOUT: the deadline passed, else ERROR_FAILED with its own words */
};

/* `argv` (NULL-terminated) follows "git". `held_fd` (-1: none) stays open in git and what it starts: a lock on it holds
 * as long as one of them lives. `ended` runs on `context` (NULL: the default one) once, and frees the run. */
struct git_run *git_run_start(const char *const *argv, gint64 deadline_ms, int held_fd, GMainContext *context,
                              void (*ended)(gpointer user, const struct git_end *end), gpointer user, GError **error);
/* Ends it by force; `ended` does not run. */
void git_run_cancel(struct git_run *r);
/* Starts it and waits; the caller's main loop stands meanwhile. *ret_out (may be NULL): g_free(). */
gboolean git_run_sync(const char *const *argv, gint64 deadline_ms, int held_fd, char **ret_out, GError **error);
/* The environment without what a hook that called us set for its own repository; g_strfreev(). */
char **git_run_environment(void);
