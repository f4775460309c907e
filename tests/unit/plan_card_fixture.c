#include "plan_card_fixture.h"
#include "base/arena.h"
#include "plan_host_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char *const host_drivers[] = { [CARD_MDEV] = "nvidia", [CARD_SRIOV] = "i915", [CARD_VENDOR] = "nvidia" };

/* One type a card at a time: 24 GiB in pieces. */
static const struct {
	const char *id, *name;
	gint64 most;
} types[] = { { "nvidia-49", "GRID P40-4Q", 6 }, { "nvidia-50", "GRID P40-8Q", 3 } };

/* -- making ------------------------------------------------------------------------------------------- */

static gboolean one_in(GRand *r, int n)
{
	return g_rand_int_range(r, 0, n) == 0;
}

static struct sim_device random_device(struct sim *s, GRand *r, const char *address, const char *host_driver)
{
	const char *drivers[] = { NULL, host_driver, "vfio-pci" }, *formers[] = { NULL, GPU_NO_DRIVER, host_driver };
	struct sim_device d = { .address = arena_strdup(s->arena, address) };
	d.driver = drivers[g_rand_int_range(r, 0, 3)];
	d.former = formers[g_rand_int_range(r, 0, 3)];
	return d;
}

static void random_vfs(struct sim *s, GRand *r, struct sim_card *card)
{
	card->n_vfs = card->kind == CARD_MDEV || one_in(r, 2) ? 0 : g_rand_int_range(r, 0, SIM_VFS + 1);
	card->former_vfs = card->kind == CARD_MDEV ? -1 : g_rand_int_range(r, -1, 3);
	for (guint i = 0; i < card->n_vfs; i++) {
		card->vfs[i] = random_device(s, r, arena_printf(s->arena, "%s.%u", card->slot, 4 + i), host_drivers[card->kind]);
		if (card->kind != CARD_VENDOR)
			continue;
		card->vfs[i].driver = "nvidia";
		card->vfs[i].former = NULL;
		/* Who has no driver has no vGPUs. */
		card->vfs[i].vgpu_type = i < 3 && g_strcmp0(card->functions[0].driver, "nvidia") == 0 && one_in(r, 3) ? "nvidia-50" : NULL;
	}
}

static void random_vgpus(struct sim *s, GRand *r, struct sim_card *card, const char *gpu)
{
	guint type = (guint)g_rand_int_range(r, 0, 2);
	if (card->kind != CARD_MDEV || g_strcmp0(card->functions[0].driver, "nvidia") != 0)
		return;
	for (guint i = 0; i < types[type].most; i++) {
		const char *uuid = one_in(r, 30) ? arena_printf(s->arena, "c3c6a6b4-4c7e-4f5e-9d58-0000000000%02u", i)
		                                 : gpu_vgpu_uuid(s->arena, "f", gpu, i);
		if (one_in(r, 3))
			card->vgpus[i] = (struct gpu_vgpu){ uuid, types[type].id, card->functions[0].address };
	}
}

void sim_cards_add(struct sim *s, GRand *r)
{
	for (guint i = 0; i < SIM_CARDS; i++) {
		struct sim_card *card = ARENA_NEW(s->arena, struct sim_card);
		card->kind = (enum sim_card_kind)g_rand_int_range(r, 0, 3);
		card->slot = arena_printf(s->arena, "0000:6%u:00", i);
		card->serial = arena_printf(s->arena, "132002%u", i);
		card->functions[0] = random_device(s, r, arena_printf(s->arena, "%s.0", card->slot), host_drivers[card->kind]);
		card->functions[1] = random_device(s, r, arena_printf(s->arena, "%s.1", card->slot), "snd_hda_intel");
		if (one_in(r, 4))
			card->bystander = random_device(s, r, arena_printf(s->arena, "%s.2", card->slot), "igb");
		card->bystander.is_used = g_strcmp0(card->bystander.driver, "igb") == 0 && one_in(r, 3);
		card->functions[0].is_used = !card->functions[0].former && one_in(r, 25);
		random_vfs(s, r, card);
		random_vgpus(s, r, card, arena_printf(s->arena, "g%u", i));
		card->is_console = one_in(r, 20);
		card->has_no_reset = one_in(r, 20);
		card->has_no_iommu = one_in(r, 20);
		card->is_stuck = one_in(r, 20);
		card->is_held = one_in(r, 10);
		g_ptr_array_add(s->cards, card);
	}
}

