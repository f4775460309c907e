/* Plans, problems and findings for CI: GitHub's annotations, and JUnit's cases, which GitLab, Jenkins and others show. */
#include "report/merge.h"
#include <string.h>

enum { MOST_ANNOTATIONS = 200, MOST_TEXT = 1000 };

/* -- annotations ------------------------------------------------------------------------------------------------ */

struct annotations {
	GString *out;
	guint n, n_cut;
};

static void annotate(struct annotations *a, const char *word, const struct object *o, const char *title, const char *text)
{
	if (a->n++ >= MOST_ANNOTATIONS) {
		a->n_cut++;
		return;
	}
	g_autofree char *line = merge_line(text, NULL, MOST_TEXT);
	g_string_append_printf(a->out, "::%s ", word);
	if (o && o->place.path) {
		g_string_append(a->out, "file=");
		merge_put_command(a->out, o->place.path, TRUE);
		g_string_append_printf(a->out, ",line=%u,", MAX(o->place.line, 1));
	}
	g_string_append(a->out, "title=");
	merge_put_command(a->out, title, TRUE);
	g_string_append(a->out, "::");
	merge_put_command(a->out, line, FALSE);
	g_string_append_c(a->out, '\n');
}

static void annotate_verdicts(struct annotations *a, const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		if (v->readiness != IS_STALLED)
			continue;
		const char *word = v->is_refused ? "error" : merge_is_only_told(v) ? "notice" : "warning";
		g_autofree char *title = g_strdup_printf("cleave plan: %s", v->is_refused ? "refused" : "stalled");
		g_autofree char *text = g_strdup_printf("%s/%s on %s: %s%s%s", v->object->kind->name, v->object->id, p->host, v->reason,
		                                        v->message ? ": " : "", v->message ? v->message : "");
		annotate(a, word, v->object, title, text);
	}
}

/* All that is done to an object, in one line at its place; of one that goes there is none. */
static void annotate_actions(struct annotations *a, const struct plan *p)
{
	struct merge_order o = merge_order_new(p);
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		if (o.first[i] != i)
			continue;
		g_autoptr(GString) text = g_string_new(NULL);
		g_string_printf(text, "%s/%s on %s: ", kinds[act->kind].name, act->id, p->host);
		merge_put_verbs(text, &o, i);
		annotate(a, "notice", act->want, "cleave plan", text->str);
	}
	merge_order_clear(&o);
}

void report_plans_github(GString *out, const struct report_plans *all)
{
	struct annotations a = { out, 0, 0 };
	for (guint i = 0; i < all->n; i++)
		for (guint k = 0; k < all->items[i]->n_refusals; k++) {
			const struct refusal *r = &all->items[i]->refusals[k];
			g_autofree char *text = g_strdup_printf("the whole plan of %s (%s): %s", all->items[i]->host, r->rule, r->message);
			annotate(&a, "error", objects_get(all->items[i]->want, r->kind, r->id), "cleave plan: refused", text);
		}
	for (guint i = 0; i < all->n; i++)
		annotate_verdicts(&a, all->items[i]);
	for (guint i = 0; i < all->n; i++)
		annotate_actions(&a, all->items[i]);
	if (a.n_cut)
		g_string_append_printf(out, "::warning title=cleave plan::and %u more\n", a.n_cut);
}

/* -- JUnit -------------------------------------------------------------------------------------------------------- */

struct suite {
	GString *cases;
	guint n, n_failures, n_skipped;
};

static void put_attribute(GString *out, const char *name, const char *value)
{
	g_autofree char *line = merge_line(value, NULL, MOST_TEXT);
	g_string_append_printf(out, " %s=\"", name);
	merge_put_xml(out, line);
	g_string_append_c(out, '"');
}

enum case_state { CASE_OK, CASE_FAILED, CASE_SKIPPED };

/* `text`: what is said of it; NULL: nothing. */
static void put_case(struct suite *s, const char *class, const char *name, enum case_state state, const char *type, const char *text)
{
	static const char *const elements[] = { "system-out", "failure", "skipped" };
	s->n++;
	s->n_failures += state == CASE_FAILED;
	s->n_skipped += state == CASE_SKIPPED;
	g_string_append(s->cases, "    <testcase");
	put_attribute(s->cases, "classname", class);
	put_attribute(s->cases, "name", name);
	if (!text) {
		g_string_append(s->cases, "/>\n");
		return;
	}
	g_string_append_printf(s->cases, ">\n      <%s", elements[state]);
	if (state != CASE_OK)
		put_attribute(s->cases, "message", text);
	if (state == CASE_FAILED)
		put_attribute(s->cases, "type", type);
	g_string_append_c(s->cases, '>');
	g_autofree char *line = merge_line(text, NULL, MOST_TEXT);
	if (state == CASE_OK)
		merge_put_xml(s->cases, line);
	g_string_append_printf(s->cases, "</%s>\n    </testcase>\n", elements[state]);
}

