/* The order: host, cards, VMs; then the farm (Redis, roots), without which no job is looked at. */
#include "observe/observe.h"
#include "base/arena.h"

struct object *observed(struct arena *a, struct objects *have, enum kind_id kind, const char *name)
{
	struct object *o = ARENA_NEW(a, struct object);
	o->kind = &kinds[kind];
	o->meta.name = arena_strdup(a, name);
	o->id = o->meta.name;
	o->status = arena_alloc(a, o->kind->status_size);
	fields_set_untold(o->kind->status_fields, o->status);
	objects_add(have, o);
	return o;
}

struct objects *observe(struct arena *a, const struct observe_input *in)
{
	struct objects *have = objects_new(a);
	observe_host(a, in, have);
	observe_boot(a, in, have);
	observe_gpus(a, in, have);
	observe_nvml(a, in, have);
	observe_vms(a, in, have);
	observe_storage(a, in, have);
	observe_farm(a, in, have);
	observe_homes(a, in, have);
	if (in->checks) {
		observe_checks(a, in, have);
		observe_fleet(a, in, have);
		observe_guests(a, in, have);
	}
	observe_jobs(a, in, have);
	observe_store(a, in, have);
	observe_workers(a, in, have);
	objects_sort(have);
	return have;
}
