/* A new commit, told to the other controllers: the first that sees it says so, and they fetch at once.
 *
 * In: the repository's first commit (copies know each other by it, whatever their URLs are), the branch or tag, the commit.
 * Out: a word on the channel of notices; controllers of older versions take it for any other notice, and look. */
#pragma once
#include <glib.h>

struct redis;

struct announcement {
	char *repository; /* 40 hex digits */
	char *ref;        /* "main"; "-": none was named */
	char *commit;     /* 40 hex digits */
};

/* ERROR_AWAY when Redis does not answer. */
gboolean announce(struct redis *r, const char *repository, const char *ref, const char *commit, GError **error);
/* FALSE: the word is another notice. announcement_clear() after success. */
gboolean announcement_parse(const char *word, struct announcement *ret);
void announcement_clear(struct announcement *a);
