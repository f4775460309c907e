/* Disks in pools: which volume each one is, and what is made, grown or refused. What is left over:
 * plan_volumes_left.c. */
#include "plan/plan_volumes.h"
#include "base/arena.h"
#include "plan/plan_host.h"
#include "spec/volume.h"
#include <string.h>

#define SAY(...) arena_printf(t->b->arena, __VA_ARGS__)

/* -- what a disk is ------------------------------------------------------------------------------------------- */

static const struct vm_disk *find_disk(const struct vm_spec *vm, const char *name)
{
	for (guint i = 0; i < vm->disks.n; i++)
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->name, name) == 0)
			return LIST_AT(vm->disks, struct vm_disk, i);
	return NULL;
}

static const struct host_spec *host_of(const struct vm_target *t)
{
	const struct object *host = objects_get(t->b->in->want, KIND_HOST, t->spec->host);
	return host ? host->spec : NULL;
}

/* Specs whose image has no digest are refused (vm-disk-image-checked); where they are read all the same it is told apart
 * by its name. */
static const char *begins_as(const struct disk_plan *d)
{
	return !d->image ? NULL : d->image->sha256 ? d->image->sha256 : d->image->name;
}

gboolean disk_plan_look(const struct vm_target *t, guint i, struct disk_plan *ret)
{
	const struct vm_disk *disk = LIST_AT(t->spec->disks, struct vm_disk, i);
	const struct object *farm = objects_farm(t->b->in->want);
	const struct host_spec *host = host_of(t);
	*ret = (struct disk_plan){ .disk = disk, .pool = disk->pool && host ? host_pool_find(host, disk->pool) : NULL };
	if (!ret->pool || !farm)
		return FALSE;
	if (disk->image && !(ret->image = farm_file_find(&((const struct farm_spec *)farm->spec)->images, disk->image)))
		return FALSE;
	ret->volume = volume_name(t->b->arena, farm->meta.name, t->object->meta.name, disk->name, begins_as(ret), disk->format);
	ret->path = SAY("%s/%s", ret->pool->path, ret->volume);
	ret->at = t->host ? host_pool_status_find(t->host, disk->pool) : NULL;
	ret->have = t->host ? host_volume_find(t->host, ret->path) : NULL;
	const struct vm_disk *defined = t->have ? find_disk(&t->have->defined, disk->name) : NULL;
	gboolean is_same = defined && g_strcmp0(defined->file, ret->path) == 0;
	ret->is_gone = is_same && !ret->have;
	if (defined && defined->file && (!is_same || ret->is_gone))
		ret->before = defined->file;
	return TRUE;
}

const struct host_volume_status *disk_plan_image(const struct vm_target *t, const struct disk_plan *d)
{
	for (int format = FORMAT_RAW; d->image && d->image->sha256 && format <= FORMAT_QCOW2; format++) {
		const char *name = volume_image_name(t->b->arena, d->image->sha256, format);
		const struct host_volume_status *v = host_volume_find(t->host, SAY("%s/%s", d->pool->path, name));
		if (v)
			return v;
	}
	return NULL;
}

/* 0: as large as an image that is not there yet. */
guint64 disk_plan_size(const struct vm_target *t, const struct disk_plan *d)
{
	const struct host_volume_status *image = d->disk->size_bytes ? NULL : disk_plan_image(t, d);
	return image ? image->size_bytes : d->disk->size_bytes;
}

/* -- what the domain is told ---------------------------------------------------------------------------------- */

static void add_kept(struct strings *kept, const char *name)
{
	for (guint i = 0; i < kept->n; i++)
		if (strcmp(kept->items[i], name) == 0)
			return;
	kept->items[kept->n++] = name;
}

/* Also of a VM that comes back. */
static const struct strings *kept_before(const struct vm_target *t)
{
	static const struct strings none;
	const struct host_gone_vm *gone = t->host ? host_gone_find(t->host, t->object->id) : NULL;
	return t->have ? &t->have->defined.kept : gone ? &gone->kept : &none;
}

