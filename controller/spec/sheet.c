/* Envelope, defaults, decode. Objects point into the packed texts of their own file and of the Farm's. */
#include "spec/sheet.h"
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/envelope.h"
#include "spec/farm.h"
#include "spec/node.h"
#include "spec/renderjob.h"
#include "spec/resolve.h"
#include "spec/rules.h"
#include "spec/vm.h"
#include <string.h>

/* decode_template() checks defaults into a scratch of that size. */
G_STATIC_ASSERT(sizeof(struct vm_spec) <= 4096 && sizeof(struct renderjob_spec) <= 4096);


struct sheet *sheet_ref(struct sheet *s)
{
	s->n_refs++;
	return s;
}

void sheet_unref(struct sheet *s)
{
	if (s && --s->n_refs == 0 && s->owns_arena)
		arena_free(s->arena);
}

struct sheet_objects *sheet_objects_ref(struct sheet_objects *o)
{
	o->n_refs++;
	return o;
}

void sheet_objects_unref(struct sheet_objects *o)
{
	if (!o || --o->n_refs > 0)
		return;
	/* The struct itself lies in one of the arenas. */
	struct sheet *sheet = o->sheet, *lender = o->lender;
	if (o->arena != sheet->arena)
		arena_free(o->arena);
	sheet_unref(lender);
	sheet_unref(sheet);
}

void sheet_tools_init(struct sheet_tools *t)
{
	*t = (struct sheet_tools){ .scratch = arena_new(), .reader = node_reader_new() };
	packer_init(&t->packer);
}

void sheet_tools_clear(struct sheet_tools *t)
{
	arena_free(t->scratch);
	node_reader_free(t->reader);
	packer_clear(&t->packer);
}

/* -- one object -------------------------------------------------------------------------------------- */

static const struct node *template_of(const struct templates *t, const char *key)
{
	const struct {
		const char *key;
		const struct node *node;
	} all[] = { { "host", t->host }, { "gpu", t->gpu }, { "vm", t->vm }, { "job", t->job } };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (strcmp(all[i].key, key) == 0)
			return all[i].node;
	g_assert_not_reached();
}

