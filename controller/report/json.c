/* For programs: jansson values from plans and, by walking the field tables, from objects. */
#include "base/arena.h"
#include "report/report.h"
#include "report/tables.h"
#include "spec/emit.h"
#include "spec/secret.h"
#include "spec/walk.h"
#include <jansson.h>
#include <string.h>

static void append_line(GString *out, json_t *line)
{
	g_autofree char *text = json_dumps(line, JSON_COMPACT);
	g_string_append(out, text);
	g_string_append_c(out, '\n');
	json_decref(line);
}

/* JSON has no other text than UTF-8; what a machine tells may be anything. */
static void set_text(json_t *object, const char *key, const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	if (valid)
		json_object_set_new(object, key, json_string(valid));
}

static json_t *type(const char *word)
{
	json_t *line = json_object();
	set_text(line, "type", word);
	return line;
}

static void set_value(json_t *object, const char *key, const char *field, const char *value)
{
	if (value)
		set_text(object, key, secret_is_value(field, value) ? SECRET_MASKED : value);
	else
		json_object_set_new(object, key, json_null());
}

static json_t *changes_json(const struct changes *c)
{
	json_t *list = json_array();
	for (guint i = 0; i < c->n; i++) {
		json_t *one = json_object();
		set_text(one, "field", c->items[i].field);
		set_value(one, "before", c->items[i].field, c->items[i].before);
		set_value(one, "after", c->items[i].field, c->items[i].after);
		json_array_append_new(list, one);
	}
	return list;
}

static void set_device(json_t *line, const struct action *act)
{
	json_object_set_new(line, "undo", json_boolean(verbs[act->verb].has_undo));
	if (!act->holders.n)
		return;
	json_t *list = json_array();
	for (guint i = 0; i < act->holders.n; i++) {
		g_autofree char *valid = g_utf8_make_valid(act->holders.items[i], -1);
		json_array_append_new(list, json_string(valid));
	}
	json_object_set_new(line, "holders", list);
}

static json_t *action_json(const char *word, const struct action *act)
{
	json_t *line = type(word);
	set_text(line, "verb", verbs[act->verb].name);
	set_text(line, "kind", kinds[act->kind].name);
	set_text(line, "name", act->id);
	set_text(line, "effect", name_of(&effect_names, (int)act->effect));
	set_text(line, "reason", act->reason);
	return line;
}

static void append_action(GString *out, const struct action *act)
{
	SCOPED_ARENA(scratch);
	json_t *line = action_json("action", act);
	if (act->count)
		json_object_set_new(line, "count", json_integer((json_int_t)act->count));
	if (act->frames.n_runs)
		set_text(line, "frames", frames_format(scratch, &act->frames));
	set_text(line, "key", act->key);
	set_text(line, "expect", act->expect);
	if (act->kind == KIND_HOST || act->kind == KIND_GPU)
		set_device(line, act);
	json_object_set_new(line, "changes", changes_json(&act->changes));
	json_t *waits = json_array();
	for (guint i = 0; i < act->n_waits; i++)
		json_array_append_new(waits, json_integer((json_int_t)act->waits[i]));
	json_object_set_new(line, "waits", waits);
	append_line(out, line);
}

/* What is not as it should be, said of the object: stalled objects, notes and refusals. */
static void append_drift(GString *out, const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		if (v->readiness == IS_READY && !report_is_worth_saying(p, v))
			continue;
		json_t *line = type("drift");
		set_text(line, "kind", v->object->kind->name);
		set_text(line, "name", v->object->id);
		set_text(line, "condition", name_of(&readiness_names, (int)v->readiness));
		set_text(line, "reason", v->reason);
		set_text(line, "message", v->message);
		if (v->is_refused)
			json_object_set_new(line, "refused", json_true());
		append_line(out, line);
	}
	for (guint i = 0; i < p->n_notes; i++) {
		json_t *line = type("drift");
		set_text(line, "kind", kinds[p->notes[i].kind].name);
		set_text(line, "name", p->notes[i].id);
		set_text(line, "message", p->notes[i].message);
		append_line(out, line);
	}
}

