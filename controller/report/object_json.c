/* The same for programs. */
#include "report/object.h"
#include "base/arena.h"
#include "report/kept.h"
#include <jansson.h>
#include <string.h>

static void set_text(json_t *object, const char *key, const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	if (valid)
		json_object_set_new(object, key, json_string(valid));
}

static json_t *applied_json(const struct kept_revision *r)
{
	SCOPED_ARENA(a);
	json_t *o = json_object();
	set_text(o, "revision", r->revision);
	set_text(o, "time", report_time(a, r->applied_ms));
	set_text(o, "outcome", report_outcome_of(r));
	return o;
}

static json_t *trace_json(const struct traced *t)
{
	SCOPED_ARENA(a);
	json_t *o = json_object();
	set_text(o, "kind", t->kind);
	set_text(o, "name", t->name);
	set_text(o, "field", t->field);
	set_text(o, "value", t->value);
	set_text(o, "path", t->path);
	if (t->path)
		json_object_set_new(o, "line", json_integer(t->line));
	if (t->is_farms_default)
		json_object_set_new(o, "farmDefault", json_true());
	set_text(o, "commit", t->commit);
	set_text(o, "author", t->author);
	set_text(o, "time", report_time(a, t->time_ms));
	set_text(o, "summary", t->summary);
	set_text(o, "signature", t->signature);
	if (t->commit)
		json_object_set_new(o, "first", json_boolean(t->is_first));
	if (t->is_cut)
		json_object_set_new(o, "orOlder", json_true());
	set_text(o, "trouble", t->trouble);
	if (t->applied)
		json_object_set_new(o, "applied", applied_json(t->applied));
	return o;
}

static void append(GString *out, json_t *value)
{
	g_autofree char *text = json_dumps(value, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	json_decref(value);
}

void report_trace_json(GString *out, const struct traced *t)
{
	append(out, trace_json(t));
}

static json_t *events_json(const struct described *d)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_events_json(text, d->events, d->n_events);
	return json_loads(text->str, 0, NULL);
}

static json_t *actions_json(const struct described *d)
{
	const struct object *object = d->shown->verdict->object;
	json_t *list = json_array();
	for (guint i = 0; i < d->plan->n_actions; i++) {
		const struct action *act = &d->plan->actions[i];
		if (act->kind != object->kind->id || strcmp(act->id, object->id) != 0)
			continue;
		json_t *one = json_object();
		set_text(one, "verb", verbs[act->verb].name);
		set_text(one, "reason", act->reason);
		set_text(one, "effect", name_of(&effect_names, (int)act->effect));
		json_array_append_new(list, one);
	}
	return list;
}

void report_object_json(GString *out, const struct described *all, guint n)
{
	json_t *array = json_array();
	for (guint i = 0; i < n; i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		const struct shown_list one = { .plan = all[i].plan, .items = all[i].shown, .n = 1 };
		report_get_json(text, &one);
		json_t *list = json_loads(text->str, 0, NULL), *more = json_object();
		if (all[i].written)
			json_object_set_new(more, "written", trace_json(all[i].written));
		json_object_set_new(more, "actions", actions_json(&all[i]));
		json_object_set_new(more, "events", events_json(&all[i]));
		json_object_set_new(json_array_get(list, 0), "described", more);
		json_array_append(array, json_array_get(list, 0));
		json_decref(list);
	}
	append(out, array);
}
