/* Envelope, defaults, decode. Objects point into the packed texts of their own file and of the Farm's. */
#include "spec/sheet.h"
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/defaults.h"
#include "spec/envelope.h"
#include "spec/node.h"
#include "spec/renderjob.h"
#include "spec/rules.h"
#include "spec/vm.h"
#include <string.h>


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
	*t = (struct sheet_tools){ .scratch = arena_new(), .reader = node_reader_new(), .items = g_ptr_array_new() };
	t->defaults = defaults_new();
	packer_init(&t->packer);
}

void sheet_tools_clear(struct sheet_tools *t)
{
	arena_free(t->scratch);
	node_reader_free(t->reader);
	defaults_free(t->defaults);
	packer_clear(&t->packer);
	g_ptr_array_free(t->items, TRUE);
}

/* -- one object -------------------------------------------------------------------------------------- */

/* `under`: the Farm's defaults, or NULL. */
static void decode_spec(const struct envelope *e, struct arena *scratch, const struct node *under, struct object *o,
                        const struct node *spec)
{
	const struct kind *kind = o->kind;
	o->spec = arena_alloc(e->arena, kind->spec_size);
	/* The merged map is needed only now: scalars keep their texts, and kinds with defaults no nodes. */
	o->n_files = decode_struct(e->arena, kind->spec_fields, node_merge(scratch, under, spec),
	                           spec ? node_place(spec) : o->place, FALSE, o->spec, e->problems);
}

static const char *id_of(const struct envelope *e, const struct object *o, const struct node *doc)
{
	if (!o->kind->project_key)
		return o->meta.name;
	const char *project = o->spec ? ((const struct renderjob_spec *)o->spec)->project : NULL;
	const char *id = e->is_status ? envelope_text(node_get(doc, "metadata"), "id") : NULL;
	return id ? id : arena_printf(e->arena, "%s/%s", project ? project : "", o->meta.name);
}

/* NULL when it has no name to be known by. */
static struct object *decode_object(const struct envelope *e, struct sheet_tools *tools, struct arena *scratch,
                                    const struct object *farm, const struct sheet_document *doc, const struct node *document)
{
	struct object *o = ARENA_NEW(e->arena, struct object);
	o->kind = doc->kind;
	o->place = node_place(document);
	o->written = &doc->written;
	o->source = e->source;
	envelope_read(e, document, &o->meta);
	if (e->is_status) {
		if (node_get(document, "spec") && !node_get(document, "status"))
			problem_add(e->problems, SEVERITY_ERROR, o->place,
			            "holds a spec and no status; an observation is wanted, as `cleave observe` writes it");
		o->status = arena_alloc(e->arena, o->kind->status_size);
		if (o->kind->status_fields)
			decode_struct(e->arena, o->kind->status_fields, node_get(document, "status"), o->place, TRUE, o->status,
			              e->problems);
	} else {
		o->farm = farm;
		decode_spec(e, scratch, defaults_below(tools->defaults, o), o, node_get(document, "spec"));
	}
	if (!o->meta.name)
		return NULL;
	o->id = id_of(e, o, document);
	return o;
}

/* -- a file's objects --------------------------------------------------------------------------------- */

struct decoding {
	struct sheet_objects *ret;
	const struct objects *all;
	struct sheet_tools *tools;
	struct envelope envelope;
	struct problems problems;
};

static void decoding_begin(struct decoding *d, struct sheet *s, struct arena *arena, const struct sheet_under *under,
                           struct sheet_tools *tools)
{
	*d = (struct decoding){ .ret = ARENA_NEW(arena, struct sheet_objects), .all = under->all, .tools = tools };
	problems_init(&d->problems, arena);
	d->envelope = (struct envelope){ arena, &d->problems, s->is_status, s->source };
	*d->ret = (struct sheet_objects){ .n_refs = 1,
		                          .sheet = sheet_ref(s),
		                          .lender = under->lender ? sheet_ref(under->lender) : NULL,
		                          .farm = objects_farm(under->all),
		                          .arena = arena };
}

static void decoding_add(struct decoding *d, const struct sheet_document *doc, const struct node *document)
{
	struct arena *scratch = d->tools->scratch;
	gboolean is_status = d->envelope.is_status;
	if (doc->kind->id == KIND_FARM)
		return;
	struct object *o = decode_object(&d->envelope, d->tools, scratch, is_status ? NULL : d->ret->farm, doc, document);
	if (!o)
		return;
	g_ptr_array_add(d->tools->items, o);
	if (!is_status)
		rules_check_own(scratch, d->all, o, &d->problems);
}

