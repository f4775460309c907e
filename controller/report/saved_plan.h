/* A plan in a file: what `plan --out` wrote, and `apply FILE` carries out if it is still the plan. */
#pragma once
#include <glib.h>

struct saved_plan {
	char *text; /* the stream as it was written */
	char *host, *revision;
	char *commit; /* what session_want_at() reads again; NULL: of a directory */
};

/* Takes `text`. ERROR_INVALID when it is no plan, or of a newer form; `path` is for the message. */
gboolean saved_plan_parse(char *text, const char *path, struct saved_plan *ret, GError **error);
void saved_plan_clear(struct saved_plan *s);
/* NULL, or the first thing in which the plan as it would be now (its JSON stream) is another one, in words; g_free(). What
 * workers do is none. */
char *saved_plan_differs(const struct saved_plan *s, const char *now);
