/* kinds[]: one row a kind. Objects and their index. */
#include "spec/kinds.h"
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/defaults.h"
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
	                STATUS(host_status_fields, host_status), .defaults = "host", .doc = "A machine that runs a controller." },
	[KIND_GPU] = { KIND_GPU, "GPU", "gpus", "gpu", SPEC(gpu_fields, gpu_spec), STATUS(gpu_status_fields, gpu_status),
	               .defaults = "gpu", .doc = "A card of a host." },
	[KIND_VM] = { KIND_VM, "VM", "vms", "vm", SPEC(vm_fields, vm_spec), STATUS(vm_status_fields, vm_status),
	              .defaults = "vm", .doc = "A virtual machine on a host." },
	[KIND_RENDERJOB] = { KIND_RENDERJOB, "RenderJob", "renderjobs", "job", SPEC(renderjob_fields, renderjob_spec),
	                     STATUS(renderjob_status_fields, renderjob_status), .defaults = "job",
	                     .project_key = "project", .doc = "Frames of a Blender scene, rendered and verified." },
	[KIND_WORKER] = { KIND_WORKER, "Worker", "workers", "worker", STATUS(worker_status_fields, worker_status),
	                  .doc = "A render worker as it registered (status only)." },
	[KIND_CONTROLLER] = { KIND_CONTROLLER, "Controller", "controllers", "controller", SPEC(controller_fields, controller_spec),
	                      .is_local = TRUE, .doc = "What one host's controller may do; lies on the host, not in git." },
	[KIND_REVISION] = { KIND_REVISION, "Revision", "revisions", "revision", STATUS(revision_status_fields, revision_status),
	                    .doc = "The revision a running controller works with (status only)." },
};

const struct field label_fields[] = {
	{ "value", FIELD_STRING, IN(label, value, const char *), .required = TRUE, .max = 256, .flags = FIELD_SHORTHAND,
	  .doc = "A word or sentence." },
	{ 0 },
};

const struct field meta_fields[] = {
	{ "name", FIELD_STRING, IN(meta, name, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "Unique in its kind; of jobs, in their project." },
	{ "labels", FIELD_MAP, IN(meta, labels, struct list), ITEMS(label_fields, label),
	  .doc = "Words to select by." },
	{ "annotations", FIELD_MAP, IN(meta, annotations, struct list), ITEMS(label_fields, label),
	  .doc = "Notes of people and tools." },
	{ 0 },
};

/* Of kinds[], those that stand in specs, in the same order; a test holds them together. */
NAME_TABLE(spec_kind_names, "a kind", N_SPEC_KINDS, "Farm", "Host", "GPU", "VM", "RenderJob");

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
		o->by_kind[i] = g_ptr_array_sized_new(4); /* never without items to point at: OBJECTS_EACH adds to them */
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
		memcpy(o->by_kind[kind]->pdata, items, n * sizeof(gpointer));
}

struct object *objects_get(const struct objects *o, enum kind_id kind, const char *id)
{
	return g_hash_table_lookup(ids_of(o, kind), id);
}

struct object *objects_find(const struct objects *o, enum kind_id kind, const char *name, char **ret_several)
{
	struct object *found = objects_get(o, kind, name);
	g_autoptr(GString) ids = g_string_new(NULL);
	guint n = 0;
	*ret_several = NULL;
	if (found || !kinds[kind].project_key)
		return found;
	OBJECTS_EACH (other, o, kind) {
		if (strcmp(other->meta.name, name) != 0)
			continue;
		g_string_append_printf(ids, "%s%s", n++ ? ", " : "", other->id);
		found = other;
	}
	if (n > 1)
		*ret_several = g_strdup(ids->str);
	return n == 1 ? found : NULL;
}

const struct tree_text *objects_text(const struct objects *o, const char *source, const char *path)
{
	for (guint i = 0; i < o->texts.n; i++) {
		const struct tree_text *t = LIST_AT(o->texts, struct tree_text, i);
		if (strcmp(t->path, path) == 0 && g_strcmp0(t->source, source) == 0)
			return t;
	}
	return NULL;
}

static gboolean has_text(const struct strings *all, const char *text, gsize len)
{
	for (guint i = 0; i < all->n; i++)
		if (strlen(all->items[i]) == len && memcmp(all->items[i], text, len) == 0)
			return TRUE;
	return all->n == 0;
}

const char *objects_absent(const struct objects *o, enum kind_id kind, const char *id)
{
	for (guint i = 0; i < o->absent.n; i++) {
		const struct absent_source *s = LIST_AT(o->absent, struct absent_source, i);
		if (has_text(s->kinds, kinds[kind].name, strlen(kinds[kind].name)) && (!kinds[kind].project_key || has_text(s->projects, id, strcspn(id, "/"))))
			return s->name;
	}
	return NULL;
}

struct object *objects_farm(const struct objects *o)
{
	return o->by_kind[KIND_FARM]->len ? g_ptr_array_index(o->by_kind[KIND_FARM], 0) : NULL;
}

/* An object and the bytes of its id that decide most comparisons: neither object nor id need be fetched from
 * where they lie. For 20,000 objects that halves a sort's time. */
