/* Kind by the name of its device, domain by majority, remapping by the names of the interrupt controllers. */
#include "host/iommu.h"
#include "base/arena.h"
#include "host/tree.h"
#include <string.h>

/* drivers/iommu: how each driver calls its devices. */
static const struct {
	const char *prefix, *type;
} types[] = {
	{ "dmar", "intel" }, { "ivhd", "amd" }, { "smmu3", "smmu-v3" }, { "smmu", "smmu" }, { "virtio", "virtio" },
};

static const char *type_of(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_prefix(name, types[i].prefix))
			return types[i].type;
	return name;
}

/* vfio makes groups of its own for devices without an IOMMU, where it was told to (enable_unsafe_noiommu_mode). */
static gboolean is_real(struct arena *a, const struct host_tree *t, const char *group)
{
	return g_strcmp0(host_read(a, t, "sys/kernel/iommu_groups/%s/name", group), "vfio-noiommu") != 0;
}

static const char *find_domain(struct arena *a, const struct host_tree *t, char **groups)
{
	const char *best = NULL;
	guint most = 0;
	g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
	for (char **group = groups; *group; group++) {
		const char *type = host_read(a, t, "sys/kernel/iommu_groups/%s/type", *group);
		if (!type || !*type || strcmp(type, "unknown") == 0)
			continue;
		guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, type)) + 1;
		g_hash_table_replace(counts, (gpointer)type, GUINT_TO_POINTER(n));
		if (n > most) {
			most = n;
			best = type;
		}
	}
	return best;
}

/* x86: an interrupt that goes through the IOMMU is of the controller "IR-IO-APIC" or "IR-PCI-MSI". */
static int remaps_interrupts(struct arena *a, const struct host_tree *t)
{
	const char *interrupts = host_tree_is_whole(t) ? host_read(a, t, "proc/interrupts") : NULL;
	if (!interrupts || !strstr(interrupts, "-APIC"))
		return -1;
	return strstr(interrupts, " IR-") != NULL;
}

void host_read_iommu(struct arena *a, const struct host_tree *t, struct host_iommu_facts *ret)
{
	char **groups = host_list(a, t, "sys/kernel/iommu_groups"), **devices = host_list(a, t, "sys/class/iommu");
	gint64 n = devices[0] || (groups[0] && is_real(a, t, groups[0])) ? g_strv_length(groups) : 0;
	*ret = (struct host_iommu_facts){
		.is_enabled = n > 0 ? 1 : host_exists(t, "sys/kernel/iommu_groups") ? 0 : -1,
		.type = devices[0] ? type_of(devices[0]) : NULL,
		.domain = find_domain(a, t, groups),
		.n_groups = n,
		.remaps_interrupts = remaps_interrupts(a, t),
	};
}
