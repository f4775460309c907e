/* Asking the helper: JSON → functions, in order. */
#include "host/pci.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/pci_json.h"
#include <stdlib.h>

gboolean pci_split_address(const char *address, struct pci_function *ret)
{
	char *end = NULL;
	if (!address || !g_ascii_isxdigit(*address))
		return FALSE;
	ret->domain = (guint)strtoul(address, &end, 16);
	if (*end != ':')
		return FALSE;
	ret->bus = (guint)strtoul(end + 1, &end, 16);
	if (*end != ':')
		return FALSE;
	ret->slot = (guint)strtoul(end + 1, &end, 16);
	if (*end != '.')
		return FALSE;
	ret->function = (guint)strtoul(end + 1, &end, 16);
	return *end == '\0';
}

static int by_address(const void *x, const void *y)
{
	const struct pci_function *a = x, *b = y;
	const guint keys[][2] = {
		{ a->domain, b->domain }, { a->bus, b->bus }, { a->slot, b->slot }, { a->function, b->function }
	};
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

static gboolean decode_all(struct arena *arena, const json_t *all, struct pci_functions *ret, GError **error)
{
	struct pci_functions functions = { ARENA_ARRAY(arena, struct pci_function, json_array_size(all)), 0 };
	gsize i;
	json_t *o;
	json_array_foreach(all, i, o)
	{
		if (!pci_function_from_json(arena, o, &functions.list[functions.n]))
			return fail(error, ERROR_FAILED, "listing PCI functions: \"%s\" is no address",
				    functions.list[functions.n].address);
		functions.n++;
	}
	if (functions.n)
		qsort(functions.list, functions.n, sizeof *functions.list, by_address);
	*ret = functions;
	return TRUE;
}

static json_t *array_of(const char *const *words)
{
	json_t *array = json_array();
	for (; words && *words; words++)
		json_array_append_new(array, json_string(*words));
	return array;
}

gboolean pci_list(struct helper *h, struct arena *arena, const struct pci_request *request, gint64 timeout_ms,
		  struct pci_functions *ret, GError **error)
{
	json_t *answer, *asked = json_pack("{s:s, s:s, s:o, s:o}", "op", "pci", "sysfs", request->sysfs, "named",
	                                   array_of(request->named), "busy", array_of(request->busy));
	gboolean done = helper_call(h, asked, timeout_ms, &answer, error);
	json_decref(asked);
	if (!done) {
		g_prefix_error(error, "listing PCI functions: ");
		return FALSE;
	}
	done = decode_all(arena, answer, ret, error);
	json_decref(answer);
	return done;
}

const struct pci_function *pci_find(const struct pci_functions *all, const char *address)
{
	struct pci_function key;
	return pci_split_address(address, &key) && all->n
		       ? bsearch(&key, all->list, all->n, sizeof *all->list, by_address)
		       : NULL;
}
