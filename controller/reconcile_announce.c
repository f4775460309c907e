/* A new commit, said to and heard from the other controllers. */
#include "base/arena.h"
#include "base/log.h"
#include "queue/announce.h"
#include "queue/notice.h"
#include "reconcile_session.h"
#include <string.h>

/* "main" of "main@sha1:…". */
static char *ref_of(const char *revision)
{
	const char *at = revision ? strstr(revision, "@sha1:") : NULL;
	return at ? g_strndup(revision, (gsize)(at - revision)) : NULL;
}

void session_announce(struct session *s, const struct source_tree *tree)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	/* Redis that is away is not waited for. */
	if (!s->redis || !s->notice || !notice_is_connected(s->notice) || !tree->commit)
		return;
	const char *root = source_root(a, &s->where, tree->commit);
	g_autofree char *ref = ref_of(tree->revision);
	if (root && !announce(s->redis, root, ref, tree->commit, &error))
		log_warning("source", "the other controllers are not told of the new commit: %s", error->message);
}

/* Of this repository, of this branch, and not here yet. */
static gboolean concerns(const struct session *s, const struct source_tree *now, const struct announcement *it)
{
	SCOPED_ARENA(a);
	if (!now || !now->commit)
		return TRUE;
	g_autofree char *ref = ref_of(now->revision);
	const char *root = source_root(a, &s->where, now->commit);
	return strcmp(it->commit, now->commit) != 0 && g_strcmp0(root, it->repository) == 0 &&
	       (!ref || strcmp(it->ref, "-") == 0 || strcmp(ref, it->ref) == 0);
}

gboolean session_hears(const struct session *s, const struct source_tree *now, const char *word, char **ret_commit)
{
	struct announcement it;
	if (!announcement_parse(word, &it))
		return FALSE;
	gboolean yes = concerns(s, now, &it);
	*ret_commit = yes ? g_strdup(it.commit) : NULL;
	announcement_clear(&it);
	return TRUE;
}

void session_on_word(struct session *s, gboolean (*hear)(gpointer user, const char *word), gpointer user)
{
	s->hear = hear;
	s->hear_user = user;
}
