/* What else is in a card's IOMMU group, in words, and whether that forbids to take the card. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include <string.h>

#define SAY(...) arena_printf(t->b->arena, __VA_ARGS__)

/* PCI classes, as people say them: the first that the code begins with. */
static const struct {
	const char *prefix, *noun;
} nouns[] = {
	{ "0106", "SATA controller" },    { "0107", "SAS controller" }, { "0108", "NVMe drive" },   { "01", "storage controller" },
	{ "0207", "InfiniBand adapter" }, { "02", "network card" },     { "03", "graphics card" },  { "0403", "sound device" },
	{ "04", "multimedia device" },    { "05", "memory" },           { "0601", "ISA bridge" },   { "0680", "bridge" },
	{ "07", "serial port" },          { "0c03", "USB controller" }, { "0c05", "SMBus" },        { "0b40", "co-processor" },
	{ "12", "accelerator" },
};

const char *gpu_class_noun(const char *class_code)
{
	for (guint i = 0; class_code && i < G_N_ELEMENTS(nouns); i++)
		if (g_str_has_prefix(class_code, nouns[i].prefix))
			return nouns[i].noun;
	return "device";
}

gboolean gpu_is_harmless(const struct gpu_function *f)
{
	return f->driver && (gpu_is_vfio(f->driver) || strcmp(f->driver, "pci-stub") == 0 || strcmp(f->driver, "pcieport") == 0);
}

static gboolean has_host_driver(const struct gpu_function *f)
{
	return f->driver && !gpu_is_harmless(f);
}

static void append_bystander(GString *s, const struct gpu_function *f)
{
	g_string_append_printf(s, "%s%s (%s", s->len ? ", " : "", f->address, gpu_class_noun(f->class_code));
	if (f->vendor && f->device)
		g_string_append_printf(s, " %s:%s", f->vendor, f->device);
	if (f->driver)
		g_string_append_printf(s, ", driver %s", f->driver);
	for (guint i = 0; i < f->uses.n; i++)
		g_string_append_printf(s, ", %s", f->uses.items[i]);
	g_string_append_c(s, ')');
}

void gpu_note_driverless(struct gpu_target *t)
{
	g_autoptr(GString) s = g_string_new(NULL);
	GPU_FUNCTIONS_EACH (f, t->card->bystanders)
		if (t->spec->group == GPU_GROUP_REFUSE && !f->driver && !gpu_other_owner(t, f->address))
			append_bystander(s, f);
	if (s->len && t->spec->share == GPU_SHARE_PASSTHROUGH && t->work.bind->len)
		builder_note(t->b, KIND_GPU, t->want->id,
		             SAY("its IOMMU group holds %s as well, which no driver has; one that gets it later keeps VMs from the card (group: take binds it too)", s->str));
}

/* Another card of the group that is to be passed on as well, and that this plan leaves with the host. */
static const struct gpu_target *left_with_host(const struct gpu_target *t)
{
	GPU_FUNCTIONS_EACH (f, t->card->bystanders) {
		const struct gpu_target *owner = gpu_other_owner(t, f->address);
		if (owner && owner->spec->share == GPU_SHARE_PASSTHROUGH && has_host_driver(f) && !gpu_counts_on(t, owner))
			return owner;
	}
	return NULL;
}

/* Also of a card that is bound already: a driver that came to the group since keeps its VM from starting. */
const char *gpu_group_shared(const struct gpu_target *t)
{
	g_autoptr(GString) s = g_string_new(NULL);
	gboolean can_be_taken = TRUE;
	if (t->spec->share != GPU_SHARE_PASSTHROUGH)
		return NULL;
	GPU_FUNCTIONS_EACH (f, t->card->bystanders) {
		const struct gpu_target *owner = gpu_other_owner(t, f->address);
		if (owner ? owner->spec->share == GPU_SHARE_PASSTHROUGH || !has_host_driver(f)
		          : t->spec->group == GPU_GROUP_TAKE ? !f->uses.n : !has_host_driver(f))
			continue;
		append_bystander(s, f);
		can_be_taken &= !owner && !f->uses.n;
	}
	if (s->len)
		return can_be_taken
		               ? SAY("its IOMMU group holds %s as well; group: take takes that from the host, or put the card in another slot", s->str)
		               : SAY("its IOMMU group holds %s as well, which the host needs; put the card in another slot, or free it", s->str);
	const struct gpu_target *owner = left_with_host(t);
	return owner ? SAY("its IOMMU group holds the card of GPU/%s as well, which stays with the host for now; see what keeps it there", owner->want->id)
	             : NULL;
}
