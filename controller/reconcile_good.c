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
 * With several sources R and C name a commit of each, and the rule is asked of each in its own repository. C is older if it is
 * older in any of them (it would undo that part), else newer if it is newer in any; who is ahead in one and behind in another
 * has only to fetch. The number stays one for all, counted from the main repository's history, as only its order matters. A
 * source that R does not name is newer. One that R names and C does not is taken for what this host lacks, not for something
 * that went: the host is behind, and leaves the jobs to others; unless it was in force here, and its Controller does not have
 * it any more.
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
#include "spec/controller.h"
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
static gboolean has_been(const struct source_where *where, char **before, const char *commit)
{
	for (guint i = 0; before[i]; i++) {
		enum source_relation relation = source_relation(where, commit, before[i]);
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

/* -1: older than what was acted on last, 0: the same, 1: newer, 2: newer, and the last one is gone. `key`: of the repository
 * in --state. */
static int compare(const struct session *s, const struct source_where *where, const char *key, const struct owner_epoch *last, const char *of,
                   const char *commit)
{
	struct last_good good;
	enum source_relation relation = source_relation(where, of, commit);
	if (relation == RELATION_SAME)
		return 0;
	last_good_find(s->settings.state, key, &good);
	int order = owner_epoch_is_gone(last, commit)    ? (came_back(good.before, commit, of) ? 2 : -1)
	            : relation == RELATION_NEWER         ? 1
	            : has_been(where, good.before, of) ? 2
	                                                 : -1;
	last_good_clear(&good);
	return order;
}

/* A source that R names and this host has not, or has nothing of. */
static int compare_missing(struct session *s, const char *name, gboolean is_listed)
{
	g_autofree char *prefix = g_strdup_printf("%s: ", name);
	gboolean is_dropped = !is_listed && last_good_knows(s->settings.state, prefix);
	if (is_dropped)
		return 2;
	if (!s->jobs_left_until_us)
		log_warning("jobs", "the farm's jobs are reconciled by a revision with the source %s, %s; other hosts are left to do it", name,
		            is_listed ? "of which this host has nothing yet" : "which this host's controller.yaml does not have");
	s->jobs_left_until_us = g_get_monotonic_time() + OWNER_TTL_MS * 1000;
	owner_release(s->redis, s->holder, NULL);
	s->holds_jobs = FALSE;
	return -1;
}

static gboolean has_extra(struct session *s, const char *name)
{
	const GPtrArray *extras = session_extras(s);
	for (guint i = 0; i < extras->len; i++)
		if (strcmp(((const struct extra *)extras->pdata[i])->spec->name, name) == 0)
			return TRUE;
	return FALSE;
}

/* Of the sources beside the main one: the oldest counts, else the newest. */
static int compare_extras(struct session *s, struct arena *a, struct owner_epoch *last, const char *revision)
{
	const GPtrArray *extras = session_extras(s);
	int lowest = 0, highest = 0;
	for (guint i = 0; i < extras->len; i++) {
		struct extra *x = extras->pdata[i];
		g_autofree char *key = extra_key(x);
		const char *mine = revision_commit(a, revision, x->spec->name), *its = revision_commit(a, last->revision, x->spec->name);
		int order = mine && its ? compare(s, &x->where, key, last, its, mine) : mine ? 1 : its ? compare_missing(s, x->spec->name, TRUE) : 0;
		if (order == 2) {
			owner_epoch_leave(s->redis, last, its, mine);
			owner_epoch_read(s->redis, a, last, NULL);
		}
		lowest = MIN(lowest, order);
		highest = MAX(highest, order);
	}
	const char *at = last->revision;
	struct revision_part part;
	gboolean is_first = TRUE;
	while (revision_next(&at, &part)) {
		const char *name = arena_strndup(a, part.name, part.name_len);
		int order = is_first || has_extra(s, name) ? 0 : compare_missing(s, name, FALSE);
		is_first = FALSE;
		lowest = MIN(lowest, order);
		highest = MAX(highest, order);
	}
	return lowest < 0 ? -1 : highest;
}

guint64 session_epoch(struct session *s, const struct source_tree *tree)
{
	SCOPED_ARENA(a);
	struct owner_epoch last;
	if (!s->redis || !s->holds_jobs || !tree->epoch || !tree->commit || !owner_epoch_read(s->redis, a, &last, NULL))
		return tree->epoch;
	const char *of = revision_commit(a, last.revision, NULL);
	if (!last.number || !of)
		return tree->epoch;
	g_autofree char *key = session_source_name(s->settings.specs);
	int order = compare(s, &s->where, key, &last, of, tree->commit);
	int others = order < 0 ? -1 : compare_extras(s, a, &last, tree->revision);
	if (order == 2 && others >= 0)
		owner_epoch_leave(s->redis, &last, of, tree->commit);
	if (others < 0)
		order = -1;
	else if (order == 0)
		order = others;
	if (order >= 0)
		s->jobs_left_until_us = 0;
	return order == 0 ? last.number : order == 1 ? MAX(tree->epoch, last.number + 1) : order == 2 ? last.number + 1 : MAX(MIN(tree->epoch, last.number - 1), 1);
}