/* Volumes of another time, of which nothing is remembered, may be those of disks that were to be kept. */
static void add_unknown(const struct vm_target *t, struct strings *kept)
{
	const struct object *farm = objects_farm(t->b->in->want);
	const char *vm, *disk;
	if (t->have || !t->host || !farm || host_gone_find(t->host, t->object->id))
		return;
	for (guint i = 0; i < t->host->volumes.n; i++)
		if (volume_owner(t->b->arena, LIST_AT(t->host->volumes, struct host_volume_status, i)->name, farm->meta.name, &vm, &disk) &&
		    strcmp(vm, t->object->id) == 0 && !find_disk(t->spec, disk))
			add_kept(kept, disk);
}

/* A disk that has left the spec stays among them: its volume is still to be kept. */
static struct strings kept_disks(const struct vm_target *t)
{
	const struct strings *before = kept_before(t);
	guint n_volumes = t->host ? t->host->volumes.n : 0;
	struct strings kept = { ARENA_ARRAY(t->b->arena, const char *, t->spec->disks.n + before->n + n_volumes), 0 };
	for (guint i = 0; i < t->spec->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(t->spec->disks, struct vm_disk, i);
		if (d->keep)
			add_kept(&kept, d->name);
	}
	for (guint i = 0; i < before->n; i++)
		if (!find_disk(t->spec, before->items[i]))
			add_kept(&kept, before->items[i]);
	add_unknown(t, &kept);
	return kept;
}

void vm_resolve_disks(struct vm_target *t)
{
	struct disk_plan d;
	struct vm_disk *disks = arena_memdup(t->b->arena, t->spec->disks.items, t->spec->disks.n * sizeof *disks);
	DISK_PLANS_EACH (t, i, d)
		disks[i].file = d.path;
	for (guint i = 0; i < t->spec->disks.n; i++) {
		disks[i].pool = disks[i].image = disks[i].mount = NULL;
		disks[i].size_bytes = 0;
		disks[i].filesystem = 0;
		disks[i].keep = FALSE;
	}
	t->want->disks.items = disks;
	t->want->kept = kept_disks(t);
}

/* What a disk's data come to is told with its volume (EFFECT_DATA_LOSS); to the domain it is how a file is opened. */
void vm_price_disks(struct changes *c)
{
	for (guint i = 0; i < c->n; i++)
		if (g_str_has_prefix(c->items[i].field, "disks[") && c->items[i].effect > EFFECT_VM_RESTART)
			c->items[i].effect = EFFECT_VM_RESTART;
}

/* -- what forbids it ------------------------------------------------------------------------------------------ */

const char *vm_no_storage(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (t->host->storage_reason)
			return SAY("its disk %s is in a pool: %s", d.disk->name, t->host->storage_reason);
	return NULL;
}

const char *vm_pool_differs(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d) {
		const char *why = d.at ? host_pool_differs(t->b->arena, d.pool, d.at) : NULL;
		if (why)
			return why;
	}
	return NULL;
}

/* What is not seen there may well be there. */
const char *vm_pool_unreadable(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (d.is_gone && d.at && d.at->reason)
			return SAY("its disk %s is in the pool %s, whose folder (%s) cannot be used: %s", d.disk->name, d.disk->pool, d.pool->path, d.at->reason);
	return NULL;
}

const char *vm_image_larger(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d) {
		const struct host_volume_status *image = d.have ? NULL : disk_plan_image(t, &d);
		if (image && d.disk->size_bytes && d.disk->size_bytes < image->size_bytes)
			return SAY("its disk %s is to have %s, and the image %s has %s; a disk is never smaller than its image", d.disk->name,
			           bytes_format(t->b->arena, d.disk->size_bytes), d.image->name, bytes_format(t->b->arena, image->size_bytes));
	}
	return NULL;
}

/* It works on with a file that has no name any more: to make another one now would only hide that. */
const char *vm_volume_gone(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (d.is_gone && vm_status_is_up(t->have))
			return SAY("the volume of its disk %s is gone while it runs (%s); copy the data out of the guest, or put the file back", d.disk->name,
			           d.path);
	return NULL;
}

