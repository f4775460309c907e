/* What forbids to touch a card: each function returns one sentence with the fix, or NULL. */
#include "base/arena.h"
#include "base/names.h"
#include "plan/plan_gpu.h"
#include "plan/plan_host.h"
#include "spec/boot.h"
#include "spec/vm.h"
#include <string.h>

#define SAY(...) arena_printf(t->b->arena, __VA_ARGS__)

/* -- which card it is ------------------------------------------------------------------------------- */

/* "slot 4, serial 123, 10de:2231" */
const char *gpu_match_words(struct arena *a, const struct gpu_match *m)
{
	g_autoptr(GString) s = g_string_new(NULL);
	if (m->slot)
		g_string_append_printf(s, "slot %s", m->slot);
	if (m->serial)
		g_string_append_printf(s, "%sserial %s", s->len ? ", " : "", m->serial);
	if (m->id)
		g_string_append_printf(s, "%s%s", s->len ? ", " : "", m->id);
	return arena_strdup(a, s->str);
}

/* "GA102GL [RTX A5000], 10de:2231, slot 4, serial 123" */
static const char *card_words(const struct gpu_target *t, const struct gpu_status *card)
{
	g_autoptr(GString) s = g_string_new(card->name);
	if (card->vendor && card->device)
		g_string_append_printf(s, "%s%s:%s", s->len ? ", " : "", card->vendor, card->device);
	if (card->slot)
		g_string_append_printf(s, "%sslot %s", s->len ? ", " : "", card->slot);
	if (card->serial)
		g_string_append_printf(s, "%sserial %s", s->len ? ", " : "", card->serial);
	return arena_strdup(t->b->arena, s->str);
}

const char *gpu_part_words(struct arena *a, const char *address, const struct gpu_status *card)
{
	if (gpu_has_vf(card, address))
		return arena_printf(a, "%s is a virtual function of %s; write that address, with share: vf", address, card->address);
	return arena_printf(a, "%s is in the slot of the card %s, and not the card's own function; write %s", address, card->address,
	                    card->address);
}

const char *gpu_not_found(const struct gpu_target *t)
{
	const char *address = t->spec->address, *match = gpu_match_words(t->b->arena, &t->spec->match);
	if (t->identity.found == GPU_PART)
		return gpu_part_words(t->b->arena, address, t->identity.other);
	if (t->identity.found != GPU_NOT_FOUND)
		return NULL;
	return SAY("there is no card %s%s%s%s; `cleave observe` lists those that are there", address ? "at " : "", address ? address : "",
	           address && *match ? ", and none that alone fits " : *match ? "that fits " : "", match);
}

const char *gpu_ambiguous(const struct gpu_target *t)
{
	const struct gpu_identity *i = &t->identity;
	if (i->found == GPU_AMBIGUOUS)
		return SAY("the cards at %s and %s both fit %s; say more in `match`, or give the address", i->card->address,
		           i->other->address, gpu_match_words(t->b->arena, &t->spec->match));
	return t->twin ? SAY("GPU/%s is the same card, at %s; correct one of the two", t->twin->id, t->card->address) : NULL;
}

const char *gpu_moved(const struct gpu_target *t)
{
	const struct gpu_identity *i = &t->identity;
	if (i->found != GPU_MOVED)
		return NULL;
	const char *other = SAY("at %s is another card (%s)", i->other->address, card_words(t, i->other)), *match = gpu_match_words(t->b->arena, &t->spec->match);
	if (i->card)
		return SAY("%s; the one with %s is at %s (%s) now; correct the address, or `match`", other, match, i->card->address,
		           card_words(t, i->card));
	/* Ids alone do not tell a card from its twins. */
	if (!t->spec->match.slot && !t->spec->match.serial)
		return SAY("%s, no %s; correct the address, or `match`", other, match);
	return SAY("%s; none with %s is found; correct the address, or `match`", other, match);
}

