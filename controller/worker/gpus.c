/* Display-class functions of the PCI bus; names and temperatures by NVML. */
#include "worker/gpus.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/nvml.h"
#include "host/nvml_main.h"
#include "host/tree.h"

enum { PCI_CLASS_DISPLAY = 0x03, VENDOR_NVIDIA = 0x10de, VENDOR_AMD = 0x1002, MEASURE_S = 30 };

struct gpu {
	const char *address;
	gint64 vendor, device;
	char *name; /* as NVML told last */
};

struct gpus {
	struct arena *arena; /* of what was seen last */
	char *sysfs, *text, *figures;
	struct gpu_figures *measured; /* of `seen`, in its order */
	gint64 measured_us;
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
	g->figures = g_strdup("");
	return g;
}

static void forget(struct gpus *g)
{
	for (guint i = 0; i < g->n; i++)
		g_free(g->seen[i].name);
	g->n = 0;
}

void gpus_free(struct gpus *g)
{
	if (!g)
		return;
	forget(g);
	helper_stop(g->helper);
	arena_free(g->arena);
	g_free(g->sysfs);
	g_free(g->text);
	g_free(g->figures);
	g_free(g->measured);
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

/* What NVML does not tell of a card is not told of it here. */
static void read_facts(struct gpus *g)
{
	SCOPED_ARENA(a);
	struct nvml_facts facts = { 0 };
	const char **nvidia = nvidia_addresses(g, a);
	g->measured = g_renew(struct gpu_figures, g->measured, g->n);
	if (nvidia[0])
		(void)nvml_read(g->helper, a, nvidia, NVML_READ_MS, &facts, NULL);
	for (guint i = 0, of_nvml = 0; i < g->n; i++) {
		struct gpu *gpu = &g->seen[i];
		const struct nvml_card *card = gpu->vendor == VENDOR_NVIDIA && of_nvml < facts.n ? &facts.cards[of_nvml++] : NULL;
		g_free(gpu->name);
		gpu->name = card ? g_strdup(card->name) : NULL;
		g->measured[i] = (struct gpu_figures){ gpu->address, 0, 0, -1, -1, -1 };
		if (card && !card->trouble)
			g->measured[i] = (struct gpu_figures){ gpu->address, card->memory_bytes, card->used_bytes, card->celsius, card->milliwatts, card->percent };
	}
	g->measured_us = g_get_monotonic_time();
}

static void add_figure(GString *line, gint64 figure, gboolean is_told)
{
	if (is_told)
		g_string_append_printf(line, " %" G_GINT64_FORMAT, figure);
	else
		g_string_append(line, " -");
}

void gpus_name(struct gpus *g)
{
	GString *text = g_string_new(NULL), *figures = g_string_new(NULL);
	read_facts(g);
	for (guint i = 0; i < g->n; i++) {
		const struct gpu *gpu = &g->seen[i];
		const struct gpu_figures *told = &g->measured[i];
		g_string_append_printf(text, "%s%04x:%04x%s%s", i ? "\n" : "", (unsigned)gpu->vendor, (unsigned)gpu->device,
				       gpu->name ? " " : "", gpu->name ? gpu->name : "");
		g_string_append_printf(figures, "%s%s", i ? "\n" : "", gpu->address);
		add_figure(figures, (gint64)told->memory_bytes, told->memory_bytes > 0);
		add_figure(figures, told->celsius, told->celsius >= 0);
		add_figure(figures, told->milliwatts, told->milliwatts >= 0);
	}
	g_free(g->text);
	g_free(g->figures);
	g->text = g_string_free(text, FALSE);
	g->figures = g_string_free(figures, FALSE);
}

void gpus_measure(struct gpus *g)
{
	if (g->n > 0 && g_get_monotonic_time() - g->measured_us > MEASURE_S * G_USEC_PER_SEC)
		gpus_name(g);
}

const struct gpu_figures *gpus_measured(const struct gpus *g, guint *ret_n)
{
	*ret_n = g->n;
	return g->measured;
}

const char *gpus_figures(const struct gpus *g)
{
	return g->figures;
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

/* A slot that is not confined uses all of one maker: NVIDIA's before AMD's. */
struct gpus_own gpus_own(const struct gpus *g)
{
	struct gpus_own own = { 0 };
	gint64 vendor = VENDOR_AMD;
	for (guint i = 0; i < g->n; i++)
		if (g->seen[i].vendor == VENDOR_NVIDIA)
			vendor = VENDOR_NVIDIA;
	int only = own_index(g, vendor), at = 0;
	for (guint i = 0; i < g->n; i++) {
		const struct gpu *gpu = &g->seen[i];
		if (gpu->vendor != vendor || (at++ != only && only >= 0))
			continue;
		own.memory_bytes = own.n ? MIN(own.memory_bytes, g->measured[i].memory_bytes) : g->measured[i].memory_bytes;
		own.model = own.n ? own.model : gpu->name;
		own.n++;
	}
	return own;
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
	forget(g);
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
