/* Another program, run to its end with a deadline: git, ssh-keygen, gpg.
 *
 * In: an argument vector and an environment. Out: how it ended and what it said, bounded. Blocks. Called by source/. */
#pragma once
#include <glib.h>

enum { PROGRAM_SAID_MAX = 64 * 1024 }; /* of each stream; the rest is thrown away */

struct program_said {
	gboolean is_fine; /* it ended with 0 */
	char *out, *err;  /* valid UTF-8 */
};

/* `input`: the file it reads from, NULL: nothing. FALSE when it could not be started (ERROR_FAILED; ERROR_NOT_FOUND when it is
 * not installed) or did not end in time (ERROR_TIMEOUT; it is killed). program_said_clear() after success. */
gboolean program_run(const char *const *argv, char **environment, const char *input, guint timeout_ms, struct program_said *ret,
                     GError **error);
void program_said_clear(struct program_said *said);
