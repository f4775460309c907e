/* One screen: what fails, then what is worth a look, each with what to do; what is right is counted. */
#include "report/preflight.h"
#include <jansson.h>
#include <string.h>

static void put_word(GString *out, enum check_verdict verdict, struct report_style style)
{
	static const char *const colours[N_CHECK_VERDICTS] = { "31", "33", "2", "32" };
	g_autofree char *word = g_ascii_strup(name_of(&check_verdict_names, (int)verdict), -1);
	if (style.colour)
		g_string_append_printf(out, "\033[%sm%-7s\033[0m", colours[verdict], word);
	else
		g_string_append_printf(out, "%-7s", word);
}

/* The same said of other objects: one line for all. */
static gboolean is_alike(const struct finding *a, const struct finding *b)
{
	return a->check == b->check && a->verdict == b->verdict && a->kind == b->kind && strcmp(a->why, b->why) == 0 &&
	       g_strcmp0(a->fix, b->fix) == 0;
}

enum { MOST_NAMES = 4 };

/* "GPU/a", "GPU/a, b", "GPU/a, b, c and 5 more" */
static char *who(const struct preflight *p, guint first)
{
	GString *s = g_string_new(NULL);
	guint n = 0, n_named = 0;
	for (guint i = first; i < p->n_findings; i++)
		n += is_alike(&p->findings[first], &p->findings[i]) ? 1 : 0;
	guint most = n > MOST_NAMES ? MOST_NAMES - 1 : n;
	g_string_append_printf(s, "%s/", kinds[p->findings[first].kind].name);
	for (guint i = first; i < p->n_findings && n_named < most; i++)
		if (is_alike(&p->findings[first], &p->findings[i]))
			g_string_append_printf(s, "%s%s", n_named++ ? ", " : "", p->findings[i].id);
	if (most < n)
		g_string_append_printf(s, " and %u more", n - most);
	return g_string_free(s, FALSE);
}

static gboolean was_told(const struct preflight *p, guint at)
{
	for (guint i = 0; i < at; i++)
		if (is_alike(&p->findings[i], &p->findings[at]))
			return TRUE;
	return FALSE;
}

static void put_findings(GString *out, const struct preflight *p, gboolean all, struct report_style style)
{
	for (guint i = 0; i < p->n_findings; i++) {
		const struct finding *f = &p->findings[i];
		if ((!all && f->verdict > CHECK_WARN) || was_told(p, i))
			continue;
		g_autofree char *objects = who(p, i);
		put_word(out, f->verdict, style);
		g_string_append_printf(out, " %-19s %s: %s\n", f->check->name, objects, f->why);
		if (f->fix)
			g_string_append_printf(out, "        fix: %s\n", f->fix);
	}
}

/* The checks of a verdict, each once: "card-link, clock". */
static void put_checks(GString *out, const struct preflight *p, enum check_verdict verdict)
{
	guint n = 0;
	for (guint i = 0; i < p->n_findings; i++)
		if (p->findings[i].verdict == verdict && (i == 0 || p->findings[i - 1].check != p->findings[i].check ||
		                                          p->findings[i - 1].verdict != verdict))
			g_string_append_printf(out, "%s%s", n++ ? ", " : "", p->findings[i].check->name);
}

/* Lines, as they stand below: one for objects alike. */
static guint count_lines(const struct preflight *p, enum check_verdict verdict)
{
	guint n = 0;
	for (guint i = 0; i < p->n_findings; i++)
		n += p->findings[i].verdict == verdict && !was_told(p, i) ? 1 : 0;
	return n;
}

void report_preflight_text(GString *out, const struct preflight *p, gboolean all, struct report_style style)
{
	guint n_warnings = count_lines(p, CHECK_WARN);
	g_string_append_printf(out, "Preflight of host %s%s: %u failed, %u warning%s\n", p->host, p->has_specs ? "" : ", without specs",
	                       count_lines(p, CHECK_FAIL), n_warnings, n_warnings == 1 ? "" : "s");
	put_findings(out, p, all, style);
	g_string_append_printf(out, "%u ok\n", p->n_of[CHECK_OK]);
	if (!p->n_of[CHECK_UNKNOWN])
		return;
	g_string_append_printf(out, "%u unknown: ", p->n_of[CHECK_UNKNOWN]);
	put_checks(out, p, CHECK_UNKNOWN);
	g_string_append(out, all ? "\n" : " (--all says why)\n");
}

/* What a machine tells may be anything; JSON is UTF-8. */
static void set_text(json_t *object, const char *key, const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	if (valid)
		json_object_set_new(object, key, json_string(valid));
}

void report_preflight_json(GString *out, const struct preflight *p)
{
	json_t *list = json_array();
	for (guint i = 0; i < p->n_findings; i++) {
		const struct finding *f = &p->findings[i];
		json_t *one = json_object();
		set_text(one, "check", f->check->name);
		set_text(one, "kind", kinds[f->kind].name);
		set_text(one, "name", f->id);
		set_text(one, "verdict", name_of(&check_verdict_names, (int)f->verdict));
		set_text(one, "why", f->why);
		set_text(one, "fix", f->fix);
		json_array_append_new(list, one);
	}
	g_autofree char *text = json_dumps(list, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	json_decref(list);
}
