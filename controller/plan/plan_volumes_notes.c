/* What people have to know of volumes that nothing is done to: disks that stay behind on the host that a VM leaves, those
 * that it begins anew with on the next, volumes of another time that are taken up again, images that no disk begins as. */
#include "base/arena.h"
#include "plan/plan_volumes.h"
#include "spec/volume.h"
#include <string.h>

/* -- piles ------------------------------------------------------------------------------------------------------ */

void volume_pile_add(struct volume_pile *p, const struct host_volume_status *v)
{
	if (p->n < PILE_NAMES)
		p->paths[p->n] = v->path;
	p->n++;
	p->bytes += v->allocated_bytes;
}

const char *volume_pile_names(struct arena *a, const struct volume_pile *p)
{
	const char *text = "";
	for (guint i = 0; i < MIN(p->n, PILE_NAMES); i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "", p->paths[i]);
	return p->n > PILE_NAMES ? arena_printf(a, "%s and %u more", text, p->n - PILE_NAMES) : text;
}

const char *volume_pile_size(struct arena *a, const struct volume_pile *p)
{
	guint64 unit = p->bytes >= GiB ? GiB : MiB;
	return arena_printf(a, "%" G_GUINT64_FORMAT "%s", (p->bytes + unit - 1) / unit, bytes_unit_name(unit));
}

/* -- a VM that moves --------------------------------------------------------------------------------------------- */

static gboolean is_wanted_here(const struct builder *b, const struct object *o)
{
	return o->spec && strcmp(((const struct vm_spec *)o->spec)->host, b->in->host) == 0;
}

/* On the host that it leaves, or has left. */
static void note_stays(struct builder *b, const struct host_status *host, const char *farm, const struct object *o)
{
	struct volume_pile pile = { .n = 0 };
	const char *vm, *disk;
	for (guint i = 0; i < host->volumes.n; i++) {
		const struct host_volume_status *v = LIST_AT(host->volumes, struct host_volume_status, i);
		if (volume_owner(b->arena, v->name, farm, &vm, &disk) && strcmp(vm, o->id) == 0)
			volume_pile_add(&pile, v);
	}
	if (pile.n)
		builder_note(b, KIND_VM, o->id, arena_printf(b->arena, "is wanted on the host %s, and its disks stay on %s: %s, %s on the disk; nothing copies or deletes them",
		                                             ((const struct vm_spec *)o->spec)->host, b->in->host, volume_pile_names(b->arena, &pile),
		                                             volume_pile_size(b->arena, &pile)));
}

/* On the one that it comes to: told while the other still has it. */
static void note_begins_anew(const struct vm_target *t)
{
	struct arena *a = t->b->arena;
	struct disk_plan d;
	const char *names = NULL;
	DISK_PLANS_EACH (t, i, d)
		if (!d.have)
			names = names ? arena_printf(a, "%s, %s", names, d.disk->name) : d.disk->name;
	if (names && !t->have && t->home && strcmp(t->home, t->b->in->host) != 0)
		builder_note(t->b, KIND_VM, t->object->id, arena_printf(a, "its disks stay on the host %s; here it begins with new ones (%s). To go on with their data put "
		                                                        "`host` back, stop it there, copy the volumes into the pools here under their names, and then change `host`",
		                                                        t->home, names));
}

/* -- volumes of another time -------------------------------------------------------------------------------------- */

static gboolean names_file(const struct vm_spec *vm, const char *path)
{
	for (guint i = 0; i < vm->disks.n; i++)
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->file, path) == 0)
			return TRUE;
	return FALSE;
}

static void note_taken_up(struct builder *b, const struct host_status *host, const char *farm, const struct action *act)
{
	const struct object *o = objects_get(b->in->have, KIND_VM, act->id);
	const struct vm_status *have = o ? o->status : NULL;
	const char *vm, *name;
	for (guint i = 0; i < act->vm->disks.n; i++) {
		const struct vm_disk *disk = LIST_AT(act->vm->disks, struct vm_disk, i);
		const struct host_volume_status *v = host_volume_find(host, disk->file);
		if (v && !(have && names_file(&have->defined, v->path)) && volume_owner(b->arena, v->name, farm, &vm, &name))
			builder_note(b, KIND_VM, act->id, arena_printf(b->arena, "its disk %s is the volume %s that was there before, with its data", disk->name, v->path));
	}
}

/* -- images --------------------------------------------------------------------------------------------------------- */

static gboolean begins_as(const struct builder *b, const struct farm_spec *farm, const struct vm_disk *disk, const struct host_volume_status *v)
{
	const struct farm_file *image = disk->image && g_strcmp0(disk->pool, v->pool) == 0 ? farm_file_find(&farm->images, disk->image) : NULL;
	for (int format = FORMAT_RAW; image && image->sha256 && format <= FORMAT_QCOW2; format++)
		if (strcmp(volume_image_name(b->arena, image->sha256, format), v->name) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_used(const struct builder *b, const struct farm_spec *farm, const struct host_volume_status *v)
{
	OBJECTS_EACH (o, b->in->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		for (guint i = 0; is_wanted_here(b, o) && i < vm->disks.n; i++)
			if (begins_as(b, farm, LIST_AT(vm->disks, struct vm_disk, i), v))
				return TRUE;
	}
	return FALSE;
}

static void note_images(struct builder *b, const struct host_status *host, const struct farm_spec *farm)
{
	struct volume_pile pile = { .n = 0 };
	for (guint i = 0; i < host->volumes.n; i++) {
		const struct host_volume_status *v = LIST_AT(host->volumes, struct host_volume_status, i);
		if (volume_is_image(v->name) && !volume_is_part(v->name) && !is_used(b, farm, v))
			volume_pile_add(&pile, v);
	}
	if (pile.n)
		builder_note(b, KIND_HOST, b->in->host, arena_printf(b->arena, "left: %u image%s that no disk of this farm here begins as any more (%s), %s on the disk; `virsh vol-delete` "
		                                                     "deletes one", pile.n, pile.n == 1 ? "" : "s", volume_pile_names(b->arena, &pile),
		                                                     volume_pile_size(b->arena, &pile)));
}

void vm_note_volumes(struct builder *b, const struct host_status *host, const char *farm)
{
	OBJECTS_EACH (o, b->in->want, KIND_VM)
		if (o->spec && !is_wanted_here(b, o))
			note_stays(b, host, farm, o);
	VM_TARGETS_EACH (t, b->vms, b->n_vms)
		note_begins_anew(t);
	for (guint i = 0; i < b->actions->len; i++) {
		const struct action *act = &g_array_index(b->actions, struct action, i);
		if (act->verb == VERB_DEFINE_VM)
			note_taken_up(b, host, farm, act);
	}
	note_images(b, host, objects_farm(b->in->want)->spec);
}
