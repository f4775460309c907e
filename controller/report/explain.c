/* cleave explain: a kind, a key, or a rule, as text for people and as JSON for tools. What is asked for is
 * found first; then one writer a form says it. */
#include "base/arena.h"
#include "base/error.h"
#include "plan/plan.h"
#include "plan/preflight.h"
#include "plan/reasons.h"
#include "plan/vm_live.h"
#include "report/describe.h"
#include "report/language.h"
#include "spec/rules.h"
#include <jansson.h>
#include <string.h>

/* What a path leads to. */
struct subject {
	struct arena *arena;
	const struct kind *kind;
	const char *path;          /* "VM.spec.disks.size" */
	const struct field *row;   /* NULL at the kind, and at its spec, metadata and status */
	const struct field *table; /* the keys below; NULL for a value */
	const char *doc;
	gboolean is_observed; /* below status: nothing is required of it */
	gboolean is_overlaid; /* the Farm's defaults may give it */
	gboolean is_template; /* it is in those defaults */
	gboolean is_item;     /* the name of one item of the map was given */
	gboolean is_later;    /* it, or what it is in, does not act yet */
};

struct part {
	const char *name, *doc;
};
static const struct part parts[] = {
	{ "spec", "What is wanted." },
	{ "metadata", "What the object is called." },
	{ "status", "What is there, as `cleave observe` tells it." },
};

/* -- finding -------------------------------------------------------------------------------------------- */

static const struct field *part_table(const struct kind *kind, const char *word)
{
	if (g_ascii_strcasecmp(word, "spec") == 0)
		return kind->spec_fields;
	if (g_ascii_strcasecmp(word, "metadata") == 0)
		return meta_fields;
	return g_ascii_strcasecmp(word, "status") == 0 ? kind->status_fields : NULL;
}

/* What is derived is a key of what is observed alone. */
static gboolean is_key(const struct subject *s, const struct field *f)
{
	return s->is_observed || !(f->flags & FIELD_DERIVED);
}

static const struct field *find_row(const struct subject *s, const char *word)
{
	FIELDS_EACH (f, s->table)
		if (is_key(s, f) && g_ascii_strcasecmp(f->name, word) == 0)
			return f;
	return NULL;
}

static gboolean unknown_word(GError **error, const char *what, const char *word, GPtrArray *known)
{
	const char *near = name_suggest(word, (const char *const *)known->pdata, known->len);
	g_ptr_array_add(known, NULL);
	if (near)
		return fail(error, ERROR_USAGE, "there is no %s `%s`; did you mean `%s`?", what, word, near);
	g_autofree char *all = g_strjoinv(", ", (char **)known->pdata);
	return fail(error, ERROR_USAGE, "there is no %s `%s`; known: %s", what, word, all);
}

static gboolean unknown_key(const struct subject *s, const char *word, GError **error)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	g_autofree char *what = g_strdup_printf("key of %s called", s->path);
	if (!s->table)
		return fail(error, ERROR_USAGE, "%s is one value: it has no key `%s`", s->path, word);
	FIELDS_EACH (f, s->table)
		if (is_key(s, f))
			g_ptr_array_add(known, (gpointer)f->name);
	return unknown_word(error, what, word, known);
}

static gboolean unknown_subject(const char *word, GError **error)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	for (guint i = 0; i < n_spec_rules; i++)
		g_ptr_array_add(known, (gpointer)spec_rules[i].name);
	for (guint i = 0; i < n_plan_rules; i++)
		g_ptr_array_add(known, (gpointer)plan_rules[i].name);
	for (guint i = 0; i < n_preflight_checks; i++)
		g_ptr_array_add(known, (gpointer)preflight_checks[i].name);
	for (guint i = 0; i < n_plan_reasons; i++)
		g_ptr_array_add(known, (gpointer)plan_reasons[i].word);
	/* Rules and reasons are many: they are named when one is near. */
	if (!name_suggest(word, (const char *const *)known->pdata, known->len))
		g_ptr_array_set_size(known, 0);
	for (guint i = 0; i < N_KINDS; i++)
		g_ptr_array_add(known, (gpointer)kinds[i].name);
	g_ptr_array_add(known, (gpointer) "rules");
	return unknown_word(error, "kind or rule", word, known);
}

/* Of a map each item has a name of its own: any, where no key is called so. The last word may also be a slip
 * for a key. */
