/* kinds[]: one row a kind. Objects and their index. */
#include "spec/kinds.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/node.h"
#include "spec/pack.h"
#include "spec/renderjob.h"
#include "spec/status.h"
#include "spec/vm.h"
#include <string.h>

#define SPEC(fields, tag) .spec_fields = (fields), .spec_size = sizeof(struct tag)
#define STATUS(fields, tag) .status_fields = (fields), .status_size = sizeof(struct tag)

const struct kind kinds[N_KINDS] = {
	[KIND_FARM] = { KIND_FARM, "Farm", "farms", "farm", SPEC(farm_fields, farm_spec),
	                STATUS(farm_status_fields, farm_status), .doc = "What all objects share: Redis, roots, queues, defaults." },
	[KIND_HOST] = { KIND_HOST, "Host", "hosts", "host", SPEC(host_fields, host_spec),
	                STATUS(host_status_fields, host_status), .doc = "A machine that runs a controller." },
	[KIND_GPU] = { KIND_GPU, "GPU", "gpus", "gpu", SPEC(gpu_fields, gpu_spec), STATUS(gpu_status_fields, gpu_status),
	               .doc = "A card of a host." },
	[KIND_VM] = { KIND_VM, "VM", "vms", "vm", SPEC(vm_fields, vm_spec), STATUS(vm_status_fields, vm_status),
	              .defaults = "vm", .doc = "A virtual machine on a host." },
	[KIND_RENDERJOB] = { KIND_RENDERJOB, "RenderJob", "renderjobs", "job", SPEC(renderjob_fields, renderjob_spec),
	                     STATUS(renderjob_status_fields, renderjob_status), .defaults = "job",
	                     .project_key = "project", .doc = "Frames of a Blender scene, rendered and verified." },
	[KIND_WORKER] = { KIND_WORKER, "Worker", "workers", "worker", STATUS(worker_status_fields, worker_status),
	                  .doc = "A render worker as it registered (status only)." },
	[KIND_REVISION] = { KIND_REVISION, "Revision", "revisions", "revision", STATUS(revision_status_fields, revision_status),
	                    .doc = "The revision a running controller works with (status only)." },
};

static const struct field label_fields[] = {
	{ 0 },
};

/* Labels are a map of plain strings; decode_meta() (spec/load.c) reads them. */
const struct field meta_fields[] = {
	{ "name", FIELD_STRING, IN(meta, name, const char *), .required = TRUE, .check = check_name,
	  .doc = "Unique in its kind; of jobs, in their project." },
	{ "labels", FIELD_MAP, IN(meta, labels, struct list), ITEMS(label_fields, label),
	  .doc = "Words to select by." },
	{ "annotations", FIELD_MAP, IN(meta, annotations, struct list), ITEMS(label_fields, label),
	  .doc = "Notes of people and tools." },
	{ 0 },
};

/* "job" and "jobs". */
static gboolean is_alias(const char *word, const char *alias)
{
	gsize len = strlen(alias);
	return g_ascii_strncasecmp(word, alias, len) == 0 && (!word[len] || strcmp(word + len, "s") == 0);
}

const struct kind *kind_find(const char *word)
{
	for (guint i = 0; i < N_KINDS; i++)
		if (g_ascii_strcasecmp(word, kinds[i].name) == 0 || g_ascii_strcasecmp(word, kinds[i].plural) == 0 ||
		    is_alias(word, kinds[i].alias))
			return &kinds[i];
	return NULL;
}

/* One table a kind, id → object, with as many objects as it knows of the list. */
struct object_index {
	GHashTable *ids[N_KINDS];
	guint n[N_KINDS];
};

static void objects_free(gpointer p)
{
	struct objects *o = p;
	for (guint i = 0; i < N_KINDS; i++) {
		g_ptr_array_free(o->by_kind[i], TRUE);
		g_hash_table_destroy(o->index->ids[i]);
	}
}

struct objects *objects_new(struct arena *a)
{
	struct objects *o = ARENA_NEW(a, struct objects);
	o->index = ARENA_NEW(a, struct object_index);
	for (guint i = 0; i < N_KINDS; i++) {
		o->by_kind[i] = g_ptr_array_new();
		o->index->ids[i] = g_hash_table_new(g_str_hash, g_str_equal);
	}
	arena_own(a, o, objects_free);
	return o;
}

static GHashTable *ids_of(const struct objects *o, enum kind_id kind)
{
	const GPtrArray *list = o->by_kind[kind];
	struct object_index *index = o->index;
	for (; index->n[kind] < list->len; index->n[kind]++) {
		struct object *one = list->pdata[index->n[kind]];
		g_hash_table_insert(index->ids[kind], (gpointer)one->id, one);
	}
	return index->ids[kind];
}

