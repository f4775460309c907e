/* Loading in three steps: read all documents, find the Farm, then decode each object over the
 * Farm's defaults. A document with an unknown kind or bad envelope is reported and left out. */
#include "spec/load.h"
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/farm.h"
#include "spec/node.h"
#include "spec/renderjob.h"
#include "spec/resolve.h"
#include "spec/rules.h"
#include "spec/vm.h"
#include <string.h>

/* decode_template() checks defaults into a scratch of that size. */
G_STATIC_ASSERT(sizeof(struct vm_spec) <= 4096 && sizeof(struct renderjob_spec) <= 4096);

struct loader {
	struct arena *arena;
	struct problems *problems;
	struct objects *objects;
	gboolean is_status;
	const struct farm_spec *farm; /* NULL until it is decoded, or when there is none */
};

struct document {
	const struct kind *kind;
	const struct node *node;
};

static void add_error(struct loader *l, const struct node *n, const char *message)
{
	problem_add(l->problems, SEVERITY_ERROR, node_place(n), "%s", message);
}

static const char *scalar_at(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);
	return n && n->type == NODE_SCALAR ? n->text : NULL;
}

static void check_envelope(struct loader *l, const struct node *n)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", "spec", "status" };
	const char *version = scalar_at(n, "apiVersion");
	if (!version)
		add_error(l, n, "the key `apiVersion` is missing: write apiVersion: " API_VERSION);
	else if (strcmp(version, API_VERSION) != 0)
		problem_add(l->problems, SEVERITY_ERROR, node_place(node_get(n, "apiVersion")),
		            "apiVersion: `%.80s` is not known here; this cleave reads " API_VERSION, version);
	MEMBERS_EACH (m, n) {
		gboolean ok = FALSE;
		for (guint k = 0; k < G_N_ELEMENTS(known) && !ok; k++)
			ok = strcmp(m->key, known[k]) == 0;
		if (ok)
			continue;
		const char *near = name_suggest(m->key, known, G_N_ELEMENTS(known));
		problem_add(l->problems, SEVERITY_ERROR, member_place(n, m),
		            "unknown key `%.80s`; %s%s%s", m->key, near ? "did you mean `" : "an object has ",
		            near ? near : "apiVersion, kind, metadata and spec", near ? "`?" : "");
	}
}

/* The document's kind, or NULL after a problem. */
static const struct kind *read_kind(struct loader *l, const struct node *n)
{
	if (n->type != NODE_MAP) {
		if (!node_is_null(n))
			add_error(l, n, "an object is a map with apiVersion, kind, metadata and spec");
		return NULL;
	}
	const char *word = scalar_at(n, "kind");
	if (!word) {
		add_error(l, n, "the key `kind` is missing");
		return NULL;
	}
	const char *names[N_KINDS];
	guint n_names = 0;
	for (guint i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].name, word) == 0 && (l->is_status || kinds[i].spec_fields))
			return &kinds[i];
		if (kinds[i].spec_fields && !kinds[i].is_local)
			names[n_names++] = kinds[i].name;
	}
	const char *near = name_suggest(word, names, n_names);
	problem_add(l->problems, SEVERITY_ERROR, node_place(node_get(n, "kind")),
	            "kind: `%.80s` is not known; %s%s", word, near ? "did you mean " : "kinds are Farm, Host, GPU, VM, RenderJob",
	            near ? near : "");
	return NULL;
}

/* Observed jobs carry their id beside their name. */
static struct node without_id(struct arena *a, const struct node *meta)
{
	struct node rest = *meta;
	rest.members = ARENA_ARRAY(a, struct member, meta->n);
	rest.n = 0;
	MEMBERS_EACH (m, meta)
		if (strcmp(m->key, "id") != 0)
			rest.members[rest.n++] = *m;
	return rest;
}

static void read_meta(struct loader *l, const struct node *doc, struct meta *ret)
{
	const struct node *n = node_get(doc, "metadata");
	if (!n) {
		add_error(l, doc, "the key `metadata` is missing: write metadata: {name: NAME}");
		return;
	}
	if (n->type != NODE_MAP) {
		add_error(l, n, "must be a map, as metadata: {name: NAME}");
		return;
	}
	struct node rest = l->is_status ? without_id(l->arena, n) : *n;
	decode_struct(l->arena, meta_fields, &rest, node_place(n), l->is_status, ret, l->problems);
}

static const struct node *template_of(const struct templates *t, const char *key)
{
	const struct { const char *key; const struct node *node; } all[] = {
		{ "host", t->host }, { "gpu", t->gpu }, { "vm", t->vm }, { "job", t->job },
	};
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (strcmp(all[i].key, key) == 0)
			return all[i].node;
	g_assert_not_reached();
}