const char *sim_card_device(const struct sim_card *card, GRand *r)
{
	for (guint i = 0; one_in(r, 2) && i < SIM_VGPUS; i++)
		if (card->vgpus[i].uuid)
			return card->vgpus[i].uuid;
	return card->n_vfs && one_in(r, 2) ? card->vfs[0].address : card->functions[0].address;
}

/* -- finding ------------------------------------------------------------------------------------------ */

static struct sim_device *device_at(struct sim_card *card, const char *address)
{
	struct sim_device *all[] = { &card->functions[0], &card->functions[1], &card->bystander };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (g_strcmp0(all[i]->address, address) == 0)
			return all[i];
	for (guint i = 0; i < card->n_vfs; i++)
		if (strcmp(card->vfs[i].address, address) == 0)
			return &card->vfs[i];
	return NULL;
}

static struct gpu_vgpu *vgpu_called(struct sim_card *card, const char *uuid)
{
	for (guint i = 0; uuid && i < SIM_VGPUS; i++)
		if (g_strcmp0(card->vgpus[i].uuid, uuid) == 0)
			return &card->vgpus[i];
	return NULL;
}

struct sim_card *sim_card_of(const struct sim *s, const char *device)
{
	for (guint i = 0; i < s->cards->len; i++) {
		struct sim_card *card = g_ptr_array_index(s->cards, i);
		if (device_at(card, device) || vgpu_called(card, device))
			return card;
	}
	return NULL;
}

static const struct sim_vm *vm_with(const struct sim *s, const char *device)
{
	for (guint i = 0; i < s->vms->len; i++) {
		const struct sim_vm *vm = g_ptr_array_index(s->vms, i);
		if (sim_vm_is_up(vm) && g_strcmp0(vm->device, device) == 0)
			return vm;
	}
	return NULL;
}

static guint count_vgpus(const struct sim_card *card, const char *type)
{
	guint n = 0;
	for (guint i = 0; i < SIM_VGPUS; i++)
		n += card->vgpus[i].uuid && (!type || strcmp(card->vgpus[i].type, type) == 0);
	for (guint i = 0; i < card->n_vfs; i++)
		n += card->vfs[i].vgpu_type && (!type || strcmp(card->vfs[i].vgpu_type, type) == 0);
	return n;
}

/* -- observing ---------------------------------------------------------------------------------------- */

static struct gpu_function function_of(const struct sim_card *card, const struct sim_device *d, const char *class_code)
{
	static const char *in_use[] = { "network interface eth0 is up" };
	struct gpu_function f = { .address = d->address, .class_code = class_code, .vendor = "10de", .device = "2231",
		                  .driver = d->driver, .former_driver = d->former, .vgpu_type = d->vgpu_type };
	f.iommu_group = card->has_no_iommu ? -1 : 14;
	if (d->is_used)
		f.uses = (struct strings){ in_use, 1 };
	return f;
}

static struct list functions_of(struct arena *a, const struct sim_card *card, const struct sim_device *devices, guint n,
                                const char *class_code)
{
	struct gpu_function *items = ARENA_ARRAY(a, struct gpu_function, n);
	for (guint i = 0; i < n; i++)
		items[i] = function_of(card, &devices[i], class_code);
	return (struct list){ items, n };
}