static void put_suite(GString *out, struct suite *s, const char *name)
{
	g_string_append(out, "  <testsuite");
	put_attribute(out, "name", name);
	g_string_append_printf(out, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\">\n%s  </testsuite>\n", s->n, s->n_failures,
	                       s->n_skipped, s->cases->str);
	g_string_free(s->cases, TRUE);
}

static void begin(GString *out)
{
	g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
}

void report_plans_junit(GString *out, const struct report_plans *all)
{
	begin(out);
	for (guint i = 0; i < all->n; i++) {
		const struct plan *p = all->items[i];
		struct suite s = { g_string_new(NULL), 0, 0, 0 };
		for (guint k = 0; k < p->n_refusals; k++)
			put_case(&s, "plan", p->refusals[k].rule, CASE_FAILED, "refused", p->refusals[k].message);
		for (guint k = 0; k < p->n_verdicts; k++) {
			const struct verdict *v = &p->verdicts[k];
			g_autofree char *text = v->message                     ? g_strdup_printf("%s: %s", v->reason, v->message)
			                        : v->readiness == IS_READY ? NULL
			                                                   : g_strdup(v->reason);
			enum case_state state = v->readiness != IS_STALLED ? CASE_OK : merge_is_only_told(v) ? CASE_SKIPPED : CASE_FAILED;
			put_case(&s, v->object->kind->name, v->object->id, state, v->is_refused ? "refused" : "stalled", text);
		}
		g_autofree char *name = g_strdup_printf("cleave plan %s", p->host);
		put_suite(out, &s, name);
	}
	g_string_append(out, "</testsuites>\n");
}

static void put_file(struct suite *s, const struct problems *problems, const char *path)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint n_errors = 0;
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *p = &g_array_index(problems->list, struct problem, i);
		if (g_strcmp0(p->place.path, path) != 0)
			continue;
		n_errors += p->severity == SEVERITY_ERROR;
		g_string_append_printf(text, "%s%u:%u: %s: %s", text->len ? "; " : "", p->place.line, MAX(p->place.column, 1),
		                       p->severity == SEVERITY_ERROR ? "error" : "warning", p->message);
	}
	put_case(s, "cleave validate", path ? path : "specs", n_errors ? CASE_FAILED : CASE_OK, "invalid", text->len ? text->str : NULL);
}

void report_problems_junit(GString *out, const struct problems *problems, const char *const *paths, guint n_paths)
{
	struct suite s = { g_string_new(NULL), 0, 0, 0 };
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	gboolean has_placeless = FALSE;
	begin(out);
	for (guint i = 0; i < n_paths; i++)
		if (g_hash_table_add(seen, (gpointer)paths[i]))
			put_file(&s, problems, paths[i]);
	for (guint i = 0; i < problems->list->len; i++) {
		const char *path = g_array_index(problems->list, struct problem, i).place.path;
		has_placeless |= path == NULL;
		if (path && g_hash_table_add(seen, (gpointer)path))
			put_file(&s, problems, path);
	}
	if (has_placeless)
		put_file(&s, problems, NULL);
	if (problems_left_out(problems)) {
		g_autofree char *rest = g_strdup_printf("and %u more", problems_left_out(problems));
		put_case(&s, "cleave validate", "left out", problems->n_errors ? CASE_FAILED : CASE_OK, "invalid", rest);
	}
	put_suite(out, &s, "cleave validate");
	g_string_append(out, "</testsuites>\n");
}

void report_preflight_junit(GString *out, const struct preflight *p)
{
	static const enum case_state states[N_CHECK_VERDICTS] = { CASE_FAILED, CASE_OK, CASE_SKIPPED, CASE_OK };
	struct suite s = { g_string_new(NULL), 0, 0, 0 };
	begin(out);
	for (guint i = 0; i < p->n_findings; i++) {
		const struct finding *f = &p->findings[i];
		g_autofree char *name = g_strdup_printf("%s/%s", kinds[f->kind].name, f->id);
		g_autofree char *text = g_strdup_printf("%s%s%s%s", f->verdict == CHECK_WARN ? "warning: " : "", f->why, f->fix ? "; fix: " : "",
		                                        f->fix ? f->fix : "");
		put_case(&s, f->check->name, name, states[f->verdict], "preflight", text);
	}
	g_autofree char *name = g_strdup_printf("cleave preflight %s", p->host);
	put_suite(out, &s, name);
	g_string_append(out, "</testsuites>\n");
}
