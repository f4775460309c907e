/* Cards that are made up: each GPU's card has its driver, an IOMMU group of its own, and can be cut as either revision
 * says. */
#include "plan/assume_made.h"
#include "base/arena.h"
#include "spec/gpu.h"
#include <string.h>

enum { MOST_VFS = 64 }; /* that SR-IOV of such a card has */

static struct gpu_status *card_at(const struct assuming *s, const char *address)
{
	OBJECTS_EACH (o, s->have, KIND_GPU) {
		struct gpu_status *card = o->status;
		if (strcmp(card->address, address) == 0)
			return card;
	}
	return NULL;
}

/* A card that is told by its slot or serial alone has an address that no machine of people has. */
static const char *address_of(const struct assuming *s, const struct object *gpu)
{
	const struct gpu_spec *spec = gpu->spec;
	if (spec->address)
		return spec->address;
	guint32 number = g_str_hash(gpu->id);
	return arena_printf(s->arena, "%04x:%02x:%02x.0", 0xf000 + (number & 0xfff), (number >> 12) & 0xff, (number >> 20) & 0x1f);
}

/* "10de:2231" of `match`; else one of NVIDIA's. */
static void say_ids(struct assuming *s, struct gpu_status *card, const struct gpu_match *match)
{
	const char *colon = match->id ? strchr(match->id, ':') : NULL;
	card->vendor = colon ? arena_strndup(s->arena, match->id, (gsize)(colon - match->id)) : "10de";
	card->device = colon ? colon + 1 : "0000";
	card->slot = match->slot;
	card->serial = match->serial;
}

static void add_function(struct assuming *s, struct list *list, const char *address, const char *driver, gint64 group)
{
	ASSUME_APPEND(s->arena, *list, struct gpu_function, { .address = address, .class_code = "0302", .vendor = "10de", .device = "0000",
	                                                      .driver = driver, .iommu_group = group });
}

static struct gpu_status *add_card(struct assuming *s, const struct object *gpu, const char *address)
{
	const struct gpu_spec *spec = gpu->spec;
	struct gpu_status *card = ARENA_NEW(s->arena, struct gpu_status);
	fields_set_untold(gpu_status_fields, card);
	card->host = s->in->host;
	card->address = address;
	say_ids(s, card, &spec->match);
	card->driver = "nvidia";
	card->iommu_group = 1 + s->have->by_kind[KIND_GPU]->len;
	card->boot_vga = FALSE;
	card->vgpu_framework = VGPU_MDEV;
	card->mig.enabled = card->mig.pending = FALSE;
	add_function(s, &card->functions, address, card->driver, card->iommu_group);
	assume_seen(s, KIND_GPU, arena_printf(s->arena, "assumed-%s", address), card);
	return card;
}

static void offer(struct assuming *s, struct gpu_status *card, const char *type)
{
	for (guint i = 0; i < card->vgpu_types.n; i++)
		if (strcmp(LIST_AT(card->vgpu_types, struct gpu_vgpu_type, i)->id, type) == 0)
			return;
	ASSUME_APPEND(s->arena, card->vgpu_types, struct gpu_vgpu_type, { .id = type, .name = type, .n_available = GPU_MAX_VGPUS });
}

static void add_cards(struct assuming *s, const struct objects *of)
{
	OBJECTS_EACH (o, of, KIND_GPU) {
		const struct gpu_spec *spec = o->spec;
		if (g_strcmp0(spec->host, s->in->host) != 0)
			continue;
		const char *address = address_of(s, o);
		struct gpu_status *card = card_at(s, address);
		card = card ? card : add_card(s, o, address);
		/* A driver that makes vGPUs of virtual functions names them otherwise: only cards that are cut into those have them. */
		if (spec->share == GPU_SHARE_VF && card->sriov.n_total < 0)
			card->sriov = (struct gpu_sriov){ .n_total = MOST_VFS, .n_enabled = 0, .former_count = -1 };
		if (spec->vgpu.type)
			offer(s, card, spec->vgpu.type);
	}
}

