/* "source ROOT REF COMMIT" on cleave:notice, where other words are "owner", "jobs" and the like. */
#include "queue/announce.h"
#include "queue/functions.h"
#include <string.h>

static gboolean is_commit(const char *text)
{
	return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

gboolean announce(struct redis *r, const char *repository, const char *ref, const char *commit, GError **error)
{
	g_autofree char *word = g_strdup_printf("source %s %s %s", repository, ref && *ref ? ref : "-", commit);
	SCOPED_REPLY reply = redis_call(r, REDIS_REPEAT, 3, (const char *const[]){ "PUBLISH", "cleave:notice", word }, error);
	return reply != NULL;
}

/* A ref's name has no space in it (git-check-ref-format). */
gboolean announcement_parse(const char *word, struct announcement *ret)
{
	g_auto(GStrv) parts = g_strsplit(word, " ", 5);
	if (g_strv_length(parts) != 4 || strcmp(parts[0], "source") != 0 || !is_commit(parts[1]) || !*parts[2] || !is_commit(parts[3]))
		return FALSE;
	*ret = (struct announcement){ g_strdup(parts[1]), g_strdup(parts[2]), g_strdup(parts[3]) };
	return TRUE;
}

void announcement_clear(struct announcement *a)
{
	g_free(a->repository);
	g_free(a->ref);
	g_free(a->commit);
	*a = (struct announcement){ 0 };
}
