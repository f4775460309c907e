/* libyaml's emitter fed by the walker. */
#include "spec/emit.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/origin.h"
#include "spec/status.h"
#include "spec/walk.h"
#include "spec/yaml_write.h"
#include <string.h>

struct emitter {
	struct yaml_writer yaml;
	struct origins *origins; /* NULL: nobody asks */
	const struct condition *condition; /* may be NULL */
};

/* Plain where libyaml allows it; quoted where YAML would take the text for something else. */
static enum yaml_style style_of(const struct field *f, const char *text)
{
	gboolean is_text = !f || f->type == FIELD_STRING || f->type == FIELD_STRINGS || f->type == FIELD_ENUM;
	return is_text && text_is_ambiguous(text) ? YAML_STYLE_TEXT : YAML_STYLE_PLAIN;
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	struct emitter *e = user;
	if (e->origins)
		origins_scalar(e->origins, key, f);
	yaml_write_scalar(&e->yaml, key, text, style_of(f, text));
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	struct emitter *e = user;
	if (e->origins)
		origins_begin(e->origins, key, is_list);
	yaml_write_open(&e->yaml, key, is_list);
}

static void on_end(void *user, gboolean is_list)
{
	struct emitter *e = user;
	if (e->origins)
		origins_end(e->origins);
	yaml_write_close(&e->yaml, is_list);
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

static void emit_stream(struct emitter *e, GString *out, const struct object *o, unsigned parts)
{
	yaml_write_begin(&e->yaml, out, TRUE);
	emit_document(e, o, parts);
	yaml_write_end(&e->yaml);
}

void emit_object(GString *out, const struct object *o, unsigned parts)
{
	emit_object_standing(out, o, NULL, parts);
}

void emit_object_standing(GString *out, const struct object *o, const struct condition *condition, unsigned parts)
{
	struct emitter e = { .condition = condition };
	if (!(parts & EMIT_ORIGINS)) {
		emit_stream(&e, out, o, parts);
		return;
	}
	g_autoptr(GString) text = g_string_new(NULL);
	e.origins = origins_new(o);
	emit_stream(&e, text, o, parts);
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
