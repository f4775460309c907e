/* What failed and what oscillates: outcomes of a pass go into --state, and come back as pauses of the next plan. */
#include "base/arena.h"
#include "base/log.h"
#include "reconcile_session.h"
#include "state/troubles.h"
#include <string.h>

static struct troubles *open_troubles(struct session *s)
{
	if (!s->troubles)
		s->troubles = troubles_load(s->settings.state);
	return s->troubles;
}

static gint64 now_ms(void)
{
	return g_get_real_time() / 1000;
}

static int verb_of(const char *name)
{
	for (int i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return i;
	return -1;
}

struct list session_pauses(struct session *s, struct arena *a)
{
	struct troubles *all = open_troubles(s);
	struct plan_pause *pauses = ARENA_ARRAY(a, struct plan_pause, troubles_count(all));
	gint64 now = now_ms();
	guint n = 0;
	troubles_set_clock(all, now);
	for (guint i = 0; i < troubles_count(all); i++) {
		const struct trouble *one = troubles_at(all, i);
		const struct kind *kind = kind_find(one->kind);
		int verb = one->verb ? verb_of(one->verb) : -1;
		if (!kind || (one->verb && (verb < 0 || one->until_ms <= now)))
			continue; /* of another version, or over */
		pauses[n++] = (struct plan_pause){ .kind = kind->id, .id = arena_strdup(a, one->id), .verb = verb,
			                           .n_failed = one->verb ? one->n : 0, .why = arena_strdup(a, one->why),
			                           .until_ms = one->until_ms, .in_ms = one->until_ms - now };
	}
	return (struct list){ pauses, n };
}

/* What it does, so that the same once more can be told. */
static char *signature_of(const struct action *act)
{
	SCOPED_ARENA(scratch);
	g_autofree char *changes = g_strdup(act->changes.n ? changes_digest(scratch, &act->changes) : "");
	return g_strdup_printf("%s %s %s %s %s %" G_GUINT64_FORMAT " %s %s", verbs[act->verb].name, kinds[act->kind].name, act->id,
	                       act->key ? act->key : "", act->reason ? act->reason : "", act->count, changes,
	                       frames_format(scratch, &act->frames));
}

/* Settings that are put back; work, as frames, is no setting, and what a new revision brings is not put back. */
static void note_heals(struct session *s, const struct action *act)
{
	const char *kind = kinds[act->kind].name;
	g_autofree char *who = NULL;
	if (s->is_first_pass || (act->kind != KIND_HOST && act->kind != KIND_GPU && act->kind != KIND_VM))
		return;
	const char *event = s->events && act->kind == KIND_VM ? g_hash_table_lookup(s->events, act->id) : NULL;
	if (event)
		who = g_strdup_printf("libvirt's last event: %s", event);
	for (guint i = 0; i < act->changes.n; i++) {
		const struct change *c = &act->changes.items[i];
		if (troubles_healed(s->troubles, kind, act->id, c->field, c->before, c->after, who, s->planned_ms))
			log_warning("pass", "%s %s is left alone from now on: %s", kind, act->id,
			            troubles_at(s->troubles, troubles_count(s->troubles) - 1)->why);
	}
}

gboolean session_note_outcome(struct session *s, const struct plan *p, const struct outcome *o)
{
	const struct action *act = &p->actions[o->action];
	const char *kind = kinds[act->kind].name, *verb = verbs[act->verb].name;
	struct troubles *t = open_troubles(s);
	if (o->state == OUTCOME_SKIPPED)
		return TRUE;
	if (o->state == OUTCOME_FAILED) {
		guint n = troubles_failed(t, kind, act->id, verb, o->message, now_ms());
		return (n & (n - 1)) == 0;
	}
	char *signature = signature_of(act);
	if (s->done_before && g_hash_table_contains(s->done_before, signature))
		troubles_failed(t, kind, act->id, verb, "it was done, and has to be done again at once", now_ms());
	else
		troubles_settled(t, kind, act->id, verb);
	if (!s->done)
		s->done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_hash_table_add(s->done, signature);
	note_heals(s, act);
	return TRUE;
}

static gboolean is_planned(const struct plan *p, const struct trouble *one)
{
	for (guint i = 0; i < p->n_actions; i++)
		if (strcmp(verbs[p->actions[i].verb].name, one->verb) == 0 && strcmp(p->actions[i].id, one->id) == 0)
			return TRUE;
	return FALSE;
}

gint64 session_end_pass(struct session *s, const struct plan *p, GError **error)
{
	struct troubles *t = open_troubles(s);
	gint64 now = now_ms(), first = 0;
	troubles_set_clock(t, now);
	s->is_first_pass = FALSE;
	g_clear_pointer(&s->done_before, g_hash_table_unref);
	s->done_before = g_steal_pointer(&s->done);
	for (guint i = troubles_count(t); i > 0; i--) {
		const struct trouble *one = troubles_at(t, i - 1);
		if (!one->verb)
			continue;
		if (one->until_ms <= now && !p->n_refusals && !is_planned(p, one))
			troubles_settled(t, one->kind, one->id, one->verb); /* it came right by itself */
		else if (one->until_ms > now) /* one that is over is planned, and may be kept from being done: by a refusal, say */
			first = first ? MIN(first, one->until_ms) : one->until_ms;
	}
	troubles_save(t, error);
	return first ? MAX(first - now, 1) : 0;
}

void session_begin_revision(struct session *s)
{
	s->is_first_pass = TRUE;
}

void session_forget_troubles(struct session *s)
{
	troubles_clear(open_troubles(s));
	g_clear_pointer(&s->done_before, g_hash_table_unref);
}

gboolean session_forget_trouble(struct session *s, enum kind_id kind, const char *id)
{
	return troubles_clear_object(open_troubles(s), kinds[kind].name, id);
}

void session_clear_troubles(struct session *s)
{
	g_clear_pointer(&s->troubles, troubles_free);
	g_clear_pointer(&s->done, g_hash_table_unref);
	g_clear_pointer(&s->done_before, g_hash_table_unref);
	g_clear_pointer(&s->events, g_hash_table_unref);
}
