/* Pools of the Host, as libvirt has them, and the volumes in them whose names are cleave's; of each VM those that its
 * definition names; of VMs that are gone what is remembered of theirs. After the VMs. */
#include "base/arena.h"
#include "host/virt_storage.h"
#include "host/vm_records.h"
#include "observe/observe.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/vm.h"
#include "spec/volume.h"

enum { LOOK_MS = 30000 };

static const int states[] = { [VIRT_POOL_ABSENT] = POOL_ABSENT, [VIRT_POOL_INACTIVE] = POOL_INACTIVE, [VIRT_POOL_ACTIVE] = POOL_ACTIVE };

static void add_volumes(const struct virt_pool *p, GArray *ret)
{
	for (guint i = 0; i < p->n_volumes; i++) {
		const struct virt_volume *v = &p->volumes[i];
		struct host_volume_status row = { p->name, v->name, v->path, v->size_bytes, v->allocated_bytes };
		if (volume_is_named(v->name))
			g_array_append_val(ret, row);
	}
}

static void tell(struct arena *a, const struct virt_pool *pools, guint n, struct host_status *s)
{
	struct host_pool_status *rows = ARENA_ARRAY(a, struct host_pool_status, n);
	g_autoptr(GArray) volumes = g_array_new(FALSE, FALSE, sizeof(struct host_volume_status));
	for (guint i = 0; i < n; i++) {
		const struct virt_pool *p = &pools[i];
		rows[i] = (struct host_pool_status){ p->name, states[p->state], p->is_type, p->is_path, p->size_bytes, p->free_bytes, p->trouble };
		add_volumes(p, volumes);
	}
	s->pools = (struct list){ rows, n };
	s->volumes = (struct list){ arena_memdup(a, volumes->data, volumes->len * sizeof(struct host_volume_status)), volumes->len };
}

static void look_at_pools(struct arena *a, const struct observe_input *in, const struct host_spec *host, struct host_status *s)
{
	g_autoptr(GError) error = NULL;
	const char *why_not = NULL;
	struct virt_pool *pools = ARENA_ARRAY(a, struct virt_pool, host->pools.n);
	for (guint i = 0; i < host->pools.n; i++) {
		const struct host_pool *pool = LIST_AT(host->pools, struct host_pool, i);
		pools[i] = (struct virt_pool){ .name = pool->name, .path = pool->path };
	}
	if (!virt_look_at_pools(in->virt, a, pools, host->pools.n, LOOK_MS, &why_not, &error))
		s->storage_reason = arena_strdup(a, error->message);
	else if (why_not)
		s->storage_reason = arena_printf(a, "this libvirt connection (%s) %s: use `file:` for disks, or another connection, as qemu:///system", host->libvirt, why_not);
	else
		tell(a, pools, host->pools.n, s);
}

static struct list volumes_of(struct arena *a, const struct host_status *s, const struct vm_spec *vm)
{
	struct vm_volume_status *rows = ARENA_ARRAY(a, struct vm_volume_status, vm->disks.n);
	guint n = 0;
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *disk = LIST_AT(vm->disks, struct vm_disk, i);
		const struct host_volume_status *v = host_volume_find(s, disk->file);
		if (v)
			rows[n++] = (struct vm_volume_status){ disk->name, v->path, v->size_bytes, v->allocated_bytes };
	}
	return (struct list){ rows, n };
}

/* -- VMs that are gone ------------------------------------------------------------------------------------------ */

static gboolean is_there(const struct objects *have, const char *vm)
{
	const struct object *o = objects_get(have, KIND_VM, vm);
	return o && o->status && ((const struct vm_status *)o->status)->host;
}

static gboolean is_of_gone(struct arena *a, const struct observe_input *in, const char *farm, const char *vm, struct vm_record *ret)
{
	return vm_records_find(in->records, a, vm, NULL, ret) && g_strcmp0(ret->undefined_of, farm) == 0;
}

static void tell_gone(struct arena *a, const struct observe_input *in, const char *farm, const struct objects *have, struct host_status *s)
{
	struct host_gone_vm *rows = ARENA_ARRAY(a, struct host_gone_vm, s->volumes.n + 1);
	const char *vm, *disk;
	struct vm_record r;
	s->gone.items = rows;
	for (guint i = 0; i < s->volumes.n; i++)
		if (volume_owner(a, LIST_AT(s->volumes, struct host_volume_status, i)->name, farm, &vm, &disk) && !is_there(have, vm) &&
		    !host_gone_find(s, vm) && is_of_gone(a, in, farm, vm, &r))
			rows[s->gone.n++] = (struct host_gone_vm){ vm, { r.kept, r.n_kept } };
}

/* A pool that is away may have volumes. */
static gboolean sees_all_pools(const struct host_spec *host, const struct host_status *s)
{
	for (guint i = 0; i < s->pools.n; i++)
		if (LIST_AT(s->pools, struct host_pool_status, i)->state != POOL_ACTIVE || LIST_AT(s->pools, struct host_pool_status, i)->reason)
			return FALSE;
	return s->pools.n == host->pools.n;
}

/* What has no volumes any more needs no record; forgotten too early, none of its volumes is deleted. */
static void forget_gone(struct arena *a, const struct observe_input *in, const char *farm, const struct objects *have, const struct host_status *s)
{
	guint n;
	const char **names = vm_records_names(in->records, a, &n);
	struct vm_record r;
	for (guint i = 0; i < n; i++)
		if (!is_there(have, names[i]) && !host_gone_find(s, names[i]) && is_of_gone(a, in, farm, names[i], &r))
			vm_records_forget(in->records, names[i], NULL);
}

void observe_storage(struct arena *a, const struct observe_input *in, struct objects *have)
{
	const struct object *host = objects_get(in->want, KIND_HOST, in->host);
	const struct host_spec *spec = host ? host->spec : NULL;
	struct host_status *s = objects_get(have, KIND_HOST, in->host)->status;
	const struct object *farm = objects_farm(in->want);
	if (!spec || s->libvirt != PLANE_OK)
		return;
	if (spec->pools.n)
		look_at_pools(a, in, spec, s);
	if (farm)
		tell_gone(a, in, farm->meta.name, have, s);
	if (farm && in->claims && sees_all_pools(spec, s))
		forget_gone(a, in, farm->meta.name, have, s);
	OBJECTS_EACH (o, have, KIND_VM) {
		struct vm_status *vm = o->status;
		if (s->volumes.n && vm->defined.disks.n)
			vm->volumes = volumes_of(a, s, &vm->defined);
	}
}
