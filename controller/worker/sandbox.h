/* What confines Blender: a scene may hold scripts and drivers, which are somebody's program.
 *
 * In: a command, and the folders that it may read. Out: the command within bubblewrap: no network, no other process,
 * no file but the system's programs, those folders (read only) and one scratch folder; as root under another uid.
 * Called by blender.c; found once, at the start, by who starts Blenders. */
#pragma once
#include "worker/config.h"

struct sandbox;

/* Tries what works here. SANDBOX_NONE gives a sandbox that confines nothing. ERROR_REFUSED says why there is none. */
struct sandbox *sandbox_find(enum sandbox_wish wish, GError **error);
void sandbox_free(struct sandbox *s);
gboolean sandbox_confines(const struct sandbox *s);
/* In words, for the log. */
const char *sandbox_text(const struct sandbox *s);

struct cage {
	const char *scratch;         /* the only folder it may write; also its HOME and TMPDIR */
	const char *const *readable; /* files and folders that are there, absolute; NULL-terminated */
};
/* Gives the scratch folder to the uid that it will have. */
gboolean sandbox_hand_over(const struct sandbox *s, const char *scratch, GError **error);
/* The command to run instead of `argv`, whose first is an absolute path. g_strfreev(). */
char **sandbox_wrap(const struct sandbox *s, const struct cage *cage, const char *const *argv);
/* What of this process' environment, and of `variables` ("NAME=VALUE") which count less, it may know. g_strfreev(). */
char **sandbox_environment(const char *const *variables, const char *scratch);
/* An exit code of the wrapped command: bubblewrap says 128 + N for signal N. Returns the signal, or 0. */
int sandbox_signal_of(const struct sandbox *s, int exit_code);
