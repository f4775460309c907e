/* kinds[]: one row a kind. Objects and their index. */
#include "spec/kinds.h"
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/node.h"
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

NAME_TABLE(kind_names, "a kind", N_KINDS, "Farm", "Host", "GPU", "VM", "RenderJob", "Worker", "Revision", "Controller");

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

static void objects_free(gpointer p)
{
	struct objects *o = p;
	for (guint i = 0; i < N_KINDS; i++)
		g_ptr_array_free(o->by_kind[i], TRUE);
	g_hash_table_destroy(o->by_id);
}

struct objects *objects_new(struct arena *a)
{
	struct objects *o = ARENA_NEW(a, struct objects);
	for (guint i = 0; i < N_KINDS; i++)
		o->by_kind[i] = g_ptr_array_sized_new(4); /* never without items to point at: OBJECTS_EACH adds to them */
	o->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	arena_own(a, o, objects_free);
	return o;
}

gboolean objects_add(struct objects *o, struct object *object)
{
	char *id = g_strdup_printf("%s/%s", object->kind->name, object->id);
	if (g_hash_table_contains(o->by_id, id)) {
		g_free(id);
		return FALSE;
	}
	g_hash_table_insert(o->by_id, id, object);
	g_ptr_array_add(o->by_kind[object->kind->id], object);
	return TRUE;
}

struct object *objects_get(const struct objects *o, enum kind_id kind, const char *id)
{
	g_autofree char *key = g_strdup_printf("%s/%s", kinds[kind].name, id);
	return g_hash_table_lookup(o->by_id, key);
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
	for (guint i = 0; i < N_KINDS; i++)
		g_ptr_array_sort(o->by_kind[i], by_id);
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

struct place object_place(const struct object *o, const char *path)
{
	struct place place = o->place;
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	const struct node *n = o->node;
	for (guint i = 0; parts[i] && n; i++) {
		n = step(n, parts[i]);
		if (n)
			place = node_place(n);
	}
	return place;
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
