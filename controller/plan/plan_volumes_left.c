/* Volumes that no VM has any more: those of VMs that are undefined in this plan, and old ones of disks that begin as
 * something else now. Deleted where the Farm's policy says so, when both its budgets have room for all of them: many at
 * once are taken for a mistake, as with VMs. Else told. Of a disk with
 * `keep`, and where it is not known any more whether it had one, none is deleted. */
#include "base/arena.h"
#include "plan/plan_volumes.h"
#include "spec/volume.h"
#include <string.h>

enum fate { FATE_NONE, FATE_KEPT, FATE_UNKNOWN, FATE_DELETABLE };

/* A volume is an object, and data: both budgets of the pass have room for all of them, or all stay. */
enum { N_SPENDINGS = 2 };
struct spending {
	enum budget budget;
	gint64 max, n_used;
};

struct left {
	struct builder *b;
	const struct host_status *host;
	const char *farm;
	const struct farm_policy *policy;
	struct spending budgets[N_SPENDINGS];
	guint n_deletable;
	struct volume_pile left, unknown;
};

static const struct vm_status *status_of(const struct builder *b, const char *vm)
{
	const struct object *have = objects_get(b->in->have, KIND_VM, vm);
	return have ? have->status : NULL;
}

static gboolean names_file(const struct vm_spec *vm, const char *path)
{
	for (guint i = 0; i < vm->disks.n; i++)
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->file, path) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_undefined(const struct builder *b, const char *vm)
{
	for (guint i = 0; i < b->actions->len; i++) {
		const struct action *act = &g_array_index(b->actions, struct action, i);
		if (act->verb == VERB_UNDEFINE_VM && strcmp(act->id, vm) == 0 && !builder_holds_back(b, act->want))
			return TRUE;
	}
	return FALSE;
}

/* Whoever made the domain. One that this plan undefines lets go of it first. */
static gboolean is_named(const struct left *l, const char *path, const char *owner)
{
	OBJECTS_EACH (o, l->b->in->have, KIND_VM) {
		const struct vm_status *s = o->status;
		gboolean lets_go = strcmp(o->id, owner) == 0 && is_undefined(l->b, owner);
		if (s && !lets_go && (names_file(&s->defined, path) || names_file(&s->live, path)))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_kept(const struct strings *kept, const char *disk)
{
	for (guint i = 0; i < kept->n; i++)
		if (strcmp(kept->items[i], disk) == 0)
			return TRUE;
	return FALSE;
}

/* The disk as it is in the specs; TRUE also when the volume is the one it is to have. */
static gboolean look_in_spec(const struct left *l, const struct object *o, const char *disk, const char *name, enum fate *ret)
{
	const struct vm_spec *vm = o->spec;
	struct vm_target t = { .b = l->b, .object = o, .spec = vm, .host = l->host };
	struct disk_plan d;
	for (guint i = 0; i < vm->disks.n; i++) {
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->name, disk) != 0)
			continue;
		if (disk_plan_look(&t, i, &d) && strcmp(d.volume, name) == 0)
			*ret = FATE_NONE;
		else
			*ret = LIST_AT(vm->disks, struct vm_disk, i)->keep ? FATE_KEPT : FATE_DELETABLE;
		return TRUE;
	}
	return FALSE;
}

static enum fate fate_of(const struct left *l, const struct host_volume_status *v, const char **ret_vm)
{
	const char *disk;
	enum fate fate = FATE_NONE;
	if (volume_is_image(v->name) || volume_is_part(v->name) || !volume_owner(l->b->arena, v->name, l->farm, ret_vm, &disk))
		return FATE_NONE;
	const struct object *want = objects_get(l->b->in->want, KIND_VM, *ret_vm);
	const struct vm_status *have = status_of(l->b, *ret_vm);
	/* What is on another host now has left its disks here; plan_volumes_notes.c says so. */
	if (want && strcmp(((const struct vm_spec *)want->spec)->host, l->b->in->host) != 0)
		return FATE_NONE;
	if (is_named(l, v->path, *ret_vm) || (want && look_in_spec(l, want, disk, v->name, &fate)))
		return fate;
	const struct host_gone_vm *gone = host_gone_find(l->host, *ret_vm);
	gboolean is_ours = have && g_strcmp0(have->owner, l->farm) == 0;
	if (!is_ours && !gone)
		return FATE_UNKNOWN;
	return is_kept(is_ours ? &have->defined.kept : &gone->kept, disk) ? FATE_KEPT : FATE_DELETABLE;
}