static gboolean is_item_name(const struct subject *s, const char *word, gboolean is_last)
{
	if (!s->row || s->row->type != FIELD_MAP || s->is_item || !s->table || !*word || find_row(s, word))
		return FALSE;
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	FIELDS_EACH (f, s->table)
		if (is_key(s, f))
			g_ptr_array_add(known, (gpointer)f->name);
	return !is_last || !name_suggest(word, (const char *const *)known->pdata, known->len);
}

/* The row of the key; a path may name an item of a list, as disks[0]. */
static gboolean step_into(struct subject *s, const char *part, GError **error)
{
	g_autofree char *word = g_strndup(part, strcspn(part, "["));
	if (!*word)
		return fail(error, ERROR_USAGE, "a key is missing behind `%s`; write KIND.KEY, as vm.memory", s->path);
	const struct field *row = s->table ? find_row(s, word) : NULL;
	if (!row)
		return unknown_key(s, word, error);
	s->is_overlaid = s->is_overlaid && !(s->row && s->row->type == FIELD_LIST);
	s->path = arena_printf(s->arena, "%s.%s", s->path, row->name);
	s->row = row;
	s->doc = row->doc;
	s->is_later |= (row->flags & FIELD_LATER) != 0;
	s->is_template |= row->type == FIELD_TEMPLATE;
	s->is_item = FALSE;
	s->table = row->fields && table_has_long_form(row->fields) ? row->fields : NULL;
	s->is_observed |= (row->flags & FIELD_PARTIAL) != 0;
	return TRUE;
}

static gboolean find_subject(struct subject *s, const char *what, GError **error)
{
	g_auto(GStrv) words = g_strsplit(what, ".", -1);
	if (!words[0] || !*words[0])
		return fail(error, ERROR_USAGE, "`%s` names no kind; write KIND.KEY, as vm.memory", what);
	s->kind = kind_find(words[0]);
	if (!s->kind)
		return unknown_subject(words[0], error);
	const struct field *part = words[1] ? part_table(s->kind, words[1]) : NULL;
	s->is_observed = !s->kind->spec_fields || (words[1] && g_ascii_strcasecmp(words[1], "status") == 0);
	s->is_overlaid = s->kind->defaults && !s->is_observed && part != meta_fields;
	s->path = part || words[1] ? arena_printf(s->arena, "%s.%s", s->kind->name,
	                                          part == meta_fields ? "metadata" : s->is_observed ? "status" : "spec")
	                           : s->kind->name;
	s->table = part ? part : s->kind->spec_fields ? s->kind->spec_fields : s->kind->status_fields;
	s->doc = s->kind->doc;
	for (guint i = 0; part && i < G_N_ELEMENTS(parts); i++)
		if (g_ascii_strcasecmp(parts[i].name, words[1]) == 0)
			s->doc = parts[i].doc;
	for (guint i = part ? 2 : 1; words[1] && words[i]; i++) {
		if (is_item_name(s, words[i], !words[i + 1]))
			s->is_item = TRUE;
		else if (!step_into(s, words[i], error))
			return FALSE;
	}
	return TRUE;
}

/* -- text ---------------------------------------------------------------------------------------------- */

enum { WIDTH = 100 };