static json_t *refusals_json(const struct plan *p)
{
	json_t *list = json_array();
	for (guint i = 0; i < p->n_refusals; i++) {
		json_t *one = json_object();
		set_text(one, "rule", p->refusals[i].rule);
		set_text(one, "kind", kinds[p->refusals[i].kind].name);
		set_text(one, "name", p->refusals[i].id);
		set_text(one, "message", p->refusals[i].message);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *strings_json(const struct strings *all)
{
	json_t *list = json_array();
	for (guint i = 0; i < all->n; i++) {
		g_autofree char *valid = g_utf8_make_valid(all->items[i], -1);
		json_array_append_new(list, json_string(valid));
	}
	return list;
}

/* What limits hold back, and how it goes on; or that it does since somebody said so. */
static void set_waiting(json_t *line, const struct plan *p)
{
	set_text(line, "approval", p->approval);
	set_text(line, "approved", p->approved);
	if (p->waiting.n)
		json_object_set_new(line, "waiting", strings_json(&p->waiting));
}

static json_t *summary_json(const struct plan *p)
{
	json_t *line = type("summary"), *effects = json_object();
	json_object_set_new(line, "actions", json_integer(p->n_actions));
	for (int e = EFFECT_NONE + 1; e < N_EFFECTS; e++) {
		guint64 count = plan_effect_count(p, (enum effect)e);
		if (count)
			json_object_set_new(effects, name_of(&effect_names, e), json_integer((json_int_t)count));
	}
	json_object_set_new(line, "effects", effects);
	json_object_set_new(line, "refused", json_integer(plan_n_refused(p)));
	guint n_unseen = plan_n_unseen(p, KIND_VM) + plan_n_unseen(p, KIND_RENDERJOB);
	if (n_unseen)
		json_object_set_new(line, "unseen", json_integer(n_unseen));
	json_object_set_new(line, "refusals", refusals_json(p));
	set_waiting(line, p);
	return line;
}

void report_version_json(GString *out, const struct plan *p)
{
	json_t *line = type("version");
	json_object_set_new(line, "version", json_integer(1));
	set_text(line, "revision", p->revision);
	set_text(line, "host", p->host);
	append_line(out, line);
}

void report_plan_json(GString *out, const struct plan *p)
{
	report_version_json(out, p);
	append_drift(out, p);
	for (guint i = 0; i < p->n_actions; i++)
		append_action(out, &p->actions[i]);
	append_line(out, summary_json(p));
}

void report_outcome_json(GString *out, const struct plan *p, const struct outcome *o)
{
	static const char *const words[] = { "done", "failed", "skipped" };
	json_t *line = action_json("outcome", &p->actions[o->action]);
	set_text(line, "outcome", words[o->state]);
	set_text(line, "message", o->message);
	json_object_set_new(line, "ms", json_integer(o->took_ms));
	append_line(out, line);
}

void report_summary_json(GString *out, const struct plan *p, const struct outcomes *o)
{
	json_t *line = summary_json(p);
	json_object_set_new(line, "done", json_integer(o->n_done));
	json_object_set_new(line, "failed", json_integer(o->n_failed));
	json_object_set_new(line, "skipped", json_integer(o->n_skipped));
	append_line(out, line);
}

void report_progress_json(GString *out, const char *job, guint64 n_whole, guint64 n_wanted)
{
	json_t *line = type("progress");
	set_text(line, "kind", kinds[KIND_RENDERJOB].name);
	set_text(line, "name", job);
	json_object_set_new(line, "whole", json_integer((json_int_t)n_whole));
	json_object_set_new(line, "wanted", json_integer((json_int_t)n_wanted));
	append_line(out, line);
}

void report_approval_json(GString *out, const char *digest, const struct strings *items)
{
	json_t *line = type("decision");
	set_text(line, "decision", "approve");
	set_text(line, "digest", digest);
	json_object_set_new(line, "waiting", strings_json(items));
	append_line(out, line);
}

void report_approved_json(GString *out, const char *digest, const char *host, const char *revision, const char *by, const char *at, gboolean has_begun)
{
	json_t *line = type("approval");
	set_text(line, "digest", digest);
	set_text(line, "host", host);
	set_text(line, "revision", revision);
	set_text(line, "by", by);
	set_text(line, "at", at);
	json_object_set_new(line, "begun", json_boolean(has_begun));
	append_line(out, line);
}

void report_decision_json(GString *out, const char *decision, const char *vm)
{
	json_t *line = type("decision");
	set_text(line, "decision", decision);
	set_text(line, "kind", kinds[KIND_VM].name);
	set_text(line, "name", vm);
	append_line(out, line);
}

void report_decided_json(GString *out, const char *decision, const char *object)
{
	const char *slash = strchr(object, '/');
	json_t *line = type("decision");
	set_text(line, "decision", decision);
	if (slash) {
		json_object_set_new(line, "kind", json_stringn(object, (gsize)(slash - object)));
		set_text(line, "name", slash + 1);
	}
	json_object_set_new(line, "local", json_true());
	append_line(out, line);
}

void report_change_json(GString *out, const char *commit, const char *branch, const char *path)
{
	json_t *line = type("change");
	json_object_set_new(line, "commit", commit ? json_string(commit) : json_null());
	set_text(line, "branch", branch);
	set_text(line, "path", path);
	append_line(out, line);
}

/* -- objects ------------------------------------------------------------------------------------------ */

/* The open objects and arrays, innermost last. */
struct json_builder {
	GPtrArray *open;
};

static void put(struct json_builder *b, const char *key, json_t *value)
{
	json_t *into = g_ptr_array_index(b->open, b->open->len - 1);
	if (key)
		json_object_set_new(into, key, value);
	else
		json_array_append_new(into, value);
}

/* Numbers and truth values are JSON's; what carries a unit stays text, as in YAML. */
static json_t *scalar_value(const struct field *f, const char *text)
{
	switch (f ? f->type : FIELD_STRING) {
	case FIELD_BOOL: return json_boolean(strcmp(text, "true") == 0);
	case FIELD_INT: return json_integer(g_ascii_strtoll(text, NULL, 10));
	case FIELD_DECIMAL: return json_real(g_ascii_strtod(text, NULL));
	case FIELD_TEMPLATE: { /* written without quotes */
		json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
		return value ? value : json_string(text);
	}
	default: return json_string(text);
	}
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	put(user, key, scalar_value(f, valid));
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	struct json_builder *b = user;
	json_t *value = is_list ? json_array() : json_object();
	put(b, key, value);
	g_ptr_array_add(b->open, value);
}

static void on_end(void *user, gboolean is_list)
{
	struct json_builder *b = user;
	(void)is_list;
	g_ptr_array_set_size(b->open, (gint)b->open->len - 1);
}

static void walk_into(json_t *object, const char *key, const struct field *table, const void *value)
{
	static const struct visitor visitor = { on_scalar, on_begin, on_end };
	g_autoptr(GPtrArray) open = g_ptr_array_new();
	struct json_builder b = { open };
	json_t *part = json_object();
	json_object_set_new(object, key, part);
	g_ptr_array_add(open, part);
	walk_struct(table, value, 0, FALSE, &visitor, &b);
}

static json_t *labels_json(const struct list *labels)
{
	json_t *map = json_object();
	for (guint i = 0; i < labels->n; i++)
		set_text(map, LIST_AT(*labels, struct label, i)->key, LIST_AT(*labels, struct label, i)->value);
	return map;
}

static json_t *object_json(const struct object *o, const void *spec, const void *status)
{
	json_t *object = json_object(), *meta = json_object();
	set_text(object, "apiVersion", API_VERSION);
	set_text(object, "kind", o->kind->name);
	set_text(meta, "name", o->meta.name);
	if (o->meta.labels.n)
		json_object_set_new(meta, "labels", labels_json(&o->meta.labels));
	if (o->meta.annotations.n)
		json_object_set_new(meta, "annotations", labels_json(&o->meta.annotations));
	json_object_set_new(object, "metadata", meta);
	if (spec)
		walk_into(object, "spec", o->kind->spec_fields, spec);
	if (status)
		walk_into(object, "status", o->kind->status_fields, status);
	return object;
}

static void append_array(GString *out, json_t *array)
{
	g_autofree char *text = json_dumps(array, JSON_INDENT(2));
	g_string_append(out, text);
	g_string_append_c(out, '\n');
	json_decref(array);
}

void report_objects_json(GString *out, const struct objects *objects, unsigned parts)
{
	json_t *array = json_array();
	for (int kind = 0; kind < N_KINDS; kind++)
		OBJECTS_EACH (o, objects, kind)
			json_array_append_new(array, object_json(o, parts & EMIT_SPEC ? o->spec : NULL,
			                                         parts & EMIT_STATUS ? o->status : NULL));
	append_array(out, array);
}

struct condition report_condition(struct arena *a, const struct plan *p, const struct shown *s)
{
	const struct verdict *v = s->verdict;
	gboolean is_unknown = v->readiness == IS_UNKNOWN;
	const char *type = name_of(&readiness_names, is_unknown ? IS_READY : (int)v->readiness);
	return (struct condition){ type, is_unknown ? "Unknown" : "True", v->reason, v->message, p->revision,
		                   report_time(a, s->since_ms), s->ready_revision };
}

static void set_condition(json_t *object, const struct plan *p, const struct shown *s)
{
	SCOPED_ARENA(a);
	struct condition c = report_condition(a, p, s);
	json_t *holder = json_object(), *status = json_object_get(object, "status");
	if (!status)
		json_object_set_new(object, "status", status = json_object());
	walk_into(holder, "condition", condition_fields, &c);
	json_object_set_new(status, "conditions", json_pack("[O]", json_object_get(holder, "condition")));
	json_decref(holder);
}

void report_get_json(GString *out, const struct shown_list *l)
{
	json_t *array = json_array();
	for (guint i = 0; i < l->n; i++) {
		const struct object *o = l->items[i].verdict->object;
		const struct object *have = objects_get(l->plan->have, o->kind->id, o->id);
		json_t *one = object_json(o, o->spec, have ? have->status : NULL);
		set_condition(one, l->plan, &l->items[i]);
		json_array_append_new(array, one);
	}
	append_array(out, array);
}

void report_problems_json(GString *out, const struct problems *problems)
{
	json_t *array = json_array();
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *p = &g_array_index(problems->list, struct problem, i);
		json_t *one = json_object();
		set_text(one, "severity", p->severity == SEVERITY_ERROR ? "error" : "warning");
		set_text(one, "path", p->place.path);
		json_object_set_new(one, "line", json_integer(p->place.line));
		json_object_set_new(one, "column", json_integer(p->place.column));
		set_text(one, "message", p->message);
		set_text(one, "rule", p->rule);
		json_array_append_new(array, one);
	}
	if (problems_left_out(problems)) {
		json_t *rest = json_object();
		set_text(rest, "severity", problems->n_errors ? "error" : "warning");
		json_object_set_new(rest, "message", json_sprintf("and %u more", problems_left_out(problems)));
		json_array_append_new(array, rest);
	}
	append_array(out, array);
}
