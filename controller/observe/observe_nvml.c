/* What only NVML tells of a card. It is asked of cards alone that the NVIDIA driver of this very machine has: on any
 * other it would load a library for nothing. */
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/nvml.h"
#include "host/taken.h"
#include "host/tree.h"
#include "host/xid.h"
#include "observe/observe.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include <string.h>

static gboolean is_asked_for(const struct gpu_status *card)
{
	return g_strcmp0(card->vendor, "10de") == 0 && g_strcmp0(card->driver, "nvidia") == 0;
}

static struct gpu_status *find(const struct objects *have, const char *address)
{
	OBJECTS_EACH (o, have, KIND_GPU) {
		struct gpu_status *card = o->status;
		if (card && is_asked_for(card) && g_strcmp0(card->address, address) == 0)
			return card;
	}
	return NULL;
}

/* Of a card in MIG mode whose instances are not told nothing is said: it would seem to have none. */
static void fill_mig(struct arena *a, const struct nvml_card *from, struct gpu_mig *ret)
{
	if (from->mig < 0 || !from->can_list)
		return;
	struct gpu_mig_instance *items = ARENA_ARRAY(a, struct gpu_mig_instance, from->n_instances);
	for (guint i = 0; i < from->n_instances; i++)
		items[i] = (struct gpu_mig_instance){ .profile = from->instances[i].profile, .id = from->instances[i].id };
	ret->enabled = from->mig;
	ret->pending = from->mig_pending == from->mig ? -1 : from->mig_pending;
	ret->instances = (struct list){ items, from->n_instances };
}

static void fill(struct arena *a, const struct nvml_card *from, struct objects *have, struct host_status *host)
{
	struct gpu_status *card = find(have, from->address);
	if (from->trouble)
		host->nvml_trouble = arena_printf(a, "%s%s%s: %s", host->nvml_trouble ? host->nvml_trouble : "",
		                                  host->nvml_trouble ? "; " : "", from->address, from->trouble);
	if (!card || from->trouble)
		return;
	card->board_serial = from->serial;
	card->ecc = from->ecc;
	fill_mig(a, from, &card->mig);
	card->load.celsius = from->celsius;
	card->load.milliwatts = from->milliwatts;
	card->load.percent = from->percent;
	card->load.memory_bytes = from->memory_bytes ? (gint64)from->memory_bytes : -1;
	card->load.used_bytes = from->memory_bytes ? (gint64)from->used_bytes : -1;
}

/* The log tells of cards that the driver had, also when NVML hangs over them. */
static void fill_xids(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct xid_counts xids = { 0 };
	gboolean is_read = FALSE;
	OBJECTS_EACH (o, have, KIND_GPU) {
		struct gpu_status *card = o->status;
		if (!card || !is_asked_for(card))
			continue;
		if (!is_read)
			xid_read(a, in->tree, &xids);
		is_read = TRUE;
		const struct xid_count *its = xid_find(&xids, card->address);
		if (its)
			card->load.last_xid = its->last;
		card->load.n_xids = its ? its->n : xids.is_told ? 0 : -1;
	}
}

/* A library that hangs in the kernel would leave one more process there each time. */
static gboolean is_stuck(struct arena *a, const struct observe_input *in, const struct gpu_status *card)
{
	return in->taken && taken_find_stuck(in->taken, a, card->address);
}

/* Only a process that outlived its end counts; where the state folder is not ours nothing is noted. */
static void note_stuck(const struct observe_input *in, const GPtrArray *addresses)
{
	for (guint i = 0; in->taken && addresses->pdata[i]; i++)
		taken_note_stuck(in->taken, addresses->pdata[i], "NVML", helper_last_pid(in->helper), NULL);
}

static void ask(struct arena *a, const struct observe_input *in, const GPtrArray *addresses, struct objects *have)
{
	g_autoptr(GError) error = NULL;
	struct nvml_facts facts = { 0 };
	struct host_status *host = objects_get(have, KIND_HOST, in->host)->status;
	if (!nvml_read(in->helper, a, (const char *const *)addresses->pdata, NVML_READ_MS, &facts, &error)) {
		host->nvml_trouble = arena_strdup(a, error->message);
		if (g_error_matches(error, CLEAVE_ERROR, ERROR_TIMEOUT))
			note_stuck(in, addresses);
		return;
	}
	for (guint i = 0; i < facts.n; i++)
		fill(a, &facts.cards[i], have, host);
	if (!host->nvidia_driver)
		host->nvidia_driver = facts.driver_version;
}

void observe_nvml(struct arena *a, const struct observe_input *in, struct objects *have)
{
	g_autoptr(GPtrArray) addresses = g_ptr_array_new();
	fill_xids(a, in, have);
	if (!host_tree_is_this_machine(in->tree))
		return;
	OBJECTS_EACH (o, have, KIND_GPU) {
		const struct gpu_status *card = o->status;
		if (card && is_asked_for(card) && !is_stuck(a, in, card))
			g_ptr_array_add(addresses, (gpointer)card->address);
	}
	guint n = addresses->len;
	g_ptr_array_add(addresses, NULL);
	if (n)
		ask(a, in, addresses, have);
}