/* Breaks at spaces; lines after the first begin `indent` columns in. */
static void put_wrapped(GString *out, guint indent, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	glong column = indent;
	for (guint i = 0; words[i]; i++) {
		glong len = g_utf8_strlen(words[i], -1);
		if (i && column + 1 + len > WIDTH) {
			g_string_append_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (i) {
			g_string_append_c(out, ' ');
			column++;
		}
		g_string_append(out, words[i]);
		column += len;
	}
	g_string_append_c(out, '\n');
}

static void put_fact(GString *out, const char *name, const char *text)
{
	if (!text)
		return;
	g_string_append_printf(out, "  %-11s", name);
	put_wrapped(out, 13, text);
}

static const char *required_text(const struct subject *s, const struct field *f)
{
	if (s->is_observed || s->is_template || !describe_is_needed(f))
		return NULL;
	return s->is_overlaid ? "yes, here or in the Farm's defaults" : "yes";
}

/* What acts while a VM runs, or NULL. */
static const char *live_text(const struct subject *s)
{
	const struct vm_live_row *row = g_str_has_prefix(s->path, "VM.spec.") ? vm_live_of_field(s->path + strlen("VM.spec.")) : NULL;
	return row ? row->when : NULL;
}

static void put_facts(GString *out, const struct subject *s)
{
	struct arena *a = s->arena;
	const struct field *f = s->row;
	const char *example = describe_example(a, f), *type = describe_type(a, f);
	put_fact(out, "type", example ? arena_printf(a, "%s, as %s", type, example) : type);
	if (s->is_observed)
		return;
	put_fact(out, "range", describe_limits(a, f));
	put_fact(out, "required", required_text(s, f));
	put_fact(out, "default", f->def);
	put_fact(out, "on change", describe_effect(f));
	put_fact(out, "acts live", live_text(s));
	if (f->flags & FIELD_SHORTHAND)
		put_fact(out, "short", "may stand alone instead of the map it is in");
	if (s->is_later)
		put_fact(out, "note", "does not act yet in this version; `cleave validate` says so where it is used");
}

static void put_table(GString *out, const struct subject *s)
{
	gsize name_width = 0, type_width = 0;
	FIELDS_EACH (f, s->table) {
		if (!is_key(s, f))
			continue;
		name_width = MAX(name_width, strlen(f->name) + 1);
		type_width = MAX(type_width, strlen(describe_type_short(f)));
	}
	FIELDS_EACH (f, s->table) {
		if (!is_key(s, f))
			continue;
		g_autofree char *name = g_strdup_printf("%s%s", f->name, required_text(s, f) ? "*" : "");
		g_autofree char *doc = g_strdup_printf("%s%s", f->doc,
		                                       (f->flags & FIELD_LATER) && !s->is_observed && !s->is_later ? " " NOT_YET : "");
		g_string_append_printf(out, "  %-*s  %-*s  ", (int)name_width, name, (int)type_width, describe_type_short(f));
		put_wrapped(out, (guint)(name_width + type_width) + 6, doc);
	}
}

static void put_plan_rules(GString *out, const char *title, int width, gboolean of_object)
{
	g_string_append_printf(out, "\n%s:\n", title);
	for (guint i = 0; i < n_plan_rules; i++)
		if ((plan_rules[i].scope == RULE_OF_OBJECT) == of_object)
			g_string_append_printf(out, "  %-*s  %s\n", width, plan_rules[i].name, plan_rules[i].doc);
}

/* A rule of several kinds has a row a kind, one after the other. */
static gboolean is_told(const struct kind *kind, guint at)
{
	return !kind && at && strcmp(spec_rules[at].name, spec_rules[at - 1].name) == 0;
}

/* Of one kind, or (NULL) all there are. */
static void put_rules(GString *out, const struct kind *kind)
{
	gsize width = 0, n = 0;
	for (guint i = 0; i < n_spec_rules; i++)
		width = !kind || spec_rules[i].kind == kind->id ? MAX(width, strlen(spec_rules[i].name)) : width;
	for (guint i = 0; i < n_spec_rules; i++) {
		if ((kind && spec_rules[i].kind != kind->id) || is_told(kind, i))
			continue;
		if (n++ == 0)
			g_string_append_printf(out, "%sRules of specs:\n", kind ? "\n" : "");
		g_string_append_printf(out, "  %-*s  %s\n", (int)width, spec_rules[i].name, spec_rules[i].doc);
	}
	if (kind)
		return;
	put_plan_rules(out, "Rules of plans, which refuse a plan as a whole", (int)width, FALSE);
	put_plan_rules(out, "Rules of plans, which refuse one object while all else goes on", (int)width, TRUE);
	g_string_append(out, "\nChecks of `cleave preflight`:\n");
	for (guint i = 0; i < n_preflight_checks; i++)
		g_string_append_printf(out, "  %-*s  %s\n", (int)width, preflight_checks[i].name, preflight_checks[i].doc);
}

/* What the stars in the table of keys mean; "" when there are none. */
static const char *star_text(const struct subject *s)
{
	FIELDS_EACH (f, s->table)
		if (is_key(s, f) && required_text(s, f))
			return s->is_overlaid && !(s->row && s->row->type == FIELD_LIST)
			           ? " (*: required, here or in the Farm's defaults)"
			           : " (*: required)";
	return "";
}

static void put_subject(GString *out, const struct subject *s)
{
	gboolean is_kind = s->path == s->kind->name;
	g_string_append(out, s->path);
	if (is_kind)
		g_string_append_printf(out, " (%s)  apiVersion: " API_VERSION, s->kind->plural);
	g_string_append(out, "\n\n  ");
	put_wrapped(out, 2, s->doc);
	if (s->row) {
		g_string_append_c(out, '\n');
		put_facts(out, s);
	}
	if (s->table) {
		const char *part = !is_kind ? "" : s->kind->spec_fields ? " of spec" : " of status";
		g_string_append_printf(out, "\nKeys%s%s:\n", part, star_text(s));
		put_table(out, s);
	}
	if (!is_kind)
		return;
	put_rules(out, s->kind);
	g_string_append_printf(out, "\n`cleave explain %s.KEY` tells more of a key; so do %s.metadata%s.\n", s->kind->alias,
	                       s->kind->alias,
	                       !s->kind->status_fields ? "" : arena_printf(s->arena, " and %s.status", s->kind->alias));
}

static void put_kinds(GString *out)
{
	g_string_append(out, "Kinds (apiVersion: " API_VERSION "):\n");
	for (guint i = 0; i < N_KINDS; i++)
		g_string_append_printf(out, "  %-10s  %-12s  %s\n", kinds[i].name, kinds[i].plural, kinds[i].doc);
	g_string_append(out, "\n`cleave explain KIND` tells its keys and rules, `cleave explain KIND.KEY` more of a key,\n"
	                     "`cleave explain rules` all rules.\n");
}

/* -- JSON ------------------------------------------------------------------------------------------------ */

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *words_json(const struct name_table *names)
{
	json_t *words = json_array();
	for (guint i = 0; i < names->n; i++)
		if (*names->names[i])
			json_array_append_new(words, json_string(names->names[i]));
	return words;
}

static json_t *row_json(const struct subject *s, const struct field *f)
{
	json_t *o = json_object();
	set_text(o, "name", f->name);
	set_text(o, "type", describe_type_short(f));
	set_text(o, "means", describe_type(s->arena, f));
	set_text(o, "doc", f->doc);
	set_text(o, "example", describe_example(s->arena, f));
	if (f->names)
		json_object_set_new(o, "words", words_json(f->names));
	if (s->is_observed)
		return o;
	set_text(o, "range", describe_limits(s->arena, f));
	set_text(o, "default", f->def);
	set_text(o, "onChange", name_of(&effect_names, (int)f->on_change));
	json_object_set_new(o, "required", json_boolean(!s->is_template && describe_is_needed(f)));
	json_object_set_new(o, "acts", json_boolean(!s->is_later && !(f->flags & FIELD_LATER)));
	return o;
}

static json_t *rules_json(const struct kind *kind)
{
	json_t *list = json_array();
	for (guint i = 0; i < n_spec_rules; i++)
		if (!kind || spec_rules[i].kind == kind->id)
			json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "name", spec_rules[i].name, "of", "spec", "kind",
			                                      kinds[spec_rules[i].kind].name, "doc", spec_rules[i].doc));
	for (guint i = 0; !kind && i < n_plan_rules; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", plan_rules[i].name, "of", "plan", "doc", plan_rules[i].doc));
	for (guint i = 0; !kind && i < n_preflight_checks; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "name", preflight_checks[i].name, "of", "preflight", "kind",
		                                      preflight_scope_kind(preflight_checks[i].scope), "doc", preflight_checks[i].doc));
	return list;
}