void assume_cards(struct assuming *s)
{
	add_cards(s, s->in->from);
	add_cards(s, s->in->to);
}

/* -- verbs ------------------------------------------------------------------------------------------------------------ */

static struct gpu_function *function_at(struct gpu_status *card, const char *address)
{
	if (!card)
		return NULL;
	const struct list *lists[] = { &card->functions, &card->virtual_functions };
	for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
		for (guint k = 0; k < lists[i]->n; k++)
			if (g_strcmp0(LIST_AT(*lists[i], struct gpu_function, k)->address, address) == 0)
				return LIST_AT(*lists[i], struct gpu_function, k);
	return NULL;
}

static void give(struct gpu_function *f, const char *driver)
{
	f->former_driver = f->driver ? f->driver : GPU_NO_DRIVER;
	f->driver = driver;
	f->driver_override = driver;
}

static void bind(struct gpu_status *card, const struct action *act)
{
	for (guint i = 0; i < act->n_steps; i++) {
		struct gpu_function *f = function_at(card, act->steps[i].address);
		if (f)
			give(f, act->steps[i].to);
	}
	for (guint i = 0; act->count && i < card->virtual_functions.n; i++)
		give(LIST_AT(card->virtual_functions, struct gpu_function, i), GPU_VFIO_DRIVER);
	struct gpu_function *main_function = function_at(card, card->address);
	card->driver = main_function ? main_function->driver : card->driver;
	card->driver_override = main_function ? main_function->driver_override : NULL;
	if (g_strcmp0(card->driver, GPU_VFIO_DRIVER) != 0)
		return;
	/* They are the host's driver's. */
	card->vgpu_types = (struct list){ 0 };
	card->vgpu_framework = VGPU_NONE;
}

/* As the kernel counts them: the functions behind the card's own, then its next devices. */
static void set_vfs(struct assuming *s, struct gpu_status *card, guint64 n)
{
	const char *colon = strrchr(card->address, ':');
	card->virtual_functions = (struct list){ 0 };
	card->sriov.vfs = (struct strings){ 0 };
	for (guint64 i = 0; i < n; i++) {
		guint number = (guint)i + 4;
		const char *address = arena_printf(s->arena, "%.*s:%02x.%u", (int)(colon - card->address), card->address, number / 8, number % 8);
		add_function(s, &card->virtual_functions, address, NULL, card->iommu_group + 1000 + number);
		ASSUME_APPEND(s->arena, card->sriov.vfs, const char *, address);
	}
	card->sriov.n_enabled = (gint64)n;
	card->sriov.former_count = n ? 0 : -1;
}

static void cut(struct assuming *s, struct gpu_status *card, const struct action *act)
{
	card->mig.enabled = card->mig.pending = act->count > 0;
	card->mig.instances = (struct list){ 0 };
	for (guint64 i = 0; i < act->count; i++)
		ASSUME_APPEND(s->arena, card->mig.instances, struct gpu_mig_instance,
		              { act->n_steps ? act->steps[0].to : ((const struct gpu_spec *)act->want->spec)->mig.type, (gint64)i });
}

void assume_on_card(struct assuming *s, const struct action *act)
{
	struct gpu_status *card = card_at(s, act->card->address);
	switch (act->verb) {
	case VERB_BIND_DEVICE: bind(card, act); return;
	case VERB_SET_VFS: set_vfs(s, card, act->count); return;
	case VERB_SET_MIG: cut(s, card, act); return;
	case VERB_CREATE_VGPUS:
		for (guint i = 0; i < act->n_steps; i++)
			ASSUME_APPEND(s->arena, card->vgpus, struct gpu_vgpu, { act->steps[i].uuid, act->steps[i].to, act->steps[i].address });
		return;
	default: return; /* nothing was taken before: there is nothing to give back */
	}
}