static void add_volume(struct left *l, const char *vm, const struct host_volume_status *v)
{
	struct arena *a = l->b->arena;
	const struct object *want = objects_get(l->b->in->want, KIND_VM, vm);
	struct action *act = NULL;
	for (guint i = 0; i < l->b->actions->len && !act; i++) {
		struct action *other = &g_array_index(l->b->actions, struct action, i);
		act = other->verb == VERB_DELETE_VOLUMES && strcmp(other->id, vm) == 0 ? other : NULL;
	}
	if (!act)
		act = builder_act(l->b, VERB_DELETE_VOLUMES, want, KIND_VM, vm, "has no use for them any more");
	struct volume_step *steps = ARENA_ARRAY(a, struct volume_step, act->n_volumes + 1);
	struct change *changes = ARENA_ARRAY(a, struct change, act->n_volumes + 1);
	if (act->n_volumes) {
		memcpy(steps, act->volumes, act->n_volumes * sizeof *steps);
		memcpy(changes, act->changes.items, act->n_volumes * sizeof *changes);
	}
	steps[act->n_volumes] = (struct volume_step){ .pool = v->pool, .volume = v->name, .path = v->path, .before_bytes = v->size_bytes };
	changes[act->n_volumes] = (struct change){ "volumes", v->path, NULL, EFFECT_DATA_LOSS };
	act->volumes = steps;
	act->changes = (struct changes){ changes, ++act->n_volumes };
	act->effect = EFFECT_DATA_LOSS;
	act->expect = "volumes that no domain names";
}

/* -- budgets -------------------------------------------------------------------------------------------------- */

/* The one that has no room for all of them, or NULL. */
static const struct spending *spent(const struct left *l)
{
	for (guint i = 0; i < N_SPENDINGS; i++)
		if (l->n_deletable > l->budgets[i].max - l->budgets[i].n_used)
			return &l->budgets[i];
	return NULL;
}

/* The one that lets nothing at all be deleted, or NULL. */
static const struct spending *none_at_all(const struct left *l)
{
	for (guint i = 0; i < N_SPENDINGS; i++)
		if (l->budgets[i].max <= 0)
			return &l->budgets[i];
	return NULL;
}

/* What the Farm has to say, so that a volume is deleted; NULL: it says so. */
static const char *what_it_takes(const struct left *l)
{
	const struct spending *none = none_at_all(l);
	const char *policy = l->policy->deletes_volumes ? "" : "policy.deleteVolumes: true";
	if (!none)
		return *policy ? policy : NULL;
	return arena_printf(l->b->arena, "%s%spolicy.budgets.%s of 1 or more (it is 0)", policy, *policy ? " and " : "", budget_keys[none->budget]);
}

/* What is deleted in this pass already. */
static gint64 n_deleted(const struct builder *b)
{
	gint64 n = 0;
	for (guint i = 0; i < b->actions->len; i++)
		n += g_array_index(b->actions, struct action, i).verb == VERB_UNDEFINE_VM;
	return n;
}

/* -- what is told ----------------------------------------------------------------------------------------------- */

static const char *pile_words(const struct left *l, const struct volume_pile *p)
{
	return arena_printf(l->b->arena, "left: %u volume%s that no VM has any more (%s), %s on the disk", p->n, p->n == 1 ? "" : "s",
	                    volume_pile_names(l->b->arena, p), volume_pile_size(l->b->arena, p));
}

static void note_left(const struct left *l)
{
	const char *host = l->b->in->host, *takes = what_it_takes(l);
	struct arena *a = l->b->arena;
	if (l->left.n && takes)
		builder_note(l->b, KIND_HOST, host, arena_printf(a, "%s; to delete them takes %s in the Farm%s%s", pile_words(l, &l->left), takes,
		                                                 l->policy->deletes_volumes ? ", or " : "", l->policy->deletes_volumes ? builder_approve_words(l->b) : ""));
	else if (l->left.n)
		builder_note(l->b, KIND_HOST, host,
		             arena_printf(a, "%s; to delete all is %s; %s deletes them", pile_words(l, &l->left),
		                          builder_beyond(l->b, spent(l)->budget, (guint64)spent(l)->n_used + l->n_deletable), builder_approve_words(l->b)));
	if (l->unknown.n)
		builder_note(l->b, KIND_HOST, host,
		             arena_printf(a, "%s; whether they were to be kept is not known: `virsh vol-delete` deletes one", pile_words(l, &l->unknown)));
}

