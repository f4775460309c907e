/* Display-class functions of the PCI bus; names and temperatures by NVML. */
#include "worker/gpus.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/nvml.h"
#include "host/nvml_main.h"
#include "host/tree.h"

enum { PCI_CLASS_DISPLAY = 0x03, VENDOR_NVIDIA = 0x10de, VENDOR_AMD = 0x1002 };

struct gpu {
	const char *address;
	gint64 vendor, device;
};

struct gpus {
	struct arena *arena; /* of what was seen last */
	char *sysfs, *text;
	struct helper *helper;
	int slot, n_slots;
	struct gpu *seen; /* by address, which is the order that CUDA_DEVICE_ORDER=PCI_BUS_ID counts in */
	guint n;
	const char *environment[3];
};

struct gpus *gpus_new(const char *sysfs, const char *program, int slot, int n_slots)
{
	struct gpus *g = g_new0(struct gpus, 1);
	g->arena = arena_new();
	g->sysfs = g_strdup(sysfs);
	g->helper = helper_start(program);
	g->slot = slot;
	g->n_slots = n_slots;
	g->text = g_strdup("");
	return g;
}

void gpus_free(struct gpus *g)
{
	if (!g)
		return;
	helper_stop(g->helper);
	arena_free(g->arena);
	g_free(g->sysfs);
	g_free(g->text);
	g_free(g);
}

/* -- seeing ---------------------------------------------------------------------------------- */

static guint scan(struct arena *a, const char *sysfs, struct gpu **ret)
{
	const struct host_tree t = host_tree_of_sysfs(a, sysfs);
	char **names = host_list(a, &t, "sys/bus/pci/devices");
	guint n = 0;
	*ret = ARENA_ARRAY(a, struct gpu, g_strv_length(names));
	for (guint i = 0; names[i]; i++)
		if (host_read_number(&t, 0, "sys/bus/pci/devices/%s/class", names[i]) >> 16 == PCI_CLASS_DISPLAY)
			(*ret)[n++] = (struct gpu){
				.address = names[i],
				.vendor = host_read_number(&t, 0, "sys/bus/pci/devices/%s/vendor", names[i]),
				.device = host_read_number(&t, 0, "sys/bus/pci/devices/%s/device", names[i]),
			};
	return n;
}

static gboolean is_same(const struct gpus *g, const struct gpu *now, guint n)
{
	if (n != g->n)
		return FALSE;
	for (guint i = 0; i < n; i++)
		if (!g_str_equal(now[i].address, g->seen[i].address) || now[i].vendor != g->seen[i].vendor ||
		    now[i].device != g->seen[i].device)
			return FALSE;
	return TRUE;
}

/* NVIDIA's, in the order of the bus. */
static const char **nvidia_addresses(const struct gpus *g, struct arena *a)
{
	const char **all = ARENA_ARRAY(a, const char *, g->n + 1);
	guint n = 0;
	for (guint i = 0; i < g->n; i++)
		if (g->seen[i].vendor == VENDOR_NVIDIA)
			all[n++] = g->seen[i].address;
	return all;
}

void gpus_name(struct gpus *g)
{
	SCOPED_ARENA(a);
	struct nvml_facts facts = { 0 };
	const char **nvidia = nvidia_addresses(g, a);
	GString *text = g_string_new(NULL);
	if (nvidia[0])
		(void)nvml_read(g->helper, a, nvidia, NVML_READ_MS, &facts, NULL);
	for (guint i = 0, of_nvml = 0; i < g->n; i++) {
		gboolean is_nvidia = g->seen[i].vendor == VENDOR_NVIDIA && of_nvml < facts.n;
		const char *name = is_nvidia ? facts.cards[of_nvml++].name : NULL;
		g_string_append_printf(text, "%s%04x:%04x%s%s", i ? "\n" : "", (unsigned)g->seen[i].vendor,
				       (unsigned)g->seen[i].device, name ? " " : "", name ? name : "");
	}
	g_free(g->text);
	g->text = g_string_free(text, FALSE);
}

/* -- whose is which -------------------------------------------------------------------------- */

/* Slots go round the GPUs of a maker: with twice as many slots each GPU has two. -1: nothing to choose. */
static int own_index(const struct gpus *g, gint64 vendor)
{
	int n = 0;
	for (guint i = 0; i < g->n; i++)
		n += g->seen[i].vendor == vendor;
	return n > 1 && g->n_slots > 1 ? (g->slot - 1) % n : -1;
}

static void choose(struct gpus *g)
{
	int cuda = own_index(g, VENDOR_NVIDIA), hip = own_index(g, VENDOR_AMD);
	guint n = 0;
	if (cuda >= 0) {
		g->environment[n++] = "CUDA_DEVICE_ORDER=PCI_BUS_ID";
		g->environment[n++] = arena_printf(g->arena, "CUDA_VISIBLE_DEVICES=%d", cuda);
	} else if (hip >= 0) {
		g->environment[n++] = arena_printf(g->arena, "HIP_VISIBLE_DEVICES=%d", hip);
	}
	g->environment[n] = NULL;
}

gboolean gpus_look(struct gpus *g)
{
	struct arena *a = arena_new();
	struct gpu *now;
	guint n = scan(a, g->sysfs, &now);
	if (is_same(g, now, n)) {
		arena_free(a);
		return FALSE;
	}
	arena_free(g->arena);
	g->arena = a;
	g->seen = now;
	g->n = n;
	choose(g);
	gpus_name(g);
	return TRUE;
}

const char *gpus_text(const struct gpus *g)
{
	return g->text;
}

const char *const *gpus_devices(const struct gpus *g)
{
	static const char *const cpu[] = { "CPU", NULL }, *const nvidia[] = { "CPU", "CUDA", "OPTIX", NULL }, *const amd[] = { "CPU", "HIP", NULL };
	gboolean has_amd = FALSE;
	for (guint i = 0; i < g->n; i++) {
		if (g->seen[i].vendor == VENDOR_NVIDIA)
			return nvidia;
		has_amd |= g->seen[i].vendor == VENDOR_AMD;
	}
	return has_amd ? amd : cpu;
}

const char *const *gpus_environment(const struct gpus *g)
{
	return g->environment;
}

/* -- how hot --------------------------------------------------------------------------------- */

gboolean gpus_hottest(struct gpus *g, int *ret_celsius, GError **error)
{
	SCOPED_ARENA(a);
	struct nvml_facts facts;
	const char **nvidia = nvidia_addresses(g, a);
	int own = own_index(g, VENDOR_NVIDIA), hottest = -1;
	if (!nvidia[0])
		return fail(error, ERROR_NOT_FOUND, "no GPU here tells its temperature");
	if (own >= 0) {
		nvidia[0] = nvidia[own];
		nvidia[1] = NULL;
	}
	if (!nvml_read(g->helper, a, nvidia, NVML_READ_MS, &facts, error)) {
		g_prefix_error(error, "reading the GPU's temperature: ");
		return FALSE;
	}
	for (guint i = 0; i < facts.n; i++)
		hottest = MAX(hottest, facts.cards[i].celsius);
	if (hottest < 0)
		return fail(error, ERROR_NOT_FOUND, "this GPU does not tell its temperature");
	*ret_celsius = hottest;
	return TRUE;
}

/* -- the other side -------------------------------------------------------------------------- */

static const struct helper_operation operations[] = { { "nvml", nvml_main_read } };

int gpus_helper_main(void)
{
	const struct helper_table t = { operations, G_N_ELEMENTS(operations), NULL, 0 };
	return helper_serve(&t);
}