static struct sheet_objects *decoding_end(struct decoding *d)
{
	struct sheet_objects *ret = d->ret;
	GPtrArray *items = d->tools->items;
	ret->n = items->len;
	ret->items = arena_memdup(ret->arena, items->pdata, items->len * sizeof(gpointer));
	g_ptr_array_set_size(items, 0);
	ret->problems = problems_take(&d->problems);
	problems_clear(&d->problems);
	return ret;
}

struct sheet_objects *sheet_decode(struct sheet *s, struct arena *arena, const struct sheet_under *under,
                                   struct sheet_tools *tools)
{
	struct decoding d;
	decoding_begin(&d, s, arena, under, tools);
	for (const struct sheet_document *doc = s->documents; doc; doc = doc->next) {
		decoding_add(&d, doc, node_unpack(tools->scratch, &doc->written));
		arena_reset(tools->scratch);
	}
	return decoding_end(&d);
}

/* -- a file ------------------------------------------------------------------------------------------ */

/* Documents that are read before they are decoded: libyaml and the decoder each fill a processor's cache of
 * instructions, and a document each in turn took a tenth longer. */
enum { BATCH = 8 };

struct batch {
	struct node nodes[BATCH];
	guint n;
};

/* Packs and decodes what was read; `d` may be NULL: only packs. */
static struct sheet_document **take_batch(struct sheet *s, const struct envelope *e, struct sheet_tools *tools, struct batch *b,
                                          struct decoding *d, struct sheet_document **end)
{
	struct sheet_document *docs[BATCH];
	for (guint i = 0; i < b->n; i++) {
		const struct kind *kind = envelope_kind(e, &b->nodes[i]);
		docs[i] = kind ? ARENA_NEW(s->arena, struct sheet_document) : NULL;
		if (!kind)
			continue;
		*docs[i] = (struct sheet_document){ NULL, kind, packer_put(&tools->packer, s->arena, &b->nodes[i]) };
		*end = docs[i];
		end = &docs[i]->next;
	}
	for (guint i = 0; d && i < b->n; i++)
		if (docs[i])
			decoding_add(d, docs[i], &b->nodes[i]);
	b->n = 0;
	arena_reset(tools->scratch);
	return end;
}

static void read_documents(struct sheet *s, const struct envelope *e, struct sheet_tools *tools, const struct spec_file *file,
                           struct decoding *d)
{
	struct sheet_document **end = &s->documents;
	struct batch batch;
	batch.n = 0;
	node_reader_begin(tools->reader, s->arena, s->path, file->bytes, file->size, e->problems);
	while (node_reader_next(tools->reader, tools->scratch, &batch.nodes[batch.n]))
		if (++batch.n == BATCH)
			end = take_batch(s, e, tools, &batch, d, end);
	node_reader_end(tools->reader);
	take_batch(s, e, tools, &batch, d, end);
	const char *const *keys = packer_keys(&tools->packer, s->arena);
	for (struct sheet_document *doc = s->documents; doc; doc = doc->next)
		doc->written.keys = keys;
}

static guint count_farms(const struct sheet *s)
{
	guint n = 0;
	for (const struct sheet_document *doc = s->documents; doc; doc = doc->next)
		n += doc->kind->id == KIND_FARM;
	return n;
}

/* A Farm keeps its defaults' nodes, so that they live in the sheet's arena. */
static void decode_farms(struct sheet *s, const struct envelope *e, struct sheet_tools *tools)
{
	s->farms = ARENA_ARRAY(s->arena, struct object *, count_farms(s));
	for (const struct sheet_document *doc = s->documents; doc; doc = doc->next) {
		if (doc->kind->id != KIND_FARM)
			continue;
		struct object *farm = decode_object(e, tools, s->arena, NULL, doc, node_unpack(s->arena, &doc->written));
		if (farm)
			s->farms[s->n_farms++] = farm;
	}
}

struct sheet *sheet_new(struct arena *arena, gboolean owns_arena, const struct spec_file *file, gboolean is_status,
                        struct sheet_tools *tools, const struct sheet_under *under, struct sheet_objects **ret_objects)
{
	struct sheet *s = ARENA_NEW(arena, struct sheet);
	struct problems problems;
	struct decoding d;
	problems_init(&problems, arena);
	*s = (struct sheet){ .n_refs = 1,
		             .arena = arena,
		             .owns_arena = owns_arena,
		             .path = arena_strdup(arena, file->path),
		             .blob_id = arena_strdup(arena, file->blob_id),
		             .source = arena_strdup(arena, file->source),
		             .size = file->size,
		             .is_status = is_status };
	struct envelope e = { arena, &problems, is_status, s->source };
	if (under)
		decoding_begin(&d, s, arena, under, tools);
	read_documents(s, &e, tools, file, under ? &d : NULL);
	if (under)
		*ret_objects = decoding_end(&d);
	decode_farms(s, &e, tools);
	s->problems = problems_take(&problems);
	problems_clear(&problems);
	return s;
}
