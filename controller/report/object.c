/* Sections of text: each has a name, and is left out where it has nothing to say. */
#include "report/object.h"
#include "base/arena.h"
#include "base/units.h"
#include "report/kept.h"
#include "spec/emit.h"
#include "spec/gpu.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <string.h>

static void row(GString *out, const char *name, const char *text)
{
	if (text && *text)
		g_string_append_printf(out, "  %-10s %s\n", name, text);
}

static void section(GString *out, const char *name, const struct report_page *page)
{
	g_string_append_printf(out, page->style.colour ? "\033[1m%s\033[0m\n" : "%s\n", name);
}

/* -- trace --------------------------------------------------------------------------------------------------- */

static const char *place_of(struct arena *a, const struct traced *t)
{
	return t->path ? arena_printf(a, "%s:%u%s", t->path, t->line, t->is_farms_default ? ", in the Farm's defaults" : "")
	               : "nowhere: it is the default";
}

static const char *commit_of(struct arena *a, const struct traced *t, const struct report_page *page)
{
	return t->commit ? arena_printf(a, "%.12s by %s, %s ago%s: %s", t->commit, t->author, report_age(a, page, t->time_ms),
	                                t->is_cut  ? ", or an older one"
	                                : t->is_first ? ", which brought it"
	                                              : "",
	                                t->summary)
	                 : t->trouble;
}

static const char *applied_of(struct arena *a, const struct kept_revision *r, const struct report_page *page)
{
	if (!r)
		return NULL;
	return arena_printf(a, "%s ago, with %.12s: %s, %u done%s", report_age(a, page, r->applied_ms ? r->applied_ms : r->seen_ms),
	                    r->commit ? r->commit : r->revision, report_outcome_of(r), r->n_done,
	                    r->n_failed ? arena_printf(a, ", %u failed", r->n_failed) : "");
}

void report_trace_text(GString *out, const struct traced *t, const struct report_page *page)
{
	SCOPED_ARENA(a);
	g_autofree char *title = g_strdup_printf("%s/%s%s%s", t->kind, t->name, t->field ? " " : "", t->field ? t->field : "");
	section(out, title, page);
	row(out, "value", t->value);
	row(out, "written", place_of(a, t));
	row(out, "changed", commit_of(a, t, page));
	if (t->commit)
		row(out, "signed", t->signature ? arena_printf(a, "%s; not checked here", t->signature) : "no");
	row(out, "applied", applied_of(a, t->applied, page));
}

/* -- describe ------------------------------------------------------------------------------------------------ */

static void append_head(GString *out, struct arena *a, const struct described *d, const struct report_page *page)
{
	const struct verdict *v = d->shown->verdict;
	const char *word = name_of(&readiness_names, (int)v->readiness);
	const char *since = d->shown->since_ms ? arena_printf(a, ", since %s", report_age(a, page, d->shown->since_ms)) : "";
	g_autofree char *title = g_strdup_printf("%s/%s", v->object->kind->name, v->object->id);
	section(out, title, page);
	row(out, "condition", page->style.colour ? arena_printf(a, "\033[%sm%s\033[0m %s%s", report_colour_of(v->readiness), word, v->reason, since)
	                                         : arena_printf(a, "%s %s%s", word, v->reason, since));
	row(out, "message", v->message);
	if (v->readiness != IS_READY)
		row(out, "was Ready", d->shown->ready_revision ? arena_printf(a, "at %s", d->shown->ready_revision) : NULL);
}

static void append_written(GString *out, struct arena *a, const struct described *d, const struct report_page *page)
{
	const struct object *o = d->shown->verdict->object;
	const char *host = object_host_name(o);
	g_autoptr(GString) labels = g_string_new(NULL);
	for (guint i = 0; i < o->meta.labels.n; i++) {
		const struct label *l = LIST_AT(o->meta.labels, struct label, i);
		g_string_append_printf(labels, "%s%s=%s", i ? ", " : "", l->key, l->value);
	}
	row(out, "host", host ? arena_printf(a, "%s%s", host, strcmp(host, d->plan->host) == 0 ? " (this one)" : "; its own controller sees to it") : NULL);
	row(out, "labels", labels->str);
	if (!d->written)
		return;
	row(out, "written", place_of(a, d->written));
	row(out, "changed", commit_of(a, d->written, page));
	row(out, "applied", applied_of(a, d->written->applied, page));
}

/* Lines of the part of a document that `key` begins. Returns how many defaults were left out. */
static guint append_part(GString *out, const char *text, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gboolean is_inside = FALSE;
	guint n_defaults = 0;
	for (guint i = 0; lines[i]; i++) {
		if (*lines[i] != ' ' && *lines[i] != '-')
			is_inside = g_str_has_prefix(lines[i], key);
		else if (is_inside && g_str_has_suffix(lines[i], "# default"))
			n_defaults++;
		else if (is_inside)
			g_string_append_printf(out, "%s\n", lines[i]);
	}
	return n_defaults;
}

static void append_objects(GString *out, const struct described *d, const struct report_page *page)
{
	struct object o = *d->shown->verdict->object;
	const struct object *have = objects_get(d->plan->have, o.kind->id, o.id);
	g_autoptr(GString) text = g_string_new(NULL);
	o.status = have ? have->status : NULL;
	emit_object(text, &o, EMIT_SPEC | EMIT_STATUS | EMIT_ORIGINS);
	if (o.spec) {
		section(out, "Spec", page);
		guint n = append_part(out, text->str, "spec:");
		if (n)
			g_string_append_printf(out, "  (and %u defaults: `cleave get %s %s -o yaml`)\n", n, o.kind->alias, o.id);
	}
	if (o.status) {
		section(out, "Status", page);
		append_part(out, text->str, "status:");
	}
}

static void append_actions_of(GString *out, const struct described *d, const struct action *actions, guint n, const char *title,
                              const struct report_page *page)
{
	const struct object *o = d->shown->verdict->object;
	guint n_told = 0;
	for (guint i = 0; i < n; i++) {
		const struct action *act = &actions[i];
		if (act->kind != o->kind->id || strcmp(act->id, o->id) != 0)
			continue;
		if (n_told++ == 0)
			section(out, title, page);
		g_string_append_printf(out, "  %c %-15s %s%s%s%s\n", verbs[act->verb].sign, verbs[act->verb].name, act->reason,
		                       act->effect == EFFECT_NONE ? "" : "  [", act->effect == EFFECT_NONE ? "" : name_of(&effect_names, (int)act->effect),
		                       act->effect == EFFECT_NONE ? "" : "]");
	}
}

void report_object_text(GString *out, const struct described *d, const struct report_page *page)
{
	SCOPED_ARENA(a);
	append_head(out, a, d, page);
	append_written(out, a, d, page);
	append_objects(out, d, page);
	append_actions_of(out, d, d->plan->actions, d->plan->n_actions, "To do", page);
	append_actions_of(out, d, d->plan->held, d->plan->n_held, "Held back by `reconcile`", page);
	if (!d->n_events)
		return;
	section(out, "Events", page);
	report_events_text(out, d->events, d->n_events, page);
}
