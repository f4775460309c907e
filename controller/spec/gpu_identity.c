/* Which card a GPU's spec means: by slot, serial and ids, its address a hint. And what its vGPUs are called. */
#include "base/arena.h"
#include "base/uuid.h"
#include "spec/gpu.h"
#include <string.h>

/* The slot's part of an address: without the domain's leading zeros, up to the function. */
static const char *slot_of(const char *address, gsize *ret_len)
{
	address += strspn(address, "0");
	*ret_len = strcspn(address, ".");
	return address;
}

gboolean gpu_is_at(const struct gpu_status *card, const char *address)
{
	gsize a_len, b_len;
	const char *a = slot_of(card->address, &a_len), *b = slot_of(address, &b_len);
	return a_len == b_len && g_ascii_strncasecmp(a, b, a_len) == 0;
}

static gboolean is_same_address(const char *a, const char *b)
{
	return g_ascii_strcasecmp(a + strspn(a, "0"), b + strspn(b, "0")) == 0;
}

static gboolean has_function(const struct list *functions, const char *address)
{
	for (guint i = 0; i < functions->n; i++)
		if (is_same_address(LIST_AT(*functions, struct gpu_function, i)->address, address))
			return TRUE;
	return FALSE;
}

gboolean gpu_has_vf(const struct gpu_status *card, const char *address)
{
	for (guint i = 0; i < card->sriov.vfs.n; i++)
		if (is_same_address(card->sriov.vfs.items[i], address))
			return TRUE;
	return has_function(&card->virtual_functions, address);
}

static gboolean fits_id(const struct gpu_status *card, const char *id)
{
	const char *colon = strchr(id, ':');
	return card->vendor && card->device && colon && g_ascii_strncasecmp(card->vendor, id, (gsize)(colon - id)) == 0 &&
	       !card->vendor[colon - id] && g_ascii_strcasecmp(card->device, colon + 1) == 0;
}

static gboolean fits(const struct gpu_status *card, const struct gpu_match *m)
{
	return (!m->slot || g_strcmp0(card->slot, m->slot) == 0) && (!m->serial || g_strcmp0(card->serial, m->serial) == 0) &&
	       (!m->id || fits_id(card, m->id));
}

struct gpu_identity gpu_identify(const struct gpu_spec *spec, const struct gpu_status *const *cards, guint n_cards)
{
	const struct gpu_match *m = &spec->match;
	const struct gpu_status *here = NULL, *whole = NULL, *fitting[2] = { NULL, NULL };
	guint n_fitting = 0;
	for (guint i = 0; i < n_cards; i++) {
		if (spec->address && is_same_address(cards[i]->address, spec->address))
			here = cards[i];
		else if (spec->address && (gpu_is_at(cards[i], spec->address) || gpu_has_vf(cards[i], spec->address)))
			whole = cards[i];
		if (fits(cards[i], m) && n_fitting++ < 2)
			fitting[n_fitting - 1] = cards[i];
	}
	if (here && fits(here, m))
		return (struct gpu_identity){ GPU_FOUND, here, NULL };
	if (!here && whole)
		return (struct gpu_identity){ GPU_PART, NULL, whole };
	/* Ids alone fit its twins as well: they do not say where a card went. */
	gboolean is_told_apart = n_fitting == 1 && (m->slot || m->serial);
	if (here)
		return (struct gpu_identity){ GPU_MOVED, is_told_apart ? fitting[0] : NULL, here };
	if (is_told_apart)
		return (struct gpu_identity){ GPU_FOUND, fitting[0], NULL };
	if (n_fitting > 1 && (m->slot || m->serial))
		return (struct gpu_identity){ GPU_AMBIGUOUS, fitting[0], fitting[1] };
	return (struct gpu_identity){ GPU_NOT_FOUND, NULL, NULL };
}

char *gpu_vgpu_uuid(struct arena *a, const char *farm, const char *gpu, guint index)
{
	return uuid_of_name(a, arena_printf(a, "%s/%s/vgpu%u", farm ? farm : "", gpu, index));
}

int gpu_vgpu_index(const char *farm, const char *gpu, const char *uuid)
{
	SCOPED_ARENA(scratch);
	for (guint i = 0; i < GPU_MAX_VGPUS; i++)
		if (g_ascii_strcasecmp(gpu_vgpu_uuid(scratch, farm, gpu, i), uuid) == 0)
			return (int)i;
	return -1;
}

gboolean gpu_has_device(const struct gpu_status *card, const char *device)
{
	for (guint i = 0; i < card->vgpus.n; i++) {
		const char *uuid = LIST_AT(card->vgpus, struct gpu_vgpu, i)->uuid;
		if (uuid && g_ascii_strcasecmp(uuid, device) == 0)
			return TRUE;
	}
	return has_function(&card->functions, device) || gpu_has_vf(card, device);
}
