/* VMs: roots become writable shares, cards have their MACs, and a directly booted kernel is told its name, Redis and
 * mounts. */
#include "spec/resolve.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/identity.h"
#include "spec/seed.h"
#include "spec/vm.h"

static void resolve_roots(struct arena *a, const struct farm_spec *farm, const struct vm_spec *vm, struct vm_spec *ret,
                          GString *mounts)
{
	struct vm_share *shares = ARENA_ARRAY(a, struct vm_share, vm->shares.n + vm->roots.n);
	guint n = 0;
	for (guint i = 0; i < vm->shares.n; i++)
		shares[n++] = *LIST_AT(vm->shares, struct vm_share, i);
	for (guint i = 0; i < vm->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, vm->roots.items[i]);
		if (!root || !(root->path || root->mount.nfs))
			continue;
		if (root->path && !root_is_mounted_by_guest(root, vm))
			shares[n++] = (struct vm_share){ .path = root->path, .target = root->name };
		g_string_append_printf(mounts, "%s%s=%s/%s", mounts->len ? "," : "", root->name, GUEST_ROOTS, root->name);
	}
	ret->shares = (struct list){ shares, n };
}

/* A card without a MAC of its own has the one that follows from the names. */
static struct list with_macs(struct arena *a, const char *farm, const struct object *o)
{
	const struct vm_spec *vm = o->spec;
	struct vm_network *all = ARENA_ARRAY(a, struct vm_network, vm->networks.n);
	for (guint i = 0; i < vm->networks.n; i++) {
		all[i] = *LIST_AT(vm->networks, struct vm_network, i);
		if (!all[i].mac)
			all[i].mac = vm_mac(a, farm, o->meta.name, i);
	}
	return (struct list){ all, vm->networks.n };
}

static void resolve_boot(struct arena *a, const struct farm_spec *farm, const struct object *o, struct vm_spec *ret,
                         const char *mounts)
{
	g_autofree char *redis = farm_redis_url(&farm->redis, farm->redis.guest_url ? farm->redis.guest_url : farm->redis.url);
	g_autoptr(GString) line = g_string_new(ret->boot.cmdline);
	g_string_append_printf(line, "%sCLEAVE_VM=%s", line->len ? " " : "", o->meta.name);
	if (redis)
		g_string_append_printf(line, " CLEAVE_REDIS=%s", redis);
	if (*mounts)
		g_string_append_printf(line, " CLEAVE_MOUNTS=%s", mounts);
	ret->boot.cmdline = arena_strndup(a, line->str, line->len);
}

const struct vm_spec *vm_effective(struct arena *a, const struct objects *all, const struct object *o)
{
	static const struct farm_spec no_farm;
	const struct object *speaker = objects_farm(all);
	const struct farm_spec *farm = speaker ? speaker->spec : &no_farm;
	const struct vm_spec *vm = o->spec;
	struct vm_spec *effective = arena_memdup(a, vm, sizeof *vm);
	g_autoptr(GString) mounts = g_string_new(NULL);
	if (vm->networks.n)
		effective->networks = with_macs(a, speaker ? speaker->meta.name : "", o);
	if (vm->roots.n)
		resolve_roots(a, farm, vm, effective, mounts);
	if (vm->boot.kernel)
		resolve_boot(a, farm, o, effective, mounts->str);
	return effective;
}

static int own_mode(const struct object *o)
{
	const struct field *f = o && o->spec ? field_find(o->kind->spec_fields, "reconcile") : NULL;
	return f ? *(const int *)FIELD_AT_CONST(f, o->spec) : RECONCILE_INHERITED;
}

const char *object_host_name(const struct object *o)
{
	switch (o->kind->id) {
	case KIND_HOST: return o->id;
	case KIND_GPU: return o->spec ? ((const struct gpu_spec *)o->spec)->host : NULL;
	case KIND_VM: return o->spec ? ((const struct vm_spec *)o->spec)->host : NULL;
	default: return NULL;
	}
}

const struct object *object_host(const struct objects *all, const struct object *o)
{
	const struct field *f = o && o->spec ? field_find(o->kind->spec_fields, "host") : NULL;
	const char *name = f ? *(const char *const *)FIELD_AT_CONST(f, o->spec) : NULL;
	return name ? objects_get(all, KIND_HOST, name) : NULL;
}

int reconcile_mode_of(const struct objects *all, const struct object *o)
{
	const struct object *speakers[] = { o, object_host(all, o), objects_farm(all) };
	for (guint i = 0; i < G_N_ELEMENTS(speakers); i++)
		if (own_mode(speakers[i]) != RECONCILE_INHERITED)
			return own_mode(speakers[i]);
	return RECONCILE_ENFORCE;
}
