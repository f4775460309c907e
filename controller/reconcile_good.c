/* Which commits this host has acted on, and in which order commits stand: the last good one, and the epoch that every change
 * of the queue carries.
 *
 * The rule of order. Redis knows the revision that somebody acted on last, with a number (its epoch), and refuses who comes
 * with a smaller one; it knows as well which commits were left behind by a forced push or a branch that was moved back
 * ("gone"). Against that revision, R, a controller judges its own, C, the first line that is true counts:
 *
 *   C is R: the same number.
 *   C is gone: a smaller one, this host is behind; but a greater one if this host has been at C, then at R, and is at C again.
 *   C descends from R: a greater one, at least the number of its commits.
 *   R was in force here, or is an ancestor of what was: a greater one, and R is gone. That this host has been at R and is not
 *     any more is the proof.
 *   Else a smaller one: R came after C, or has not come here yet.
 *
 * So a host one commit behind undoes nothing, and a forced push is followed by all without a fight, also to fewer commits or
 * to an ancestor, also by hosts that were off meanwhile. Without Redis, or where history is cut (epoch 0), no order is known,
 * and the job owner's fence alone decides. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/revision.h"
#include "queue/owner.h"
#include "reconcile_session.h"
#include "state/last_good.h"
#include <string.h>

void session_keep_good(struct session *s, const struct wanted *w)
{
	g_autoptr(GError) error = NULL;
	if (!w->tree.commit)
		return;
	sources_keep_good(s, w);
	g_autofree char *name = session_source_name(s->settings.specs);
	if (!last_good_put(s->settings.state, name, w->tree.commit, w->tree.revision, &error))
		log_warning("source", "%s", error->message);
}

gboolean session_is_newer(const struct session *s, const struct wanted *w)
{
	struct last_good good;
	g_autofree char *name = session_source_name(s->settings.specs);
	if (!w->tree.commit)
		return FALSE;
	last_good_find(s->settings.state, name, &good);
	gboolean is_newer = good.commit && strcmp(good.commit, w->tree.commit) != 0;
	last_good_clear(&good);
	return is_newer;
}

gboolean session_want_good(struct session *s, struct arena *a, struct wanted *ret, gint64 *ret_time_ms, GError **error)
{
	struct last_good good;
	g_autofree char *name = session_source_name(s->settings.specs);
	last_good_find(s->settings.state, name, &good);
	const char *pins = revision_pins(good.revision);
	gboolean ok = good.commit ? session_want_at(s, a, pins ? pins : good.commit, ret, error)
	                          : fail(error, ERROR_NOT_FOUND, "no commit of %s was in force here before", name);
	if (ok) {
		wanted_name(ret, good.revision);
		*ret_time_ms = good.time_ms;
		if (ret->problems.n_errors)
			ok = fail(error, ERROR_INVALID, "%s, which was in force last, is not valid any more", good.revision);
	}
	last_good_clear(&good);
	return ok;
}

/* -- order ----------------------------------------------------------------------------------------------- */

/* Was it in force here, or among the ancestors of what was? */
static gboolean has_been(const struct session *s, char **before, const char *commit)
{
	for (guint i = 0; before[i]; i++) {
		enum source_relation relation = source_relation(&s->where, commit, before[i]);
		if (relation == RELATION_SAME || relation == RELATION_NEWER)
			return TRUE;
	}
	return FALSE;
}

/* At `commit`, then at `other`, and (as it is in force) at `commit` again. */
static gboolean came_back(char **before, const char *commit, const char *other)
{
	guint i = 0;
	while (before[i] && strcmp(before[i], other) != 0)
		i++;
	while (before[i] && strcmp(before[i], commit) != 0)
		i++;
	return before[i] != NULL;
}

/* "main@sha1:…": the commit; NULL: none is named. */
static const char *commit_of(struct arena *a, const char *revision)
{
	static const char word[] = "sha1:";
	const char *at = revision ? strstr(revision, word) : NULL;
	return at && strlen(at) >= strlen(word) + 40 ? arena_strndup(a, at + strlen(word), 40) : NULL;
}

/* -1: older than what was acted on last, 0: the same, 1: newer, 2: newer, and the last one is gone. */
static int compare(const struct session *s, const struct owner_epoch *last, const char *of, const char *commit)
{
	struct last_good good;
	g_autofree char *name = session_source_name(s->settings.specs);
	enum source_relation relation = source_relation(&s->where, of, commit);
	if (relation == RELATION_SAME)
		return 0;
	last_good_find(s->settings.state, name, &good);
	int order = owner_epoch_is_gone(last, commit)  ? (came_back(good.before, commit, of) ? 2 : -1)
	            : relation == RELATION_NEWER       ? 1
	            : has_been(s, good.before, of)     ? 2
	                                               : -1;
	last_good_clear(&good);
	return order;
}

guint64 session_epoch(struct session *s, const struct source_tree *tree)
{
	SCOPED_ARENA(a);
	struct owner_epoch last;
	if (!s->redis || !s->holds_jobs || !tree->epoch || !tree->commit || !owner_epoch_read(s->redis, a, &last, NULL))
		return tree->epoch;
	const char *of = commit_of(a, last.revision);
	if (!last.number || !of)
		return tree->epoch;
	int order = compare(s, &last, of, tree->commit);
	if (order == 2)
		owner_epoch_leave(s->redis, &last, of, tree->commit);
	return order == 0 ? last.number : order == 1 ? MAX(tree->epoch, last.number + 1) : order == 2 ? last.number + 1 : MAX(MIN(tree->epoch, last.number - 1), 1);
}
