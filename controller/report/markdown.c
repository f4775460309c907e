/* Plans as the comment of a merge request: what it comes to in one line, a table by effect, what is refused, and each
 * object's actions folded away.
 *
 * Written in order of importance, each part within a share of REPORT_MARKDOWN_MAX, so that a plan of any size gives a
 * page that is whole: what finds no room is counted. */
#include "base/arena.h"
#include "base/revision.h"
#include "report/merge.h"
#include <string.h>

enum {
	ROOM_TROUBLES = 16000, /* of what is refused or stands still */
	ROOM_TAIL = 600,       /* for what ends the page */
	MOST_TEXT = 300,       /* characters of a message or a value */
	MOST_NAME = 160,
	MOST_CHANGES = 40,     /* of one object */
};

static void put_word(GString *out, const char *text, guint most)
{
	g_autofree char *line = merge_line(text, NULL, most);
	merge_put_code(out, line);
}

static void put_phrase(GString *out, const char *text)
{
	g_autofree char *line = merge_line(text, NULL, MOST_TEXT);
	merge_put_text(out, line);
}

static void put_object(GString *out, enum kind_id kind, const char *id)
{
	g_autofree char *name = g_strdup_printf("%s/%s", kinds[kind].name, id);
	put_word(out, name, MOST_NAME);
}

static void put_count(GString *out, guint64 n, const char *word)
{
	g_autofree char *number = merge_number(n);
	g_string_append_printf(out, "%s %s%s", number, word, n == 1 ? "" : "s");
}

/* -- what it comes to ------------------------------------------------------------------------------------------ */

struct totals {
	guint64 n_actions, n_hosts, n_restarts, n_frames, n_refused, n_held, n_waiting;
	guint64 of[N_EFFECTS], actions_of[N_EFFECTS], objects_of[N_EFFECTS];
};

/* Objects with an action of that effect; those of one stand together, phases aside. */
static void count_objects(const struct plan *p, struct totals *t)
{
	for (int e = 0; e < N_EFFECTS; e++) {
		g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal), vms = g_hash_table_new(g_str_hash, g_str_equal);
		for (guint i = 0; i < p->n_actions; i++) {
			const struct action *act = &p->actions[i];
			if ((int)act->effect != e)
				continue;
			t->actions_of[e]++;
			g_hash_table_add(act->kind == KIND_VM ? vms : seen, (gpointer)act->id);
		}
		t->objects_of[e] += g_hash_table_size(seen) + g_hash_table_size(vms);
		t->n_restarts += e == EFFECT_VM_RESTART ? g_hash_table_size(vms) : 0;
	}
}

static struct totals totals_of(const struct report_plans *all)
{
	struct totals t = { 0 };
	for (guint i = 0; i < all->n; i++) {
		const struct plan *p = all->items[i];
		t.n_actions += p->n_actions;
		t.n_held += p->n_held;
		t.n_waiting += p->approved ? 0 : p->waiting.n;
		t.n_hosts += p->n_actions ? 1 : 0;
		t.n_refused += plan_n_refused(p) + p->n_refusals;
		for (int e = 0; e < N_EFFECTS; e++)
			t.of[e] += plan_effect_count(p, (enum effect)e);
		count_objects(p, &t);
	}
	t.n_frames = t.of[EFFECT_RENDER];
	return t;
}

static void put_revision(GString *out, const char *revision)
{
	g_autofree char *text = revision_short(revision);
	put_word(out, text, MOST_NAME);
}

static void put_headline(GString *out, const struct report_plans *all, const struct totals *t)
{
	g_string_append(out, "<!-- cleave-plan -->\n### cleave plan: ");
	if (!t->n_actions) {
		g_string_append(out, t->n_refused || t->n_waiting ? "nothing can be done" : "nothing to do");
	} else {
		put_count(out, t->n_actions, "action");
		g_string_append(out, " on ");
		put_count(out, t->n_hosts, "host");
		g_string_append(out, ", ");
		put_count(out, t->n_restarts, "VM");
		g_string_append(out, " restarted, ");
		put_count(out, t->n_frames, "frame");
		g_string_append(out, " to render");
	}
	if (t->n_refused)
		g_string_append_printf(out, ", **%" G_GUINT64_FORMAT " refused**", t->n_refused);
	if (t->n_waiting)
		g_string_append_printf(out, ", **%" G_GUINT64_FORMAT " held back by limits**", t->n_waiting);
	if (t->n_held)
		g_string_append_printf(out, ", %" G_GUINT64_FORMAT " only proposed", t->n_held);
	g_string_append(out, "\n\n");
	if (all->n) {
		put_revision(out, all->items[0]->revision);
		g_string_append(out, all->from ? " as it differs from " : " against what was observed");
		if (all->from)
			put_revision(out, all->from);
		g_string_append(out, "\n");
	}
}

