/* From a pass to what is worth remembering. An event is a change: a condition that became another, an action that was
 * carried out, a revision that came or was refused. What stays as it was makes none. */
#include "commands/keep.h"
#include "base/log.h"
#include "base/names.h"
#include <string.h>

struct keep *keep_open(const char *state)
{
	struct keep *k = g_new0(struct keep, 1);
	k->conditions = conditions_open(state);
	k->events = events_open(state);
	k->history = history_open(state);
	return k;
}

void keep_free(struct keep *k)
{
	if (!k)
		return;
	conditions_free(k->conditions);
	events_free(k->events);
	history_free(k->history);
	g_free(k->trouble);
	g_free(k->refused);
	g_free(k);
}

static gint64 now_ms(void)
{
	return g_get_real_time() / 1000;
}

/* -- events -------------------------------------------------------------------------------------------------- */

static void tell(struct keep *k, const struct keep_pass *p, const char *kind, const char *name, gboolean is_warning, const char *reason,
                 const char *message)
{
	const struct kept_event event = { .kind = (char *)kind, .name = (char *)name, .is_warning = is_warning, .reason = (char *)reason,
		                          .message = (char *)message, .revision = (char *)p->plan->revision };
	events_add(k->events, &event, now_ms());
}

static void tell_of_revision(struct keep *k, const struct keep_pass *p, gboolean is_warning, const char *reason, const char *message)
{
	tell(k, p, kinds[KIND_REVISION].name, "current", is_warning, reason, message);
}

/* "StartVm" of "start-vm". */
static char *reason_of_verb(const char *verb)
{
	GString *word = g_string_new(NULL);
	for (gboolean begins = TRUE; *verb; verb++) {
		if (*verb != '-')
			g_string_append_c(word, begins ? g_ascii_toupper(*verb) : *verb);
		begins = *verb == '-';
	}
	return g_string_free(word, FALSE);
}

static char *message_of(const struct action *act, const struct outcome *o)
{
	if (o->state == OUTCOME_FAILED)
		return g_strdup_printf("%s failed: %s", verbs[act->verb].name, o->message ? o->message : "no reason given");
	return g_strdup_printf("%s%s%s", act->reason, o->message ? "; " : "", o->message ? o->message : "");
}

/* What was skipped waits for what failed, which is told. */
static void tell_outcomes(struct keep *k, const struct keep_pass *p)
{
	for (guint i = 0; p->outcomes && i < p->outcomes->n; i++) {
		const struct outcome *o = &p->outcomes->items[i];
		const struct action *act = &p->plan->actions[o->action];
		if (o->state == OUTCOME_SKIPPED)
			continue;
		g_autofree char *reason = reason_of_verb(verbs[act->verb].name), *message = message_of(act, o);
		tell(k, p, kinds[act->kind].name, act->id, o->state == OUTCOME_FAILED, reason, message);
	}
}

/* A newer revision that is not valid, a plan that is refused, a pass that failed: each once, until it is another. */
static void tell_troubles(struct keep *k, const struct keep_pass *p)
{
	g_autoptr(GString) text = g_string_new(p->trouble);
	for (guint i = 0; i < p->plan->n_refusals; i++)
		g_string_append_printf(text, "%s%s: %s", text->len ? "; " : "", p->plan->refusals[i].rule, p->plan->refusals[i].message);
	if (text->len && g_strcmp0(text->str, k->trouble) != 0)
		tell_of_revision(k, p, TRUE, p->plan->n_refusals ? "PlanRefused" : "PassFailed", text->str);
	g_free(k->trouble);
	k->trouble = g_strdup(text->str);
	if (p->refused && g_strcmp0(p->refused, k->refused) != 0) {
		g_autofree char *message = g_strdup_printf("%s: %s", p->refused, p->refused_why ? p->refused_why : "it is not valid");
		tell_of_revision(k, p, TRUE, "RevisionRefused", message);
	}
	g_free(k->refused);
	k->refused = g_strdup(p->refused);
}

/* -- conditions ---------------------------------------------------------------------------------------------- */

struct keeping {
	struct keep *keep;
	const struct keep_pass *pass;
};

static void on_gone(void *user, const struct kept_condition *one)
{
	const struct keeping *k = user;
	tell(k->keep, k->pass, one->kind, one->name, FALSE, "NotWanted", "it is not in the specs any more");
}