static void observe_vgpus(struct arena *a, const struct sim_card *card, struct gpu_status *ret)
{
	struct gpu_vgpu *items = ARENA_ARRAY(a, struct gpu_vgpu, SIM_VGPUS + SIM_VFS);
	guint n = 0;
	for (guint i = 0; i < SIM_VGPUS; i++)
		if (card->vgpus[i].uuid)
			items[n++] = card->vgpus[i];
	for (guint i = 0; i < card->n_vfs; i++)
		if (card->vfs[i].vgpu_type)
			items[n++] = (struct gpu_vgpu){ NULL, card->vfs[i].vgpu_type, card->vfs[i].address };
	ret->vgpus = (struct list){ items, n };
	gboolean offers = g_strcmp0(card->functions[0].driver, "nvidia") == 0 && (card->kind == CARD_MDEV || card->n_vfs);
	struct gpu_vgpu_type *offered = ARENA_ARRAY(a, struct gpu_vgpu_type, G_N_ELEMENTS(types));
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		gint64 free = n && !count_vgpus(card, types[i].id) ? 0 : types[i].most - (gint64)n;
		offered[i] = (struct gpu_vgpu_type){ types[i].id, types[i].name, NULL, free };
	}
	ret->vgpu_types = (struct list){ offered, offers ? G_N_ELEMENTS(types) : 0 };
	ret->vgpu_framework = !offers ? VGPU_NONE : card->kind == CARD_MDEV ? VGPU_MDEV : VGPU_VENDOR_VFIO;
}

static void observe_holders(const struct sim *s, struct arena *a, const struct sim_card *card, struct gpu_status *ret)
{
	struct gpu_holder *items = ARENA_ARRAY(a, struct gpu_holder, s->vms->len + 1);
	guint n = 0;
	if (card->is_held)
		items[n++] = (struct gpu_holder){ 1234, "Xorg", "/dev/dri/card1" };
	for (guint i = 0; i < s->vms->len; i++) {
		const struct sim_vm *vm = g_ptr_array_index(s->vms, i);
		if (vm->device && sim_vm_is_up(vm) && sim_card_of(s, vm->device) == card)
			items[n++] = (struct gpu_holder){ 2000 + i, "qemu-system-x86", "/dev/vfio/14" };
	}
	ret->holders = (struct list){ items, n };
}

static struct gpu_status *observe_card(const struct sim *s, struct arena *a, const struct sim_card *card)
{
	static const char *resets[] = { "flr" }, *no_resets[] = { GPU_NO_RESET };
	struct gpu_status *g = arena_alloc(a, sizeof *g);
	fields_set_untold(gpu_status_fields, g);
	g->host = "h1";
	g->address = card->functions[0].address;
	g->vendor = "10de";
	g->device = "2231";
	g->serial = card->serial;
	g->driver = card->functions[0].driver;
	g->iommu_group = card->has_no_iommu ? -1 : 14;
	g->boot_vga = card->is_console;
	g->reset_methods = (struct strings){ card->has_no_reset ? no_resets : resets, 1 };
	g->stuck = card->is_stuck ? "driver/unbind, since 2026-05-06T07:00:00Z" : NULL;
	g->functions = functions_of(a, card, card->functions, 2, "0300");
	g->bystanders = functions_of(a, card, &card->bystander, card->bystander.address ? 1 : 0, "0200");
	g->virtual_functions = functions_of(a, card, card->vfs, (guint)card->n_vfs, "0302");
	g->sriov.n_total = card->kind == CARD_MDEV ? -1 : SIM_VFS;
	g->sriov.n_enabled = card->kind == CARD_MDEV ? -1 : card->n_vfs;
	g->sriov.former_count = card->former_vfs;
	const char **vfs = ARENA_ARRAY(a, const char *, SIM_VFS);
	for (guint i = 0; i < card->n_vfs; i++)
		vfs[i] = card->vfs[i].address;
	g->sriov.vfs = (struct strings){ vfs, (guint)card->n_vfs };
	observe_vgpus(a, card, g);
	observe_holders(s, a, card, g);
	return g;
}