static gboolean has_label(const struct meta *meta, const struct label *wanted)
{
	for (guint i = 0; i < meta->labels.n; i++) {
		const struct label *l = LIST_AT(meta->labels, struct label, i);
		if (strcmp(l->key, wanted->key) == 0 && g_strcmp0(l->value, wanted->value) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean has_labels(const struct meta *meta, const struct list *wanted)
{
	for (guint i = 0; i < wanted->n; i++)
		if (!has_label(meta, LIST_AT(*wanted, struct label, i)))
			return FALSE;
	return TRUE;
}

/* The Farm's values for the object: for all of its kind, then by label. NULL when there are none. */
static const struct node *defaults_of(struct arena *a, const struct object *farm, const struct object *o)
{
	const char *key = o->kind->defaults;
	if (!farm || !key)
		return NULL;
	const struct farm_defaults *d = &((const struct farm_spec *)farm->spec)->defaults;
	const struct node *under = template_of(&d->templates, key);
	for (guint i = 0; i < d->by_label.n; i++) {
		const struct labelled_templates *t = LIST_AT(d->by_label, struct labelled_templates, i);
		if (has_labels(&o->meta, &t->labels))
			under = node_merge(a, under, template_of(&t->templates, key));
	}
	return under;
}

static void decode_spec(const struct envelope *e, struct arena *scratch, const struct object *farm, struct object *o,
                        const struct node *spec)
{
	const struct kind *kind = o->kind;
	o->spec = arena_alloc(e->arena, kind->spec_size);
	o->under = defaults_of(e->arena, farm, o);
	/* The merged map is needed only now: scalars keep their texts, and kinds with defaults no nodes. */
	o->n_files = decode_struct(e->arena, kind->spec_fields, node_merge(scratch, o->under, spec), o->place, FALSE, o->spec, e->problems);
	o->effective = o->spec;
}

static const char *id_of(const struct envelope *e, const struct object *o, const struct node *doc)
{
	if (!o->kind->project_key)
		return o->meta.name;
	const char *project = o->spec ? ((const struct renderjob_spec *)o->spec)->project : NULL;
	const char *id = e->is_status ? envelope_text(node_get(doc, "metadata"), "id") : NULL;
	return id ? id : arena_printf(e->arena, "%s/%s", project ? project : "", o->meta.name);
}

/* Nodes live in `nodes` and are of no use to the object afterwards, but a Farm's: it keeps its defaults.
 * NULL when it has no name to be known by. */
static struct object *decode_object(const struct envelope *e, struct arena *nodes, const struct object *farm,
                                    const struct sheet_document *doc)
{
	struct object *o = ARENA_NEW(e->arena, struct object);
	const struct node *document = node_unpack(nodes, &doc->written);
	o->kind = doc->kind;
	o->place = node_place(document);
	o->written = &doc->written;
	envelope_read(e, document, &o->meta);
	if (e->is_status) {
		o->status = arena_alloc(e->arena, o->kind->status_size);
		if (o->kind->status_fields)
			decode_struct(e->arena, o->kind->status_fields, node_get(document, "status"), o->place, TRUE, o->status,
			              e->problems);
	} else {
		decode_spec(e, nodes, farm, o, node_get(document, "spec"));
	}
	if (!o->meta.name)
		return NULL;
	o->id = id_of(e, o, document);
	return o;
}

/* -- a file ------------------------------------------------------------------------------------------ */

static void read_documents(struct sheet *s, const struct envelope *e, struct sheet_tools *tools, const struct spec_file *file)
{
	g_autoptr(GArray) documents = g_array_new(FALSE, FALSE, sizeof(struct sheet_document));
	node_reader_begin(tools->reader, s->arena, s->path, file->bytes, file->size, e->problems);
	for (struct node n; node_reader_next(tools->reader, tools->scratch, &n); arena_reset(tools->scratch)) {
		const struct kind *kind = envelope_kind(e, &n);
		if (!kind)
			continue;
		struct sheet_document doc = { kind, packer_put(&tools->packer, s->arena, &n) };
		g_array_append_val(documents, doc);
	}
	node_reader_end(tools->reader);
	s->n_documents = documents->len;
	s->documents = arena_memdup(s->arena, documents->data, documents->len * sizeof(struct sheet_document));
	const char *const *keys = packer_keys(&tools->packer, s->arena);
	for (guint i = 0; i < s->n_documents; i++)
		s->documents[i].written.keys = keys;
}

static void decode_farms(struct sheet *s, const struct envelope *e)
{
	guint n = 0;
	for (guint i = 0; i < s->n_documents; i++)
		n += s->documents[i].kind->id == KIND_FARM;
	s->farms = ARENA_ARRAY(s->arena, struct object *, n);
	for (guint i = 0; n && i < s->n_documents; i++) {
		struct object *farm = s->documents[i].kind->id == KIND_FARM ? decode_object(e, s->arena, NULL, &s->documents[i]) : NULL;
		if (farm)
			s->farms[s->n_farms++] = farm;
	}
}

struct sheet *sheet_new(struct arena *arena, gboolean owns_arena, const struct spec_file *file, gboolean is_status,
                        struct sheet_tools *tools)
{
	struct sheet *s = ARENA_NEW(arena, struct sheet);
	struct problems problems;
	problems_init(&problems, arena);
	*s = (struct sheet){ .n_refs = 1,
		             .arena = arena,
		             .owns_arena = owns_arena,
		             .path = arena_strdup(arena, file->path),
		             .blob_id = arena_strdup(arena, file->blob_id),
		             .size = file->size,
		             .is_status = is_status };
	struct envelope e = { arena, &problems, is_status };
	read_documents(s, &e, tools, file);
	decode_farms(s, &e);
	s->problems = problems_take(&problems);
	problems_clear(&problems);
	return s;
}

struct sheet_objects *sheet_decode(struct sheet *s, struct arena *arena, const struct objects *all, struct sheet *lender,
                                   struct sheet_tools *tools)
{
	struct arena *scratch = tools->scratch;
	struct problems problems;
	struct sheet_objects *ret = ARENA_NEW(arena, struct sheet_objects);
	struct envelope e = { arena, &problems, s->is_status };
	problems_init(&problems, arena);
	*ret = (struct sheet_objects){ .n_refs = 1,
		                       .sheet = sheet_ref(s),
		                       .lender = lender ? sheet_ref(lender) : NULL,
		                       .farm = objects_farm(all),
		                       .arena = arena,
		                       .items = ARENA_ARRAY(arena, struct object *, s->n_documents) };
	for (guint i = 0; i < s->n_documents; i++) {
		if (s->documents[i].kind->id == KIND_FARM)
			continue;
		struct object *o = decode_object(&e, scratch, s->is_status ? NULL : ret->farm, &s->documents[i]);
		if (!o)
			continue;
		ret->items[ret->n++] = o;
		if (!s->is_status) {
			resolve_object(arena, ret->farm ? ret->farm->spec : NULL, o);
			rules_check_own(scratch, all, o, &problems);
		}
		arena_reset(scratch);
	}
	ret->problems = problems_take(&problems);
	problems_clear(&problems);
	return ret;
}