static json_t *subject_json(const struct subject *s)
{
	json_t *o = s->row ? row_json(s, s->row) : json_object(), *keys = json_array();
	set_text(o, "path", s->path);
	set_text(o, "kind", s->kind->name);
	set_text(o, "doc", s->doc);
	for (const struct field *f = s->table; f && f->name; f++)
		json_array_append_new(keys, row_json(s, f));
	if (s->table)
		json_object_set(o, "keys", keys);
	json_decref(keys);
	if (s->path == s->kind->name)
		json_object_set_new(o, "rules", rules_json(s->kind));
	return o;
}

static json_t *kinds_json(void)
{
	json_t *list = json_array();
	for (guint i = 0; i < N_KINDS; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "name", kinds[i].name, "plural", kinds[i].plural, "alias",
		                                      kinds[i].alias, "doc", kinds[i].doc));
	return list;
}

static void append_json(GString *out, json_t *value)
{
	g_autofree char *text = json_dumps(value, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	json_decref(value);
}

/* -- all together -------------------------------------------------------------------------------------------- */

/* A rule of specs or plans, or a check of preflight. */
struct rule_text {
	const char *name, *doc;
	const char *of, *of_many; /* "spec", "specs" */
	const char *kind;         /* NULL: of none alone */
};

static gboolean find_rule(const char *word, struct rule_text *ret)
{
	for (guint i = 0; i < n_preflight_checks; i++)
		if (g_ascii_strcasecmp(preflight_checks[i].name, word) == 0)
			*ret = (struct rule_text){ preflight_checks[i].name, preflight_checks[i].doc, "preflight", "preflight",
				                   preflight_scope_kind(preflight_checks[i].scope) };
	for (guint i = 0; i < n_spec_rules; i++)
		if (g_ascii_strcasecmp(spec_rules[i].name, word) == 0)
			*ret = (struct rule_text){ spec_rules[i].name, spec_rules[i].doc, "spec", "specs", kinds[spec_rules[i].kind].name };
	for (guint i = 0; i < n_plan_rules; i++)
		if (g_ascii_strcasecmp(plan_rules[i].name, word) == 0)
			*ret = (struct rule_text){ plan_rules[i].name, plan_rules[i].doc, "plan", "plans", NULL };
	return ret->doc != NULL;
}

static gboolean explain_rule(GString *out, const char *word, gboolean as_json)
{
	struct rule_text r = { 0 };
	if (!find_rule(word, &r))
		return FALSE;
	if (as_json)
		append_json(out, json_pack("{s:s,s:s,s:s*,s:s}", "name", r.name, "of", r.of, "kind", r.kind, "doc", r.doc));
	else
		g_string_append_printf(out, "%s\n\n  %s\n\n  %-11s%s%s%s\n", r.name, r.doc, "rule of", r.of_many, r.kind ? ": " : "", r.kind ? r.kind : "");
	return TRUE;
}

/* What a condition gives as its reason: a row of its own, or the rules that say so. One that is both is of several kinds. */
static gboolean explain_reason(GString *out, const char *word, gboolean as_json)
{
	const char *doc = NULL;
	g_autoptr(GString) rules = g_string_new(NULL);
	json_t *names = json_array();
	for (guint i = 0; i < n_plan_reasons; i++)
		if (g_ascii_strcasecmp(plan_reasons[i].word, word) == 0) {
			word = plan_reasons[i].word;
			doc = plan_reasons[i].doc;
		}
	for (guint i = 0; i < n_plan_rules; i++)
		if (plan_rules[i].reason && g_ascii_strcasecmp(plan_rules[i].reason, word) == 0) {
			word = plan_rules[i].reason;
			doc = doc ? doc : plan_rules[i].doc;
			g_string_append_printf(rules, "%s%s", rules->len ? ", " : "", plan_rules[i].name);
			json_array_append_new(names, json_string(plan_rules[i].name));
		}
	if (doc && as_json)
		append_json(out, json_pack("{s:s,s:s,s:O,s:s}", "name", word, "of", "condition", "rules", names, "doc", doc));
	else if (doc)
		g_string_append_printf(out, "%s\n\n  %s\n\n  %-11sa condition, as `cleave get` tells it\n", word, doc, "reason of");
	if (rules->len && !as_json)
		put_fact(out, "rules", rules->str);
	json_decref(names);
	return doc != NULL;
}

gboolean report_explain(GString *out, const char *what, gboolean as_json, GError **error)
{
	SCOPED_ARENA(a);
	struct subject s = { .arena = a };
	if (!what && as_json)
		append_json(out, kinds_json());
	else if (!what)
		put_kinds(out);
	else if (g_ascii_strcasecmp(what, "rules") == 0 && as_json)
		append_json(out, rules_json(NULL));
	else if (g_ascii_strcasecmp(what, "rules") == 0)
		put_rules(out, NULL);
	else if (explain_rule(out, what, as_json))
		return TRUE;
	else if (!kind_find(what) && explain_reason(out, what, as_json))
		return TRUE;
	else if (!find_subject(&s, what, error))
		return FALSE;
	else if (as_json)
		append_json(out, subject_json(&s));
	else
		put_subject(out, &s);
	return TRUE;
}
