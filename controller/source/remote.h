/* What names a repository that is elsewhere: `URL[@REV]`, or host:path as ssh has it.
 *
 * In: what a person wrote. Out: the parts, and the form that may be shown: passwords and tokens do not end in logs. */
#pragma once
#include <glib.h>

struct remote {
	char *url;   /* for the git program */
	char *rev;   /* NULL: none was named */
	char *shown; /* the URL without what lets others in */
};

/* FALSE: a place on this machine (also where `text` exists, or what stands before an @ does), and *ret is untouched. */
gboolean remote_parse(const char *text, struct remote *ret);
void remote_clear(struct remote *r);
/* A URL without a password, and of http without the user, who may be a token; g_free(). */
char *remote_shown(const char *url);
/* One that git would hand to a program of its own choice (`ext::…`), or take for an option. */
gboolean remote_check(const char *url, GError **error);