static gboolean has_labels(const struct meta *meta, const struct list *wanted)
{
	for (guint i = 0; i < wanted->n; i++) {
		const struct label *w = LIST_AT(*wanted, struct label, i);
		gboolean found = FALSE;
		for (guint k = 0; k < meta->labels.n && !found; k++) {
			const struct label *l = LIST_AT(meta->labels, struct label, k);
			found = strcmp(l->key, w->key) == 0 && g_strcmp0(l->value, w->value) == 0;
		}
		if (!found)
			return FALSE;
	}
	return TRUE;
}

/* The spec node over the Farm's defaults of its kind: for all, then by label, then its own. */
static const struct node *with_defaults(struct loader *l, const struct object *o, const struct node *spec)
{
	const char *key = o->kind->defaults;
	if (!l->farm || !key)
		return spec;
	const struct farm_defaults *d = &l->farm->defaults;
	const struct node *under = template_of(&d->templates, key);
	for (guint i = 0; i < d->by_label.n; i++) {
		const struct labelled_templates *t = LIST_AT(d->by_label, struct labelled_templates, i);
		const struct node *more = has_labels(&o->meta, &t->labels) ? template_of(&t->templates, key) : NULL;
		under = node_merge(l->arena, under, more);
	}
	return node_merge(l->arena, under, spec);
}

static void decode_object(struct loader *l, const struct document *doc)
{
	const struct kind *kind = doc->kind;
	struct object *o = ARENA_NEW(l->arena, struct object);
	o->kind = kind;
	o->place = node_place(doc->node);
	check_envelope(l, doc->node);
	read_meta(l, doc->node, &o->meta);
	const struct node *part = node_get(doc->node, l->is_status ? "status" : "spec");
	if (l->is_status) {
		o->status = arena_alloc(l->arena, kind->status_size);
		if (kind->status_fields)
			decode_struct(l->arena, kind->status_fields, part, o->place, TRUE, o->status, l->problems);
	} else {
		o->spec = arena_alloc(l->arena, kind->spec_size);
		o->node = with_defaults(l, o, part);
		decode_struct(l->arena, kind->spec_fields, o->node, o->place, FALSE, o->spec, l->problems);
	}
	if (!o->meta.name)
		return;
	o->id = o->meta.name;
	if (kind->project_key) {
		const char *project = l->is_status ? NULL : ((struct renderjob_spec *)o->spec)->project;
		const char *id = l->is_status ? scalar_at(node_get(doc->node, "metadata"), "id") : NULL;
		o->id = id ? id : arena_printf(l->arena, "%s/%s", project ? project : "", o->meta.name);
	}
	if (!objects_add(l->objects, o)) {
		const struct object *first = objects_get(l->objects, kind->id, o->id);
		problem_add(l->problems, SEVERITY_ERROR, o->place, "%s %s is there twice; the first is at %s:%u", kind->name,
		            o->id, first->place.path, first->place.line);
	}
}

static GArray *read_documents(struct loader *l, const struct spec_file *files, guint n_files)
{
	GArray *documents = g_array_new(FALSE, FALSE, sizeof(struct document));
	for (guint i = 0; i < n_files; i++) {
		struct documents read = node_read(l->arena, files[i].path, files[i].bytes, files[i].size, l->problems);
		for (guint k = 0; k < read.n; k++) {
			struct document doc = { .node = &read.items[k] };
			doc.kind = read_kind(l, doc.node);
			if (doc.kind)
				g_array_append_val(documents, doc);
		}
	}
	return documents;
}

static void load(struct loader *l, const struct spec_file *files, guint n_files)
{
	g_autoptr(GArray) documents = read_documents(l, files, n_files);
	/* The Farm first: its defaults lie below the others' values. */
	for (int farms = 1; farms >= 0; farms--) {
		for (guint i = 0; i < documents->len; i++) {
			const struct document *doc = &g_array_index(documents, struct document, i);
			if ((doc->kind->id == KIND_FARM) == farms)
				decode_object(l, doc);
		}
		const struct object *farm = objects_farm(l->objects);
		l->farm = farm && !l->is_status ? farm->spec : NULL;
	}
	objects_sort(l->objects);
}

struct objects *spec_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	struct loader l = { a, problems, objects_new(a), FALSE, NULL };
	load(&l, files, n_files);
	resolve_all(a, l.objects);
	rules_check(a, l.objects, problems);
	problems_sort(problems);
	return l.objects;
}

struct objects *status_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	struct loader l = { a, problems, objects_new(a), TRUE, NULL };
	load(&l, files, n_files);
	problems_sort(problems);
	return l.objects;
}