static const struct vm_disk *disk_named(const struct vm_spec *vm, const char *name)
{
	for (guint i = 0; i < vm->disks.n; i++)
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->name, name) == 0)
			return LIST_AT(vm->disks, struct vm_disk, i);
	return NULL;
}

/* Of a disk whose domain lets go of its volume in this plan: what becomes of the file. */
static void note_let_go(const struct left *l, const struct action *act, const struct vm_disk *disk)
{
	struct arena *a = l->b->arena;
	const char *takes = what_it_takes(l), *fate;
	const char *why = disk_named(act->vm, disk->name) ? "begins anew" : "is not in its spec any more";
	if (is_kept(&act->vm->kept, disk->name))
		fate = "stays behind, as it was to be kept";
	else if (takes)
		fate = arena_printf(a, "stays behind; to delete it takes %s in the Farm", takes);
	else
		fate = "will be deleted once no VM has it, as policy.deleteVolumes in the Farm says";
	builder_note(l->b, KIND_VM, act->id, arena_printf(a, "its disk %s %s: the volume %s %s", disk->name, why, disk->file, fate));
}

static void note_losses(const struct left *l)
{
	const char *vm, *name;
	for (guint i = 0; i < l->b->actions->len; i++) {
		const struct action *act = &g_array_index(l->b->actions, struct action, i);
		const struct vm_status *have = act->verb == VERB_DEFINE_VM ? status_of(l->b, act->id) : NULL;
		for (guint k = 0; have && k < have->defined.disks.n; k++) {
			const struct vm_disk *disk = LIST_AT(have->defined.disks, struct vm_disk, k);
			const struct host_volume_status *v = host_volume_find(l->host, disk->file);
			if (v && !names_file(act->vm, disk->file) && volume_owner(l->b->arena, v->name, l->farm, &vm, &name))
				note_let_go(l, act, disk);
		}
	}
}

/* -- all of them ------------------------------------------------------------------------------------------------ */

static void look_at(struct left *l, const struct host_volume_status *v)
{
	const char *vm;
	enum fate fate = fate_of(l, v, &vm);
	if (fate == FATE_UNKNOWN)
		volume_pile_add(&l->unknown, v);
	else if (fate == FATE_DELETABLE && l->policy->deletes_volumes && !spent(l))
		add_volume(l, vm, v);
	else if (fate == FATE_DELETABLE) {
		volume_pile_add(&l->left, v);
		if (l->policy->deletes_volumes)
			builder_waits(l->b, arena_printf(l->b->arena, "delete volume %s", v->path));
	}
}

static void count_deletable(struct left *l, const struct list *volumes)
{
	const char *vm;
	for (guint i = 0; i < volumes->n; i++)
		l->n_deletable += fate_of(l, LIST_AT(*volumes, struct host_volume_status, i), &vm) == FATE_DELETABLE;
}

void vm_plan_left_volumes(struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host), *farm = objects_farm(b->in->want);
	const struct host_status *s = host ? host->status : NULL;
	if (!s || !farm || s->libvirt != PLANE_OK)
		return;
	const struct farm_policy *policy = &((const struct farm_spec *)farm->spec)->policy;
	struct left l = { .b = b, .host = s, .farm = farm->meta.name, .policy = policy };
	l.budgets[0] = (struct spending){ BUDGET_DELETE, builder_budget(b, BUDGET_DELETE), n_deleted(b) };
	l.budgets[1] = (struct spending){ BUDGET_DATA_LOSS, builder_budget(b, BUDGET_DATA_LOSS), b->n_data_loss };
	note_losses(&l);
	count_deletable(&l, &s->volumes);
	for (guint i = 0; i < s->volumes.n; i++)
		look_at(&l, LIST_AT(s->volumes, struct host_volume_status, i));
	note_left(&l);
	vm_note_volumes(b, s, farm->meta.name);
}
