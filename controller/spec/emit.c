/* libyaml's emitter fed by the walker. */
#include "spec/emit.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/origin.h"
#include "spec/status.h"
#include "spec/walk.h"
#include <string.h>
#include <yaml.h>

struct emitter {
	yaml_emitter_t yaml;
	GString *out;
	struct origins *origins; /* NULL: nobody asks */
	const struct condition *condition; /* may be NULL */
};

static int append(void *data, unsigned char *bytes, size_t size)
{
	g_string_append_len(((struct emitter *)data)->out, (const char *)bytes, (gssize)size);
	return 1;
}

static void send(struct emitter *e, yaml_event_t *event)
{
	if (!yaml_emitter_emit(&e->yaml, event))
		g_error("libyaml emitter: %s", e->yaml.problem);
}

/* Plain where libyaml allows it; quoted where YAML would take the text for something else. */
static yaml_scalar_style_t style_of(const struct field *f, const char *text)
{
	gboolean is_text = !f || f->type == FIELD_STRING || f->type == FIELD_STRINGS || f->type == FIELD_ENUM;
	if ((is_text && text_is_ambiguous(text)) || strchr(text, '\n'))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

/* Observed texts (kernel arguments, file names) may hold bytes that no YAML can: U+FFFD stands for them. */
static void emit_text(struct emitter *e, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)valid, (int)strlen(valid), 1, 1, style))
		g_error("libyaml: out of memory");
	send(e, &event);
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	struct emitter *e = user;
	if (e->origins)
		origins_scalar(e->origins, key, f);
	if (key)
		emit_text(user, key, style_of(NULL, key));
	emit_text(user, text, style_of(f, text));
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	struct emitter *e = user;
	yaml_event_t event;
	if (e->origins)
		origins_begin(e->origins, key, is_list);
	if (key)
		emit_text(user, key, style_of(NULL, key));
	if (is_list)
		yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
	else
		yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	send(user, &event);
}

static void on_end(void *user, gboolean is_list)
{
	struct emitter *e = user;
	yaml_event_t event;
	if (e->origins)
		origins_end(e->origins);
	if (is_list)
		yaml_sequence_end_event_initialize(&event);
	else
		yaml_mapping_end_event_initialize(&event);
	send(user, &event);
}

static const struct visitor visitor = { on_scalar, on_begin, on_end };

static void emit_labels(struct emitter *e, const char *key, const struct list *labels)
{
	if (!labels->n)
		return;
	on_begin(e, key, FALSE);
	for (guint i = 0; i < labels->n; i++) {
		const struct label *l = LIST_AT(*labels, struct label, i);
		on_scalar(e, l->key, NULL, l->value);
	}
	on_end(e, FALSE);
}

static void begin_part(struct emitter *e, enum origins_part part)
{
	if (e->origins)
		origins_begin_part(e->origins, part);
}

static void emit_status(struct emitter *e, const struct object *o)
{
	if (!o->status && !e->condition)
		return;
	on_begin(e, "status", FALSE);
	if (o->status)
		walk_struct(o->kind->status_fields, o->status, 0, FALSE, &visitor, e);
	if (e->condition) {
		on_begin(e, "conditions", TRUE);
		on_begin(e, NULL, FALSE);
		walk_struct(condition_fields, e->condition, 0, FALSE, &visitor, e);
		on_end(e, FALSE);
		on_end(e, TRUE);
	}
	on_end(e, FALSE);
}

static void emit_document(struct emitter *e, const struct object *o, unsigned parts)
{
	on_begin(e, NULL, FALSE);
	begin_part(e, ORIGINS_OF_OBJECT);
	on_scalar(e, "apiVersion", NULL, API_VERSION);
	begin_part(e, ORIGINS_OF_NOTHING);
	on_scalar(e, "kind", NULL, o->kind->name);
	on_begin(e, "metadata", FALSE);
	on_scalar(e, "name", NULL, o->meta.name);
	if (o->kind->project_key && !(parts & EMIT_SPEC))
		on_scalar(e, "id", NULL, o->id);
	emit_labels(e, "labels", &o->meta.labels);
	emit_labels(e, "annotations", &o->meta.annotations);
	on_end(e, FALSE);
	if ((parts & EMIT_SPEC) && o->spec) {
		on_begin(e, "spec", FALSE);
		begin_part(e, ORIGINS_OF_SPEC);
		walk_struct(o->kind->spec_fields, o->spec, 0, FALSE, &visitor, e);
		begin_part(e, ORIGINS_OF_NOTHING);
		on_end(e, FALSE);
	}
	if (parts & EMIT_STATUS)
		emit_status(e, o);
	on_end(e, FALSE);
}

static void emit_stream(struct emitter *e, const struct object *o, unsigned parts)
{
	yaml_event_t event;
	if (!yaml_emitter_initialize(&e->yaml))
		g_error("libyaml: out of memory");
	yaml_emitter_set_output(&e->yaml, append, e);
	yaml_emitter_set_unicode(&e->yaml, 1);
	yaml_emitter_set_width(&e->yaml, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	send(e, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0);
	send(e, &event);
	emit_document(e, o, parts);
	yaml_document_end_event_initialize(&event, 1);
	send(e, &event);
	yaml_stream_end_event_initialize(&event);
	send(e, &event);
	yaml_emitter_delete(&e->yaml);
}

void emit_object(GString *out, const struct object *o, unsigned parts)
{
	emit_object_standing(out, o, NULL, parts);
}

void emit_object_standing(GString *out, const struct object *o, const struct condition *condition, unsigned parts)
{
	struct emitter e = { .out = out, .condition = condition };
	if (!(parts & EMIT_ORIGINS)) {
		emit_stream(&e, o, parts);
		return;
	}
	g_autoptr(GString) text = g_string_new(NULL);
	e = (struct emitter){ .out = text, .origins = origins_new(o), .condition = condition };
	emit_stream(&e, o, parts);
	origins_append(e.origins, out, text->str);
	origins_free(e.origins);
}

void emit_objects(GString *out, const struct objects *objects, unsigned parts)
{
	for (int kind = 0; kind < N_KINDS; kind++)
		OBJECTS_EACH (o, objects, kind)
			if (((parts & EMIT_SPEC) && o->spec) || ((parts & EMIT_STATUS) && o->status))
				emit_object(out, o, parts);
}

/* A Farm whose defaults lie below every object already, and shall not do so twice: an object may have
 * emptied a list that a default fills, and an empty list is not written. */
static struct object *without_defaults(struct arena *a, const struct object *farm)
{
	struct object *o = arena_memdup(a, farm, sizeof *farm);
	struct farm_spec *spec = arena_memdup(a, farm->spec, sizeof *spec);
	spec->defaults = (struct farm_defaults){ 0 };
	o->spec = spec;
	return o;
}

struct objects *emit_select(struct arena *a, const struct objects *all, const struct kind *kind, const char *id)
{
	struct objects *selected = objects_new(a);
	for (int k = 0; k < N_KINDS; k++)
		OBJECTS_EACH (o, all, k)
			if (o->spec && (!kind || o->kind == kind) && (!id || strcmp(o->id, id) == 0))
				objects_add(selected, k == KIND_FARM ? without_defaults(a, o) : o);
	return selected;
}