void sim_cards_observe(const struct sim *s, struct arena *a, struct objects *have)
{
	for (guint i = 0; i < s->cards->len; i++) {
		struct object *o = ARENA_NEW(a, struct object);
		/* Named as nobody's: a plan goes by what a card is, not by what somebody called it. */
		char *id = arena_printf(a, "pci-000%u", i);
		*o = (struct object){ .kind = &kinds[KIND_GPU], .id = id, .meta.name = id };
		o->status = observe_card(s, a, g_ptr_array_index(s->cards, i));
		assert_true(objects_add(have, o));
	}
}

/* -- obeying ------------------------------------------------------------------------------------------ */

static const struct gpu_spec *spec_of(const struct action *act)
{
	assert_non_null(act->want);
	return act->want->spec;
}

/* Neither the host nor a VM works with it, and nobody has the card open. */
static void expect_free(const struct sim *s, const struct sim_card *card, const struct sim_device *d)
{
	assert_false(d->is_used);
	assert_null(vm_with(s, d->address));
	assert_false(card->is_held && d >= card->functions && d < card->functions + 2);
}

static void bind(const struct sim *s, struct sim_card *card, struct sim_device *d, const struct gpu_spec *spec, gboolean half)
{
	assert_false(card->has_no_iommu);
	assert_true(s->modules->len > 0);
	assert_true(spec->share == GPU_SHARE_PASSTHROUGH || spec->share == GPU_SHARE_VF);
	if (spec->share == GPU_SHARE_PASSTHROUGH)
		assert_false(card->is_console || card->has_no_reset);
	assert_true(d != &card->bystander || spec->group == GPU_GROUP_TAKE);
	expect_free(s, card, d);
	if (!d->former)
		d->former = d->driver ? d->driver : GPU_NO_DRIVER;
	d->driver = half ? NULL : "vfio-pci";
}

static void apply_bind(const struct sim *s, struct sim_card *card, const struct action *act, gboolean half)
{
	for (guint i = 0; i < act->n_steps; i++) {
		struct sim_device *d = device_at(card, act->steps[i].address);
		assert_string_equal(act->steps[i].to, "vfio-pci");
		assert_int_equal(g_strcmp0(act->steps[i].from, d->driver), 0);
		assert_true(!half || i < 2);
		bind(s, card, d, spec_of(act), half && i == 1);
		if (half && i == 1)
			return;
	}
	assert_true(act->count == 0 || act->count == (guint64)card->n_vfs);
	for (guint i = 0; act->count && i < card->n_vfs; i++)
		if (!half || i % 2)
			bind(s, card, &card->vfs[i], spec_of(act), FALSE);
}

static void apply_release(const struct sim *s, struct sim_card *card, const struct action *act, gboolean half)
{
	for (guint i = 0; i < act->n_steps; i++) {
		const struct device_step *step = &act->steps[i];
		struct sim_device *d = device_at(card, step->address);
		assert_non_null(d->former); /* else cleave did not take it */
		assert_string_equal(d->former, step->to ? step->to : GPU_NO_DRIVER);
		/* Nor is it taken from who has it since. */
		assert_true(!d->driver || strcmp(d->driver, "vfio-pci") == 0 || g_strcmp0(d->driver, step->to) == 0);
		assert_int_equal(g_strcmp0(step->from, d->driver), 0);
		if (g_strcmp0(step->from, step->to) != 0) /* else only the note goes */
			expect_free(s, card, d);
		d->driver = step->to;
		if (half)
			return; /* the note is still there */
		d->former = NULL;
	}
}

