/* A new commit, said to and heard from the other controllers. */
#include "base/arena.h"
#include "base/log.h"
#include "queue/announce.h"
#include "queue/notice.h"
#include "reconcile_session.h"
#include "spec/controller.h"
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

/* -- the sources beside the main one ------------------------------------------------------------------------- */

void session_announce_sources(struct session *s, const struct wanted *w, gboolean is_first)
{
	const GPtrArray *extras = session_extras(s);
	for (guint i = 0; i < w->n_sources && i < extras->len; i++) {
		SCOPED_ARENA(a);
		struct extra *x = extras->pdata[i];
		const char *commit = w->sources[i].tree.commit;
		if (!commit || g_strcmp0(commit, x->told) == 0)
			continue;
		g_free(x->told);
		x->told = g_strdup(commit);
		if (is_first || !s->redis || !s->notice || !notice_is_connected(s->notice))
			continue;
		const char *root = source_root(a, &x->where, commit);
		if (root)
			announce(s->redis, root, x->spec->ref, commit, NULL);
	}
}

gboolean session_hears_source(struct session *s, const char *word)
{
	struct announcement it;
	gboolean concerns = FALSE;
	if (!announcement_parse(word, &it))
		return FALSE;
	for (guint i = 0; s->extras && i < s->extras->len; i++) {
		SCOPED_ARENA(a);
		struct extra *x = s->extras->pdata[i];
		const char *root = x->has_where && x->seen ? source_root(a, &x->where, x->seen) : NULL;
		if (g_strcmp0(root, it.repository) != 0 || g_strcmp0(x->seen, it.commit) == 0 || (x->spec->ref && strcmp(it.ref, "-") != 0 && strcmp(x->spec->ref, it.ref) != 0))
			continue;
		g_free(x->told);
		x->told = g_strdup(it.commit);
		concerns = TRUE;
	}
	announcement_clear(&it);
	return concerns;
}

void session_on_word(struct session *s, gboolean (*hear)(gpointer user, const char *word), gpointer user)
{
	s->hear = hear;
	s->hear_user = user;
}