const char *gpu_stuck(const struct gpu_target *t)
{
	if (!t->card || !t->card->stuck)
		return NULL;
	if (strcmp(t->card->stuck, GPU_NO_ANSWER) == 0)
		return SAY("it %s; it is left alone until it does", GPU_NO_ANSWER);
	return SAY("a write to it has not returned (%s); if it never does, only a reboot of the host frees it", t->card->stuck);
}

/* -- what the machine lacks ------------------------------------------------------------------------- */

/* What is not loaded is loaded for the card (plan_host.c), unless something keeps it away. */
const char *gpu_no_vfio(const struct gpu_target *t)
{
	const struct builder *b = t->b;
	const struct object *host = objects_get(b->in->want, KIND_HOST, b->in->host);
	const struct host_status *have = objects_get(b->in->have, KIND_HOST, b->in->host)->status;
	if ((!t->work.bind->len && !t->work.n_bind) || modules_have(&have->modules, GPU_VFIO_DRIVER))
		return NULL;
	const char *why = host_why_not_loadable(b->arena, have, GPU_VFIO_DRIVER);
	if (!why && host && builder_holds_back(b, host) && !builder_holds_back(b, t->want))
		why = SAY("the kernel module vfio-pci is not loaded, and the Host %s is not acted on; `modprobe vfio-pci` does it", host->id);
	return why;
}

const char *gpu_no_iommu(const struct gpu_target *t)
{
	if ((!t->work.bind->len && !t->work.n_bind) || t->card->iommu_group >= 0)
		return NULL;
	return "it is in no IOMMU group; switch the IOMMU on in the firmware (VT-d, AMD-Vi) and in the kernel "
	       "(intel_iommu=on; AMD's is on by itself), and reboot";
}

/* NVML switches the mode at once only where it may reset the card; to ask again brings nothing. */
const char *gpu_reset_required(const struct gpu_target *t)
{
	const struct gpu_mig *mig = &t->card->mig;
	gboolean wanted = t->n_slices > 0;
	if (!t->work.cuts || mig->pending != wanted || mig->enabled == wanted)
		return NULL;
	return SAY("its MIG mode is switched %s by its next reset; reboot the host, or end what uses the card and run `nvidia-smi --gpu-reset -i %s`",
	           wanted ? "on" : "off", t->card->address);
}

const char *gpu_no_reset(const struct gpu_target *t)
{
	const struct strings *methods = &t->card->reset_methods;
	if (t->spec->share != GPU_SHARE_PASSTHROUGH || !t->work.bind->len || methods->n != 1 ||
	    strcmp(methods->items[0], GPU_NO_RESET) != 0)
		return NULL;
	return "the kernel knows no way to reset it, so that a VM would get it as the last one left it; share: none "
	       "leaves it with the host";
}

const char *gpu_console(const struct gpu_target *t)
{
	if (t->spec->share != GPU_SHARE_PASSTHROUGH || !t->work.bind->len || t->card->boot_vga != TRUE)
		return NULL;
	return "the firmware's console is on it; make another card the primary display in the firmware (a server's BMC "
	       "has one)";
}

/* The kernel asks the driver of the main function for VFs (drivers/pci/iov.c: sriov_numvfs_store()). */
static const char *no_pf_driver(const struct gpu_target *t)
{
	const char *driver = t->card->driver;
	if (gpu_releases(t) || (driver && !gpu_is_vfio(driver)))
		return NULL;
	return driver ? SAY("it is on %s, which makes no virtual functions, and cleave did not put it there; give it back to the driver of the host", driver)
	              : "it has no driver, and it is the driver of the host that makes virtual functions; load it";
}

static const char *vfs_not_offered(const struct gpu_target *t)
{
	gint64 total = t->card->sriov.n_total;
	if (t->n_slices <= MAX(total, 0))
		return t->work.n_vfs > 0 ? no_pf_driver(t) : NULL;
	if (total <= 0)
		return "it has no SR-IOV (or it is off in the firmware), so it cannot be cut into virtual functions";
	return SAY("it can have %" G_GINT64_FORMAT " virtual functions, %" G_GINT64_FORMAT " are wanted; lower vf.count", total,
	           t->n_slices);
}