static void make_vfs(struct sim *s, struct sim_card *card, gint64 n, const char *driver)
{
	for (guint i = 0; i < card->n_vfs; i++) {
		expect_free(s, card, &card->vfs[i]);
		assert_null(card->vfs[i].vgpu_type);
	}
	memset(card->vfs, 0, sizeof card->vfs);
	card->n_vfs = n;
	for (guint i = 0; i < n; i++)
		card->vfs[i] = (struct sim_device){ .address = arena_printf(s->arena, "%s.%u", card->slot, 4 + i), .driver = driver };
}

static void apply_vfs(struct sim *s, struct sim_card *card, const struct action *act, gboolean half)
{
	const struct gpu_spec *spec = spec_of(act);
	gboolean gives_back = spec->share == GPU_SHARE_NONE || spec->share == GPU_SHARE_MIG;
	assert_true(card->kind != CARD_MDEV && act->count <= SIM_VFS);
	assert_true(!gives_back || (gint64)act->count == card->former_vfs);
	if (card->former_vfs < 0)
		card->former_vfs = card->n_vfs;
	/* From one number to another there is a moment with none. */
	if ((gint64)act->count != card->n_vfs)
		make_vfs(s, card, half ? 0 : (gint64)act->count, spec->share == GPU_SHARE_VGPU ? "nvidia" : NULL);
	if (spec->share != GPU_SHARE_VF && (gint64)act->count == card->former_vfs && !half)
		card->former_vfs = -1;
}

static void create_vgpu(struct sim_card *card, const struct action *act, const struct device_step *step)
{
	assert_string_equal(card->functions[0].driver, "nvidia");
	assert_int_equal(count_vgpus(card, NULL), count_vgpus(card, step->to));
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		assert_true(strcmp(types[i].id, step->to) != 0 || count_vgpus(card, step->to) < types[i].most);
	if (!step->uuid) {
		struct sim_device *vf = device_at(card, step->address);
		assert_null(vf->vgpu_type);
		vf->vgpu_type = step->to;
		if (!vf->former)
			vf->former = vf->driver;
		return;
	}
	assert_string_equal(step->address, card->functions[0].address);
	assert_null(vgpu_called(card, step->uuid));
	int i = gpu_vgpu_index("f", act->id, step->uuid);
	assert_in_range(i, 0, SIM_VGPUS - 1);
	for (guint k = 0; k < SIM_VGPUS; k++)
		if (!card->vgpus[k].uuid) {
			card->vgpus[k] = (struct gpu_vgpu){ step->uuid, step->to, step->address };
			return;
		}
	fail_msg("no room on %s", card->slot);
}

static void remove_vgpu(const struct sim *s, struct sim_card *card, const struct action *act, const struct device_step *step)
{
	if (!step->uuid) {
		struct sim_device *vf = device_at(card, step->address);
		assert_non_null(vf->vgpu_type);
		assert_true(vf->former || card->former_vfs >= 0);
		assert_null(vm_with(s, step->address));
		vf->vgpu_type = NULL;
		return;
	}
	struct gpu_vgpu *vgpu = vgpu_called(card, step->uuid);
	assert_non_null(vgpu);
	assert_true(gpu_vgpu_index("f", act->id, step->uuid) >= 0);
	assert_null(vm_with(s, step->uuid));
	*vgpu = (struct gpu_vgpu){ 0 };
}

/* The strings of a plan end with it; those of the host do not. */
static struct action kept(struct arena *a, const struct action *act)
{
	struct action copy = *act;
	copy.steps = arena_memdup(a, act->steps, act->n_steps * sizeof *act->steps);
	for (guint i = 0; i < act->n_steps; i++) {
		copy.steps[i].from = arena_strdup(a, act->steps[i].from);
		copy.steps[i].to = arena_strdup(a, act->steps[i].to);
		copy.steps[i].uuid = arena_strdup(a, act->steps[i].uuid);
	}
	return copy;
}

