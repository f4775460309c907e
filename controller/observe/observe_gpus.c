/* The cards of this host: listed by libpci, named as the specs mean them, with the processes that use them. */
#include "base/arena.h"
#include "base/error.h"
#include "host/holders.h"
#include "host/pci.h"
#include "host/taken.h"
#include "host/tree.h"
#include "host/uses.h"
#include "observe/observe.h"
#include "observe/observe_card.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include <string.h>

enum { PCI_MS = 20000, HOLDERS_MS = 20000 };

struct cards {
	const struct observe_input *in;
	struct arena *arena;
	struct pci_gpus gpus;
	struct gpu_status **list; /* one a GPU */
	const char **names;       /* NULL: no spec means it */
};

static gboolean is_here(const struct observe_input *in, const struct object *o)
{
	return g_strcmp0(((const struct gpu_spec *)o->spec)->host, in->host) == 0;
}

/* Addresses of the specs: they make a card of any device. */
static const char **named_devices(struct arena *a, const struct observe_input *in)
{
	const char **named = ARENA_ARRAY(a, const char *, in->want->by_kind[KIND_GPU]->len + 1);
	guint n = 0;
	OBJECTS_EACH (o, in->want, KIND_GPU) {
		const struct gpu_spec *spec = o->spec;
		if (is_here(in, o) && spec->address)
			named[n++] = spec->address;
	}
	return named;
}

/* The first spec that means a card gives it its name: two that mean one are refused elsewhere. */
static void name_cards(struct cards *c)
{
	OBJECTS_EACH (o, c->in->want, KIND_GPU) {
		if (!is_here(c->in, o))
			continue;
		struct gpu_identity found = gpu_identify(o->spec, (const struct gpu_status *const *)c->list, c->gpus.n);
		for (guint i = 0; found.found == GPU_FOUND && i < c->gpus.n; i++)
			if (c->list[i] == found.card && !c->names[i])
				c->names[i] = o->meta.name;
	}
}

static const char *name_by_address(struct arena *a, const char *address)
{
	return g_strdelimit(arena_printf(a, "pci-%s", address), ":", '-');
}

/* -- holders ------------------------------------------------------------------------------------------ */

static const char *const *addresses_of(struct arena *a, const struct pci_gpu *gpu)
{
	const char **all = ARENA_ARRAY(a, const char *, gpu->n_functions + gpu->n_vfs + 1);
	guint n = 0;
	for (guint i = 0; i < gpu->n_functions; i++)
		all[n++] = gpu->functions[i]->address;
	for (guint i = 0; i < gpu->n_vfs; i++)
		all[n++] = gpu->vfs[i]->address;
	return all;
}

static struct list list_of(struct arena *a, const struct holders *found)
{
	struct gpu_holder *items = ARENA_ARRAY(a, struct gpu_holder, found->n);
	for (guint i = 0; i < found->n; i++)
		items[i] = (struct gpu_holder){ found->list[i].pid, found->list[i].comm, found->list[i].path };
	return (struct list){ items, found->n };
}

static gboolean find_holders(struct cards *c, GError **error)
{
	const char *const **addresses = ARENA_ARRAY(c->arena, const char *const *, c->gpus.n);
	struct holders *found = ARENA_ARRAY(c->arena, struct holders, c->gpus.n);
	for (guint i = 0; i < c->gpus.n; i++)
		addresses[i] = addresses_of(c->arena, &c->gpus.list[i]);
	if (!holders_list(c->in->helper, c->arena, c->in->tree, addresses, c->gpus.n, HOLDERS_MS, found, error))
		return FALSE;
	for (guint i = 0; i < c->gpus.n; i++)
		c->list[i]->holders = list_of(c->arena, &found[i]);
	return TRUE;
}

/* -- all ---------------------------------------------------------------------------------------------- */

/* With another machine's sysfs, processes and mounts of this one say nothing about its cards. */
static gboolean read_cards(struct cards *c, GError **error)
{
	gboolean is_whole = host_tree_is_whole(c->in->tree);
	struct card_input input = { .arena = c->arena, .host = c->in->host, .taken = c->in->taken };
	input.uses = is_whole ? uses_new(c->arena, c->in->tree) : NULL;
	c->list = ARENA_ARRAY(c->arena, struct gpu_status *, c->gpus.n);
	c->names = ARENA_ARRAY(c->arena, const char *, c->gpus.n);
	for (guint i = 0; i < c->gpus.n; i++) {
		c->list[i] = ARENA_NEW(c->arena, struct gpu_status);
		fields_set_untold(gpu_status_fields, c->list[i]);
		observe_card(&input, &c->gpus.list[i], c->list[i]);
	}
	uses_free(input.uses);
	return !is_whole || find_holders(c, error);
}

/* libpci gives up when a function goes away while it is looked at, as VFs do: then the next look is a whole one. */
static gboolean list_functions(const struct observe_input *in, struct arena *a, const char *const *named,
                               struct pci_functions *ret, GError **error)
{
	g_autoptr(GError) first = NULL;
	const struct pci_request request = {
		in->tree->sysfs, named, in->taken ? (const char *const *)taken_list_stuck(in->taken, a) : NULL
	};
	if (pci_list(in->helper, a, &request, PCI_MS, ret, &first))
		return TRUE;
	if (g_error_matches(first, CLEAVE_ERROR, ERROR_FAILED))
		return pci_list(in->helper, a, &request, PCI_MS, ret, error);
	g_propagate_error(error, g_steal_pointer(&first));
	return FALSE;
}

/* Bridges of that class of NVIDIA's chipsets, long ago, have lower ids. */
static gint64 count_nvswitches(const struct pci_functions *all)
{
	gint64 n = 0;
	for (guint i = 0; i < all->n; i++)
		n += all->list[i].vendor == 0x10de && all->list[i].class == 0x0680 && all->list[i].device >= 0x1a00;
	return n;
}

/* A card whose users cannot be looked for is not told: it would seem that it has none. */
void observe_gpus(struct arena *a, const struct observe_input *in, struct objects *have)
{
	g_autoptr(GError) error = NULL;
	struct pci_functions all;
	struct cards c = { .in = in, .arena = a };
	struct host_status *host = objects_get(have, KIND_HOST, in->host)->status;
	const char **named = named_devices(a, in);
	gboolean done = list_functions(in, a, named, &all, &error);
	if (done) {
		gint64 n_nvswitches = count_nvswitches(&all);
		host->n_nvswitches = n_nvswitches ? n_nvswitches : -1; /* few hosts have any */
		c.gpus = pci_group_gpus(a, &all, named);
		done = read_cards(&c, &error);
	}
	if (!done) {
		host->pci_trouble = arena_strdup(a, error->message);
		return;
	}
	name_cards(&c);
	for (guint i = 0; i < c.gpus.n; i++) {
		const char *name = c.names[i] ? c.names[i] : name_by_address(a, c.list[i]->address);
		*(struct gpu_status *)observed(a, have, KIND_GPU, name)->status = *c.list[i];
	}
}
