/* VMs: roots become writable shares, and a directly booted kernel is told its name, Redis and mounts. */
#include "spec/resolve.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/vm.h"

enum { LINE_USUAL = 300 }; /* bytes of a kernel's arguments: without growing */

/* Of tens of thousands of VMs: printf would be a third of a load's own time. */
static void append_all(GString *out, const char *a, const char *b, const char *c, const char *d)
{
	g_string_append(out, a);
	g_string_append(out, b);
	g_string_append(out, c);
	g_string_append(out, d);
}

static void resolve_roots(struct arena *a, const struct farm_spec *farm, const struct vm_spec *vm, struct vm_spec *ret,
                          GString *mounts)
{
	struct vm_share *shares = ARENA_ARRAY(a, struct vm_share, vm->shares.n + vm->roots.n);
	guint n = 0;
	for (guint i = 0; i < vm->shares.n; i++)
		shares[n++] = *LIST_AT(vm->shares, struct vm_share, i);
	for (guint i = 0; i < vm->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, vm->roots.items[i]);
		if (!root)
			continue;
		shares[n++] = (struct vm_share){ root->path, root->name, FALSE };
		append_all(mounts, mounts->len ? "," : "", root->name, "=" GUEST_ROOTS "/", root->name);
	}
	ret->shares = (struct list){ shares, n };
}

static void resolve_boot(struct arena *a, const struct farm_spec *farm, const struct object *o, struct vm_spec *ret,
                         const char *mounts)
{
	const char *redis = farm->redis.guest_url ? farm->redis.guest_url : farm->redis.url;
	g_autoptr(GString) line = g_string_sized_new(LINE_USUAL);
	if (ret->boot.cmdline)
		g_string_append(line, ret->boot.cmdline);
	append_all(line, line->len ? " " : "", "CLEAVE_VM=", o->meta.name, "");
	if (redis)
		append_all(line, " CLEAVE_REDIS=", redis, "", "");
	if (*mounts)
		append_all(line, " CLEAVE_MOUNTS=", mounts, "", "");
	ret->boot.cmdline = arena_strndup(a, line->str, line->len);
}

static void resolve_vm(struct arena *a, const struct farm_spec *farm, struct object *o)
{
	const struct vm_spec *vm = o->spec;
	if (!vm->roots.n && !vm->boot.kernel)
		return;
	struct vm_spec *effective = arena_memdup(a, vm, sizeof *vm);
	g_autoptr(GString) mounts = g_string_sized_new(LINE_USUAL);
	if (vm->roots.n)
		resolve_roots(a, farm, vm, effective, mounts);
	if (vm->boot.kernel)
		resolve_boot(a, farm, o, effective, mounts->str);
	o->effective = effective;
}

void resolve_object(struct arena *a, const struct farm_spec *farm, struct object *o)
{
	static const struct farm_spec no_farm;
	o->effective = o->spec;
	if (o->kind->id == KIND_VM)
		resolve_vm(a, farm ? farm : &no_farm, o);
}

static int own_mode(const struct object *o)
{
	const struct field *f = o && o->spec ? field_find(o->kind->spec_fields, "reconcile") : NULL;
	return f ? *(const int *)FIELD_AT_CONST(f, o->spec) : RECONCILE_INHERITED;
}

static const struct object *host_of(const struct objects *all, const struct object *o)
{
	const struct field *f = o && o->spec ? field_find(o->kind->spec_fields, "host") : NULL;
	const char *name = f ? *(const char *const *)FIELD_AT_CONST(f, o->spec) : NULL;
	return name ? objects_get(all, KIND_HOST, name) : NULL;
}

int reconcile_mode_of(const struct objects *all, const struct object *o)
{
	const struct object *speakers[] = { o, host_of(all, o), objects_farm(all) };
	for (guint i = 0; i < G_N_ELEMENTS(speakers); i++)
		if (own_mode(speakers[i]) != RECONCILE_INHERITED)
			return own_mode(speakers[i]);
	return RECONCILE_ENFORCE;
}