static gint by_version(gconstpointer x, gconstpointer y)
{
	return strverscmp(*(const char *const *)x, *(const char *const *)y);
}

/* "did you mean GRID P40-8Q? It offers GRID P40-1Q, GRID P40-2Q, …" */
static const char *offered_words(const struct gpu_target *t)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < t->card->vgpu_types.n; i++) {
		const struct gpu_vgpu_type *type = LIST_AT(t->card->vgpu_types, struct gpu_vgpu_type, i);
		g_ptr_array_add(names, (gpointer)(type->name ? type->name : type->id));
	}
	g_ptr_array_sort(names, by_version);
	const char *near = name_suggest(t->type, (const char *const *)names->pdata, names->len);
	if (near)
		g_string_append_printf(s, "did you mean %s? It offers ", near);
	else
		g_string_append(s, "it offers ");
	for (guint i = 0; i < names->len && s->len < 300; i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", (const char *)names->pdata[i]);
	return arena_strdup(t->b->arena, s->str);
}

/* What is available now counts those that go first; what may come after them only the description tells. */
static const char *too_few_vgpus(const struct gpu_target *t)
{
	gint64 most = gpu_vgpu_most(t->offered);
	gint64 n_more = t->offered->n_available, n = t->work.create->len;
	const char *name = t->offered->name ? t->offered->name : t->offered->id;
	for (guint i = 0; i < n; i++)
		if (!g_array_index(t->work.create, struct device_step, i).address)
			return SAY("%u of its virtual functions can carry a vGPU of %s, %" G_GINT64_FORMAT " more are wanted; lower vgpu.count", i,
			           name, n);
	if (most >= 0 && t->n_slices > most)
		return SAY("a card has room for %" G_GINT64_FORMAT " vGPU%s of %s, %" G_GINT64_FORMAT " are wanted; lower vgpu.count, or take a smaller type",
		           most, most == 1 ? "" : "s", name, t->n_slices);
	if (t->work.remove->len || n_more < 0 || n <= n_more)
		return NULL;
	return SAY("there is room for %" G_GINT64_FORMAT " more vGPU%s of %s, %" G_GINT64_FORMAT " more are wanted; lower vgpu.count, or take a smaller type",
	           n_more, n_more == 1 ? "" : "s", name, n);
}

/* Of SR-IOV cards NVIDIA's driver tells types once there are VFs. */
static gboolean may_offer_vgpus(const struct gpu_status *card)
{
	return card->vgpu_framework != VGPU_NONE || card->vgpu_types.n || (card->sriov.n_total > 0 && g_strcmp0(card->driver, "nvidia") == 0);
}

static const char *vgpus_not_offered(const struct gpu_target *t)
{
	if (t->offered)
		return too_few_vgpus(t);
	/* It is seen what the driver offers once it has the card, and its VFs, again. */
	if (gpu_releases(t) || gpu_needs_vfs(t) || gpu_unmakes_vfs(t) ||
	    (t->n_slices == 0 && may_offer_vgpus(t->card) && (!t->type || !t->card->vgpu_types.n)))
		return NULL;
	if (!t->type && t->n_slices)
		return "which vGPU type? Write vgpu: {type: …}";
	if (t->card->vgpu_types.n)
		return SAY("there is no vGPU type %s; %s", t->type, offered_words(t));
	return t->card->driver ? SAY("its driver, %s, offers no vGPUs; the vendor's host driver for vGPUs does", t->card->driver)
	                       : "it has no driver, so nobody offers vGPUs; install the vendor's host driver for vGPUs";
}