/* A volume in one of the Host's pools that is not there any more; of another file it is not known. */
static gboolean was_deleted(const struct vm_target *t, const char *path)
{
	const struct host_spec *host = host_of(t);
	for (guint i = 0; host && i < host->pools.n; i++) {
		const char *folder = LIST_AT(host->pools, struct host_pool, i)->path, *rest;
		if (folder && g_str_has_prefix(path, folder) && *(rest = path + strlen(folder)) == '/' && !strchr(rest + 1, '/'))
			return !host_volume_find(t->host, path);
	}
	return FALSE;
}

static const char *loss_words(const struct vm_target *t, const struct disk_plan *d)
{
	if (d->is_gone)
		return SAY("the volume of its disk %s is gone (%s), and would be made anew", d->disk->name, d->path);
	if (was_deleted(t, d->before))
		return SAY("its disk %s would be made anew, as it begins as something else now; the volume that it had is gone (%s)", d->disk->name, d->before);
	return SAY("its disk %s would be made anew, as it begins as something else now, and its data stay behind in %s", d->disk->name, d->before);
}

const char *vm_disk_kept(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (d.before && d.disk->keep)
			return SAY("%s; it says `keep: true`: %s", loss_words(t, &d),
			           d.is_gone ? "put the file back" : "take the change of its image, pool or format back, or the `keep`");
	return NULL;
}

static guint n_lost(const struct vm_target *t)
{
	struct disk_plan d;
	guint n = 0;
	DISK_PLANS_EACH (t, i, d)
		n += d.before != NULL;
	return n;
}

const char *vm_data_loss(const struct vm_target *t)
{
	struct disk_plan d;
	gint64 max = builder_budget(t->b, BUDGET_DATA_LOSS), n = t->b->n_data_loss + n_lost(t);
	DISK_PLANS_EACH (t, i, d)
		if (d.before && n > max)
			return SAY("%s; that takes policy.budgets.maxDataLoss of %" G_GINT64_FORMAT " or more in the Farm, which is %" G_GINT64_FORMAT
			           ", or %s; or %s",
			           loss_words(t, &d), n, max, builder_approve_words(t->b), d.is_gone ? "put the file back" : "take the change of its image, pool or format back");
	return NULL;
}

const char *vm_data_loss_item(const struct vm_target *t)
{
	g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(struct change));
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d) {
		struct change c = { d.disk->name, d.before, d.path, EFFECT_DATA_LOSS };
		if (d.before)
			g_array_append_val(lost, c);
	}
	const struct changes all = { (struct change *)(gpointer)lost->data, lost->len };
	return SAY("make anew disks of VM/%s %s", t->object->id, changes_digest(t->b->arena, &all));
}

/* -- what is done --------------------------------------------------------------------------------------------- */

static struct volume_step step_of(const struct vm_target *t, const struct disk_plan *d)
{
	return (struct volume_step){ .disk = d->disk->name, .pool = d->disk->pool, .volume = d->volume, .path = d->path,
		                     .image = d->image ? d->image->name : NULL, .before_bytes = d->have ? d->have->size_bytes : 0,
		                     .size_bytes = disk_plan_size(t, d), .format = d->disk->format ? d->disk->format : FORMAT_RAW };
}

/* "20GiB qcow2 in nvme, from debian12" */
static const char *volume_words(const struct vm_target *t, const struct disk_plan *d)
{
	guint64 size = disk_plan_size(t, d);
	return SAY("%s%s%s in %s, %s%s", size ? bytes_format(t->b->arena, size) : "", size ? " " : "", volume_format_name(d->disk->format),
	           d->disk->pool, d->image ? "from " : "empty", d->image ? d->image->name : "");
}

static void add_step(const struct vm_target *t, const struct disk_plan *d, GArray *steps, GArray *changes)
{
	struct volume_step step = step_of(t, d);
	const char *name = SAY("disks[%s]", d->disk->name);
	struct change c = { name, NULL, volume_words(t, d), EFFECT_NONE };
	if (d->before)
		c = (struct change){ name, d->is_gone ? "gone" : d->before, SAY("%s (%s)", d->path, volume_words(t, d)), EFFECT_DATA_LOSS };
	else if (d->have)
		c = (struct change){ SAY("%s.size", name), bytes_format(t->b->arena, step.before_bytes), bytes_format(t->b->arena, step.size_bytes),
			             EFFECT_LIVE };
	g_array_append_val(steps, step);
	g_array_append_val(changes, c);
}