static void forget(struct objects *o, enum kind_id kind)
{
	g_hash_table_remove_all(o->index->ids[kind]);
	o->index->n[kind] = 0;
}

gboolean objects_add(struct objects *o, struct object *object)
{
	enum kind_id kind = object->kind->id;
	if (g_hash_table_contains(ids_of(o, kind), object->id))
		return FALSE;
	g_ptr_array_add(o->by_kind[kind], object);
	ids_of(o, kind);
	return TRUE;
}

void objects_set(struct objects *o, enum kind_id kind, struct object *const *items, guint n)
{
	forget(o, kind);
	g_ptr_array_set_size(o->by_kind[kind], (gint)n);
	if (n)
		memcpy(o->by_kind[kind]->pdata, items, n * sizeof *items);
}

struct object *objects_get(const struct objects *o, enum kind_id kind, const char *id)
{
	return g_hash_table_lookup(ids_of(o, kind), id);
}

struct object *objects_farm(const struct objects *o)
{
	return o->by_kind[KIND_FARM]->len ? g_ptr_array_index(o->by_kind[KIND_FARM], 0) : NULL;
}

static gint by_id(gconstpointer x, gconstpointer y)
{
	return strcmp((*(struct object *const *)x)->id, (*(struct object *const *)y)->id);
}

void objects_sort(struct objects *o)
{
	for (guint i = 0; i < N_KINDS; i++) {
		g_ptr_array_sort(o->by_kind[i], by_id);
		if (o->index->n[i] < o->by_kind[i]->len) /* of a part one cannot tell any more which */
			forget(o, (enum kind_id)i);
	}
}

/* The child of a node at one part of a path: "networks[0]" is two steps. NULL when it was not written. */
static const struct node *step(const struct node *n, const char *part)
{
	g_autofree char *key = g_strndup(part, strcspn(part, "["));
	const struct node *child = node_get(n, key);
	const char *bracket = strchr(part, '[');
	if (!bracket || !child || child->type != NODE_LIST)
		return child;
	guint64 i = g_ascii_strtoull(bracket + 1, NULL, 10);
	return i < child->n ? &child->items[i] : child;
}

const struct node *object_node(struct arena *a, const struct object *o)
{
	const struct node *document = o->written ? node_unpack(a, o->written) : NULL;
	return node_merge(a, o->under, node_get(document, "spec"));
}

struct place object_place(const struct object *o, const char *path)
{
	SCOPED_ARENA(scratch);
	struct place place = o->place;
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	const struct node *n = object_node(scratch, o);
	for (guint i = 0; parts[i] && n; i++) {
		n = step(n, parts[i]);
		if (n)
			place = node_place(n);
	}
	return place;
}

/* -- checks ---------------------------------------------------------------------------------- */

const char *check_name(struct arena *a, const char *text)
{
	gsize len = strlen(text);
	(void)a;
	if (len < 1 || len > 128 || !g_ascii_isalnum(text[0]))
		return "a name has 1 to 128 characters and begins with a letter or digit";
	for (const char *c = text; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
			return "a name has letters, digits, `.`, `_` and `-` only";
	return NULL;
}

/* No component may be empty, `.` or `..`: what is written is what is opened. */
static gboolean is_clean_path(const char *text)
{
	for (;; text++) {
		gsize len = strcspn(text, "/");
		if (len == 0 || (len <= 2 && strncmp(text, "..", len) == 0))
			return FALSE;
		text += len;
		if (!*text)
			return TRUE;
	}
}

const char *check_absolute_path(struct arena *a, const char *text)
{
	(void)a;
	if (text[0] != '/')
		return "write an absolute path";
	if (strcmp(text, "/") != 0 && !is_clean_path(text + 1))
		return "write the path without `.`, `..` and doubled or trailing slashes";
	return NULL;
}

const char *check_sha256(struct arena *a, const char *text)
{
	(void)a;
	if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
		return "a sha256 has 64 lowercase hex digits";
	return NULL;
}

gboolean root_path_split(struct arena *a, const char *text, const char **ret_root, const char **ret_path)
{
	const char *colon = strchr(text, ':');
	if (!colon || colon == text || !colon[1])
		return FALSE;
	*ret_root = arena_strndup(a, text, (gsize)(colon - text));
	*ret_path = arena_strdup(a, colon + 1);
	return TRUE;
}

const char *check_root_path(struct arena *a, const char *text)
{
	const char *root, *path;
	if (!root_path_split(a, text, &root, &path) || check_name(a, root))
		return "write ROOT:path, as shots:nimbus/sh010.blend";
	if (!is_clean_path(path))
		return "the path stays inside its root: no leading slash, no `.`, `..` or doubled slashes";
	if (g_str_has_prefix(path, ".cleave"))
		return "paths that begin with .cleave belong to cleave";
	return NULL;
}