static void put_table(GString *out, const struct totals *t)
{
	if (!t->n_actions)
		return;
	g_string_append(out, "\n| effect | actions | objects | frames |\n|:--|--:|--:|--:|\n");
	for (int e = N_EFFECTS - 1; e >= 0; e--) {
		g_autofree char *actions = merge_number(t->actions_of[e]), *objects = merge_number(t->objects_of[e]), *frames = merge_number(t->of[e]);
		gboolean counts = e == EFFECT_RENDER || e == EFFECT_CANCEL;
		if (t->actions_of[e])
			g_string_append_printf(out, "| %s%s%s | %s | %s | %s |\n", e >= EFFECT_VM_RESTART ? "**" : "", name_of(&effect_names, e),
			                       e >= EFFECT_VM_RESTART ? "**" : "", actions, objects, counts ? frames : "");
	}
}

/* -- what is not done ------------------------------------------------------------------------------------------- */

/* Lines, while there is room for them. */
struct page {
	GString *out;
	gsize room;    /* .out may grow to this */
	guint64 n_cut; /* lines that found none */
};

static void put_line(struct page *page, const GString *line)
{
	if (page->out->len + line->len <= page->room)
		g_string_append_len(page->out, line->str, (gssize)line->len);
	else
		page->n_cut++;
}

static void put_trouble(struct page *page, const char *word, const char *host, enum kind_id kind, const char *id, const char *reason,
                        const char *message)
{
	g_autoptr(GString) line = g_string_new(NULL);
	g_string_append_printf(line, "- %s ", word);
	if (*id)
		put_object(line, kind, id);
	g_string_append(line, *id ? " on " : "on ");
	put_word(line, host, MOST_NAME);
	g_string_append(line, ": ");
	put_phrase(line, reason);
	g_string_append(line, message ? ": " : "");
	put_phrase(line, message ? message : "");
	g_string_append_c(line, '\n');
	put_line(page, line);
}

/* What the specs of another host say stalled there is said there. */
static gboolean is_trouble(const struct verdict *v, gboolean is_refused)
{
	return v->readiness == IS_STALLED && (v->is_refused != 0) == is_refused;
}

/* The digest is of the plan that the host makes: of one from specs alone it would approve nothing. */
static void put_limits(struct page *page, const struct plan *p, gboolean is_assumed)
{
	g_autoptr(GString) line = g_string_new("- ⏸ ");
	put_count(line, p->waiting.n, "thing");
	g_string_append(line, " on ");
	put_word(line, p->host, MOST_NAME);
	g_string_append(line, p->waiting.n == 1 ? " is held back by limits" : " are held back by limits");
	if (!is_assumed && p->approval) {
		g_autofree char *command = g_strdup_printf("cleave approve %s", p->approval);
		g_string_append(line, "; approve with ");
		put_word(line, command, MOST_NAME);
	}
	g_string_append_c(line, '\n');
	put_line(page, line);
}

static void put_troubles(GString *out, const struct report_plans *all)
{
	struct page page = { out, out->len + ROOM_TROUBLES, 0 };
	gsize before = out->len;
	g_string_append(out, "\n**Not done, or worth knowing**\n\n");
	gsize title = out->len;
	for (guint i = 0; i < all->n; i++)
		for (guint k = 0; k < all->items[i]->n_refusals; k++) {
			const struct refusal *r = &all->items[i]->refusals[k];
			put_trouble(&page, "❌ the whole plan", all->items[i]->host, r->kind, r->id, r->rule, r->message);
		}
	for (int is_refused = TRUE; is_refused >= FALSE; is_refused--)
		for (guint i = 0; i < all->n; i++)
			for (guint k = 0; k < all->items[i]->n_verdicts; k++) {
				const struct verdict *v = &all->items[i]->verdicts[k];
				if (is_trouble(v, is_refused))
					put_trouble(&page, is_refused ? "❌" : merge_is_only_told(v) ? "💬" : "⏸", all->items[i]->host, v->object->kind->id, v->object->id, v->reason, v->message);
			}
	for (guint i = 0; i < all->n; i++)
		for (guint k = 0; k < all->items[i]->n_notes; k++) {
			const struct note *note = &all->items[i]->notes[k];
			put_trouble(&page, "ℹ️", all->items[i]->host, note->kind, note->id, note->message, NULL);
		}
	for (guint i = 0; i < all->n; i++)
		if (all->items[i]->waiting.n && !all->items[i]->approved)
			put_limits(&page, all->items[i], all->from != NULL);
	if (page.n_cut) {
		g_autofree char *rest = merge_number(page.n_cut);
		g_string_append_printf(out, "- and %s more\n", rest);
	}
	if (out->len == title)
		g_string_truncate(out, before);
}

