/* What suspend, resume, cordon and drain share: which object is meant, who decides, and until when. */
#pragma once
#include "commands/command.h"

struct whom {
	const struct kind *kind;
	const char *name; /* as written; NULL: the one Farm */
};

/* KIND/NAME, or KIND NAME; `fallback` (may be NULL) is the kind of a word alone. -1 = go on, else the exit code. */
int whom_parse(const struct invocation *in, const struct kind *fallback, struct whom *ret);

/* "Name <mail>" as git knows the user, else the login and this host; g_free(). */
char *whom_user(void);
/* From --until or --for, as RFC 3339 in UTC; NULL when neither is given and `otherwise_ms` is 0. `most_ms` 0: any.
 * FALSE with ERROR_USAGE. g_free(). */
gboolean whom_until(const char *until, const char *duration, gint64 otherwise_ms, gint64 most_ms, char **ret, GError **error);
/* Now, in UTC and whole seconds; g_free(). */
char *whom_now(void);
/* One line, not empty, with the right form of a reason. */
gboolean whom_check_reason(const char *reason, GError **error);