const char *gpu_not_offered(const struct gpu_target *t)
{
	switch (t->spec->share) {
	case GPU_SHARE_VF: return vfs_not_offered(t);
	case GPU_SHARE_VGPU: return vgpus_not_offered(t);
	case GPU_SHARE_MIG:
		if (gpu_releases(t) || (!t->work.cuts && t->card->mig.enabled >= 0))
			return NULL;
		if (!t->type && t->n_slices)
			return "which MIG profile? Write mig: {type: …}";
		return t->card->mig.enabled < 0 ? "NVML tells nothing of MIG: NVIDIA's driver and its libnvidia-ml are not there, or the "
		                                  "card has no MIG"
		                                : NULL;
	default: return NULL;
	}
}

/* -- who is in the way ---------------------------------------------------------------------------------- */

const char *gpu_not_ours(const struct gpu_target *t)
{
	gboolean matters = t->work.bind->len || t->work.create->len || gpu_destroys_vfs(t);
	for (guint i = 0; matters && i < t->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(t->card->vgpus, struct gpu_vgpu, i);
		if (!gpu_vgpu_is_ours(t, vgpu))
			return SAY("it carries a vGPU that cleave did not make for this GPU (%s%s%s); remove it first, or write share: none",
			           gpu_vgpu_type_name(t->card, vgpu->type), vgpu->uuid || vgpu->parent ? ", " : "",
			           vgpu->uuid ? vgpu->uuid : vgpu->parent ? vgpu->parent : "");
	}
	return NULL;
}

static gboolean is_stopped_for_good(const struct builder *b, const char *vm)
{
	gboolean stops = FALSE;
	for (guint i = 0; i < b->actions->len; i++) {
		const struct action *act = &g_array_index(b->actions, struct action, i);
		if (act->kind != KIND_VM || strcmp(act->id, vm) != 0)
			continue;
		if (act->verb == VERB_START_VM)
			return FALSE;
		stops |= act->verb == VERB_STOP_VM;
	}
	return stops;
}

const struct object *gpu_user_of(const struct gpu_target *t, const char *device)
{
	OBJECTS_EACH (vm, t->b->in->have, KIND_VM) {
		const struct vm_status *s = vm->status;
		for (guint i = 0; s && vm_status_is_up(s) && i < s->host_devices.n; i++)
			if (g_ascii_strcasecmp(s->host_devices.items[i], device) == 0 && !is_stopped_for_good(t->b, vm->id))
				return vm;
	}
	return NULL;
}

/* This plan stops a VM that has a part of the card: who has it open through vfio is that VM. */
static gboolean has_stopping_user(const struct gpu_target *t)
{
	OBJECTS_EACH (vm, t->b->in->have, KIND_VM) {
		const struct vm_status *s = vm->status;
		for (guint i = 0; s && vm_status_is_up(s) && i < s->host_devices.n; i++)
			if (gpu_has_device(t->card, s->host_devices.items[i]) && is_stopped_for_good(t->b, vm->id))
				return TRUE;
	}
	return FALSE;
}

/* What the work touches, as a VM would name it. From the arena; NULL at the end. */
static const char **touched(const struct gpu_target *t)
{
	const GArray *lists[] = { t->work.remove, t->work.release, t->work.bind };
	GPtrArray *devices = g_ptr_array_new();
	for (guint l = 0; l < G_N_ELEMENTS(lists); l++)
		for (guint i = 0; i < lists[l]->len; i++) {
			const struct device_step *step = &g_array_index(lists[l], struct device_step, i);
			if (g_strcmp0(step->from, step->to) != 0)
				g_ptr_array_add(devices, (gpointer)(step->uuid ? step->uuid : step->address));
		}
	if (gpu_moves_functions(t))
		GPU_FUNCTIONS_EACH (f, t->card->functions)
			g_ptr_array_add(devices, (gpointer)f->address);
	if (gpu_destroys_vfs(t))
		for (guint i = 0; i < t->card->sriov.vfs.n; i++)
			g_ptr_array_add(devices, (gpointer)t->card->sriov.vfs.items[i]);
	g_ptr_array_add(devices, NULL);
	const char **all = arena_memdup(t->b->arena, devices->pdata, devices->len * sizeof(gpointer));
	g_ptr_array_free(devices, TRUE);
	return all;
}

