/* `reconcile: observe`, `propose` and `suspend`: what would be done to such an object is taken out of the plan and told,
 * with the first fields that differ; all of them are in .held, for `cleave diff`. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include "spec/resolve.h"
#include "spec/secret.h"
#include <string.h>

/* How an object is held back; none of them: it is not. */
enum holding { NOT_HELD, HELD_OBSERVED, HELD_PROPOSED, HELD_SUSPENDED };

/* As `reconcile` says. */
static enum holding holding_by_mode(const struct builder *b, const struct object *want)
{
	int mode = reconcile_mode_of(b->in->want, want);
	if (mode == RECONCILE_OBSERVE)
		return HELD_OBSERVED;
	if (mode == RECONCILE_PROPOSE && !b->in->is_attended)
		return HELD_PROPOSED;
	return NOT_HELD;
}

gboolean builder_holds_back(const struct builder *b, const struct object *want)
{
	return holding_by_mode(b, want) != NOT_HELD || builder_suspension(b, want);
}

/* Workers would take what waits. */
static gboolean is_pausing(const struct action *act)
{
	return act->verb == VERB_UPDATE_JOB && act->values && act->values->is_paused;
}

static enum holding holding_of_action(const struct builder *b, const struct action *act)
{
	enum holding how = holding_by_mode(b, act->want);
	return how == NOT_HELD && !is_pausing(act) && builder_suspends(b, act) ? HELD_SUSPENDED : how;
}

/* -- its fields ---------------------------------------------------------------------------------------- */

enum { MOST_FIELDS = 3, MOST_LEN = 40 };

/* One line, and not a whole file; what is cut off no pattern of a secret fits any more. */
static void append_value(GString *out, const char *field, const char *value)
{
	if (secret_is_value(field, value)) {
		g_string_append(out, SECRET_MASKED);
		return;
	}
	g_autofree char *start = g_utf8_substring(value, 0, MIN(g_utf8_strlen(value, -1), MOST_LEN));
	g_strdelimit(start, "\n\t", ' ');
	g_string_append_printf(out, "%s%s", start, strlen(start) < strlen(value) ? "…" : "");
}

static void append_change(GString *out, const struct change *c)
{
	g_string_append_printf(out, "%s ", c->field);
	if (c->before) {
		append_value(out, c->field, c->before);
		g_string_append(out, " → ");
	}
	append_value(out, c->field, c->after ? c->after : "(none)");
}

/* All of what is made anew is new, which no field tells better; and one action's differences may be another's too. */
static void append_fields(GString *out, const struct action *act, GHashTable *seen)
{
	for (guint i = 0; i < act->changes.n; i++) {
		const struct change *c = &act->changes.items[i];
		if ((!c->before && c->effect == EFFECT_NONE) || !g_hash_table_add(seen, (gpointer)c->field))
			continue;
		guint n = g_hash_table_size(seen);
		if (n > MOST_FIELDS)
			continue;
		g_string_append(out, n > 1 ? ", " : "");
		append_change(out, c);
	}
}

/* -- taking out ------------------------------------------------------------------------------------------ */

static void judge_held_back(struct builder *b, const struct object *o, enum holding how, const char *words)
{
	static const struct {
		const char *reason, *words;
	} rows[] = {
		[HELD_OBSERVED] = { "Observed", "reconcile: observe: would " },
		[HELD_PROPOSED] = { "Proposed", "reconcile: propose: `cleave apply` would " },
		[HELD_SUSPENDED] = { "Suspended", "would " }, /* by whom and why: plan_judge_suspended() */
	};
	const char *message = arena_printf(b->arena, "%s%s", rows[how].words, words);
	for (guint i = 0; i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (v->object == o)
			*v = (struct verdict){ .object = o, .readiness = IS_STALLED, .reason = rows[how].reason, .message = message,
			                       .is_settled = TRUE, .is_held = TRUE };
	}
}

/* "stop-vm, define-vm: memory 2GiB → 4GiB, vcpus 2 → 4, iothreads 1, and 2 more (`cleave diff`)" */
static const char *words_of(struct builder *b, const GString *verbs_text, const GString *fields, guint n_fields)
{
	const char *more = n_fields > MOST_FIELDS ? arena_printf(b->arena, ", and %u more (`cleave diff`)", n_fields - MOST_FIELDS) : "";
	return arena_printf(b->arena, "%s%s%s%s", verbs_text->str, fields->len ? ": " : "", fields->str, more);
}

/* The actions on one object, from `first` on: told, and taken out of the plan. */
static void hold_back_object(struct builder *b, guint first, enum holding how)
{
	const struct action act = g_array_index(b->actions, struct action, first);
	g_autoptr(GString) text = g_string_new(NULL), fields = g_string_new(NULL);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = first; i < b->actions->len;) {
		const struct action other = g_array_index(b->actions, struct action, i);
		if (other.kind != act.kind || strcmp(other.id, act.id) != 0 || holding_of_action(b, &other) == NOT_HELD) {
			i++;
			continue;
		}
		g_string_append_printf(text, "%s%s", text->len ? ", " : "", verbs[other.verb].name);
		append_fields(fields, &other, seen);
		g_array_append_val(b->held, other);
		g_array_remove_index(b->actions, i);
	}
	const char *words = words_of(b, text, fields, g_hash_table_size(seen));
	if (act.want)
		judge_held_back(b, act.want, how, words);
	else
		builder_note(b, act.kind, act.id, arena_printf(b->arena, "%s: would %s",
		                                             how == HELD_SUSPENDED ? "is suspended" : "the Farm only observes or proposes", words));
}

void plan_hold_back(struct builder *b)
{
	for (guint i = 0; i < b->actions->len;) {
		enum holding how = holding_of_action(b, &g_array_index(b->actions, struct action, i));
		if (how != NOT_HELD)
			hold_back_object(b, i, how);
		else
			i++;
	}
}
