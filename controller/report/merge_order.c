/* Actions by object: a plan's order is that of its phases. */
#include "report/merge.h"
#include <string.h>

struct merge_order merge_order_new(const struct plan *p)
{
	struct merge_order o = { p, g_new(guint, p->n_actions + 1), g_new(guint, p->n_actions + 1) };
	g_autofree guint *last = g_new(guint, p->n_actions + 1);
	GHashTable *seen[N_KINDS] = { 0 };
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		gpointer at;
		if (!seen[act->kind])
			seen[act->kind] = g_hash_table_new(g_str_hash, g_str_equal);
		gboolean is_known = g_hash_table_lookup_extended(seen[act->kind], act->id, NULL, &at);
		o.first[i] = is_known ? GPOINTER_TO_UINT(at) : i;
		o.next[i] = p->n_actions;
		if (is_known)
			o.next[last[o.first[i]]] = i;
		else
			g_hash_table_insert(seen[act->kind], (gpointer)act->id, GUINT_TO_POINTER(i));
		last[o.first[i]] = i;
	}
	for (int kind = 0; kind < N_KINDS; kind++)
		g_clear_pointer(&seen[kind], g_hash_table_unref);
	return o;
}

void merge_order_clear(struct merge_order *o)
{
	g_free(o->first);
	g_free(o->next);
}

void merge_put_verbs(GString *out, const struct merge_order *o, guint first)
{
	for (guint i = first; i < o->plan->n_actions; i = o->next[i]) {
		const struct action *act = &o->plan->actions[i];
		g_string_append_printf(out, "%s%s", i == first ? "" : ", ", verbs[act->verb].name);
		if (act->effect == EFFECT_NONE)
			continue;
		g_string_append_printf(out, " [%s", name_of(&effect_names, (int)act->effect));
		if (act->count && act->kind == KIND_RENDERJOB)
			g_string_append_printf(out, " %" G_GUINT64_FORMAT, act->count);
		g_string_append_c(out, ']');
	}
}

gboolean merge_is_only_told(const struct verdict *v)
{
	return strcmp(v->reason, "Observed") == 0 || strcmp(v->reason, "Proposed") == 0;
}