static void act_on_volumes(const struct vm_target *t, enum verb verb, const char *reason, GArray *steps, GArray *changes)
{
	struct arena *a = t->b->arena;
	if (!steps->len)
		return;
	struct action *act = builder_act(t->b, verb, t->object, KIND_VM, t->object->id, reason);
	act->vm = t->want;
	act->volumes = arena_memdup(a, steps->data, steps->len * sizeof(struct volume_step));
	act->n_volumes = steps->len;
	act->changes = (struct changes){ arena_memdup(a, changes->data, changes->len * sizeof(struct change)), changes->len };
	act->effect = changes_effect(&act->changes);
	act->expect = verb == VERB_CREATE_VOLUMES ? "no volumes of those names, or whole ones" : "volumes that are not larger";
}

static gboolean is_made(const struct disk_plan *d)
{
	return !d->have || d->before;
}

static void plan_made(const struct vm_target *t)
{
	g_autoptr(GArray) steps = g_array_new(FALSE, TRUE, sizeof(struct volume_step)), changes = g_array_new(FALSE, TRUE, sizeof(struct change));
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (is_made(&d))
			add_step(t, &d, steps, changes);
	t->b->n_data_loss += n_lost(t);
	act_on_volumes(t, VERB_CREATE_VOLUMES, n_lost(t) ? "disks are made anew" : steps->len == 1 ? "has no volume for its disk" : "has no volumes for its disks",
	               steps, changes);
}

static void plan_grown(const struct vm_target *t)
{
	g_autoptr(GArray) steps = g_array_new(FALSE, TRUE, sizeof(struct volume_step)), changes = g_array_new(FALSE, TRUE, sizeof(struct change));
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (!is_made(&d) && d.disk->size_bytes > d.have->size_bytes)
			add_step(t, &d, steps, changes);
	act_on_volumes(t, VERB_GROW_VOLUMES, "a larger disk is wanted", steps, changes);
}

/* NULL, or why a disk stays larger than is wanted. */
static const char *why_not_shrunk(const struct vm_target *t)
{
	struct disk_plan d;
	DISK_PLANS_EACH (t, i, d)
		if (d.have && d.disk->size_bytes && d.disk->size_bytes < d.have->size_bytes)
			return SAY("its disk %s has %s, the spec says %s; a disk never shrinks: write its size, or make a new disk", d.disk->name,
			           bytes_format(t->b->arena, d.have->size_bytes), bytes_format(t->b->arena, d.disk->size_bytes));
	return NULL;
}

void vm_plan_volumes(struct vm_target *t)
{
	plan_made(t);
	plan_grown(t);
}

static gboolean has_action(const struct vm_target *t, enum verb verb)
{
	for (guint i = 0; i < t->b->actions->len; i++) {
		const struct action *act = &g_array_index(t->b->actions, struct action, i);
		if (act->verb == verb && act->want == t->object)
			return TRUE;
	}
	return FALSE;
}

/* While other changes are on their way that one will be refused is told as well. */
void vm_judge_volumes(struct vm_target *t)
{
	struct verdict *last = &g_array_index(t->b->verdicts, struct verdict, t->b->verdicts->len - 1);
	const char *why = why_not_shrunk(t);
	gboolean is_ready = last->object == t->object && last->readiness == IS_READY;
	if (is_ready && (has_action(t, VERB_CREATE_VOLUMES) || has_action(t, VERB_GROW_VOLUMES))) {
		*last = (struct verdict){ .object = t->object, .readiness = IS_RECONCILING, .reason = "Differs" };
		is_ready = FALSE;
	}
	if (why && is_ready) {
		*last = (struct verdict){ .object = t->object, .readiness = IS_STALLED, .reason = "Shrinks", .message = why, .is_settled = TRUE };
		builder_refused(t->b);
	} else if (why)
		builder_note(t->b, KIND_VM, t->object->id, why);
}
