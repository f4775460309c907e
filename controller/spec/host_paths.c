/* A walk over the values, as emit takes it. */
#include "spec/host_paths.h"
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/renderjob.h"
#include "spec/vm.h"
#include "spec/walk.h"
#include <string.h>

NAME_TABLE(host_place_names, "a kind of path", N_HOST_PLACES, "", "images", "kernels", "roms", "shares", "outputs", "secrets");

struct search {
	struct arena *arena;
	GArray *found; /* struct host_path */
};

static void add(struct search *s, const char *key, const char *path, enum host_place place)
{
	struct host_path one = { key, path, place };
	if (path)
		g_array_append_val(s->found, one);
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	struct search *s = user;
	(void)key;
	if (f && f->place != PLACE_ANY && text[0] == '/')
		add(s, f->name, arena_strdup(s->arena, text), f->place);
}

static const struct farm_root *find_root(const struct farm_spec *farm, const char *name)
{
	for (guint i = 0; i < farm->roots.n; i++)
		if (strcmp(LIST_AT(farm->roots, struct farm_root, i)->name, name) == 0)
			return LIST_AT(farm->roots, struct farm_root, i);
	return NULL;
}

static void add_root(struct search *s, const struct farm_spec *farm, const char *name)
{
	const struct farm_root *root = find_root(farm, name);
	if (!root)
		return;
	add(s, arena_printf(s->arena, "path of root %s", name), root->path, PLACE_OUTPUTS);
	add(s, arena_printf(s->arena, "credentialsFile of root %s", name), root->s3.credentials_file, PLACE_SECRETS);
}

/* Pools of its Host, images and roots of the Farm. */
static void add_of_vm(struct search *s, const struct objects *all, const struct farm_spec *farm, const struct vm_spec *vm)
{
	const struct object *host = vm->host ? objects_get(all, KIND_HOST, vm->host) : NULL;
	const struct host_spec *its = host ? host->spec : NULL;
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *disk = LIST_AT(vm->disks, struct vm_disk, i);
		const struct farm_file *image = disk->image ? farm_file_find(&farm->images, disk->image) : NULL;
		if (image)
			add(s, arena_printf(s->arena, "file of image %s", disk->image), image->file, PLACE_IMAGES);
		for (guint k = 0; its && disk->pool && k < its->pools.n; k++) {
			const struct host_pool *pool = LIST_AT(its->pools, struct host_pool, k);
			if (strcmp(pool->name, disk->pool) == 0)
				add(s, arena_printf(s->arena, "path of pool %s", pool->name), pool->path, PLACE_IMAGES);
		}
	}
	for (guint i = 0; i < vm->roots.n; i++)
		add_root(s, farm, vm->roots.items[i]);
}

static void add_of_job(struct search *s, const struct farm_spec *farm, const struct renderjob_spec *job)
{
	const struct strings paths = renderjob_paths(s->arena, job);
	for (guint i = 0; i < paths.n; i++) {
		const char *root, *path;
		if (root_path_split(s->arena, paths.items[i], &root, &path))
			add_root(s, farm, root);
	}
}

struct host_paths object_host_paths(struct arena *a, const struct objects *all, const struct object *o)
{
	static const struct visitor visitor = { .scalar = on_scalar };
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct host_path));
	struct search s = { a, found };
	const struct object *farm = objects_farm(all);
	if (o->spec)
		walk_struct(o->kind->spec_fields, o->spec, 0, FALSE, &visitor, &s);
	if (o->spec && farm && o->kind->id == KIND_VM)
		add_of_vm(&s, all, farm->spec, o->spec);
	if (o->spec && farm && o->kind->id == KIND_RENDERJOB)
		add_of_job(&s, farm->spec, o->spec);
	return (struct host_paths){ arena_memdup(a, found->data, found->len * sizeof(struct host_path)), found->len };
}

struct strings allowed_paths(const struct controller_spec *local, enum host_place place)
{
	const struct controller_paths *p = local ? &local->paths : NULL;
	const struct strings none = { 0 };
	switch (p ? place : PLACE_ANY) {
	case PLACE_IMAGES: return p->images;
	case PLACE_KERNELS: return p->kernels;
	case PLACE_ROMS: return p->roms;
	case PLACE_SHARES: return p->shares;
	case PLACE_OUTPUTS: return p->outputs;
	case PLACE_SECRETS: return p->secrets;
	case PLACE_ANY:
	case N_HOST_PLACES: break;
	}
	return none;
}