struct sort_key {
	guint64 head; /* as a number in the bytes' order */
	struct object *object;
};

static guint64 head_of(const char *text)
{
	guint64 head = 0;
	for (guint i = 0; i < sizeof head; i++) {
		head = head << 8 | (guchar)*text;
		text += *text != '\0';
	}
	return head;
}

/* Two that are equal are neighbours in the end, and no sort puts neighbours in order that it has not compared. */
static gint by_id(gconstpointer x, gconstpointer y, gpointer has_twins)
{
	const struct sort_key *a = x, *b = y;
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	gint order = strcmp(a->object->id, b->object->id);
	if (order == 0)
		*(gboolean *)has_twins = TRUE;
	return order;
}

/* Names of a farm often begin alike: bytes that all have decide nothing. */
static gsize shared_len(const GPtrArray *list)
{
	const char *first = ((const struct object *)list->pdata[0])->id;
	gsize len = strlen(first);
	for (guint i = 1; i < list->len && len; i++) {
		const char *id = ((const struct object *)list->pdata[i])->id;
		gsize n = 0;
		while (n < len && id[n] == first[n])
			n++;
		len = n;
	}
	return len;
}

static gboolean sort_by_id(GPtrArray *list)
{
	gboolean has_twins = FALSE;
	if (list->len < 2)
		return TRUE;
	g_autofree struct sort_key *keys = g_new(struct sort_key, list->len);
	gsize shared = shared_len(list);
	for (guint i = 0; i < list->len; i++) {
		struct object *o = list->pdata[i];
		keys[i] = (struct sort_key){ head_of(o->id + shared), o };
	}
	g_qsort_with_data(keys, (gint)list->len, sizeof *keys, by_id, &has_twins);
	for (guint i = 0; i < list->len; i++)
		list->pdata[i] = keys[i].object;
	return !has_twins;
}

gboolean objects_sort(struct objects *o)
{
	gboolean differ = TRUE;
	for (guint i = 0; i < N_KINDS; i++) {
		differ &= sort_by_id(o->by_kind[i]);
		if (o->index->n[i] < o->by_kind[i]->len) /* of a part one cannot tell any more which */
			forget(o, (enum kind_id)i);
	}
	return differ;
}

/* One step of a path: `key`, `[2]` or `["4.2.3"]`. Moves *at behind it and the dot that may follow. */
static const struct node *step(const struct node *n, const char **at)
{
	const char *from = *at, *end;
	if (from[0] == '[' && from[1] == '"') {
		end = strstr(from, "\"]");
		g_autofree char *key = g_strndup(from + 2, (gsize)(end - from - 2));
		*at = end + 2;
		n = node_get(n, key);
	} else if (from[0] == '[') {
		guint64 i = g_ascii_strtoull(from + 1, NULL, 10);
		*at = strchr(from, ']') + 1;
		n = n->type == NODE_LIST && i < n->n ? &n->items[i] : NULL;
	} else {
		g_autofree char *key = g_strndup(from, strcspn(from, ".["));
		*at = from + strlen(key);
		n = node_get(n, key);
	}
	if (**at == '.')
		(*at)++;
	return n;
}

const struct node *object_node(struct arena *a, const struct object *o)
{
	const struct node *document = o->written ? node_unpack(a, o->written) : NULL;
	return node_merge(a, defaults_merge(a, o), node_get(document, "spec"));
}

static const struct node *look_into(struct object_look *look, const struct object *o)
{
	if (look->object == o)
		return look->node;
	if (!look->arena)
		look->arena = arena_new();
	arena_reset(look->arena);
	look->object = o;
	look->node = object_node(look->arena, o);
	return look->node;
}

void object_look_clear(struct object_look *look)
{
	if (look->arena)
		arena_free(look->arena);
	*look = (struct object_look){ 0 };
}

struct place object_look_place(struct object_look *look, const struct object *o, const char *path)
{
	struct place place = o->place;
	for (const struct node *n = *path ? look_into(look, o) : NULL; *path && n;) {
		n = step(n, &path);
		if (n)
			place = node_place(n);
	}
	return place;
}

struct place object_place(const struct object *o, const char *path)
{
	struct object_look look = { 0 };
	struct place place = object_look_place(&look, o, path);
	object_look_clear(&look);
	return place;
}

static const struct node *find_written(struct object_look *look, const struct object *o, const char *path)
{
	const struct node *n = look_into(look, o);
	while (*path && n)
		n = step(n, &path);
	return n;
}

gboolean object_look_has(struct object_look *look, const struct object *o, const char *path)
{
	return find_written(look, o, path) != NULL;
}

gboolean object_look_has_map(struct object_look *look, const struct object *o, const char *path)
{
	const struct node *n = find_written(look, o, path);
	return n && n->type == NODE_MAP;
}

gboolean root_path_split(struct arena *a, const char *text, const char **ret_root, const char **ret_path)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	*ret_root = *ret_path = NULL;
	if (!colon || colon == text || !colon[1])
		return FALSE;
	*ret_root = arena_strndup(a, text, (gsize)(colon - text));
	*ret_path = arena_strdup(a, colon + 1);
	return TRUE;
}
