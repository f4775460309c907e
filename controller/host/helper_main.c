/* The controller's helper: its table of operations. */
#include "base/arena.h"
#include "base/error.h"
#include "host/hands_main.h"
#include "host/helper.h"
#include "host/holders.h"
#include "host/nvml_main.h"
#include "host/pci.h"
#include "host/pci_scan.h"

static json_t *run_ping(const json_t *request, GError **error)
{
	(void)request, (void)error;
	return json_object();
}

/* Strings of an array, NULL at the end; they live as long as the request. */
static const char **strings_of(struct arena *a, const json_t *array)
{
	const char **all = ARENA_ARRAY(a, const char *, json_array_size(array) + 1);
	for (gsize i = 0; i < json_array_size(array); i++)
		all[i] = json_string_value(json_array_get(array, i));
	return all;
}

static json_t *run_pci(const json_t *request, GError **error)
{
	SCOPED_ARENA(a);
	const struct pci_request asked = { json_string_value(json_object_get(request, "sysfs")),
		                           strings_of(a, json_object_get(request, "named")),
		                           strings_of(a, json_object_get(request, "busy")) };
	if (asked.sysfs)
		return pci_scan(&asked, error);
	fail(error, ERROR_INVALID, "pci: the request has no \"sysfs\"");
	return NULL;
}

static const struct helper_operation operations[] = {
	{ "ping", run_ping },
	{ "pci", run_pci },
	{ "holders", holders_find },
	{ "nvml", nvml_main_read },
	{ "mig", nvml_main_cut },
	{ "write", hands_main_write },
	{ "read", hands_main_read },
	{ "put", hands_main_put },
	{ "remove", hands_main_remove },
	{ "run", hands_main_run },
};

int helper_main(void)
{
	return helper_main_with(NULL, 0);
}

int helper_main_with(const struct helper_operation *first, guint n_first)
{
	const struct helper_table t = { first, n_first, operations, G_N_ELEMENTS(operations) };
	return helper_serve(&t);
}