/* The first pass of all finds many objects that stand as they did before: only what is wrong is told then. */
static void note_conditions(struct keep *k, const struct keep_pass *p, gboolean is_first)
{
	conditions_begin(k->conditions, p->plan->revision, p->tree->commit);
	for (guint i = 0; i < p->plan->n_verdicts; i++) {
		const struct verdict *v = &p->plan->verdicts[i];
		const struct kept_condition now = { .kind = (char *)v->object->kind->name, .name = (char *)v->object->id,
			                            .type = (char *)name_of(&readiness_names, (int)v->readiness), .reason = (char *)v->reason,
			                            .message = (char *)v->message };
		if (conditions_note(k->conditions, &now, now_ms()) && (!is_first || v->readiness == IS_STALLED))
			tell(k, p, now.kind, now.name, v->readiness == IS_STALLED, v->reason, v->message);
	}
}

/* -- history ------------------------------------------------------------------------------------------------- */

/* A newer commit that was refused is nothing of the one in force, and what another host sees to is in that one's history. */
static gboolean is_of_revision(const struct plan *plan, const struct object *o)
{
	return o->kind->id != KIND_REVISION && !plan_is_elsewhere(plan, o);
}

static void count_objects(const struct plan *plan, struct kept_revision *ret)
{
	ret->n_refused = plan_n_refused(plan) + plan->n_refusals;
	ret->n_stalled = ret->n_waiting = 0;
	for (guint i = 0; i < plan->n_verdicts; i++) {
		if (!is_of_revision(plan, plan->verdicts[i].object))
			continue;
		ret->n_stalled += plan->verdicts[i].readiness == IS_STALLED;
		ret->n_waiting += plan->verdicts[i].readiness == IS_RECONCILING;
	}
}

static void count_outcomes(const struct keep_pass *p, struct kept_revision *r)
{
	if (!p->outcomes)
		return;
	if (r->applied_ms) {
		r->n_healed += p->outcomes->n_done;
		return;
	}
	r->n_done += p->outcomes->n_done;
	r->n_failed += p->outcomes->n_failed;
	r->n_skipped += p->outcomes->n_skipped;
}

static struct kept_revision *begin_revision(struct keep *k, const struct keep_pass *p)
{
	const struct source_tree *t = p->tree;
	const struct kept_revision first = { .revision = (char *)p->plan->revision, .commit = (char *)t->commit, .author = (char *)t->author,
		                             .summary = (char *)t->summary, .seen_ms = now_ms() };
	g_autofree char *message = g_strdup_printf("%s%s%s%s%s", p->plan->revision, t->author ? " by " : "", t->author ? t->author : "",
	                                           t->summary ? ": " : "", t->summary ? t->summary : "");
	tell_of_revision(k, p, FALSE, "RevisionInForce", message);
	return history_begin(k->history, &first);
}

/* What is counted anew in each pass. */
static gboolean is_as_before(const struct kept_revision *x, const struct kept_revision *y)
{
	return x->applied_ms == y->applied_ms && x->look_ms == y->look_ms && x->plan_ms == y->plan_ms && x->apply_ms == y->apply_ms &&
	       x->n_done == y->n_done && x->n_failed == y->n_failed && x->n_skipped == y->n_skipped && x->n_healed == y->n_healed &&
	       x->n_refused == y->n_refused && x->n_stalled == y->n_stalled && x->n_waiting == y->n_waiting;
}

/* Passes in which nothing was done do not count for the times of a revision that is applied, and change nothing. */
static gboolean note_history(struct keep *k, const struct keep_pass *p, GError **error)
{
	struct kept_revision *r = history_current(k->history, p->plan->revision);
	gboolean is_new = !r;
	if (is_new)
		r = begin_revision(k, p);
	const struct kept_revision before = *r;
	count_objects(p->plan, r);
	count_outcomes(p, r);
	if (!r->applied_ms && (is_new || p->outcomes)) {
		r->look_ms += p->look_ms;
		r->plan_ms += p->plan_ms;
		r->apply_ms += p->apply_ms;
	}
	gboolean is_all = p->plan->n_actions == 0 || (p->is_only && p->outcomes && p->outcomes->n_done == p->plan->n_actions);
	if (!r->applied_ms && is_all && !p->plan->n_refusals && !p->trouble)
		r->applied_ms = now_ms();
	return (!is_new && is_as_before(&before, r)) || history_flush(k->history, error);
}

/* -- a pass -------------------------------------------------------------------------------------------------- */

void keep_note(struct keep *k, const struct keep_pass *p)
{
	g_autoptr(GError) error = NULL;
	struct keeping keeping = { k, p };
	gboolean is_first = conditions_count(k->conditions) == 0;
	gboolean ok = note_history(k, p, &error);
	tell_troubles(k, p);
	note_conditions(k, p, is_first);
	tell_outcomes(k, p);
	ok = conditions_end(k->conditions, on_gone, &keeping, error ? NULL : &error) && ok;
	ok = events_flush(k->events, error ? NULL : &error) && ok;
	if (!ok && !k->is_mute)
		log_warning("state", "what passes find and do is not kept: %s", error->message);
	k->is_mute = !ok;
}
