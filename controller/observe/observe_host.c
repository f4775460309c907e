/* The host, from its tree. */
#include "base/arena.h"
#include "host/bridges.h"
#include "host/facts.h"
#include "host/iommu.h"
#include "host/modules.h"
#include "observe/observe.h"
#include "spec/boot.h"
#include "spec/host.h"
#include "spec/seed.h"
#include <unistd.h>

static struct strings strings_of(char **list)
{
	return (struct strings){ (const char **)list, g_strv_length(list) };
}

static void read_iommu(struct arena *a, const struct host_tree *t, struct host_iommu *ret)
{
	struct host_iommu_facts f;
	host_read_iommu(a, t, &f);
	*ret = (struct host_iommu){ .enabled = f.is_enabled,
		                    .type = f.type,
		                    .domain = f.domain,
		                    .n_groups = f.n_groups,
		                    .remaps_interrupts = f.remaps_interrupts };
}

/* Built-in modules are many, and told only where somebody asks for them. */
static struct strings read_modules(struct arena *a, const struct observe_input *in)
{
	struct strings wanted = host_wanted_modules(a, in->want, in->host);
	const char **asked = ARENA_ARRAY(a, const char *, wanted.n + 1);
	for (guint i = 0; i < wanted.n; i++)
		asked[i] = wanted.items[i];
	return strings_of(host_list_modules(a, in->tree, asked));
}

static guint add_pages(struct host_pages_status *to, gint64 node, const struct host_pages *pages, guint n)
{
	for (guint i = 0; i < n; i++)
		to[i] = (struct host_pages_status){ pages[i].size_bytes, node, pages[i].n_total, pages[i].n_free };
	return n;
}

/* Of each node; of the whole host where the kernel knows no nodes, or does not tell them apart. */
static struct list read_pages(struct arena *a, const struct host_facts *f)
{
	guint n = 0, n_max = f->n_pages;
	for (guint i = 0; i < f->n_nodes; i++)
		n_max += f->nodes[i].n_pages;
	struct host_pages_status *all = ARENA_ARRAY(a, struct host_pages_status, n_max);
	for (guint i = 0; i < f->n_nodes; i++)
		n += add_pages(all + n, f->nodes[i].id, f->nodes[i].pages, f->nodes[i].n_pages);
	if (n == 0)
		n = add_pages(all, -1, f->pages, f->n_pages);
	return (struct list){ all, n };
}

static struct list read_nodes(struct arena *a, const struct host_facts *f)
{
	struct host_node_status *all = ARENA_ARRAY(a, struct host_node_status, f->n_nodes);
	for (guint i = 0; i < f->n_nodes; i++)
		all[i] = (struct host_node_status){ .node = f->nodes[i].id,
		                                     .cpus = f->nodes[i].cpulist,
		                                     .cores = strings_of(f->nodes[i].cores),
		                                     .memory_bytes = (guint64)MAX(f->nodes[i].memory_bytes, 0) };
	return (struct list){ all, f->n_nodes };
}

static struct list read_bridges(struct arena *a, const struct host_tree *t)
{
	guint n;
	const struct host_bridge_facts *found = host_list_bridges(a, t, &n);
	struct host_bridge_status *all = ARENA_ARRAY(a, struct host_bridge_status, n);
	for (guint i = 0; i < n; i++)
		all[i] = (struct host_bridge_status){ .name = found[i].name,
			                              .mtu = found[i].mtu,
			                              .uplinks = strings_of(found[i].uplinks),
			                              .n_slaves = found[i].n_slaves };
	return (struct list){ all, n };
}

static struct host_secret_status read_secret(struct arena *a, const struct observe_input *in, const char *path)
{
	gsize size;
	const char *bytes = in->secret_key && observe_is_allowed(a, in, path, PLACE_SECRETS) ? host_read_bytes(a, in->tree, path, &size) : NULL;
	return (struct host_secret_status){ path, bytes ? guest_secret_digest(a, in->secret_key, bytes, size) : NULL };
}

/* Files that VMs of this host name: digests alone. */
static struct list read_secrets(struct arena *a, const struct observe_input *in)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct host_secret_status));
	OBJECTS_EACH (o, in->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		struct strings paths = { 0 };
		if (vm && g_strcmp0(vm->host, in->host) == 0)
			paths = guest_host_files(a, in->want, o);
		for (guint i = 0; i < paths.n; i++)
			if (g_hash_table_add(seen, (gpointer)paths.items[i])) {
				struct host_secret_status s = read_secret(a, in, paths.items[i]);
				g_array_append_val(all, s);
			}
	}
	return (struct list){ arena_memdup(a, all->data, all->len * sizeof(struct host_secret_status)), all->len };
}

void observe_host(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct host_facts f;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	struct host_status *s = observed(a, have, KIND_HOST, in->host)->status;
	host_read_facts(a, in->tree, &f);
	s->observed_at = arena_strdup(a, time);
	s->kernel = f.kernel_release;
	s->cmdline = f.cmdline;
	s->machine_id = f.machine_id;
	s->taken = arena_strdup(a, in->host_taken);
	s->n_cpus = MAX(f.n_cpus, 0);
	s->memory_bytes = (guint64)MAX(f.memory_bytes, 0);
	s->is_sysfs_alone = host_tree_is_sysfs_alone(in->tree);
	s->is_root = geteuid() == 0 && !s->is_sysfs_alone;
	s->modules = read_modules(a, in);
	s->hugepages = read_pages(a, &f);
	s->nodes = read_nodes(a, &f);
	s->bridges = read_bridges(a, in->tree);
	s->nvidia_driver = host_read(a, in->tree, "sys/module/nvidia/version");
	observe_allowed(a, in, s);
	s->secrets = read_secrets(a, in);
	s->suspended = in->suspended;
	if (in->state_here)
		s->state_here = *in->state_here;
	s->worker_bundle = in->lib ? host_read(a, in->tree, "%s/worker.tar.xz.version", in->lib) : NULL;
	s->has_kvm = f.has_kvm;
	read_iommu(a, in->tree, &s->iommu);
}