static const struct gpu_function *used_by_host(const struct list *functions)
{
	GPU_FUNCTIONS_EACH (f, *functions)
		if (f->uses.n)
			return f;
	return NULL;
}

/* In a group that a VM has the kernel lets no driver of the host start; before 5.19 it went down by that (BUG_ON in
 * vfio_iommu_group_notifier()). */
static const struct gpu_function *live_neighbour(const struct gpu_target *t, const struct object **ret_vm)
{
	gboolean is_driven = FALSE;
	for (guint i = 0; i < t->work.release->len; i++) {
		const struct device_step *step = &g_array_index(t->work.release, struct device_step, i);
		is_driven |= step->to && !gpu_is_vfio(step->to) && g_strcmp0(step->from, step->to) != 0;
	}
	GPU_FUNCTIONS_EACH (f, t->card->bystanders)
		if (is_driven && (*ret_vm = gpu_user_of(t, f->address)))
			return f;
	return NULL;
}

const char *gpu_in_use(const struct gpu_target *t)
{
	const struct object *neighbour_vm;
	const struct gpu_function *neighbour = live_neighbour(t, &neighbour_vm);
	if (neighbour)
		return SAY("the VM %s runs with %s of the same IOMMU group, into which no driver of the host may come; shut it down first",
		           neighbour_vm->id, neighbour->address);
	for (const char **device = touched(t); *device; device++) {
		const struct object *vm = gpu_user_of(t, *device);
		if (vm)
			return SAY("the VM %s runs with %s; shut it down first", vm->id, *device);
	}
	const struct gpu_function *f = gpu_moves_functions(t) ? used_by_host(&t->card->functions) : NULL;
	if (!f && (gpu_destroys_vfs(t) || t->work.bind->len))
		f = used_by_host(&t->card->virtual_functions);
	return f ? SAY("the host uses %s: %s; end that first", f->address, f->uses.items[0]) : NULL;
}

static gboolean is_vfio_holder(const struct gpu_holder *holder)
{
	return holder->path && g_str_has_prefix(holder->path, "/dev/vfio/");
}

static gboolean is_in_the_way(const struct gpu_target *t, const struct gpu_holder *holder, gboolean vm_stops)
{
	gboolean driver_goes = gpu_moves_functions(t) || (t->work.cuts && g_strcmp0(holder->comm, GPU_PERSISTENCE) != 0);
	for (guint i = 0; i < t->work.bind->len; i++)
		driver_goes |= g_array_index(t->work.bind, struct device_step, i).from != NULL;
	if (is_vfio_holder(holder))
		return !vm_stops && (driver_goes || t->work.remove->len || gpu_destroys_vfs(t));
	return driver_goes;
}

/* "Xorg (1234: /dev/dri/card1, /dev/dri/renderD128)": one process after the other, as they were seen. */
static void append_holder(GString *s, const struct gpu_holder *holder, const struct gpu_holder *before)
{
	gboolean same = before && before->pid == holder->pid;
	if (same && s->len)
		g_string_truncate(s, s->len - 1);
	else
		g_string_append_printf(s, "%s%s (%" G_GINT64_FORMAT, s->len ? ", " : "", holder->comm ? holder->comm : "a process", holder->pid);
	if (holder->path)
		g_string_append_printf(s, "%s%s", same ? ", " : ": ", holder->path);
	g_string_append_c(s, ')');
}

const char *gpu_held(const struct gpu_target *t)
{
	gboolean vm_stops = has_stopping_user(t);
	g_autoptr(GString) s = g_string_new(NULL);
	const struct gpu_holder *before = NULL;
	for (guint i = 0; i < t->card->holders.n; i++) {
		const struct gpu_holder *holder = LIST_AT(t->card->holders, struct gpu_holder, i);
		if (!is_in_the_way(t, holder, vm_stops) || s->len > 300)
			continue;
		append_holder(s, holder, before);
		before = holder;
	}
	return s->len ? SAY("it is held open by %s; end that first", s->str) : NULL;
}