void sim_card_apply(struct sim *s, const struct action *given, gboolean half)
{
	struct action act = kept(s->arena, given);
	struct sim_card *card = sim_card_of(s, act.card->address);
	assert_non_null(card);
	assert_false(card->is_stuck);
	switch (act.verb) {
	case VERB_BIND_DEVICE: apply_bind(s, card, &act, half); return;
	case VERB_RELEASE_DEVICE: apply_release(s, card, &act, half); return;
	case VERB_SET_VFS: apply_vfs(s, card, &act, half); return;
	case VERB_CREATE_VGPUS:
	case VERB_REMOVE_VGPUS:
		for (guint i = 0; i < act.n_steps && !(half && i); i++)
			if (act.verb == VERB_CREATE_VGPUS)
				create_vgpu(card, &act, &act.steps[i]);
			else
				remove_vgpu(s, card, &act, &act.steps[i]);
		return;
	default: fail_msg("%s is no verb on cards", verbs[act.verb].name);
	}
}

/* -- as wanted ---------------------------------------------------------------------------------------- */

/* A driver that somebody chose since keeps its device, and the device its note. */
static void check_given_back(const struct sim_device *d)
{
	if (d->former && (!d->driver || strcmp(d->driver, "vfio-pci") == 0 || strcmp(d->driver, d->former) == 0))
		fail_msg("%s is on %s, and was not given back to %s", d->address, d->driver ? d->driver : "nothing", d->former);
}

static void check_free_of_cleave(const struct sim_card *card, const char *gpu)
{
	check_given_back(&card->functions[0]);
	check_given_back(&card->functions[1]);
	check_given_back(&card->bystander);
	assert_true(card->former_vfs == -1);
	for (guint i = 0; i < card->n_vfs; i++)
		check_given_back(&card->vfs[i]);
	for (guint i = 0; i < SIM_VGPUS; i++)
		assert_true(!card->vgpus[i].uuid || gpu_vgpu_index("f", gpu, card->vgpus[i].uuid) < 0);
}

static void check_whole(const struct sim_card *card, const struct gpu_spec *spec)
{
	assert_string_equal(card->functions[0].driver, "vfio-pci");
	assert_string_equal(card->functions[1].driver, "vfio-pci");
	assert_true(card->n_vfs == 0 && count_vgpus(card, NULL) == 0);
	if (spec->group == GPU_GROUP_TAKE && card->bystander.address)
		assert_string_equal(card->bystander.driver, "vfio-pci");
}

static guint count_ours(const struct sim_card *card, const char *gpu)
{
	guint n = 0;
	for (guint i = 0; i < SIM_VGPUS; i++)
		n += card->vgpus[i].uuid && gpu_vgpu_index("f", gpu, card->vgpus[i].uuid) >= 0;
	return n;
}

void sim_card_check(const struct sim *s, const struct object *want)
{
	const struct gpu_spec *spec = want->spec;
	const struct sim_card *card = NULL;
	for (guint i = 0; i < s->cards->len; i++) {
		const struct sim_card *one = g_ptr_array_index(s->cards, i);
		if (spec->match.serial ? strcmp(one->serial, spec->match.serial) == 0 : g_str_has_prefix(spec->address, one->slot))
			card = one;
	}
	assert_non_null(card);
	if (spec->share == GPU_SHARE_NONE)
		check_free_of_cleave(card, want->id);
	if (spec->share == GPU_SHARE_PASSTHROUGH)
		check_whole(card, spec);
	/* Those of others stand beside ours. */
	if (spec->share == GPU_SHARE_VGPU)
		assert_true(count_vgpus(card, NULL) >= spec->vgpu.count);
	if (spec->share == GPU_SHARE_VGPU && card->kind == CARD_MDEV)
		assert_true(count_ours(card, want->id) >= spec->vgpu.count);
	if (spec->share == GPU_SHARE_VF) {
		assert_true(card->n_vfs == spec->vf.count);
		for (guint i = 0; i < card->n_vfs; i++)
			assert_string_equal(card->vfs[i].driver, "vfio-pci");
	}
}