/* -- an object's actions ------------------------------------------------------------------------------------------ */

static void put_change(GString *out, const struct change *c)
{
	g_autofree char *before = c->before ? merge_line(c->before, c->field, MOST_TEXT) : NULL;
	g_autofree char *after = c->after ? merge_line(c->after, c->field, MOST_TEXT) : NULL;
	g_string_append(out, "  - ");
	put_word(out, c->field, MOST_NAME);
	g_string_append(out, ": ");
	if (before)
		merge_put_code(out, before);
	g_string_append(out, before ? " → " : "");
	if (after)
		merge_put_code(out, after);
	else
		g_string_append(out, "(none)");
	g_string_append_c(out, '\n');
}

static void put_effect(GString *out, const struct action *act)
{
	if (act->effect == EFFECT_NONE)
		return;
	g_string_append_printf(out, " **[%s", name_of(&effect_names, (int)act->effect));
	if (act->count && act->kind == KIND_RENDERJOB) {
		g_autofree char *n = merge_number(act->count);
		g_string_append_printf(out, " %s", n);
	}
	g_string_append(out, "]**");
}

static void put_action(GString *out, const struct action *act, guint *changes_left)
{
	SCOPED_ARENA(scratch);
	g_string_append_printf(out, "- %s: ", verbs[act->verb].name);
	if (act->frames.n_runs) {
		g_autofree char *frames = g_strdup_printf("frames %s ", frames_format(scratch, &act->frames));
		put_phrase(out, frames);
	}
	put_phrase(out, act->reason);
	put_effect(out, act);
	g_string_append_c(out, '\n');
	guint n = MIN(act->changes.n, *changes_left);
	for (guint i = 0; i < n; i++)
		put_change(out, &act->changes.items[i]);
	*changes_left -= n;
	if (n < act->changes.n)
		g_string_append_printf(out, "  - and %u more fields\n", act->changes.n - n);
}

static void put_summary(GString *out, const struct merge_order *o, guint first)
{
	g_string_append(out, "<details><summary>");
	put_object(out, o->plan->actions[first].kind, o->plan->actions[first].id);
	g_string_append(out, ": ");
	merge_put_verbs(out, o, first);
	g_string_append(out, "</summary>\n\n");
}

static guint put_details(struct page *page, const struct merge_order *o, guint first)
{
	g_autoptr(GString) block = g_string_new(NULL);
	guint changes_left = MOST_CHANGES, n = 0;
	put_summary(block, o, first);
	for (guint i = first; i < o->plan->n_actions; i = o->next[i], n++)
		put_action(block, &o->plan->actions[i], &changes_left);
	g_string_append(block, "\n</details>\n");
	guint64 n_cut = page->n_cut;
	put_line(page, block);
	return page->n_cut > n_cut ? n : 0;
}

static void put_host_title(GString *out, const struct plan *p)
{
	g_string_append(out, "\n#### Host ");
	put_word(out, p->host, MOST_NAME);
	g_string_append(out, ": ");
	put_count(out, p->n_actions, "action");
	g_string_append(out, "\n\n");
}

/* The actions that found no room. */
static guint64 put_host(struct page *page, const struct plan *p)
{
	g_autoptr(GString) title = g_string_new(NULL);
	guint64 n_left_out = 0;
	put_host_title(title, p);
	if (page->n_cut || page->out->len + title->len > page->room) {
		page->n_cut++;
		return p->n_actions;
	}
	g_string_append(page->out, title->str);
	struct merge_order o = merge_order_new(p);
	for (guint i = 0; i < p->n_actions; i++) {
		if (o.first[i] != i)
			continue;
		/* The first that finds no room ends it: a page that leaves out the long ones would look whole. */
		if (!page->n_cut)
			n_left_out += put_details(page, &o, i);
		else
			for (guint k = i; k < p->n_actions; k = o.next[k])
				n_left_out++;
	}
	merge_order_clear(&o);
	return n_left_out;
}

void report_plans_markdown(GString *ret, const struct report_plans *all)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const struct totals t = totals_of(all);
	put_headline(out, all, &t);
	put_table(out, &t);
	put_troubles(out, all);
	struct page page = { out, REPORT_MARKDOWN_MAX - ROOM_TAIL, 0 };
	guint64 n_left_out = 0;
	for (guint i = 0; i < all->n; i++)
		if (all->items[i]->n_actions)
			n_left_out += put_host(&page, all->items[i]);
	if (n_left_out) {
		g_autofree char *rest = merge_number(n_left_out);
		g_string_append_printf(out, "\n… and %s more action%s, which this page has no room for: `cleave plan` shows all.\n", rest,
		                       n_left_out == 1 ? "" : "s");
	}
	g_string_append_len(ret, out->str, (gssize)out->len);
}
